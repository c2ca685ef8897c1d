"""Popularity: counts, the line through them, and what a user changes."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from helpers.small_worlds import history_of, predictions_of, random_ratings, ratings_of, split_of
from refeed.errors import ConfigError, DataError
from refeed.inference.recommend import recommend
from refeed.models import Popularity
from refeed.models.popularity import DAY, LEAST_SLOPE
from refeed.training.train import train

RATINGS = ratings_of(("u", "a", 5), ("u", "b", 3), ("v", "a", 4), ("w", "a", 3))


def fitted(ratings=RATINGS, **options):
    return train(Popularity(**options), split_of(ratings))


def test_prediction_by_hand():
    # the line goes through the means of both items, 4 and 3; users (1 + 0) / 3, 0 and -1 / 2
    expected = np.array([[4, 3]]) + np.array([[1 / 3], [0], [-1 / 2]])
    np.testing.assert_allclose(predictions_of(fitted(user_regularisation=1)), expected, rtol=1e-6)


def test_items_are_in_the_order_of_their_counts_for_everybody():
    ratings = random_ratings(users=60, items=20)
    scores = fitted(ratings).model.scorer().score_rows(history_of({0: 5.0}, {3: 1.0, 4: 2.0}, {}, num_items=20))
    counts = ratings.item_counts
    for row in scores:
        assert (np.diff(counts[np.argsort(-row, kind="stable")]) <= 0).all()
    assert scores[0].mean() > scores[1].mean()


def test_items_that_are_rated_lower_the_more_they_are_rated_still_rise():
    found = fitted(ratings_of(("u", "a", 1), ("v", "a", 1), ("u", "b", 5))).model.offsets.item_part()
    assert found[0] - found[1] == pytest.approx(LEAST_SLOPE * math.log(3 / 2), rel=1e-5)


def test_recent_ratings_alone_count():
    times = np.array([0, 9.5, 1, 2]) * DAY
    ratings = replace(RATINGS, timestamps=times.astype(np.int64))
    assert [entry.item for entry in recommend(fitted(ratings), "v", exclude_seen=False)] == ["a", "b"]
    recent = fitted(ratings, recent_days=7)
    assert [entry.item for entry in recommend(recent, "v", exclude_seen=False)] == ["b", "a"]
    assert np.array_equal(predictions_of(fitted(ratings, recent_days=10)), predictions_of(fitted(ratings)))


def test_recent_days_without_times_are_refused_with_what_to_do():
    with pytest.raises(DataError, match=r"recent_days(.|\n)*have no times(.|\n)*leave recent_days out"):
        fitted(recent_days=7)


def test_summary_says_what_counts():
    assert Popularity().summary(5, 6) == "items by their number of ratings"
    assert Popularity(recent_days=30).summary(5, 6) == "items by their number of ratings of the last 30 days"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"recent_days": 0}, "recent_days: expected above 0 or none, got 0"),
        ({"recent_days": math.inf}, "recent_days: expected above 0 or none, got inf"),
        ({"user_regularisation": -1}, "user_regularisation: expected at least 0, got -1"),
    ],
)
def test_setting_out_of_its_range_is_refused_by_name(options, message):
    with pytest.raises(ConfigError, match=message):
        Popularity(**options)


def test_guide_to_adding_a_model_shows_lines_that_are_there():
    project = Path(__file__).resolve().parent.parent.parent
    guide, _, _ = (project / "docs/guide/add-a-model.md").read_text(encoding="utf-8").partition("## What the commit touched")
    sources = ("src/refeed/models/popularity.py", "src/refeed/models/registry.py", "tests/contracts/test_contract.py")
    known = {line.split("  #")[0] for path in sources for line in (project / path).read_text(encoding="utf-8").splitlines()}
    shown = [line.split("  #")[0] for block in re.findall(r"(?s)```text\n(.*?)```", guide) for line in block.splitlines()]
    assert len(shown) > 38
    assert [line for line in shown if "…" not in line and line not in known] == []
