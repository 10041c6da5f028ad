"""Commands that run the project as a whole, and so know all its processes."""
