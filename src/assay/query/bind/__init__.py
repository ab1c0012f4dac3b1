"""Features of signals over the exact intervals in which units were in equipment."""
