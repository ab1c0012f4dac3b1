"""Engines: one protocol, one dialect each."""
