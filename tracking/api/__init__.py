"""The REST API: reads for everyone who is signed in, a few commands."""
