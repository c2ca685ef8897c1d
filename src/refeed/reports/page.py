"""A report as plain data, and the one self-contained HTML page it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from numbers import Integral, Real
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias

from refeed.errors import DataError
from refeed.reports.colours import DARK, LIGHT
from refeed.reports.extras import import_extra
from refeed.storage import atomic_file

Cell: TypeAlias = str | int | float | None
Verdict = Literal["holds", "does not hold", "open", "note"]


@dataclass(frozen=True)
class Table:
    """Rows under column names.

    Attributes:
        columns: names of the C columns.
        rows: rows of C cells, shown by `cell_text`.
        caption: one line on what the table shows.
        align: one letter per column, "l" left or "r" right; None aligns columns of numbers right, others left.
    """

    kind: ClassVar[str] = "table"
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""
    align: str | None = None

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows, 1):
            if len(row) != len(self.columns):
                raise DataError(f"table '{self.caption}': row {number} has {len(row)} cells, expected {len(self.columns)}")
        if self.align is not None and (len(self.align) != len(self.columns) or set(self.align) - {"l", "r"}):
            raise DataError(f"table '{self.caption}': align is '{self.align}', expected {len(self.columns)} letters l or r")

    @property
    def alignments(self) -> list[Literal["left", "right"]]:
        """The alignment of each column."""
        if self.align is not None:
            return ["left" if letter == "l" else "right" for letter in self.align]
        return ["right" if self._holds_numbers(column) else "left" for column in range(len(self.columns))]

    @property
    def texts(self) -> list[list[str]]:
        """The cells as texts."""
        return [[cell_text(cell) for cell in row] for row in self.rows]

    def _holds_numbers(self, column: int) -> bool:
        cells = [row[column] for row in self.rows if row[column] is not None]
        return bool(cells) and all(isinstance(cell, Real) for cell in cells)


@dataclass(frozen=True)
class Figure:
    """A drawing.

    Attributes:
        svg: the drawing as one <svg> element, put into the page as it is (see `figures.Drawing.svg`).
        caption: one line below it that says what it shows.
        alt: the same finding in words, for readers who cannot see it.
    """

    kind: ClassVar[str] = "figure"
    svg: str
    caption: str
    alt: str


@dataclass(frozen=True)
class Facts:
    """Headline numbers, each a label and its value."""

    kind: ClassVar[str] = "facts"
    pairs: Sequence[tuple[str, Cell]]

    @property
    def texts(self) -> list[tuple[str, str]]:
        """Labels and values as texts."""
        return [(label, cell_text(value)) for label, value in self.pairs]


@dataclass(frozen=True)
class Code:
    """Text that keeps its spaces and lines: a command or settings."""

    kind: ClassVar[str] = "code"
    text: str


@dataclass(frozen=True)
class Finding:
    """What results say about a claim.

    Attributes:
        verdict: "holds" or "does not hold"; "open" where the results are inconclusive; "note" where there is no claim.
        text: sentences with the numbers.
    """

    verdict: Verdict
    text: str


@dataclass(frozen=True)
class Findings:
    """A list of findings."""

    kind: ClassVar[str] = "findings"
    findings: Sequence[Finding]


Block: TypeAlias = Table | Figure | Facts | Code | Findings


@dataclass(frozen=True)
class Section:
    """A heading, plain text whose paragraphs are separated by empty lines, and blocks."""

    title: str
    text: str = ""
    blocks: Sequence[Block] = ()

    @property
    def paragraphs(self) -> list[str]:
        """The paragraphs of the text."""
        return [paragraph.strip() for paragraph in self.text.split("\n\n") if paragraph.strip()]


@dataclass(frozen=True)
class Page:
    """A whole report."""

    title: str
    subtitle: str
    sections: Sequence[Section]
    footer: str = ""


def cell_text(cell: Cell) -> str:
    """A cell as text: whole numbers with thousands commas, others with four decimals, None as a dash."""
    if cell is None:
        return "–"
    if isinstance(cell, Integral):
        return f"{int(cell):,}"
    return f"{float(cell):,.4f}" if isinstance(cell, Real) else str(cell)


def render(page: Page) -> str:
    """The page as HTML that needs no other file, network or script, readable in a light and a dark theme.

    Raises:
        ConfigError: the `report` extra is not installed.
    """
    jinja2 = import_extra("jinja2")
    template = resources.files("refeed.reports").joinpath("page.html.jinja").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return str(environment.from_string(template).render(page=page, light=LIGHT, dark=DARK))


def write_page(page: Page, path: str | Path, *, overwrite: bool = False) -> None:
    """Render the page and write it in one step.

    Raises:
        ConfigError: the `report` extra is not installed.
        StorageError: the file exists and `overwrite` is false, or it cannot be written.
    """
    rendered = render(page).encode()
    with atomic_file(path, overwrite=overwrite) as written:
        written.write_bytes(rendered)
