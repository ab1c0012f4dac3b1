"""Operators: statistics and genealogy bound to the records of a plant."""
