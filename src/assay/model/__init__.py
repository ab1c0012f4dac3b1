"""Entities, record kinds, attributes, units and errors. No I/O lives here."""
