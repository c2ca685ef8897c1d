"""The time that many runs still take."""

from __future__ import annotations

from dataclasses import replace

import pytest

from refeed.models import AutoEncoder
from refeed.optim.options import TrainingOptions
from refeed.runs.remaining_time import RemainingTime
from refeed.runs.run import Run

WIDE = Run("wide/0", AutoEncoder(encoder=(64,)), TrainingOptions(epochs=10), 0)
WIDE_AGAIN, NARROW = replace(WIDE, name="wide/1", seed=1), replace(WIDE, name="narrow", spec=AutoEncoder(encoder=(8,)))
RUNS = [WIDE, NARROW, WIDE_AGAIN]


def test_nothing_is_known_before_the_first_epoch():
    remaining = RemainingTime(RUNS, workers=2)
    remaining.advance(WIDE, epoch=0, epochs=10, seconds=None)
    assert (remaining.seconds, remaining.share_done) == (None, 0.0)


def test_time_left_is_from_a_runs_own_epochs_its_other_seeds_or_the_mean_of_all():
    remaining = RemainingTime(RUNS, workers=1)
    remaining.advance(WIDE, epoch=1, epochs=10, seconds=4.0)
    assert remaining.seconds == 9 * 4 + 10 * 4 + 10 * 4
    remaining.advance(NARROW, epoch=1, epochs=10, seconds=1.0)
    assert remaining.seconds == 9 * 4 + 9 * 1 + 10 * 4  # the other seed of the wide one takes what the wide one takes
    assert remaining.share_done == pytest.approx(5 / (5 + 85))
    remaining.finish(WIDE)  # it stopped early
    assert remaining.seconds == 9 * 1 + 10 * 4
    remaining.finish(NARROW)
    remaining.finish(WIDE_AGAIN)
    assert (remaining.seconds, remaining.share_done) == (0.0, 1.0)


def test_workers_share_the_work_but_not_a_single_run():
    remaining = RemainingTime([WIDE, NARROW], workers=2)
    remaining.advance(WIDE, epoch=1, epochs=10, seconds=4.0)
    remaining.advance(NARROW, epoch=1, epochs=10, seconds=1.0)
    assert remaining.seconds == 9 * 4


def test_run_that_is_resumed_has_less_left():
    remaining = RemainingTime([WIDE], workers=1)
    remaining.advance(WIDE, epoch=6, epochs=10, seconds=None)
    remaining.advance(WIDE, epoch=7, epochs=10, seconds=2.0)
    assert remaining.seconds == 6.0
