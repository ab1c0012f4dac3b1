"""Questions in the language of the plant: first form, conditions and values over named columns."""
