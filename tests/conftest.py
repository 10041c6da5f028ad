"""How the suite uses Hypothesis: no example is timed, because a busy machine is no failure."""

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
