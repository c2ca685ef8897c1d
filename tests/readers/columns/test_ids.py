"""Numbers of ids in the order of their appearance, whatever the parts in which they come."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refeed.data.rating_columns import Origin
from refeed.readers import read_columns
from refeed.readers.columns.ids import IdColumn

INTEGERS = st.integers(-5, 5) | st.sampled_from([2**63 - 1, -(2**63)])
TEXTS = st.sampled_from(["7", "007", "x", "ü", "-1", ""])


def numbers_of(column, *chunks):
    encoded = column.encode(chunks)
    assert encoded.dictionary.equals(column.ids)
    return encoded.indices.to_pylist()


@given(st.lists(st.lists(INTEGERS, max_size=5) | st.lists(TEXTS, min_size=1, max_size=5), max_size=6))
def test_each_id_has_the_number_of_its_first_appearance(parts):
    column, numbers = IdColumn("user", Origin(), parse=True), []
    for part in parts:
        array = pa.array(part, pa.large_string() if part and isinstance(part[0], str) else pa.int64())
        numbers += numbers_of(column, array.slice(0, 2), array.slice(2))
    ids = [id_ for part in parts for id_ in part]
    written = list(map(str, ids))
    first_seen = list(dict.fromkeys(written))
    assert numbers == [first_seen.index(text) for text in written]
    all_integers = all(isinstance(id_, int) for id_ in ids)
    assert column.ids.to_pylist() == (list(map(int, first_seen)) if all_integers else first_seen)


@pytest.mark.parametrize("max_table", [1, 100], ids=["by hash", "by table"])
def test_integers_are_found_by_a_table_and_by_a_hash(max_table):
    column = IdColumn("item", Origin(), parse=True, max_table=max_table)
    assert numbers_of(column, pa.array([7, 50, 7])) == [0, 1, 0]
    assert numbers_of(column, pa.array([3]), pa.array([50, 9])) == [2, 1, 3]
    assert column.ids.to_pylist() == [7, 50, 3, 9]


@pytest.mark.parametrize("block_rows", [1, 2, 100])
def test_columns_are_the_same_whatever_the_size_of_the_blocks(tmp_path, block_rows):
    (tmp_path / "a.csv").write_text(
        "user,item,rating,fold\n" + "".join(f"{n % 3},{n}{'x' * (n == 7)},3,{'ba'[n > 4]}\n" for n in range(9))
    )
    columns = read_columns(tmp_path / "a.csv", labels="fold", block_rows=block_rows, block_bytes=40)
    assert columns.users.to_pylist() == [0, 1, 2] * 3
    assert columns.items.to_pylist() == [*map(str, range(7)), "7x", "8"]
    assert columns.labels["fold"].names == ("a", "b")
    assert columns.labels["fold"].codes.tolist() == [1] * 5 + [0] * 4
