"""Rows on their way through a temporary file, in the smallest types."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from refeed.data.importing.spool import SKIPPED, Spool
from refeed.data.rating_columns import RatingColumns
from refeed.data.store.compact_types import VALUE_TYPES, smallest

VALUES = st.sampled_from([0, 1, 300, 0.5, 0.1, -0.0, None])  # None is absent
BLOCKS = st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), VALUES), max_size=6), min_size=1, max_size=6)


def block_of(rows) -> RatingColumns:
    users, items = (pa.DictionaryArray.from_arrays(pa.array([row[n] for row in rows], pa.int32()), range(6)) for n in (0, 1))
    values = np.array([np.nan if value is None else value for *_, value in rows], float)
    return RatingColumns(users, items, values, timestamps=np.arange(len(rows)))


@settings(max_examples=40)
@given(BLOCKS)
def test_rows_come_back_in_order_and_the_types_hold_all(tmp_path_factory, blocks):
    spool = Spool(tmp_path_factory.mktemp("spool") / "rows")
    for rows in blocks:
        kept = np.array([value is not None for *_, value in rows], bool)
        spool.append(block_of(rows), None if kept.all() else kept)
    for rows, columns in zip(blocks, spool, strict=True):
        assert columns["users"].tolist() == [SKIPPED if value is None else user for user, _, value in rows]
        assert columns["items"].tolist() == [item for _, item, _ in rows]
        assert columns["values"].tolist() == np.array([value or 0 for *_, value in rows], np.float32).tolist()
        assert columns["timestamps"].tolist() == list(range(len(rows)))
    rated = [row for rows in blocks for row in rows if row[2] is not None]
    assert len(spool) == len(rated)
    assert spool.user_counts.tolist() == [[user for user, *_ in rated].count(n) for n in range(6)]
    assert spool.item_counts.tolist() == [[item for _, item, _ in rated].count(n) for n in range(6)]
    if rated:
        values = np.array([value for *_, value in rated], np.float32)
        assert (spool.minimum, spool.maximum) == (values.min(), values.max())
        assert spool.types == {
            "users": "<i4",
            "items": "<u2",
            "values": smallest(values, VALUE_TYPES).dtype.str,
            "timestamps": "<i4",
        }
