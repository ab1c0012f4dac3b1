"""Connectors and loading: foreign files become records, row by row accounted for."""
