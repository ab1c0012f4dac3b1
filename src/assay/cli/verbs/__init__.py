"""The verbs, one file per concern; each is thin and imports what it needs when it runs."""
