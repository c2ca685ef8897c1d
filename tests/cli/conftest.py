"""A small world of ratings and a model trained on it, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.command_line import QUICK, done, write_ratings


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> Path:
    """A folder with ratings.csv (40 users, 30 items, 600 ratings), movies.csv, and a model of two epochs; only read it."""
    folder = tmp_path_factory.mktemp("world")
    write_ratings(folder / "ratings.csv")
    titles = [f'{item},"Film {item}, The"' for item in range(101, 131)]
    (folder / "movies.csv").write_text("\n".join(["movieId,title", *titles]) + "\n")
    done("train", folder / "ratings.csv", "-o", folder / "model", *QUICK)
    return folder


@pytest.fixture(scope="session")
def ratings_csv(world) -> Path:
    """The ratings of the world."""
    return world / "ratings.csv"


@pytest.fixture(scope="session")
def model(world) -> Path:
    """The model folder of the world."""
    return world / "model"
