"""The programs of examples/ run, and print what they promise."""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from refeed.data.synthetic.in_memory import synthetic_ratings
from refeed.models import MODELS
from refeed.models.registry import KINDS

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
PROGRAMS = sorted(path.name for path in EXAMPLES.glob("0*.py"))


@pytest.fixture(scope="module")
def ratings_csv(tmp_path_factory) -> Path:
    ratings = synthetic_ratings(120, 60, 2500, seed=1)
    columns = ratings.users.decode(ratings.row_of_rating), ratings.items.decode(ratings.indices), ratings.values
    times = 1_500_000_000 + np.random.default_rng(0).permutation(len(ratings))
    rows = [f"{user},{item},{value:g},{time}" for user, item, value, time in zip(*columns, times, strict=True)]
    path = tmp_path_factory.mktemp("ratings") / "ratings.csv"
    path.write_text("\n".join(["user,item,rating,timestamp", *rows]) + "\n")
    return path


@pytest.fixture
def run(monkeypatch, ratings_csv):
    """Run a program on a small file of ratings; what it prints. A kind of model that it registers goes again."""
    before = [(table, dict(table)) for table in (KINDS, MODELS)]
    monkeypatch.syspath_prepend(EXAMPLES)

    def run_program(name: str) -> str:
        monkeypatch.setattr(sys, "argv", [name, str(ratings_csv)])
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(io.StringIO()):
            runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return output.getvalue()

    yield run_program
    for table, kinds in before:
        table.clear()
        table.update(kinds)
    sys.modules.pop("ratings_at_hand", None)


def test_index_lists_every_program():
    index = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert len(PROGRAMS) == 5
    assert re.findall(r"(?m)^\| \[[^]]+\]\(([^)]+)\)", index) == PROGRAMS


def test_train_prints_the_error_of_the_network_and_of_the_baseline(run):
    errors = re.findall(r"RMSE (\d\.\d+) \(95% interval (\d\.\d+) to (\d\.\d+)\), NDCG@10 0\.\d+", run("01_train.py"))
    assert len(errors) == 2
    assert all(float(low) < float(rmse) < float(high) for rmse, low, high in errors)


def test_new_user_gets_five_items_and_an_interval(run):
    *ranked, interval = run("02_new_user.py").splitlines()
    assert [line.split(".")[0] for line in ranked] == ["1", "2", "3", "4", "5"]
    predicted, low, high = map(float, re.search(r": ([\d.]+), .* between ([\d.]+) and ([\d.]+)$", interval).groups())
    assert 1 <= low < predicted < high <= 5


def test_own_model_is_evaluated_and_recommends(run):
    evaluation, recommended = run("03_your_own_model.py").splitlines()
    assert 0.5 < float(re.search(r"RMSE (\d\.\d+)", evaluation)[1]) < 1.5
    assert recommended.count("rank=") == 3


def test_comparison_is_ordered_by_error(run):
    rows = re.findall(r"(?m)^([\w+ ]+?) +(\d\.\d{4}) ", run("04_compare_models.py"))
    errors = [float(error) for _, error in rows]
    assert len(rows) == 4 and errors == sorted(errors)


def test_everyone_gets_ten_items(run):
    counts, first = run("05_recommend_everyone.py").splitlines()
    recommendations, users = (
        int(number.replace(",", "")) for number in re.findall(r"([\d,]+) (?:recommendations|users)", counts)
    )
    assert users == 120 and 9 * users <= recommendations <= 10 * users
    assert "'rank': 1" in first


def test_without_ratings_they_are_synthetic(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["example.py"])
    monkeypatch.setenv("REFEED_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    ratings = runpy.run_path(str(EXAMPLES / "ratings_at_hand.py"))["ratings_at_hand"]()
    assert len(ratings) == 30_000 and ratings.num_users == 600
