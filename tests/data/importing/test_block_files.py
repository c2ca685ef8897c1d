"""Numbers through temporary files, in the smallest types."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refeed.data.importing.block_files import BlockFile, SlottedFile
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


@settings(max_examples=40)
@given(st.lists(st.lists(st.sampled_from([0, 1, 300, 0.5, 0.1, -0.0]), max_size=5), max_size=6))
def test_blocks_come_back_in_order_and_the_type_holds_all(tmp_path_factory, blocks):
    file = BlockFile(tmp_path_factory.mktemp("blocks") / "values", VALUE_TYPES)
    for block in blocks:
        file.append(np.array(block))
    assert [block.tolist() for block in file] == [np.array(block, np.float32).tolist() for block in blocks]
    together = np.array([number for block in blocks for number in block], np.float32)
    assert file.dtype == smallest(together, VALUE_TYPES).dtype.str
    file.remove()
    assert not (tmp_path_factory.getbasetemp() / "values").exists()


@settings(max_examples=40)
@given(st.lists(st.lists(st.integers(0, 3), max_size=9), max_size=5))
def test_slots_hold_what_was_sent_to_them(tmp_path_factory, batches):
    everything = [slot for batch in batches for slot in batch]
    sizes = np.bincount(np.array(everything, int), minlength=4)
    file = SlottedFile(tmp_path_factory.mktemp("slots") / "column", "<i4", np.cumsum([0, *sizes]))
    sent, expected = 0, [[], [], [], []]
    for batch in batches:
        order = np.argsort(batch, kind="stable")
        file.append(sent + order, np.bincount(np.array(batch, int), minlength=4))
        for place, slot in enumerate(batch):
            expected[slot].append(sent + place)
        sent += len(batch)
    if batches:
        assert [file.read(slot).tolist() for slot in range(4)] == expected
