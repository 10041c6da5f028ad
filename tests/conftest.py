"""How the suite uses Hypothesis: no example is timed, because a busy machine is no failure."""

import decimal

from hypothesis import Phase, settings

settings.register_profile("suite", deadline=None)
settings.register_profile(
    "alone",
    deadline=None,
    # the same mutant has to die in every run, and nobody reads the smallest example
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile("suite")

# as the settings have it, for tests of the core that run without Django
decimal.getcontext().prec = decimal.DefaultContext.prec = 60
