"""A ratings store is a source like any other, with fixed columns."""

from __future__ import annotations

import numpy as np
import pytest

from refeed.data.audit.audit import audit
from refeed.data.ratings import LabelColumn, Ratings, RatingScale
from refeed.data.store.store import write_store
from refeed.errors import BundleError, ConfigError, DataError
from refeed.readers import read_columns, read_ratings


@pytest.fixture
def store(tmp_path):
    """A store of three ratings from 0 to 4 with times and a label, on the declared scale 0 to 5."""
    ratings = Ratings.from_columns(
        ["b", "a", "a"],
        [3, 1, 2],
        [4, 0, 2.5],
        timestamps=[30, 10, 20],
        scale=RatingScale(0, 5),
        labels={"fold": LabelColumn(np.array([1, 0, 0], np.uint8), ("train", "test"))},
        notes=("layout: made up",),
    )
    write_store(ratings, tmp_path / "store")
    return tmp_path / "store"


@pytest.mark.parametrize("layout", [None, "store"])
def test_store_is_opened_as_it_was_written(store, layout):
    ratings = read_ratings(store, layout=layout, labels="fold")
    assert ratings.users.decode([0, 1]) == ["a", "b"]
    assert ratings.values.tolist() == [0, 2.5, 4]
    assert ratings.scale == RatingScale(0, 5)
    assert ratings.labels["fold"].codes.tolist() == [0, 0, 1]


def test_wider_scale_may_be_declared_and_a_narrower_one_is_refused(store):
    assert read_ratings(store, scale=RatingScale(-1, 10)).scale == RatingScale(-1, 10)
    with pytest.raises(DataError, match=r"store: the ratings reach from 0 to 5, outside the declared scale 1 to 5"):
        read_ratings(store, scale=RatingScale(1, 5))


@pytest.mark.parametrize("read", [read_ratings, read_columns])
def test_label_that_was_not_kept_is_named_with_those_that_were(store, read):
    with pytest.raises(DataError, match=r"the store holds no column 'part'; the label columns it holds: 'fold'") as caught:
        read(store, labels=("part",))
    assert caught.value.fix.endswith("refeed import … --keep part.")


@pytest.mark.parametrize("read", [read_ratings, read_columns])
@pytest.mark.parametrize("option", [{"user": "x"}, {"time": ""}, {"delimiter": ","}, {"header": False}])
def test_options_of_columns_are_refused(store, read, option):
    with pytest.raises(ConfigError, match=rf"a ratings store has fixed columns; {next(iter(option))} cannot be given for it"):
        read(store, **option)


def test_columns_are_in_the_order_of_the_store_and_can_be_audited(store):
    columns = read_columns(store, scale=RatingScale(1, 5))
    assert columns.users.to_pylist() == ["a", "a", "b"]
    assert columns.items.to_pylist() == [1, 2, 3]
    assert (columns.values.tolist(), columns.timestamps.tolist()) == ([0, 2.5, 4], [10, 20, 30])
    assert columns.notes == ("layout: made up",)
    assert audit(columns).facts.values.outside.count == 1


def test_store_without_times_has_columns_without_times(tmp_path):
    write_store(Ratings.from_columns([1], [2], [3]), tmp_path / "store")
    assert read_columns(tmp_path / "store").timestamps is None


def test_folder_that_is_no_store_is_refused_with_the_layout_store(tmp_path):
    with pytest.raises(BundleError):
        read_ratings(tmp_path, layout="store")
