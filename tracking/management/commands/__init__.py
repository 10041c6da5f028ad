"""One module for each command: translate options in, make one call, translate the answer out."""
