"""Tables and facts in a terminal and in a pipe."""

from __future__ import annotations

import io

from rich.console import Console

from refeed.reports.page import Facts, Table
from refeed.reports.terminal import print_facts, print_table

TABLE = Table(["model", "RMSE", "users"], [["ALS [1]", 0.89, 1234], ["模型", None, 5]], caption="Errors")


def printed(what: Table | Facts, *, terminal: bool, width: int = 60) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=width, color_system=None)
    (print_table if isinstance(what, Table) else print_facts)(console, what)
    return console.file.getvalue()


def test_a_pipe_gets_lined_up_text_without_frames():
    expected = "Errors\nmodel      RMSE  users\nALS [1]  0.8900  1,234\n模型          –      5\n"
    assert printed(TABLE, terminal=False) == expected


def test_a_pipe_gets_whole_lines_however_narrow():
    assert printed(TABLE, terminal=False, width=8) == printed(TABLE, terminal=False)


def test_a_table_without_a_caption_starts_with_its_columns():
    assert printed(Table(["a"], [[1]]), terminal=False) == "a\n1\n"


def test_a_terminal_gets_a_rule_below_the_columns_and_numbers_on_the_right():
    lines = [line.rstrip() for line in printed(TABLE, terminal=True).splitlines()]
    assert lines[0] == "Errors"
    rule = next(line for line in lines if set(line.strip()) == {"─"})
    als, other = lines[lines.index(rule) + 1 :][:2]
    assert als.split() == ["ALS", "[1]", "0.8900", "1,234"]
    assert als.endswith("1,234")
    assert other.endswith("    5")


def test_facts_are_labels_and_values():
    facts = Facts([("users", 610), ("RMSE", 0.87)])
    assert printed(facts, terminal=False) == "users     610\nRMSE   0.8700\n"
    assert [line.split() for line in printed(facts, terminal=True).splitlines()] == [["users", "610"], ["RMSE", "0.8700"]]
