"""A finished chart as SVG for a page of either theme, or as PNG for a paper."""

from __future__ import annotations

import io
import re
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from refeed.reports.colours import LIGHT
from refeed.reports.extras import import_extra
from refeed.storage import atomic_file

STYLE: dict[str, Any] = {
    "font.size": 10.5,
    "figure.titlesize": 11.5,
    "figure.titleweight": "bold",
    "legend.fontsize": 10,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "text.color": LIGHT["ink"],
    "axes.labelcolor": LIGHT["quiet"],
    "axes.labelpad": 7,
    "xaxis.labellocation": "right",
    "axes.edgecolor": LIGHT["quiet"],
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.facecolor": "none",
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "axes.grid": True,
    "grid.color": LIGHT["rule"],
    "grid.linewidth": 0.8,
    "xtick.color": LIGHT["quiet"],
    "xtick.labelcolor": LIGHT["ink"],
    "ytick.color": LIGHT["quiet"],
    "ytick.labelcolor": LIGHT["ink"],
    "ytick.major.size": 0,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "figure.constrained_layout.use": True,
    "lines.linewidth": 2.0,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",
    "svg.hashsalt": "refeed",
}
"""Settings of matplotlib on top of its defaults; colours are those of the light theme."""

_THEMED = {colour: f"var(--{name}, {colour})" for name, colour in LIGHT.items()} | {LIGHT["ink"]: "currentColor"}
_LINK = "{http://www.w3.org/1999/xlink}href"


@dataclass(frozen=True)
class Drawing:
    """A chart drawn by `figures`.

    Attributes:
        figure: the matplotlib figure.
    """

    figure: Any

    @classmethod
    def of(cls, figure: Any) -> Drawing:
        """The drawing of a figure whose parts are all there: they are laid out now, and stay where they are.

        Without this, matplotlib would move them a little each time it draws, and the order of `svg` and `save_png` would show.
        """
        figure.get_layout_engine().execute(figure)
        figure.set_layout_engine("none")
        return cls(figure)

    def svg(self) -> str:
        """The chart as one <svg> element to put into a page; the same chart gives the same text.

        It takes the width of its place, the page's font and the page's colours (`currentColor`, and the custom
        properties --series-1, --rule, …), and its ids do not clash with those of another chart.
        """
        buffer = io.StringIO()
        with drawing_style():
            self.figure.savefig(buffer, format="svg", metadata=dict.fromkeys(["Date", "Creator", "Format", "Type"]))
        return _for_page(buffer.getvalue())

    def save_svg(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the chart as an SVG file of its own on white, in one step; the same chart gives the same bytes.

        Raises:
            StorageError: the file exists and `overwrite` is false, or it cannot be written.
        """
        with drawing_style(), atomic_file(path, overwrite=overwrite) as written:
            self.figure.savefig(written, format="svg", facecolor="white", metadata=dict.fromkeys(["Date", "Creator"]))

    def save_png(self, path: str | Path, *, dots_per_inch: int = 200, overwrite: bool = False) -> None:
        """Write the chart as PNG on white, in one step; the same chart gives the same bytes.

        Raises:
            StorageError: the file exists and `overwrite` is false, or it cannot be written.
        """
        with drawing_style(), atomic_file(path, overwrite=overwrite) as written:
            self.figure.savefig(written, format="png", dpi=dots_per_inch, facecolor="white", metadata={"Software": None})


def drawing_style() -> AbstractContextManager[None]:
    """A context in which matplotlib draws in the style of the reports, whatever the user's own settings of matplotlib.

    Raises:
        ConfigError: the `report` extra is not installed.
    """
    context: AbstractContextManager[None] = import_extra("matplotlib.style").context(STYLE, after_reset=True)
    return context


def _for_page(document: str) -> str:
    """A stand-alone SVG document of matplotlib as an element of an HTML page."""
    prefix = "d" + blake2b(document.encode(), digest_size=4).hexdigest()
    root = ET.fromstring(document)
    linked = set(re.findall(r"(?:url\(|xlink:href=\")#([^)\"]+)", document))
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = _for_page_attributes(element.attrib, linked, prefix)
        element.tail = None
    for definitions in root.findall("defs"):
        for rule in definitions.findall("style"):
            definitions.remove(rule)  # it would apply to the whole page; the root's style below replaces it
    view_box = root.attrib["viewBox"]
    root.attrib = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": view_box,
        "width": "100%",
        "style": "stroke-linejoin: round; stroke-linecap: butt",
    }
    return ET.tostring(root, encoding="unicode")


def _for_page_attributes(attributes: dict[str, str], linked: set[str], prefix: str) -> dict[str, str]:
    """The attributes with themed colours, inherited font and ids of this chart alone; ids that nothing links to go."""
    result = {}
    for name, value in attributes.items():
        if name == "id":
            if value in linked:
                result["id"] = f"{prefix}-{value}"
        elif name == _LINK:
            result["href"] = f"#{prefix}-{value[1:]}"
        elif name == "style":
            inherited = re.sub(r"font-family: [^;]*", "font-family: inherit", value)
            result["style"] = re.sub(r"#[0-9a-f]{6}", lambda match: _THEMED.get(match[0], match[0]), inherited)
        else:
            result[name] = re.sub(r"url\(#", f"url(#{prefix}-", value)
    return result
