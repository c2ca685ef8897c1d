"""The tutorial's commands run one after the other as they stand, on the smallest budget."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from helpers.command_line import done
from refeed.data.synthetic.in_memory import synthetic_ratings

TUTORIAL = Path(__file__).resolve().parent.parent / "docs" / "guide" / "tutorial.md"
QUICKER = {
    "train": ["--preset", "autoencoder", "--set", "epochs=2", "--set", "encoder=8"],
    "bayesian": ["--set", "factors=2", "--set", "samples=3", "--set", "burn_in=1"],
    "als": ["--set", "epochs=2"],
    "reproduce": ["--budget", "tiny", "--seeds", "1"],
}


def commands() -> list[list[str]]:
    """The `refeed …` lines of the tutorial's shell blocks, as arguments."""
    found = re.findall(r"(?s)```sh\n(.*?)```", TUTORIAL.read_text(encoding="utf-8"))
    lines = [line for block in found for line in block.splitlines()]
    assert all(line.startswith("refeed ") for line in lines)
    return [shlex.split(line, comments=True)[1:] for line in lines]


@pytest.fixture
def ratings_csv(tmp_path, monkeypatch) -> Path:
    """The reader's file: user 42 is in it."""
    ratings = synthetic_ratings(120, 60, 2500, seed=1)
    times = 1_500_000_000 + np.random.default_rng(0).permutation(len(ratings))
    columns = (ratings.users.decode(ratings.row_of_rating), ratings.items.decode(ratings.indices), ratings.values, times)
    rows = [f"{user},{item},{value:g},{time}" for user, item, value, time in zip(*columns, strict=True)]
    (tmp_path / "ratings.csv").write_text("\n".join(["user,item,rating,timestamp", *rows]) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "ratings.csv"


def quick(arguments: list[str]) -> list[str]:
    """The command on the smallest budget."""
    command = arguments[0]
    if command == "reproduce":
        at = arguments.index("--budget")
        return [*arguments[:at], *arguments[at + 2 :], *QUICKER[command]]
    if command == "train":
        model = arguments[arguments.index("--model") + 1] if "--model" in arguments else "train"
        return [*arguments, *QUICKER[model]]
    return arguments


def test_tutorial_has_every_step():
    ran = [" ".join(arguments[:2]) for arguments in commands()]
    assert [line.split()[1] for line in ran if line.startswith("reproduce")] == [
        "activations",
        "width",
        "depth",
        "dropout",
        "refeeding",
        "benchmark",
        "all",
    ]
    assert {line.split()[0] for line in ran} == {"check", "train", "evaluate", "recommend", "models", "reproduce"}


@pytest.mark.usefixtures("ratings_csv")
def test_commands_before_the_experiments_run_as_they_stand(tmp_path):
    for arguments in commands():
        if arguments[0] != "reproduce":
            done(*quick(arguments))
    assert (tmp_path / "model.html").is_file() and (tmp_path / "als" / "config.json").is_file()


@pytest.mark.slow
@pytest.mark.usefixtures("ratings_csv")
def test_all_commands_run_as_they_stand(tmp_path):
    for arguments in commands():
        done(*quick(arguments))
    report = (tmp_path / "reproduction" / "report" / "report.html").read_text()
    assert all(title in report for title in ("ReLU6", "feeding", "SVD++"))


def test_pictures_are_there():
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", TUTORIAL.read_text(encoding="utf-8"))
    assert len(pictures) >= 6
    assert [name for name in pictures if not (TUTORIAL.parent / name).is_file()] == []
