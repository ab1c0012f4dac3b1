"""Figures beside their peers; `assay bench NAME` runs one from a checkout."""
