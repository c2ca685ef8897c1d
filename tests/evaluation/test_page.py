"""The report of a model holds its numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from helpers.small_worlds import model_of_item_biases, random_split
from refeed.evaluation.evaluate import EvaluationOptions, evaluate
from refeed.evaluation.page import evaluation_page
from refeed.evaluation.tables import calibration_table, cold_text, comparison_text, error_table
from refeed.inference.recommend import Recommendation
from refeed.metrics.intervals import PairedDifference
from refeed.models import AutoEncoder, Bias, Ensemble
from refeed.models.ensemble.features import NAMES
from refeed.optim.options import TrainingOptions
from refeed.reports.page import Code, Facts, Figure, Table
from refeed.runtime import Runtime
from refeed.training.train import train

SPLIT = random_split()
OPTIONS = EvaluationOptions(ks=(5,), resamples=20)
FITTED = train(AutoEncoder(encoder=(4,)), SPLIT, TrainingOptions(epochs=3), runtime=Runtime(threads=1))
BASELINE = evaluate(train(Bias(), SPLIT, runtime=Runtime(threads=1)), SPLIT, options=OPTIONS)
MAIN = evaluate(FITTED, SPLIT, options=OPTIONS)
BOTH = {"ours": MAIN, "bias": BASELINE}


def blocks(page, title) -> list:
    (section,) = (section for section in page.sections if section.title == title)
    return list(section.blocks)


@pytest.fixture(scope="module")
def page():
    difference = PairedDifference(0.25, 0.1, 0.4, 0.01)
    recommended = [Recommendation(1, 10, "Alien", 4.567), Recommendation(2, 20, None, 4.0)]
    lists = "user 3", recommended
    return evaluation_page(
        FITTED, BOTH, source="small.csv", difference=difference, recommendations=lists, command="refeed evaluate"
    )


def test_page_has_a_section_for_everything_requested(page):
    assert page.title == "ours on small.csv"
    assert page.subtitle == f"{MAIN.num_ratings} test ratings of {MAIN.num_users} users"
    assert [section.title for section in page.sections] == [
        "Summary", "Error on held-out ratings", "Learning curve", "Error by user activity", "Prediction intervals",
        "Ranking", "Recommended to user 3", "Settings",
    ]  # fmt: skip
    assert SPLIT.fingerprint in page.footer


def test_headline_and_tables_hold_the_numbers_of_the_evaluations(page):
    (facts,) = blocks(page, "Summary")
    assert isinstance(facts, Facts)
    assert dict(facts.pairs) == {
        "RMSE": MAIN.rmse, "MAE": MAIN.mae, "RMSE, difference to the baseline": "+0.2500", "NDCG@5": MAIN.ranking["ndcg@5"],
        "ratings scored": MAIN.num_ratings, "cold ratings": MAIN.cold.ratings,
    }  # fmt: skip
    table, figure = blocks(page, "Error on held-out ratings")
    assert isinstance(table, Table) and [(row[0], row[1], row[3]) for row in table.rows] == [
        ("ours", MAIN.rmse, MAIN.mae),
        ("bias", BASELINE.rmse, BASELINE.mae),
    ]
    assert isinstance(figure, Figure) and f"ours {MAIN.rmse:.4f}; bias {BASELINE.rmse:.4f}" in figure.alt
    (ranking,) = blocks(page, "Ranking")
    assert ranking.rows[1] == ["bias", *BASELINE.ranking.values()]
    assert [row[2] for row in blocks(page, "Error by user activity")[0].rows] == [group.ratings for group in MAIN.activity]


def test_calibration_is_shown_as_a_table_and_a_picture(page):
    table, figure = blocks(page, "Prediction intervals")
    shown = [level for level in MAIN.calibration.levels if level.level in (0.5, 0.8, 0.9, 0.95)]
    assert [row[0] for row in table.rows] == ["50%", "80%", "90%", "95%"]
    assert [row[1] for row in table.rows] == [f"{level.coverage:.1%}" for level in shown]
    assert [row[4] for row in table.rows] == [f"{level.score:.2f}" for level in shown]
    assert table.caption == f"Prediction intervals, CRPS {MAIN.calibration.crps:.4f}"
    assert figure.svg.startswith("<svg") and f"90%: coverage {shown[2].coverage:.1%}" in figure.alt


def test_calibration_on_the_validation_set_is_marked():
    table = calibration_table(replace(MAIN, part="valid"), MAIN.calibration)
    assert table.caption.endswith("; they were calibrated on these ratings")


def test_recommendations_and_settings_are_shown(page):
    (recommended,) = blocks(page, "Recommended to user 3")
    assert recommended.rows == [[1, "10", "Alien", "4.57"], [2, "20", "", "4.00"]]
    table, *codes = blocks(page, "Settings")
    assert dict(table.rows)["trained weights"] == FITTED.num_parameters
    texts = [code.text for code in codes if isinstance(code, Code)]
    assert "encoder = [4]" in texts[0] and "epochs = 3" in texts[0] and texts[1] == "refeed evaluate"


def test_page_of_a_model_without_log_ranking_or_baseline_leaves_those_out():
    bare = model_of_item_biases(SPLIT.train, [0.0] * SPLIT.train.num_items)
    bare = replace(bare, provenance=replace(bare.provenance, note="converted from model.epoch_9"))
    evaluation = evaluate(bare, SPLIT, options=EvaluationOptions(ks=(), resamples=20))
    page = evaluation_page(bare, {"plain": evaluation}, source="small.csv")
    assert [section.title for section in page.sections] == [
        "Summary", "Error on held-out ratings", "Error by user activity", "Settings",
    ]  # fmt: skip
    assert dict(blocks(page, "Settings")[0].rows)["note"] == "converted from model.epoch_9"


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.2, -0.1, "ours has a lower RMSE than bias: difference"),
        (0.1, 0.2, "ours has a higher RMSE than bias: difference"),
        (-0.1, 0.2, "The RMSE of ours does not differ significantly from that of bias on these ratings: difference"),
    ],
)
def test_verdict_follows_the_interval(low, high, verdict):
    text = comparison_text(BOTH, PairedDifference((low + high) / 2, low, high, 0.5))
    assert text.startswith(verdict) and text.endswith(f"95% interval {low:+.4f} to {high:+.4f}.")
    assert comparison_text(BOTH, None).endswith("Lower is better.")


def test_ratings_that_were_not_scored_are_explained():
    assert cold_text(replace(MAIN, cold=replace(MAIN.cold, ratings=0), left_out={})) == "All test ratings were scored."
    cold = replace(MAIN.cold, users=2, items=1, ratings=1234)
    text = cold_text(replace(MAIN, cold=cold, left_out={"too old": 7}))
    assert "1,234 ratings were not scored" in text and "2 users and 1 items" in text
    assert text.endswith("7 ratings were left out of the split (too old).")


def test_table_names_the_number_of_ratings():
    assert error_table(BOTH).caption.startswith(f"{MAIN.num_ratings} test ratings of {MAIN.num_users} users")


def test_page_shows_how_weights_vary_with_features():
    split = random_split()
    fitted = train(Ensemble(members=("bias sweeps=1", "bias")), split)
    by_feature = np.zeros((len(NAMES), 3), np.float32)
    by_feature[0], by_feature[1, 0] = (-0.5, 0.25, 0.0), 0.125
    fitted.model.features.learn(split.train)
    fitted.model.set_weights(np.array([0.0, 0.5, 0.5], np.float32), by_feature)
    page = evaluation_page(fitted, {"ensemble": evaluate(fitted, split)}, source="a.csv")
    members = next(section for section in page.sections if section.title == "Members of the ensemble")
    _, varying = members.blocks
    change = -0.5 + 0.25 * split.train.values.mean()  # of a pair for which both members predict the mean
    assert varying.rows[0] == [NAMES[0], f"{change:+.3f}", "+0.250", ""] and varying.rows[1] == [NAMES[1], "+0.125", "", ""]
    assert "vary with features of the user and the item" in members.text


def test_members_of_a_refitted_ensemble_are_shown_with_their_weights():
    split = random_split()
    fitted = train(Ensemble(members=("bias sweeps=1", "bias"), feature_ratings=()), split, refit=True)
    page = evaluation_page(fitted, {"ensemble": evaluate(fitted, split)}, source="a.csv")
    members = next(section for section in page.sections if section.title == "Members of the ensemble")
    (table,) = members.blocks
    weights = [f"{weight:+.2f}" for weight in fitted.model.weights.tolist()[1:]]
    assert [row[:2] for row in table.rows] == [["bias sweeps=1", weights[0]], ["bias", weights[1]]]
    assert "errors are of the first fit" in members.text
    settings = dict(next(section for section in page.sections if section.title == "Settings").blocks[0].rows)
    assert settings["fitted to"] == "train and validation" and settings["members"] == 2
