"""Many accounts in one run: which they are, how each is entered, and their rows in one stream."""
