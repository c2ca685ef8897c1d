"""Slice sampling against densities with known moments."""

from __future__ import annotations

import numpy as np
import pytest

from refeed.models.bayesian.slice_sampling import slice_draw


def draws(log_density, *, lowest, highest, count=6000, start=0.5):
    numbers, values = np.random.default_rng(0), [start]
    for _ in range(count):
        values.append(slice_draw(log_density, values[-1], lowest=lowest, highest=highest, numbers=numbers))
    return np.array(values[1:])


def test_draws_have_the_densitys_moments():
    drawn = draws(lambda x: -((x - 1.0) ** 2) / (2 * 0.7**2), lowest=-50.0, highest=50.0)
    assert drawn.mean() == pytest.approx(1.0, abs=0.05)
    assert drawn.std() == pytest.approx(0.7, rel=0.05)
    assert np.mean(drawn > 1.0 + 1.645 * 0.7) == pytest.approx(0.05, abs=0.012)


def test_density_ends_at_its_bounds():
    drawn = draws(lambda x: -x, lowest=0.0, highest=1.0)  # the mean of a cut exponential is 1 - 1 / (e - 1)
    assert drawn.min() >= 0.0 and drawn.max() <= 1.0
    assert drawn.mean() == pytest.approx(1 - 1 / (np.e - 1), abs=0.012)


def test_narrow_density_is_found_by_shrinking():
    drawn = draws(lambda x: -(((x - 0.5) / 1e-4) ** 2) / 2, lowest=0.0, highest=1.0, count=2000)
    assert drawn.std() == pytest.approx(1e-4, rel=0.1)
