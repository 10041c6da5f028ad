"""
The demo in parts: who trades, who listens, and whether the books came out equal.

Nothing here imports the simulator: the demo speaks to it over HTTP as anybody else would. How the
processes are run is the project's business (`ordertrack/management/commands/demo.py`).
"""
