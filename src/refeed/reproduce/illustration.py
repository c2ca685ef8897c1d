"""A figure of a report, which also becomes a file of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from refeed.reports.drawing import Drawing
from refeed.reports.page import Figure, Section


@dataclass(frozen=True)
class Illustration:
    """A drawing with its words.

    Attributes:
        name: of its files.
        drawing: the chart.
        caption: what it shows.
        alt: its finding in words, for people who cannot see it.
    """

    name: str
    drawing: Drawing
    caption: str
    alt: str

    def block(self) -> Figure:
        """The figure on a page."""
        return Figure(self.drawing.svg(), self.caption, self.alt)


@dataclass(frozen=True)
class Part:
    """A section of a report and the figures in it."""

    section: Section
    illustrations: Sequence[Illustration]
