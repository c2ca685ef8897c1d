"""The smallest types that hold numbers exactly."""

from __future__ import annotations

import numpy as np
import pytest

from refeed.data.store.compact_types import ITEM_TYPES, TIME_TYPES, VALUE_TYPES, item_type, smallest


@pytest.mark.parametrize(
    ("values", "types", "dtype"),
    [
        ([1, -128, 127], VALUE_TYPES, "int8"),
        ([1, 128], VALUE_TYPES, "float16"),
        ([-0.0, 1], VALUE_TYPES, "float16"),
        ([0.1], VALUE_TYPES, "float32"),
        ([1e9, np.nan], VALUE_TYPES, "float32"),
        ([], VALUE_TYPES, "int8"),
        ([-1, 2**31 - 1], TIME_TYPES, "int32"),
        ([2**31], TIME_TYPES, "int64"),
        ([65_535], ITEM_TYPES, "uint16"),
        ([65_536], ITEM_TYPES, "int32"),
    ],
)
def test_smallest_type_gives_back_every_bit(values, types, dtype):
    compact = smallest(np.array(values), types)
    assert compact.dtype == dtype
    assert compact.astype(types[-1]).tobytes() == np.array(values, types[-1]).tobytes()


def test_items_take_two_bytes_up_to_65536():
    assert (item_type(65_536), item_type(65_537)) == ("<u2", "<i4")
