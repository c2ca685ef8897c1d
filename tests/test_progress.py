"""The display of long work: on a terminal, in a log, and in a notebook."""

from __future__ import annotations

import io
import sys
from types import ModuleType

import pytest
from rich.console import Console

from helpers.small_worlds import Recorder
from refeed.progress import (
    Advanced,
    ConsoleProgress,
    Finished,
    Message,
    Started,
    Stopped,
    _duration,
    callback_of,
    silent,
    tracked,
)


class Clock:
    """Seconds that pass only where a test lets them."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Shown:
    """A display whose clock and text a test can see."""

    def __init__(self, *, terminal: bool = False, **options) -> None:
        self.file, self.clock = io.StringIO(), Clock()
        console = Console(file=self.file, force_terminal=terminal, force_jupyter=False, width=120)
        self.callback = ConsoleProgress(console, clock=self.clock, **options)

    def after(self, seconds: float, event) -> None:
        self.clock.now += seconds
        self.callback(event)

    @property
    def lines(self) -> list[str]:
        return self.file.getvalue().splitlines()


def test_log_has_a_line_every_few_seconds_with_what_is_left():
    shown = Shown()
    shown.after(0, Started(task="generating", total=2_000, unit="ratings"))
    for seconds, completed in ((2, 100), (4, 500), (1, 1_000), (13, 2_000)):
        shown.after(seconds, Finished(completed=completed))
    shown.after(0, Stopped())
    assert shown.lines == [
        "generating: 500 of 2,000 ratings  25%  83 ratings/s  about 18 s left",
        "generating: 2,000 of 2,000 ratings  100%  100 ratings/s  about 0 s left",
    ]


def test_log_waits_longer_within_a_part_of_the_work_and_never_for_what_is_notable():
    shown = Shown(line_every=2.0)
    shown.after(0, Started(task="training", total=4))
    shown.after(1, Finished(completed=1, status="epoch 1", is_notable=True))
    shown.after(7.9, Advanced(completed=1.5, status="epoch 2, too early"))
    shown.after(0.1, Advanced(completed=1.6, status="epoch 2"))
    shown.after(1.9, Finished(completed=2, status="epoch 2, too early"))
    shown.after(2.0, Finished(completed=3, status="epoch 3"))
    assert [line.partition("  ")[0] for line in shown.lines] == ["epoch 1", "epoch 2", "epoch 3"]


def test_time_left_is_by_the_speed_since_the_start_or_as_given():
    shown = Shown(line_every=0.0)
    shown.after(0, Started(task="training", total=10, completed=4))
    shown.after(0, Finished(completed=4, status="resumed"))
    shown.after(6, Finished(completed=6, status="epoch 6"))
    shown.after(1, Finished(completed=7, status="epoch 7", seconds_left=7200.0))
    assert shown.lines == ["resumed  40%", "epoch 6  60%  about 12 s left", "epoch 7  70%  about 2.0 h left"]


@pytest.mark.parametrize(("seconds", "text"), [(3.2, "3 s"), (89, "89 s"), (200, "3 min"), (9000, "2.5 h")])
def test_durations_are_rounded_as_people_say_them(seconds, text):
    assert _duration(seconds) == text


def test_terminal_has_a_bar_that_goes_and_messages_that_stay():
    shown = Shown(terminal=True)
    shown.after(0, Started(task="training", total=4))
    shown.after(3, Advanced(completed=1.0, status="epoch 1/4  best [valid] 0.8500"))
    shown.after(0, Message(text="member 2 of [3]"))
    shown.after(0, Started(task="generating", total=2_000, unit="ratings"))  # the work before is over
    shown.after(2, Finished(completed=500))
    shown.after(0, Stopped())
    text = shown.file.getvalue()
    for part in ("best [valid] 0.8500", " 25%", "about 9 s left", "member 2 of [3]", "250 ratings/s", "about 6 s left"):
        assert part in text
    assert text.rstrip().endswith("\x1b[2K")  # the line of the bar is wiped


def test_events_outside_of_work_are_let_be():
    shown = Shown(line_every=0.0)
    shown.after(0, Finished(completed=1))
    shown.after(0, Stopped())
    shown.after(0, Message(text="note: [x]"))
    assert shown.lines == ["note: [x]"]


class Cell:
    """Stands in for IPython.display: keeps what a cell shows, and how often it was updated."""

    def __init__(self) -> None:
        self.outputs: list[str] = []
        self.updates = 0

    def display(self, data, *, raw, display_id):
        assert raw and display_id
        self.outputs.append(data["text/plain"])
        return Handle(self, len(self.outputs) - 1)


class Handle:
    def __init__(self, cell: Cell, place: int) -> None:
        self.cell, self.place = cell, place

    def update(self, data, *, raw):
        self.cell.outputs[self.place] = data["text/plain"]
        self.cell.updates += 1


def test_notebook_has_one_line_that_is_updated_twice_a_second(monkeypatch):
    cell, clock, module = Cell(), Clock(), ModuleType("IPython.display")
    module.display = cell.display
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    text = io.StringIO()
    show = ConsoleProgress(Console(file=text, force_jupyter=True), clock=clock)
    with tracked(show, "predicting", total=1_000, unit="users") as advance:
        assert cell.outputs == ["predicting"]
        for _ in range(1_000):
            clock.now += 0.01
            advance(1)
    assert cell.outputs == ["predicting: 1,000 of 1,000 users  100%  100 users/s  about 0 s left"]
    assert 15 <= cell.updates <= 25
    assert text.getvalue() == ""


def test_tracked_work_is_reported_to_its_end_whatever_comes():
    recorder = Recorder()
    with pytest.raises(KeyboardInterrupt), tracked(recorder, "counting", total=9, unit="users") as advance:
        advance(4)
        advance(2)
        raise KeyboardInterrupt
    assert recorder.events == [
        Started(task="counting", total=9, unit="users"), Finished(completed=4), Finished(completed=6), Stopped(),
    ]  # fmt: skip


def test_progress_of_a_public_function_is_a_display_nothing_or_a_callback(capsys):
    callback_of(False)(Message(text="unseen"))
    callback_of(True)(Message(text="seen"))
    assert capsys.readouterr() == ("", "seen\n")
    assert callback_of(silent) is silent
