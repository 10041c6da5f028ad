"""Measures the system against what this machine can do at all. `make bench ARGS=--json`."""
