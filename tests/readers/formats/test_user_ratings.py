"""One user's ratings come from text of items and ratings, with or without a header."""

from __future__ import annotations

import numpy as np
import pytest

from refeed.errors import ConfigError, DataError
from refeed.readers.formats.user_ratings import read_user_ratings


def read(tmp_path, text, **options):
    (tmp_path / "mine.csv").write_bytes(text.encode(options.get("encoding", "utf-8")))
    return read_user_ratings(tmp_path / "mine.csv", **options)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("7,3.5\nHeat (1995),4\n", {}),
        ("rating;movieId\n3.5;7\n4;Heat (1995)\n", {}),
        ("rating;movieId\n3,5;7\n4;Heat (1995)\n", {"decimal": ","}),
        ("note\tFilm\n3.5\t7\n4\tHeat (1995)\n", {"known": {"item": "Film", "rating": "note"}}),
        ("x|3.5|7\nx|4|Heat (1995)\n", {"item": "3", "rating": "2"}),
    ],
)
def test_columns_are_found_given_or_known(tmp_path, text, options):
    mine = read(tmp_path, text, **options)
    assert (mine.items, mine.ratings) == (["7", "Heat (1995)"], [3.5, 4.0])
    assert mine.origin.locate(1)[1] == len(text.splitlines())


def test_absent_rating_is_nan_and_no_rows_are_no_ratings(tmp_path):
    assert np.isnan(read(tmp_path, "item,rating\n7,\n").ratings).all()
    assert read(tmp_path, "item,rating\n").items == []


def test_other_encodings_are_read_where_given(tmp_path):
    assert read(tmp_path, "Amélie,5\n", encoding="latin-1").items == ["Amélie"]
    with pytest.raises(ConfigError, match="'latin-99' is unknown"):
        read_user_ratings(tmp_path / "mine.csv", encoding="latin-99")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("7,3,x\n", 1, "expected two columns, item and rating, found 3"),
        ("item,rating\n7,good\n", 2, "'good' is not a number"),
        ("item,rating\n7,3\n,4\n", 3, "the item id is empty"),
        ("item,rating\n7,3,4\n", 2, "expected 2 fields, found 3"),
        ("", None, "the file is empty"),
    ],
)
def test_bad_lines_are_named(tmp_path, text, line, words):
    with pytest.raises(DataError) as caught:
        read(tmp_path, text)
    assert words in caught.value.problem
    assert (caught.value.path, caught.value.line) == (tmp_path / "mine.csv", line)
