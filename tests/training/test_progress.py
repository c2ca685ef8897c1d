"""What people see of a run."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from refeed.training import progress
from refeed.training.progress import ConsoleWatcher, EpochRecord, SilentWatcher


def record(epoch, valid=0.85, train=0.9):
    return EpochRecord(epoch, train, None, valid, 0.01, 2.0, 1234.5)


def watch(*, terminal, records, epochs=3, first=0):
    text = io.StringIO()
    watcher = ConsoleWatcher(Console(file=text, force_terminal=terminal, width=110))
    watcher.start(epoch=first, epochs=epochs, steps=2)
    for one, is_best in records:
        watcher.step(epoch=one.epoch - 1, step=1, train_rmse=one.train_rmse)
        watcher.epoch(one, is_best=is_best)
    watcher.step(epoch=epochs - 1, step=2, train_rmse=0.5)
    watcher.stop()
    return text.getvalue()


def test_without_a_terminal_the_first_and_the_last_epoch_have_a_line():
    shown = watch(terminal=False, records=[(record(1), True), (record(2, 0.87), False), (record(3, 0.8, 0.7), True)])
    lines = shown.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("epoch 1/3  train 0.9000  valid 0.8500 (best 0.8500)  1,234 ratings/s  about ")
    assert lines[1].startswith("epoch 3/3  train 0.7000  valid 0.8000 (best 0.8000)")
    assert lines[1].endswith("about 0 s left")


def test_lines_come_again_after_some_seconds(monkeypatch):
    monkeypatch.setattr(progress, "PLAIN_LINE_EVERY", 0.0)
    assert len(watch(terminal=False, records=[(record(1), True), (record(2), False), (record(3), False)]).splitlines()) == 3


def test_a_long_epoch_has_lines_of_its_own(monkeypatch):
    monkeypatch.setattr(progress, "PLAIN_LINE_WITHIN_EPOCH", 0.0)
    shown = watch(terminal=False, records=[(record(1), True)], epochs=1).splitlines()
    assert shown[0].startswith("epoch 1/1  train 0.9000  best valid -  50% of the epoch, about ")
    assert len(shown) == 2


def test_resumed_run_shows_its_first_epoch_and_a_run_without_validation_no_validation():
    shown = watch(terminal=False, records=[(record(3, None), True)], epochs=9, first=2)
    assert shown.startswith("epoch 3/9  train 0.9000  1,234 ratings/s")


def test_terminal_shows_a_bar_with_the_numbers(monkeypatch):
    shown = watch(terminal=True, records=[(record(1), True), (record(2, 0.87), False)])
    assert "epoch 3/3  train 0.5000  best valid 0.8500" in shown
    assert "100%" in shown and "left" in shown


def test_record_becomes_plain_values():
    assert record(2).to_dict() == {
        "epoch": 2, "train_rmse": 0.9, "refeed_loss": None, "valid_rmse": 0.85, "learning_rate": 0.01, "seconds": 2.0,
        "ratings_per_second": 1234.5,
    }  # fmt: skip


def test_silent_watcher_says_nothing(capsys: pytest.CaptureFixture):
    silent = SilentWatcher()
    silent.start(epoch=0, epochs=1, steps=1)
    silent.step(epoch=0, step=1, train_rmse=1.0)
    silent.epoch(record(1), is_best=True)
    silent.stop()
    assert capsys.readouterr() == ("", "")
