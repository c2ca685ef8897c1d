"""Messages say what, where and what to do."""

from __future__ import annotations

import pytest

from refeed import errors
from refeed.errors import DataError, RefeedError, SplitError


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ({}, "no ratings"),
        ({"path": "a.csv"}, "a.csv: no ratings"),
        ({"path": "a.csv", "line": 12345, "column": "stars"}, "a.csv, line 12,345, column 'stars': no ratings"),
        ({"column": "stars"}, "column 'stars': no ratings"),
        ({"path": "a.csv", "fix": "Choose another file."}, "a.csv: no ratings\n  Choose another file."),
    ],
)
def test_message_is_made_of_place_problem_and_fix(place, message):
    error = DataError("no ratings", **place)
    assert str(error) == message
    assert (error.problem, error.line, error.column) == ("no ratings", place.get("line"), place.get("column"))


def test_every_kind_of_error_has_an_exit_code_of_its_own_but_splits_are_data():
    kinds = [kind for kind in RefeedError.__subclasses__() if kind.__module__ == errors.__name__]
    codes = [kind.exit_code for kind in kinds]
    assert len(set(codes)) == len(codes) == 5 and min(codes) == 3
    assert RefeedError.exit_code == 1
    assert issubclass(SplitError, DataError) and SplitError("x").exit_code == DataError.exit_code
