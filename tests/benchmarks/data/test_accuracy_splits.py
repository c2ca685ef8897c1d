"""The splits on which errors are compared."""

from __future__ import annotations

import numpy as np
import pytest

from data.accuracy_splits import PUBLISHED_ON_ALL_TRAINING, SPLITS, u1_split
from refeed.errors import DataError


def test_valid_of_u1_is_drawn_from_the_base_rows():
    base = np.array([[user, item, 1 + (user + item) % 5, 1000 + user] for user in range(5) for item in range(6)])
    test = np.array([[0, 5, 3, 2000]])
    base = base[np.any(base[:, :2] != test[:, :2], axis=1)]  # 29
    parts = u1_split(base, test, valid=9)
    drawn = {tuple(row) for row in base[np.random.default_rng(0).permutation(29)[:9], :2].tolist()}
    seen = parts.valid
    pairs = set(zip(seen.users.decode(seen.row_of_rating), seen.items.decode(seen.indices), strict=True))
    assert pairs <= drawn and len(pairs) == 9 - parts.cold["valid"].ratings
    assert (len(parts.train), len(parts.test) + parts.cold["test"].ratings) == (20, 1)


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("ml-100k-u1", (72_000, 7_977, 19_956)),
        ("ml-latest-small", (60_956, 18_355, 17_693)),
        ("movietweetings-100k", (80_000, 6_325, 6_410)),
        pytest.param("ml-1m-time80", (800_167, 51_496, 51_550), marks=pytest.mark.slow),
        pytest.param("ml-1m-random90", (849_770, 50_410, 100_004), marks=pytest.mark.slow),
    ],
)
def test_sizes_of_the_parts(name, sizes, datasets, monkeypatch):
    if not (datasets / name.rsplit("-", 1)[0]).is_dir() and not (datasets / name).is_dir():
        pytest.skip("the data set is not on this machine")
    monkeypatch.setenv("REFEED_DATA", str(datasets))
    parts = SPLITS[name]()
    assert (len(parts.train), len(parts.valid), len(parts.test)) == sizes


def test_published_protocols_are_of_known_splits():
    assert set(SPLITS) >= PUBLISHED_ON_ALL_TRAINING


@pytest.mark.parametrize("name", SPLITS)
def test_absent_data_set_is_said(name, monkeypatch, tmp_path):
    monkeypatch.setenv("REFEED_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(DataError, match="is not on this machine"):
        SPLITS[name]()
