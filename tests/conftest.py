"""How the suite uses Hypothesis: no example is timed, because a busy machine is no failure."""

from hypothesis import settings

settings.register_profile("suite", deadline=None)
settings.load_profile("suite")
