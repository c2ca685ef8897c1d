"""The charts, as what they draw and as SVG and PNG."""

from __future__ import annotations

import re
import sys
from xml.etree import ElementTree as ET

import matplotlib
import numpy as np
import pytest

from refeed.errors import ConfigError, DataError, StorageError
from refeed.reports.colours import LIGHT, SERIES
from refeed.reports.drawing import Drawing
from refeed.reports.figures import bar_chart, interval_chart, line_chart, side_by_side_chart


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
    with pytest.raises(DataError, match="1 to 12 series, got 13"):
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


def test_a_band_lies_around_its_series_in_its_colour():
    band = curves(bands={"validation": ([0, 0, 0, 0, 0], [2, 2, 2, 2, 2])}).figure.axes[0].collections[0]
    low, high = band.get_paths()[0].get_extents().intervaly
    assert (low, high) == (0, 2)
    assert matplotlib.colors.same_color(band.get_facecolor()[0][:3], SERIES[1])


def test_a_variant_has_the_colour_of_its_base_and_a_dash_of_its_own():
    series = {name: ([0, 1], [0, 1]) for name in ("a", "b", "a'", "a''", "b'")}
    drawing = line_chart(series, x_label="x", y_label="y", variants={"a'": "a", "a''": "a", "b'": "b"})
    a, b, a1, a2, b1 = drawing.figure.axes[0].lines
    assert [line.get_color() for line in (a, a1, a2, b, b1)] == [SERIES[0]] * 3 + [SERIES[1]] * 2
    assert len({str(line._dash_pattern) for line in (a, a1, a2)}) == 3
    assert a.get_linestyle() == b.get_linestyle() == "-"


def test_part_of_the_axis_can_be_shown_and_a_long_legend_makes_the_chart_higher():
    assert curves(y_limits=(0.2, 0.6)).figure.axes[0].get_ylim() == (0.2, 0.6)
    long = line_chart({f"{'name ' * 10}{n}": ([0, 1], [0, 1]) for n in range(4)}, x_label="x", y_label="y")
    assert long.figure.get_figheight() > curves().figure.get_figheight()
    assert "\n" in long.figure.axes[0].get_legend().get_texts()[0].get_text()


def test_here_and_there_have_an_axis_each_and_what_is_missing_is_not_drawn():
    drawing = side_by_side_chart(
        ["a", "b", "a long name that needs a second line"],
        [(1, 2, 3), None, (4, 5, 6)],
        [100.0, 200.0, None],
        here_label="here",
        there_label="there",
        title="both",
        faint=[False, False, True],
    )
    left, right = drawing.figure.axes
    assert [segment.get_segments()[0].tolist() for segment in left.collections] == [[[1, 0], [3, 0]], [[4, 2], [6, 2]]]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in left.lines] == [(2, 0), (5, 2)]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in right.lines] == [(100, 0), (200, 1)]
    full, hollow = (line.get_markerfacecolor() for line in left.lines)
    assert (full, hollow) == (SERIES[0], LIGHT["ground"])
    assert [text for text in ("here", "there", "both", "a") if text not in texts(drawing)] == []
    assert left.get_xlim()[1] < 10 < right.get_xlim()[0]


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
        (lambda: interval_chart(["a"], [1], [1, 2], [1], x_label="x"), "2 lows"),
        (lambda: curves(bands={"training": ([0], [1])}), "band of training: expected equally many.*5 x, 1 low"),
        (lambda: side_by_side_chart(["a"], [None], [], here_label="x", there_label="y"), "1 here, 0 there"),
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


def test_an_svg_file_stands_alone_and_is_not_overwritten_unasked(tmp_path):
    curves().save_svg(tmp_path / "a.svg")
    curves().save_svg(tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    root = ET.parse(tmp_path / "a.svg").getroot()
    assert root.attrib["width"].endswith("pt") and "var(" not in (tmp_path / "a.svg").read_text()
    with pytest.raises(StorageError, match="exists already"):
        curves().save_svg(tmp_path / "a.svg")


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
    monkeypatch.setitem(sys.modules, "matplotlib.style", None)
    with pytest.raises(ConfigError, match=r"pip install 'refeed\[report\]'.*matplotlib"):
        curves()
