"""Runs of the command line in this process, shared by the tests."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np

from refeed.cli.main import main

QUICK = ("--preset", "autoencoder", "--set", "epochs=2", "--set", "encoder=8", "--set", "batch_size=16")
"""Options of `refeed train` for a run of a fraction of a second."""


@dataclass(frozen=True)
class Run:
    """What a run printed, and its exit status."""

    status: int
    out: str
    err: str


def refeed(*arguments: object) -> Run:
    """Run `refeed ARGUMENTS`; a traceback of any kind fails the test."""
    out, err = io.StringIO(), io.StringIO()
    status = 0
    with (
        mock.patch.object(sys, "argv", ["refeed", *map(str, arguments)]),
        mock.patch.dict(os.environ, {"COLUMNS": "200"}),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as exit_:
            status = int(exit_.code or 0)
    assert "Traceback" not in err.getvalue()
    return Run(status, out.getvalue(), err.getvalue())


def done(*arguments: object) -> Run:
    """Run `refeed ARGUMENTS`, which must succeed."""
    run = refeed(*arguments)
    assert run.status == 0, run.err
    return run


def refused(status: int, *arguments: object) -> str:
    """Run `refeed ARGUMENTS`, which must print one error of at most three lines and nothing else; the error."""
    run = refeed(*arguments)
    assert run.status == status, run.err
    assert run.out == ""
    *_, error = run.err.partition("error: ")
    assert 1 <= error.count("\n") <= 3, error
    return error


def write_ratings(path: Path, *, users: int = 40, items: int = 30, each: int = 15, with_fold: bool = False) -> Path:
    """A CSV of `each` ratings by every user, with times at which nobody is new for long; items are numbered from 101."""
    rng = np.random.default_rng(7)
    user_bias, item_bias = rng.normal(0, 0.5, users), rng.normal(0, 0.6, items)
    lines = []
    moments = 1_600_000_000 + 3600 * rng.permutation(users * each)
    for user in range(users):
        for item in rng.choice(items, each, replace=False):
            stars = np.clip(round(3.2 + user_bias[user] + item_bias[item] + rng.normal(0, 0.6)), 1, 5)
            moment = moments[len(lines)]
            fold = ",test" if moment % 7 == 0 else ",train"
            lines.append(f"{user + 1},{item + 101},{stars:.0f},{moment}{fold if with_fold else ''}")
    path.write_text("\n".join([f"user,item,rating,time{',fold' if with_fold else ''}", *lines]) + "\n")
    return path


def squeezed(text: str) -> str:
    """The text with every run of spaces and line breaks as one space."""
    return " ".join(text.split())
