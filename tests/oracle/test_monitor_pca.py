"""T², scores and SPE against other software: SIMCA's figures for the LDPE reactor, statsmodels' PCA."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from statsmodels.multivariate.pca import PCA
from tests.shared import data_set

from assay.stats import monitor
from assay.stats.arrays import Floats

FOLDER = data_set("process_improve") / "multivariate" / "LDPE"


@cache
def table(name: str) -> Floats:
    return np.loadtxt(FOLDER / f"{name}.csv", delimiter=",", ndmin=2)


@cache
def process() -> Floats:
    """The 14 process variables of 54 batches."""
    return np.genfromtxt(FOLDER / "LDPE.csv", delimiter=",", skip_header=1)[:, 1:15]


@pytest.mark.parametrize("components", [3, 6])
def test_t2_of_simcas_scores_is_simcas_t2(components: int) -> None:
    scores = table("T")[:, :components]
    printed = table(f"Hotellings_T2_A{components}")[:, 0]
    found = monitor.pca(components, limits="textbook").fit(scores).score(scores)
    # SIMCA prints seven digits of scores and of T².
    np.testing.assert_allclose(found.t2, printed, rtol=2e-5)


@pytest.mark.parametrize("components", [1, 2, 5])
def test_scores_loadings_and_spe_are_those_of_statsmodels(components: int) -> None:
    rows = process()
    count = len(rows)
    model = monitor.pca(components, limits="textbook").fit(rows)
    other = PCA(rows, ncomp=components, standardize=True, normalize=False)
    # statsmodels standardises with divisor n, this library with n - 1.
    shrink = ((count - 1) / count) ** 0.5
    signs = np.sign((other.loadings * model.loadings).sum(axis=0))
    np.testing.assert_allclose(model.loadings, other.loadings * signs, atol=1e-9)
    scores = other.scores * signs * shrink
    np.testing.assert_allclose(model.scores(rows), scores, atol=1e-9)
    score = model.score(rows)
    np.testing.assert_allclose(score.t2, (scores**2 / scores.var(axis=0, ddof=1)).sum(axis=1), rtol=1e-9)
    left = (other.transformed_data - other.scores @ other.loadings.T) * shrink
    np.testing.assert_allclose(score.spe, (left**2).sum(axis=1), rtol=1e-8)


def test_a_fault_that_develops_over_the_last_four_rows_is_seen_and_placed() -> None:
    """openmv.net describes the set: normal operation up to row 50, then a fault that develops."""
    rows = process()
    model = monitor.pca(limits="textbook").fit(rows[:50])
    score = model.score(rows)
    assert np.flatnonzero(score.alarm).tolist() == [52, 53]
    assert (np.diff(score.index[50:]) > 0).all()
    # Columns 9 and 4: the place and the height of the temperature peak of the second zone.
    assert {"x9", "x4"} <= set(score.contributions([53]).ranking[:2])
