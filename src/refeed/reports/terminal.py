"""The tables and facts of a report in a terminal, or as plain aligned text where the output is no terminal."""

from __future__ import annotations

from typing import Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from refeed.reports.page import Facts, Table


def print_table(console: Console, table: Table) -> None:
    """Print the table; numbers are on the right, and a pipe or file gets whole lines without frames or colours."""
    if console.is_terminal:
        console.print(_framed(table))
    else:
        _print_plain(console, [list(table.columns), *table.texts], table.alignments, caption=table.caption)


def print_facts(console: Console, facts: Facts) -> None:
    """Print each label and its value on a line."""
    if not console.is_terminal:
        _print_plain(console, [list(pair) for pair in facts.texts], ["left", "right"])
        return
    grid = RichTable.grid(padding=(0, 2))
    grid.add_column()
    grid.add_column(justify="right")
    for label, value in facts.texts:
        grid.add_row(Text(label, style="dim"), Text(value, style="bold"))
    console.print(grid)


def _framed(table: Table) -> RichTable:
    caption = Text(table.caption) if table.caption else None
    framed = RichTable(title=caption, title_justify="left", title_style="dim", box=box.SIMPLE_HEAD, pad_edge=False)
    for name, side in zip(table.columns, table.alignments, strict=True):
        framed.add_column(Text(name), justify=side)
    for row in table.texts:
        framed.add_row(*map(Text, row))
    return framed


def _print_plain(console: Console, rows: list[list[str]], sides: list[Literal["left", "right"]], *, caption: str = "") -> None:
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(_padded(*cell) for cell in zip(row, widths, sides, strict=True)).rstrip() for row in rows]
    for line in [caption, *lines] if caption else lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _padded(text: str, width: int, side: Literal["left", "right"]) -> str:
    space = " " * (width - cell_len(text))
    return text + space if side == "left" else space + text
