"""The parsers against what no exchange would ever send."""
