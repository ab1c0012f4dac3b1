"""Texts of the statistical operators, in both languages."""

from assay.model.catalogue import Catalogue

CATALOGUE = Catalogue("assay.analyse.statistics")
