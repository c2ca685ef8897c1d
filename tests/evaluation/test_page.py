"""The report of a model holds its numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from helpers.small_worlds import model_of_item_biases, random_split
from refeed.evaluation.evaluate import EvaluationOptions, evaluate
from refeed.evaluation.page import calibration_table, cold_text, comparison_text, error_table, evaluation_page
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
    wanted = [Recommendation(1, 10, "Alien", 4.567), Recommendation(2, 20, None, 4.0)]
    return evaluation_page(
        FITTED, BOTH, source="small.csv", difference=difference, recommendations=("user 3", wanted), command="refeed evaluate"
    )


def test_page_has_a_section_for_everything_asked(page):
    assert page.title == "ours on small.csv"
    assert page.subtitle == f"{MAIN.num_ratings} test ratings of {MAIN.num_users} users"
    assert [section.title for section in page.sections] == [
        "At a glance", "Error on held-out ratings", "Learning", "Who is served how well", "How sure a prediction is",
        "Ranking", "Recommended to user 3", "How it was made",
    ]  # fmt: skip
    assert SPLIT.fingerprint in page.footer


def test_headline_and_tables_hold_the_numbers_of_the_evaluations(page):
    (facts,) = blocks(page, "At a glance")
    assert isinstance(facts, Facts)
    assert dict(facts.pairs) == {
        "RMSE": MAIN.rmse, "MAE": MAIN.mae, "against the baseline": "+0.2500", "NDCG@5": MAIN.ranking["ndcg@5"],
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
    assert [row[2] for row in blocks(page, "Who is served how well")[0].rows] == [group.ratings for group in MAIN.activity]


def test_calibration_is_shown_as_a_table_and_a_picture(page):
    table, figure = blocks(page, "How sure a prediction is")
    shown = [one for one in MAIN.calibration.levels if one.level in (0.5, 0.8, 0.9, 0.95)]
    assert [row[0] for row in table.rows] == ["50%", "80%", "90%", "95%"]
    assert [row[1] for row in table.rows] == [f"{one.coverage:.1%}" for one in shown]
    assert [row[4] for row in table.rows] == [f"{one.score:.2f}" for one in shown]
    assert table.caption == f"Prediction intervals, CRPS {MAIN.calibration.crps:.4f}"
    assert figure.svg.startswith("<svg") and f"90%: {shown[2].coverage:.1%} inside" in figure.alt


def test_calibration_on_the_ratings_it_was_learnt_from_says_so():
    table = calibration_table(replace(MAIN, part="valid"), MAIN.calibration)
    assert table.caption.endswith("; they were learnt from these ratings")


def test_recommendations_and_settings_are_told_as_they_were(page):
    (recommended,) = blocks(page, "Recommended to user 3")
    assert recommended.rows == [[1, "10", "Alien", "4.57"], [2, "20", "", "4.00"]]
    table, *codes = blocks(page, "How it was made")
    assert dict(table.rows)["trained weights"] == FITTED.num_parameters
    texts = [code.text for code in codes if isinstance(code, Code)]
    assert "encoder = [4]" in texts[0] and "epochs = 3" in texts[0] and texts[1] == "refeed evaluate"


def test_page_of_a_model_without_log_ranking_or_baseline_leaves_those_out():
    bare = model_of_item_biases(SPLIT.train, [0.0] * SPLIT.train.num_items)
    bare = replace(bare, provenance=replace(bare.provenance, note="converted from model.epoch_9"))
    one = evaluate(bare, SPLIT, options=EvaluationOptions(ks=(), resamples=20))
    page = evaluation_page(bare, {"plain": one}, source="small.csv")
    assert [section.title for section in page.sections] == [
        "At a glance", "Error on held-out ratings", "Who is served how well", "How it was made",
    ]  # fmt: skip
    assert dict(blocks(page, "How it was made")[0].rows)["note"] == "converted from model.epoch_9"


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.2, -0.1, "ours has a lower RMSE than bias: difference"),
        (0.1, 0.2, "ours has a higher RMSE than bias: difference"),
        (-0.1, 0.2, "The RMSE of ours and bias cannot be told apart on these ratings: difference"),
    ],
)
def test_verdict_follows_the_interval(low, high, verdict):
    text = comparison_text(BOTH, PairedDifference((low + high) / 2, low, high, 0.5))
    assert text.startswith(verdict) and text.endswith(f"95% interval {low:+.4f} to {high:+.4f}.")
    assert comparison_text(BOTH, None).endswith("Lower is better.")


def test_what_was_not_scored_is_told_in_words():
    assert cold_text(replace(MAIN, cold=replace(MAIN.cold, ratings=0), left_out={})) == "Every rating of the part was scored."
    cold = replace(MAIN.cold, users=2, items=1, ratings=1234)
    text = cold_text(replace(MAIN, cold=cold, left_out={"too old": 7}))
    assert "1,234 ratings were not scored" in text and "2 users and 1 items" in text
    assert text.endswith("7 ratings were left out of the split (too old).")


def test_table_says_over_how_many_ratings_it_speaks():
    assert error_table(BOTH).caption.startswith(f"{MAIN.num_ratings} test ratings of {MAIN.num_users} users")


def test_page_tells_how_weights_move_with_what_is_known():
    split = random_split()
    fitted = train(Ensemble(members=("bias sweeps=1", "bias")), split)
    by_feature = np.zeros((len(NAMES), 3), np.float32)
    by_feature[0], by_feature[1, 0] = (-0.5, 0.25, 0.0), 0.125
    fitted.model.features.learn(split.train)
    fitted.model.set_weights(np.array([0.0, 0.5, 0.5], np.float32), by_feature)
    page = evaluation_page(fitted, {"ensemble": evaluate(fitted, split)}, source="a.csv")
    made_of = next(section for section in page.sections if section.title == "What it is made of")
    _, moves = made_of.blocks
    raised = -0.5 + 0.25 * split.train.values.mean()  # of a pair for which both members predict the mean
    assert moves.rows[0] == [NAMES[0], f"{raised:+.3f}", "+0.250", ""] and moves.rows[1] == [NAMES[1], "+0.125", "", ""]
    assert "move with what is known of the pair" in made_of.text


def test_members_of_a_refitted_ensemble_are_told_with_their_weights():
    split = random_split()
    fitted = train(Ensemble(members=("bias sweeps=1", "bias"), feature_ratings=()), split, refit=True)
    page = evaluation_page(fitted, {"ensemble": evaluate(fitted, split)}, source="a.csv")
    made_of = next(section for section in page.sections if section.title == "What it is made of")
    (table,) = made_of.blocks
    weights = [f"{weight:+.2f}" for weight in fitted.model.weights.tolist()[1:]]
    assert [row[:2] for row in table.rows] == [["bias sweeps=1", weights[0]], ["bias", weights[1]]]
    assert "the errors shown here are of the first fit" in made_of.text
    settings = dict(next(section for section in page.sections if section.title == "How it was made").blocks[0].rows)
    assert settings["fitted to"] == "train and validation" and settings["members"] == 2
