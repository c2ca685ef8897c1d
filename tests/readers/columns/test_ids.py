"""Numbers of ids in the order of their appearance, whatever the parts in which they come."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refeed.readers import encoding, read_columns
from refeed.readers.columns import ids
from refeed.readers.columns.ids import IdNumbers

INTEGERS = st.integers(-5, 5) | st.sampled_from([2**63 - 1, -(2**63)])
TEXTS = st.sampled_from(["7", "007", "x", "ü", "-1", ""])


@given(st.lists(st.lists(INTEGERS, max_size=5) | st.lists(TEXTS, min_size=1, max_size=5), max_size=6))
def test_each_id_has_the_number_of_its_first_appearance(parts):
    numbers, given_numbers = IdNumbers(), []
    for part in parts:
        array = pa.array(part, pa.large_string() if part and isinstance(part[0], str) else pa.int64())
        given_numbers += numbers.of([array.slice(0, 2), array.slice(2)]).tolist()
    everything = [one for part in parts for one in part]
    written = list(map(str, everything))
    first_seen = list(dict.fromkeys(written))
    assert given_numbers == [first_seen.index(one) for one in written]
    all_integers = all(isinstance(one, int) for one in everything)
    assert numbers.ids.to_pylist() == ([int(one) for one in first_seen] if all_integers else first_seen)


@pytest.mark.parametrize("table", [1, 100], ids=["by hash", "by table"])
def test_integers_are_found_by_a_table_and_by_a_hash(monkeypatch, table):
    monkeypatch.setattr(ids, "LARGEST_TABLE", table)
    numbers = IdNumbers()
    assert numbers.of([pa.array([7, 50, 7])]).tolist() == [0, 1, 0]
    assert numbers.of([pa.array([3]), pa.array([50, 9])]).tolist() == [2, 1, 3]
    assert numbers.ids.to_pylist() == [7, 50, 3, 9]


@pytest.mark.parametrize("group", [1, 2, 100])
def test_columns_are_the_same_whatever_the_size_of_the_groups(tmp_path, monkeypatch, group):
    monkeypatch.setattr(encoding, "GROUP", group)
    monkeypatch.setattr("refeed.readers.text.csv_stream.BLOCK", 40)
    (tmp_path / "a.csv").write_text(
        "user,item,rating,fold\n" + "".join(f"{n % 3},{n}{'x' * (n == 7)},3,{'ba'[n > 4]}\n" for n in range(9))
    )
    columns = read_columns(tmp_path / "a.csv", labels="fold")
    assert columns.users.to_pylist() == [0, 1, 2] * 3
    assert columns.items.to_pylist() == [*map(str, range(7)), "7x", "8"]
    assert columns.labels["fold"].names == ("a", "b")
    assert columns.labels["fold"].codes.tolist() == [1] * 5 + [0] * 4
