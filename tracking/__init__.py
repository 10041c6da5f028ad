"""Order tracking: the books of our accounts, kept equal to the exchanges' own."""
