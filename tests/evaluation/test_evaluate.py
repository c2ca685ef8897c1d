"""Evaluation by hand: three users, and a model that predicts 3.5, 2, 6 and 3 for items a, b, c and d."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from helpers.small_worlds import model_of_item_biases, random_split, ratings_of
from refeed.data.ratings import LabelColumn, RatingScale
from refeed.data.splits.column import ColumnSplit
from refeed.errors import ConfigError, DataError
from refeed.evaluation.compare import compare
from refeed.evaluation.evaluate import EvaluationOptions, evaluate, evaluate_given
from refeed.fitted_model import Provenance
from refeed.intervals.conformal import RatingIntervals
from refeed.intervals.spread import ResidualVariance
from refeed.models import AutoEncoder
from refeed.optim.options import TrainingOptions
from refeed.runtime import Runtime
from refeed.training.train import train

PARTS = ("train", "valid", "test", "unused")
ROWS = [
    ("u1", "a", 4, "train"), ("u1", "b", 2, "train"),
    ("u2", "b", 3, "train"),
    ("u3", "a", 5, "train"), ("u3", "c", 5, "train"), ("u3", "d", 1, "train"),
    ("u2", "d", 2, "valid"),
    ("u1", "c", 4, "test"), ("u1", "d", 3, "test"), ("u2", "a", 5, "test"), ("u3", "b", 2, "test"),
    ("u4", "a", 1, "test"), ("u4", "e", 1, "test"), ("u1", "e", 2, "test"),
    ("u2", "c", 1, "unused"),
]  # fmt: skip
LABELS = {"part": LabelColumn(np.array([PARTS.index(row[3]) for row in ROWS], np.uint8), PARTS)}
SPLIT = ColumnSplit("part").apply(ratings_of(*(row[:3] for row in ROWS), labels=LABELS))
BIASES = [0.5, -1.0, 3.0, 0.0]
FITTED = model_of_item_biases(SPLIT.train, BIASES)
OPTIONS = EvaluationOptions(ks=(1, 2), resamples=50)
RESULT = evaluate(FITTED, SPLIT, options=OPTIONS)


def test_errors_clipped_and_unclipped_by_hand():
    # u1: c 6 (5) against 4, d 3 against 3; u2: a 3.5 against 5; u3: b 2 against 2
    assert RESULT.rmse == pytest.approx(math.sqrt((1 + 0 + 2.25 + 0) / 4))
    assert RESULT.mae == pytest.approx((1 + 1.5) / 4)
    assert RESULT.rmse_unclipped == pytest.approx(math.sqrt((4 + 2.25) / 4))
    assert RESULT.mae_unclipped == pytest.approx((2 + 1.5) / 4)
    assert (RESULT.num_ratings, RESULT.num_users, RESULT.part) == (4, 3, "test")


def test_what_was_not_scored_is_counted():
    assert (RESULT.cold.users, RESULT.cold.items, RESULT.cold.ratings) == (1, 1, 3)
    assert RESULT.left_out == {"unused": 1}


def test_activity_groups_by_hand():
    assert [(group.low, group.high, group.users, group.ratings) for group in RESULT.activity] == [
        (1, 1, 1, 1), (2, 2, 1, 2), (3, 3, 1, 1),
    ]  # fmt: skip
    assert [group.rmse for group in RESULT.activity] == pytest.approx([1.5, math.sqrt(0.5), 0.0])
    assert [group.mae for group in RESULT.activity] == pytest.approx([1.5, 0.5, 0.0])


def test_ranking_by_hand():
    # relevant from 4: u1 wants c, ranked c d; u2 wants a, ranked c a d
    assert (RESULT.relevant_from, RESULT.ranking_users) == (4.0, 2)
    assert RESULT.ranking == pytest.approx(
        {
            "ndcg@1": 0.5, "recall@1": 0.5, "precision@1": 0.5, "map@1": 0.5,
            "ndcg@2": (1 + 1 / math.log2(3)) / 2, "recall@2": 1.0, "precision@2": 0.5, "map@2": 0.75,
        }
    )  # fmt: skip


def test_intervals_contain_the_estimate_and_reach_from_the_best_to_the_worst_user():
    assert 0.0 <= RESULT.rmse_interval.low <= RESULT.rmse <= RESULT.rmse_interval.high <= 1.5
    assert 0.0 <= RESULT.mae_interval.low <= RESULT.mae <= RESULT.mae_interval.high <= 1.5


def test_result_becomes_plain_json():
    values = json.loads(json.dumps(RESULT.to_dict(), allow_nan=False))
    assert values["rmse"] == pytest.approx(math.sqrt(0.8125)) and len(values["rmse_interval"]) == 2
    assert values["cold"] == {"users": 1, "items": 1, "ratings": 3}
    assert (values["num_ratings"], values["num_users"], len(values["activity"])) == (4, 3, 3)
    assert "squared_by_user" not in values and RESULT.squared_by_user.tolist() == pytest.approx([1.0, 2.25, 0.0])


def test_result_prints_in_a_line():
    assert repr(RESULT) == (
        f"Evaluation(test: RMSE 0.9014 (95% interval {RESULT.rmse_interval.low:.4f} to {RESULT.rmse_interval.high:.4f}), "
        "MAE 0.6250, 4 ratings of 3 users)"
    )


def test_no_lengths_leave_the_ranking_out_and_no_relevant_item_leaves_it_empty():
    without = evaluate(FITTED, SPLIT, options=EvaluationOptions(ks=(), resamples=5))
    assert (without.ranking, without.ranking_users) == ({}, 0)
    nothing = evaluate(FITTED, SPLIT, "valid", options=EvaluationOptions(relevant_from=5, resamples=5))
    assert (nothing.ranking, nothing.ranking_users, nothing.relevant_from) == ({}, 0, 5)


@pytest.mark.parametrize(("part", "ratings"), [("train", 6), ("valid", 1), ("test", 4)])
def test_every_part_can_be_scored(part, ratings):
    result = evaluate(FITTED, SPLIT, part, options=OPTIONS)
    assert (result.part, result.num_ratings) == (part, ratings)
    if part == "train":  # what the model sees is not ranked
        assert (result.ranking_users, result.cold.ratings) == (0, 0)


def test_unknown_part_and_options_out_of_range_are_refused():
    with pytest.raises(ConfigError, match="part: expected train, valid or test, got 'tset'"):
        evaluate(FITTED, SPLIT, "tset")
    with pytest.raises(ConfigError, match="resamples: expected at least 2, for an interval has two ends, got 1"):
        EvaluationOptions(resamples=1)
    with pytest.raises(ConfigError, match="ks: expected at least 1, got 0"):
        EvaluationOptions(ks=(10, 0))


@pytest.mark.parametrize(
    ("scale", "expected"),
    [((1, 5), 4.0), ((0.5, 5), 4.0), ((0, 100), 75.0), ((0, 1), 1.0), ((0.1, 0.4), 0.4), ((-10, 10), 5.0)],
)
def test_items_count_as_relevant_from_three_quarters_up_the_scale(scale, expected):
    assert EvaluationOptions().threshold(RatingScale(*scale)) == expected


@pytest.mark.parametrize("relevant_from", [0.5, 5.5, math.nan])
def test_rating_outside_the_scale_cannot_make_an_item_relevant(relevant_from):
    with pytest.raises(ConfigError, match=f"relevant_from: expected a rating of the scale 1 to 5, got {relevant_from:g}"):
        evaluate(FITTED, SPLIT, options=EvaluationOptions(relevant_from=relevant_from))


def test_model_of_another_split_is_refused():
    other = replace(FITTED, provenance=Provenance(split_fingerprint="another"))
    with pytest.raises(DataError, match=r"trained on another split(.|\n)*may be this model's training ratings"):
        evaluate(other, SPLIT)
    same = replace(FITTED, provenance=Provenance(split_fingerprint=SPLIT.fingerprint))
    assert evaluate(same, SPLIT, options=OPTIONS).rmse == RESULT.rmse


def test_model_whose_items_lie_in_another_order_is_scored_by_their_ids():
    """A converted model keeps the order of its own files and has no record of a split."""
    train_part = SPLIT.train
    order = [3, 1, 0, 2]
    items = train_part.items.take(order)
    moved = model_of_item_biases(train_part.reindexed(train_part.users, items)[0], np.array(BIASES)[order])
    assert evaluate(moved, SPLIT, options=OPTIONS).to_dict() == RESULT.to_dict()


def test_items_that_such_a_model_lacks_are_counted_as_cold():
    train_part = SPLIT.train
    fewer = model_of_item_biases(train_part.reindexed(train_part.users, train_part.items.take([0, 1, 2]))[0], BIASES[:3])
    result = evaluate(fewer, SPLIT, options=OPTIONS)
    assert (result.num_ratings, result.cold.users, result.cold.items, result.cold.ratings) == (3, 1, 2, 4)
    assert result.rmse == pytest.approx(math.sqrt(3.25 / 3))


def test_ratings_given_apart_are_scored_for_people_new_to_the_model():
    history = ratings_of(("new", "a", 4), ("u1", "b", 2), ("idle", "c", 3))
    targets = ratings_of(
        ("new", "b", 3), ("new", "zz", 3), ("u1", "c", 5), ("gone", "a", 1), ("gone", "c", 1), ("gone", "zz", 1)
    )
    result = evaluate_given(FITTED, targets, history, options=OPTIONS)
    assert (result.part, result.num_ratings, result.num_users) == ("given", 2, 2)
    assert result.rmse == pytest.approx(math.sqrt(1 / 2))  # new: b 2 against 3; u1: c 5 against 5
    assert (result.cold.users, result.cold.items, result.cold.ratings) == (1, 1, 4)


def test_user_whose_only_targets_are_unknown_items_is_not_a_cold_user():
    history = ratings_of(("new", "a", 4), ("u1", "b", 2))
    targets = ratings_of(("new", "zz", 3), ("u1", "c", 5))
    assert evaluate_given(FITTED, targets, history, options=OPTIONS).cold.users == 0


def test_users_and_items_without_a_target_are_not_counted_as_cold():
    history = ratings_of(("u1", "b", 2))
    targets = ratings_of(("u1", "c", 5), ("gone", "a", 1), ("u1", "zz", 1))
    result = evaluate_given(FITTED, targets.select(np.asarray(targets.values) == 5), history, options=OPTIONS)
    assert (result.cold.users, result.cold.items, result.cold.ratings) == (0, 0, 0)


def test_targets_that_nobody_can_predict_are_refused():
    with pytest.raises(DataError, match="none of the ratings to predict is of a user with a history and an item known"):
        evaluate_given(FITTED, ratings_of(("gone", "a", 1)), ratings_of(("new", "a", 4)))


def test_given_history_that_holds_a_target_does_not_rank_it():
    history = ratings_of(("new", "a", 4), ("new", "c", 5))
    result = evaluate_given(FITTED, ratings_of(("new", "c", 5), ("new", "d", 5)), history, options=OPTIONS)
    assert result.ranking["ndcg@1"] == 1.0  # only b and d are ranked, and d is wanted


def test_ranking_does_not_depend_on_the_blocks(monkeypatch):
    split = random_split()
    fitted = train(AutoEncoder(encoder=(4,)), split, TrainingOptions(epochs=2), runtime=Runtime(threads=1))
    whole = evaluate(fitted, split, options=OPTIONS)
    monkeypatch.setattr("refeed.inference.blocks.USERS_PER_BLOCK", 2)
    assert evaluate(fitted, split, options=OPTIONS).ranking == pytest.approx(dict(whole.ranking))


def test_paired_comparison_of_two_models_by_hand():
    better = evaluate(model_of_item_biases(SPLIT.train, [2.0, -1.0, 1.0, 0.0]), SPLIT, options=OPTIONS)
    assert better.rmse == 0.0
    difference = compare(better, RESULT, resamples=100)
    assert difference.difference == pytest.approx(-math.sqrt(0.8125))
    assert difference.low <= difference.difference <= difference.high <= 0.0


def test_evaluations_of_different_ratings_are_not_compared():
    with pytest.raises(DataError, match="not of the same ratings"):
        compare(RESULT, evaluate(FITTED, SPLIT, "valid", options=OPTIONS))


def test_calibration_by_hand():
    residual_variance = ResidualVariance.of(SPLIT.train)
    sure = replace(FITTED, intervals=RatingIntervals.learn(residual_variance, np.full(99, 0.6), np.ones(99)))
    spread = residual_variance.spread(SPLIT.train.rows(), SPLIT.test.row_of_rating, SPLIT.test.indices)
    predictions = np.array([5.0, 3.0, 3.5, 2.0])
    result = evaluate(sure, SPLIT, options=OPTIONS)
    inside = np.abs(np.asarray(SPLIT.test.values) - predictions) <= 0.6 * spread
    width = np.minimum(predictions + 0.6 * spread, 5) - np.maximum(predictions - 0.6 * spread, 1)
    assert 0 < inside.mean() < 1
    assert [level.coverage for level in result.calibration.levels] == [inside.mean()] * 10
    assert [level.width for level in result.calibration.levels] == pytest.approx([width.mean()] * 10)
    assert (result.rmse, result.calibration.levels[-1].level) == (RESULT.rmse, 0.95)
    values = json.loads(json.dumps(result.to_dict(), allow_nan=False))["calibration"]
    assert values["crps"] == result.calibration.crps
    assert values["levels"][0]["coverage_interval"] == list(result.calibration.levels[0].coverage_interval)


def test_model_without_intervals_has_no_calibration():
    assert RESULT.calibration is None and RESULT.to_dict()["calibration"] is None
