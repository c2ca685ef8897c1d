"""The smallest types that hold numbers exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

ITEM_TYPES = ("<u2", "<i4")
VALUE_TYPES = ("|i1", "<f2", "<f4")
TIME_TYPES = ("<i4", "<i8")
LABEL_TYPES = ("|u1",)


def smallest(array: npt.NDArray[Any], types: Sequence[str]) -> npt.NDArray[Any]:
    """`array` as the first of `types` that gives back every bit of it in the last one, so that -0.0 is no int8.

    Args:
        array: numbers (any,).
        types: in NumPy's notation, each holding all numbers of the one before; the last one holds all of `array`.
    """
    exact = array.astype(types[-1], copy=False)
    bits = f"<i{exact.dtype.itemsize}"
    for dtype in types[:-1]:
        with np.errstate(over="ignore", invalid="ignore"):  # what does not fit is found by the comparison
            compact = exact.astype(dtype)
        if np.array_equal(compact.astype(types[-1]).view(bits), exact.view(bits)):
            return compact
    return exact


def item_type(num_items: int) -> str:
    """The type of item indices below `num_items`."""
    return ITEM_TYPES[0] if num_items <= 1 << 16 else ITEM_TYPES[1]
