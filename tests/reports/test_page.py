"""The self-contained HTML page."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from refeed.errors import DataError, StorageError
from refeed.reports.figures import bar_chart, line_chart
from refeed.reports.page import Code, Facts, Figure, Finding, Findings, Page, Section, Table, cell_text, render, write_page

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Outline(HTMLParser):
    """The tags of a page, whether they nest, and the texts in them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.texts.append(data.strip())


def sample() -> Page:
    table = Table(["model", "RMSE"], [["<b>ALS</b>", 0.89], ["PMF", None]], caption="Errors & more")
    line = line_chart({"a": ([1, 2], [3, 4]), "b": ([1, 2], [4, 3])}, x_label="epoch", y_label="RMSE")
    bars = bar_chart(["x"], [1.0], value_label="seconds")
    blocks = [
        Facts([("users", 610)]),
        table,
        Figure(line.svg(), "Two lines", "they cross"),
        Figure(bars.svg(), "One bar", "it is 1"),
        Code("refeed train  --seed 0 && echo <done>"),
    ]
    return Page("A <title>", "Below it", [Section("First", "One.\n\nTwo\nlines.\n\n", blocks), Section("Second")], "The end")


def test_every_block_is_on_the_page_and_its_text_is_escaped():
    outline = Outline(render(sample()))
    assert outline.open == []
    expected = ["A <title>", "One.", "Two\nlines.", "610", "<b>ALS</b>", "0.8900", "–", "Errors & more", "Two lines"]
    expected += ["refeed train  --seed 0 && echo <done>", "The end"]
    assert [text for text in expected if text not in outline.texts] == []
    assert [tag for tag, _ in outline.tags].count("svg") == 2
    assert "b" not in [tag for tag, _ in outline.tags]


def test_the_page_needs_no_other_file_and_no_script():
    html = render(sample())
    outline = Outline(html)
    assert {"script", "link", "img", "iframe"}.isdisjoint(tag for tag, _ in outline.tags)
    links = [value for _, attributes in outline.tags for name, value in attributes.items() if name in {"href", "src"}]
    assert links
    assert all(link.startswith("#") for link in links)
    assert set(re.findall(r"https?://[^\s\"<]+", html)) == {"http://www.w3.org/2000/svg"}  # a name, never fetched
    assert re.findall(r"url\((?!#)|@import", html) == []


def test_links_inside_the_page_lead_to_ids_that_occur_once():
    outline = Outline(render(sample()))
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    assert {attributes["href"][1:] for _, attributes in outline.tags if "href" in attributes} <= set(ids)


def test_both_themes_phones_and_readers_of_screens_are_served():
    html = render(sample())
    outline = Outline(html)
    assert "prefers-color-scheme: dark" in html
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in outline.tags
    assert [attributes["aria-label"] for _, attributes in outline.tags if attributes.get("role") == "img"] == [
        "they cross",
        "it is 1",
    ]
    scrolling = [attributes for _, attributes in outline.tags if "scroll" in (attributes.get("class") or "")]
    assert [attributes["tabindex"] for attributes in scrolling] == ["0", "0"]


def test_findings_say_their_verdict_in_words_not_in_colour_alone():
    html = render(Page("T", "", [Section("S", "", [Findings([Finding("holds", "a < b"), Finding("does not hold", "c")])])]))
    assert re.findall(r'<li><strong class="([a-z-]+)">(.*?)</strong> <span>(.*?)</span>', html) == [
        ("holds", "holds", "a &lt; b"),
        ("does-not-hold", "does not hold", "c"),
    ]


def test_a_long_page_starts_with_its_contents():
    short, long = (render(Page("T", "", [Section(f"Part {n}") for n in range(length)])) for length in (3, 4))
    assert "<nav" not in short
    assert re.findall(r'<a href="(#section-\d)">(Part \d)</a>', long) == [(f"#section-{n + 1}", f"Part {n}") for n in range(4)]


def test_the_same_page_gives_the_same_text():
    assert render(sample()) == render(sample())


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("0.5", "0.5"),
        (1234567, "1,234,567"),
        (np.int64(1000), "1,000"),
        (0.91234, "0.9123"),
        (np.float32(1), "1.0000"),
        (None, "–"),
    ],
)
def test_cells_read_as_people_expect(cell, text):
    assert cell_text(cell) == text


def test_columns_of_numbers_are_right_and_others_left_unless_said_otherwise():
    rows = [["a", 1, "2 to 3", None], ["b", None, "4 to 5", None]]
    assert Table(["w", "x", "y", "z"], rows).alignments == ["left", "right", "left", "left"]
    assert Table(["w", "x", "y", "z"], rows, align="lrrl").alignments == ["left", "right", "right", "left"]


def test_a_row_of_the_wrong_length_is_named():
    with pytest.raises(DataError, match="table 'errors': row 2 has 1 cells, expected 2"):
        Table(["a", "b"], [[1, 2], [3]], caption="errors")


@pytest.mark.parametrize("align", ["l", "lc"])
def test_an_alignment_that_does_not_fit_is_refused(align):
    with pytest.raises(DataError, match="expected 2 letters l or r"):
        Table(["a", "b"], [], align=align)


def test_a_page_is_written_once_and_overwritten_only_on_request(tmp_path):
    path = tmp_path / "report.html"
    write_page(Page("Old", "", []), path)
    with pytest.raises(StorageError, match=r"report\.html: exists already"):
        write_page(Page("New", "", []), path)
    assert "<h1>Old</h1>" in path.read_text(encoding="utf-8")
    write_page(Page("New", "", []), path, overwrite=True)
    assert "<h1>New</h1>" in path.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [path]
