"""A search in tables, files and on its page."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from helpers.made_up_runs import outcome_of
from helpers.small_worlds import random_split
from refeed.cli.settings import resolve
from refeed.errors import TrainingError
from refeed.models import ALS, AutoEncoder
from refeed.optim.options import TrainingOptions
from refeed.reports.page import Code, Facts, render
from refeed.runs.manifest import Circumstances
from refeed.runs.run import Run
from refeed.tuning.files import BEST, PAGE, TRIALS_FILE, best_settings, trials_csv, write_tuning
from refeed.tuning.page import importance_table, require_best, trial_table, tuning_page
from refeed.tuning.search import Trial
from refeed.tuning.search_spaces import Between, OneOf
from refeed.tuning.tune import Tuning

SPLIT = random_split()
CIRCUMSTANCES = Circumstances(
    "stars.csv", "refeed tune stars.csv", datetime(2026, 5, 1, tzinfo=UTC), 90.0, workers=2, threads=4
)
SPACE = {"dropout": Between(0.0, 0.9), "encoder": OneOf(((8,), (8, 4))), "weight_decay": Between(1e-4, 1e-1, log=True)}
START = {"dropout": 0.5, "encoder": (16,), "weight_decay": 1e-3}
FAILED = "the loss is not a finite number"


def trial(number: int, best: float | None, **values) -> Trial:
    """A trial with this error; None diverged."""
    values = {**START, "encoder": (8, 4), **values} if number else START
    spec = AutoEncoder(dropout=values["dropout"], encoder=values["encoder"])
    run = Run(f"trial {number}", spec, TrainingOptions(epochs=4, weight_decay=values["weight_decay"]), seed=3)
    if best is None:
        return Trial(number, values, outcome_of(run, status="diverged"), FAILED)
    return Trial(number, values, outcome_of(run, valid=(best + 0.1, best, best + 0.05), train=(1.0, 0.9, 0.8)))


def tuning_of(*errors: float | None, refused=False, **more) -> Tuning:
    trials = [trial(number, error, dropout=0.1 * number) for number, error in enumerate(errors)]
    if refused:
        trials.append(Trial(len(trials), START, None, "they do not go together"))
    options = {"importances": {"dropout": 0.8, "encoder": 0.2}, "stopped": "", "seed": 3, **more}
    return Tuning(SPACE, tuple(trials), **options)


TUNING = tuning_of(1.0, 1.2, 0.9, None, 7.0, refused=True)


def page_of(tuning):
    return tuning_page(tuning, split=SPLIT, circumstances=CIRCUMSTANCES, following="refeed train stars.csv")


def test_trials_are_in_the_order_of_their_errors_and_failed_ones_last():
    table = trial_table(TUNING)
    assert table.columns == ["trial", "validation RMSE", "best epoch", "seconds", "dropout", "encoder", "weight_decay"]
    assert [row[:2] for row in table.rows] == [
        ["2", 0.9], ["0 (start)", 1.0], ["1", 1.2], ["4", 7.0], ["3", "diverged"], ["5", "not possible"],
    ]  # fmt: skip
    assert table.rows[0][2:] == [2, "2", "0.2", "8,4", "0.001"]
    assert table.caption == "All trials, the best first; trial 0 has the settings to start from"


def test_short_table_has_the_start_in_any_case():
    table = trial_table(tuning_of(1.3, 1.0, 0.9, 1.1), most=2)
    assert [row[0] for row in table.rows] == ["2", "0 (start)"]
    assert table.caption == "2 trials of 4, the best first; trial 0 has the settings to start from"


def test_importances_are_shares():
    assert importance_table(TUNING).rows == [["dropout", "80%"], ["encoder", "20%"]]


def facts(page) -> dict:
    (found,) = [block for block in page.sections[0].blocks if isinstance(block, Facts)]
    return dict(found.pairs)


def test_page_says_what_was_found_and_what_to_do_next():
    page = page_of(TUNING)
    assert page.title == "Tuning on stars.csv: autoencoder"
    glance = page.sections[0]
    assert glance.paragraphs[0] == "Trial 2 is the best: its validation RMSE is 0.9000, that of the start 1.0000."
    assert "the test set, which no trial has read" in glance.paragraphs[1]
    shown = facts(page)
    assert (shown["validation RMSE, start"], shown["validation RMSE, best"], shown["difference"]) == (1.0, 0.9, "-0.1000")
    assert (shown["trials"], shown["failed trials"]) == (6, 2)
    assert glance.blocks[1].rows[1] == ["encoder", "8|8,4", "16", "8,4"]
    assert glance.blocks[2] == Code("refeed train stars.csv")


@pytest.mark.parametrize(
    ("tuning", "says"),
    [
        (tuning_of(0.8, 0.9), "No trial was better than the settings to start from."),
        (tuning_of(None, 0.9), f"the settings to start from failed ({FAILED})"),
        (tuning_of(1.0, 0.9, stopped="time"), "The search ended early: the time was over."),
        (tuning_of(1.0, stopped="interrupted"), "The search ended early: interrupted."),
    ],
)
def test_page_says_how_the_search_ended(tuning, says):
    page = page_of(tuning)
    assert says in page.sections[0].text
    render(page)


def test_page_is_whole_and_draws_importances_only_where_they_are_known():
    html = render(page_of(TUNING))
    assert html.count("<svg") == 4
    assert "start, validation" in html and "best (trial 2), training" in html
    assert render(page_of(replace(TUNING, importances={}))).count("<svg") == 3


def test_best_settings_are_read_by_train(tmp_path):
    path = tmp_path / "best.toml"
    path.write_text(best_settings(TUNING))
    assert path.read_text().startswith("# refeed tune: autoencoder, trial 2 of 6, validation RMSE 0.9000, seed 3\n")
    best = TUNING.best.outcome.run
    found = resolve(preset_name="default", config_file=path, settings=[])
    assert found == (best.spec, best.options)


def test_model_without_training_options_has_no_such_section():
    run = Run("trial 0", ALS(factors=7), TrainingOptions(), 0)
    tuning = Tuning({"factors": Between(5, 9)}, (Trial(0, {"factors": 7}, outcome_of(run)),), {}, "", 0)
    assert '[model]\nkind = "als"\nfactors = 7\n' in best_settings(tuning)
    assert "[training]" not in best_settings(tuning)


def test_csv_has_a_row_for_each_trial():
    rows = list(csv.DictReader(trials_csv(TUNING).splitlines()))
    assert [row["trial"] for row in rows] == list("012345")
    assert [row["valid_rmse"] for row in rows] == ["1.0", "1.2", "0.9", "", "7.0", ""]
    assert [row["problem"] for row in rows[3:]] == [FAILED, "", "they do not go together"]
    assert (rows[2]["encoder"], rows[2]["best_epoch"], rows[2]["epochs"]) == ("8,4", "2", "3")
    assert rows[2]["fingerprint"] == TUNING.trials[2].outcome.folder.name
    assert rows[5]["fingerprint"] == ""


def test_files_replace_earlier_ones(tmp_path):
    for tuning in (tuning_of(1.0), TUNING):
        write_tuning(tuning, tmp_path, split=SPLIT, circumstances=CIRCUMSTANCES, following="refeed train stars.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([BEST, PAGE, TRIALS_FILE])
    assert "trial 2 of 6" in (tmp_path / BEST).read_text()


def test_search_that_failed_wholly_says_why_and_leaves_its_trials(tmp_path):
    with pytest.raises(TrainingError, match=f"all 2 trials failed, the first because: {FAILED}\n  Start from other settings"):
        write_tuning(tuning_of(None, None), tmp_path, split=SPLIT, circumstances=CIRCUMSTANCES, following="")
    assert [path.name for path in tmp_path.iterdir()] == [TRIALS_FILE]


def test_search_without_any_trial_asks_for_more_time():
    with pytest.raises(TrainingError, match=r"no trial was done \(the time was over\); give it more time"):
        require_best(tuning_of(stopped="time"))
