"""A chart of a report with its caption: a figure on the page, and image files of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from refeed.reports.drawing import Drawing
from refeed.reports.page import Figure, Section


@dataclass(frozen=True)
class Illustration:
    """A chart with its caption.

    Attributes:
        name: of its image files, without their ending.
        drawing: the chart.
        caption: what it shows.
        alt: its finding in words, for readers who cannot see it.
    """

    name: str
    drawing: Drawing
    caption: str
    alt: str

    def block(self) -> Figure:
        """The figure on a page."""
        return Figure(self.drawing.svg(), self.caption, self.alt)

    def save(self, folder: Path) -> None:
        """Write it as NAME.png and NAME.svg.

        Raises:
            StorageError: a file exists already, or cannot be written.
        """
        self.drawing.save_png(folder / f"{self.name}.png")
        self.drawing.save_svg(folder / f"{self.name}.svg")


@dataclass(frozen=True)
class IllustratedSection:
    """A section of a report, and the illustrations in it."""

    section: Section
    illustrations: Sequence[Illustration]
