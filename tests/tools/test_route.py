"""The route of a rating from a small file to `Ratings`: short, and the file is opened once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from route import CSV, OpenCounter, calls_of, trace


@pytest.fixture
def source(tmp_path):
    """A CSV file of a header and three rows."""
    (tmp_path / "ratings.csv").write_text(CSV)
    return tmp_path / "ratings.csv"


def test_a_csv_file_becomes_ratings_in_fewer_than_40_functions(source):
    route = trace(source)
    assert next(iter(route.calls)) == (str(Path("readers", "reading.py")), "read_ratings")
    assert (str(Path("data", "ratings.py")), "Ratings.from_indices") in route.calls
    assert len(route.calls) < 40
    assert f"{len(route.calls)} functions in {len(route.files)} files" in str(route)


@pytest.mark.skipif(sys.platform != "linux", reason="opens are counted by inotify")
def test_a_file_is_opened_once(source):
    assert trace(source).opens == 1


@pytest.mark.skipif(sys.platform != "linux", reason="opens are counted by inotify")
def test_opens_of_a_file_and_of_those_in_a_folder_are_counted(source):
    counters = OpenCounter(source), OpenCounter(source.parent)
    for _ in range(3):
        source.read_text()
        for counter in counters:
            counter.update()
    (source.parent / "other").touch()
    assert [counter.close() for counter in counters] == [3, 4]


def test_a_generator_is_entered_once_and_a_comprehension_not_at_all(tmp_path):
    (tmp_path / "example.py").write_text(
        "def numbers():\n    yield 1\n    yield 2\n\ndef twice():\n    return [2 * n for n in numbers()] + list(numbers())\n"
    )
    names: dict = {}
    exec(compile((tmp_path / "example.py").read_text(), tmp_path / "example.py", "exec"), names)
    calls = calls_of(names["twice"], tmp_path)
    assert calls == {("example.py", "twice"): 1, ("example.py", "numbers"): 2}
