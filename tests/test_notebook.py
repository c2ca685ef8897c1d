"""How ratings, splits, models and evaluations look in a notebook: facts in a table, data escaped, no other file."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from helpers.small_worlds import model_of_item_biases, ratings_of, split_of
from refeed.data.ratings import LabelColumn
from refeed.data.splits.column import ColumnSplit
from refeed.evaluation.evaluate import EvaluationOptions, evaluate
from refeed.reports.notebook import facts_table

PARTS = LabelColumn(np.array([0, 0, 0, 0, 1, 2, 3], np.uint8), ("train", "valid", "test", "<later>"))
TIMES = [1_000_000_000 + 86_400 * day for day in range(7)]
RATINGS = ratings_of(
    ("<b>ann</b>", "a&b", 4), ("<b>ann</b>", "c", 2), ("bob", "a&b", 5), ("bob", "d", 1), ("bob", "c", 3),
    ("<b>ann</b>", "d", 3), ("cid", "c", 1), timestamps=TIMES, labels={"part": PARTS},
)  # fmt: skip
SPLIT = ColumnSplit("part").apply(RATINGS)
MODEL = model_of_item_biases(SPLIT.train, [0.5, -1, 0], titles=("<script>alert(1)</script>", None, "Amélie"))
EVALUATION = evaluate(MODEL, SPLIT, options=EvaluationOptions(ks=(2,), resamples=20))


class _Rows(HTMLParser):
    """The caption, and the rows of a table with a label and a value each."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.caption, self.cells, self.tags, self._within = "", [], set(), ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self._within = tag
        self.tags.add(tag)
        if tag in ("th", "td"):
            self.cells.append("")

    def handle_data(self, data):
        if self._within == "caption":
            self.caption += data
        else:
            self.cells[-1] += data

    @property
    def facts(self) -> dict[str, str]:
        return dict(zip(self.cells[::2], self.cells[1::2], strict=True))


def test_ratings_show_their_sizes_ids_scale_and_days():
    shown = _Rows(RATINGS._repr_html_())
    assert shown.caption == "Ratings"
    assert shown.facts == {
        "ratings": "7",
        "users": "3",
        "items": "3",
        "density": "77.78%",
        "scale": "1 to 5",
        "times (UTC)": "2001-09-09 to 2001-09-15",
        "user ids": "<b>ann</b>, bob, cid",
        "item ids": "a&b, c, d",
        "labels 'part'": "train, valid, test, <later>",
    }


def test_more_ids_than_are_shown_end_in_an_ellipsis_and_absent_times_in_a_dash():
    shown = _Rows(ratings_of(*((user, "a", 3) for user in range(1200)))._repr_html_()).facts
    assert (shown["ratings"], shown["user ids"], shown["times (UTC)"]) == ("1,200", "0, 1, 2, …", "–")


def test_split_shows_its_parts_and_what_they_lack():
    shown = _Rows(SPLIT._repr_html_()).facts
    assert (shown["training ratings"], shown["validation ratings"], shown["test ratings"]) == ("4", "1", "1")
    assert (shown["dropped from test as cold"], shown["left out (<later>)"]) == ("0", "1")
    assert shown["splitter"] == "ColumnSplit(column='part')"


def test_fitted_model_shows_its_kind_sizes_and_titles():
    shown = _Rows(MODEL._repr_html_())
    assert shown.caption == "FittedModel: bias"
    assert shown.facts["description"] == "Bias(user_regularisation=1000000000000000.0)"
    assert shown.facts["first items"] == "<script>alert(1)</script>, –, Amélie"
    assert (shown.facts["users"], shown.facts["items"], shown.facts["scale"]) == ("2", "3", "1 to 5")
    assert shown.facts["trained weights"] == f"{MODEL.num_parameters}"
    assert (shown.facts["validation RMSE"], shown.facts["prediction intervals"]) == ("–", "no")


def test_fitted_model_shows_the_validation_error_of_its_best_epoch_and_its_note():
    log = tuple({"epoch": epoch, "valid_rmse": error} for epoch, error in [(1, 0.9), (2, 0.8), (3, 0.85)])
    provenance = replace(MODEL.provenance, log=log, best_epoch=2, refit=True, note="a <note>")
    shown = _Rows(replace(MODEL, provenance=provenance)._repr_html_()).facts
    assert (shown["validation RMSE"], shown["fitted to"], shown["note"]) == ("0.8000", "train and validation", "a <note>")


def test_evaluation_shows_errors_with_intervals_and_ranking():
    shown = _Rows(EVALUATION._repr_html_())
    low, high = EVALUATION.rmse_interval
    assert shown.caption == "Evaluation on the test ratings"
    assert shown.facts["RMSE"] == f"{EVALUATION.rmse:.4f} (95% interval {low:.4f} to {high:.4f})"
    assert (shown.facts["ratings"], shown.facts["users"], shown.facts["relevant from"]) == ("1", "1", "4")
    assert shown.facts["ratings not scored (cold)"] == "0"


@pytest.mark.parametrize("value", [RATINGS, SPLIT, MODEL, EVALUATION], ids=lambda value: type(value).__name__)
def test_a_look_is_one_table_that_needs_nothing_else_and_a_repr_is_one_line(value):
    text = value._repr_html_()
    assert _Rows(text).tags == {"table", "caption", "tbody", "tr", "th", "td"}
    assert not re.search(r"https?:|url\(|#[0-9a-f]{3}|rgb", text)  # no other file, and no colour but the page's own
    assert repr(value).startswith(type(value).__name__ + "(") and "\n" not in repr(value) and len(repr(value)) < 200


def test_numbers_are_written_as_in_reports():
    shown = _Rows(facts_table("<i>", [("whole", 12345), ("other", 0.5), ("none", None)]))
    assert (shown.caption, shown.facts) == ("<i>", {"whole": "12,345", "other": "0.5000", "none": "–"})


def test_a_split_without_cold_or_left_out_ratings_shows_neither():
    shown = _Rows(split_of(RATINGS)._repr_html_()).facts
    assert list(shown) == ["splitter", "users", "items", "training ratings", "validation ratings", "test ratings"]
