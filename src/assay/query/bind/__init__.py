"""Binding signals to units: features of every signal over the time that a unit was in a step."""
