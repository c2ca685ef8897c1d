"""The charts, as what they draw and as SVG and PNG."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import matplotlib
import numpy as np
import pytest

from refeed.errors import ConfigError, DataError, StorageError
from refeed.reports import extras
from refeed.reports.colours import LIGHT, SERIES
from refeed.reports.drawing import Drawing
from refeed.reports.figures import bar_chart, histogram_chart, interval_chart, line_chart


def curves(**options) -> Drawing:
    epochs = np.arange(1, 6)
    series = {"training": (epochs, 1 / epochs), "validation": (epochs, 1.1 / epochs)}
    return line_chart(series, x_label="epoch", y_label="RMSE", **options)


def texts(drawing: Drawing) -> list[str]:
    return [element.text or "" for element in ET.fromstring(drawing.svg()).iter("{http://www.w3.org/2000/svg}text")]


def test_lines_show_their_data_in_colours_and_dashes_of_their_own():
    axes = curves().figure.axes[0]
    first, second = axes.lines
    assert first.get_ydata().tolist() == [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5]
    assert (first.get_color(), second.get_color()) == SERIES[:2]
    assert first.get_linestyle() != second.get_linestyle()
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "RMSE")


def test_twelve_series_all_look_different_and_thirteen_are_refused():
    series = {f"s{n}": ([0, 1], [n, n]) for n in range(13)}
    with pytest.raises(DataError, match="1 to 12 series apart, got 13"):
        line_chart(series, x_label="x", y_label="y")
    del series["s12"]
    lines = line_chart(series, x_label="x", y_label="y").figure.axes[0].lines
    assert len({(line.get_color(), str(line._dash_pattern)) for line in lines}) == 12


def test_whole_numbers_get_whole_ticks():
    ticks = line_chart({"a": ([1, 2], [1, 2])}, x_label="x", y_label="y").figure.axes[0].get_xticks()
    assert (ticks == np.round(ticks)).all()
    fractions = line_chart({"a": ([1.0, 2.0], [1, 2])}, x_label="x", y_label="y").figure.axes[0].get_xticks()
    assert (fractions != np.round(fractions)).any()


def test_marks_references_names_and_title_are_written_as_text():
    written = texts(curves(marks={"best": (5, 0.22)}, references={"published": 0.5}, title="Learning"))
    assert [text for text in ("best", "published", "Learning", "training", "validation", "epoch") if text not in written] == []


def test_one_line_needs_no_legend():
    assert line_chart({"only": ([1, 2], [1, 2])}, x_label="x", y_label="y").figure.axes[0].get_legend() is None


@pytest.mark.parametrize(("length", "columns"), [(14, 3), (26, 2), (27, 1)])
def test_long_names_get_fewer_columns_in_the_legend(length, columns):
    drawing = line_chart({"a" * length: ([1], [1]), "b": ([1], [1]), "c": ([1], [1])}, x_label="x", y_label="y")
    assert drawing.figure.axes[0].get_legend()._ncols == columns


def test_bars_start_at_zero_and_say_their_values():
    drawing = bar_chart(["ALS", "PMF"], [1234.5, 8.25], value_label="seconds")
    assert [(bar.get_x(), bar.get_width()) for bar in drawing.figure.axes[0].patches] == [(0, 1234.5), (0, 8.25)]
    assert [text for text in ("ALS", "PMF", "1,234", "8.25", "seconds") if text not in texts(drawing)] == []
    bottom, top = drawing.figure.axes[0].get_ylim()
    assert bottom > top  # the first is at the top


def test_upright_bars_with_intervals_show_whiskers():
    drawing = bar_chart(
        ["a", "b"], [1, 2], value_label="v", intervals=[(0.5, 1.5), (1.5, 3)], horizontal=False, value_format=".1f"
    )
    axes = drawing.figure.axes[0]
    assert [bar.get_height() for bar in axes.patches] == [1, 2]
    assert [segment.tolist() for segment in axes.collections[0].get_segments()] == [[[0, 0.5], [0, 1.5]], [[1, 1.5], [1, 3]]]
    assert [text.xy for text in axes.texts] == [(0, 1.5), (1, 3)]


def test_a_histogram_takes_what_numpy_gives():
    counts, edges = np.histogram([1, 1, 2, 5], bins=[0, 2, 4, 8])
    bars = histogram_chart(counts, edges, x_label="ratings", y_label="users").figure.axes[0].patches
    assert [(bar.get_x(), bar.get_width(), bar.get_height()) for bar in bars] == [(0, 2, 2), (2, 2, 1), (4, 4, 1)]


def test_intervals_are_drawn_from_low_to_high_through_the_estimate():
    drawing = interval_chart(["a", "b"], [2, 4], [1, 3], [3, 6], x_label="RMSE", references={"none": 0})
    axes = drawing.figure.axes[0]
    assert [segment.tolist() for segment in axes.collections[0].get_segments()] == [[[1, 0], [3, 0]], [[3, 1], [6, 1]]]
    assert axes.lines[0].get_xdata().tolist() == [2, 4]
    assert "none" in texts(drawing)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: line_chart({}, x_label="x", y_label="y"), "1 to 12 series"),
        (lambda: line_chart({"a": ([1], [1, 2])}, x_label="x", y_label="y"), "a: expected equally many.*1 x, 2 y"),
        (lambda: bar_chart(["a"], [1, 2], value_label="v"), "1 labels, 2 values"),
        (lambda: bar_chart([], [], value_label="v"), "at least one"),
        (lambda: histogram_chart([1, 2], [0, 1], x_label="x", y_label="y"), "2 counts, 1 widths"),
        (lambda: interval_chart(["a"], [1], [1, 2], [1], x_label="x"), "2 lows"),
    ],
)
def test_data_that_do_not_fit_are_refused(draw, message):
    with pytest.raises(DataError, match=message):
        draw()


def test_svg_follows_the_theme_and_the_width_of_its_place():
    svg = curves(references={"published": 0.5}).svg()
    root = ET.fromstring(svg)
    assert root.attrib["width"] == "100%"
    assert "height" not in root.attrib
    assert re.fullmatch(r"0 0 [\d.]+ [\d.]+", root.attrib["viewBox"])
    assert "currentColor" in svg
    assert set(re.findall(r"#[0-9a-f]{6}\b", re.sub(r"var\(--[a-z0-9-]+, #[0-9a-f]{6}\)", "", svg))) <= {"#000000"}
    assert "DejaVu" not in svg
    assert "<style" not in svg


def test_svg_is_transparent():
    svg = curves().svg()
    assert "fill: #ffffff" not in svg
    assert LIGHT["ground"] not in svg


def test_ids_of_two_charts_do_not_clash_and_links_stay_inside():
    first, second = curves().svg(), curves(title="other").svg()
    ids = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in (first, second)]
    assert ids[0].isdisjoint(ids[1])
    for svg, own in zip((first, second), ids, strict=True):
        assert set(re.findall(r'(?:href="|url\()#([^")]+)', svg)) == own


def test_the_same_chart_gives_the_same_bytes_whatever_the_settings_of_the_person(tmp_path):
    drawing = curves()
    drawing.save_png(tmp_path / "a.png")
    with matplotlib.rc_context({"font.size": 30, "svg.hashsalt": "mine", "axes.facecolor": "red"}):
        again = curves()
        assert again.svg() == drawing.svg()
        again.save_png(tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_drawing_leaves_the_settings_of_the_person_alone():
    before = dict(matplotlib.rcParams)
    curves().svg()
    assert dict(matplotlib.rcParams) == before


def test_a_png_is_not_overwritten_unasked(tmp_path):
    (tmp_path / "a.png").write_bytes(b"old")
    with pytest.raises(StorageError, match="exists already"):
        curves().save_png(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == b"old"


def test_a_missing_extra_says_what_to_install(monkeypatch):
    def absent(name: str) -> None:
        raise ModuleNotFoundError(f"No module named '{name}'")

    monkeypatch.setattr(extras.importlib, "import_module", absent)
    with pytest.raises(
        ConfigError, match=r"reports need the extra: pip install 'refeed\[report\]' \(No module named 'matplotlib"
    ):
        curves()
