"""Numbers on their way through a temporary file, a block at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from refeed.data.store.compact_types import smallest


class BlockFile:
    """A file of blocks of numbers, each in the smallest of some types that holds it exactly.

    Args:
        path: the file to write.
        types: in NumPy's notation, the smallest first.
    """

    def __init__(self, path: Path, types: Sequence[str]) -> None:
        self._path, self._types = path, types
        self._blocks: list[tuple[str, int]] = []  # type and length of each

    @property
    def dtype(self) -> str:
        """The smallest type that holds all blocks."""
        return max((dtype for dtype, _ in self._blocks), key=self._types.index, default=self._types[0])

    def append(self, block: npt.NDArray[Any]) -> None:
        """Add a block, numbers (any,)."""
        compact = smallest(block, self._types)
        with self._path.open("ab") as file:
            file.write(np.ascontiguousarray(compact).data)
        self._blocks.append((compact.dtype.str, len(compact)))

    def __iter__(self) -> Iterator[npt.NDArray[Any]]:
        if not self._blocks:
            return
        with self._path.open("rb") as file:
            for dtype, count in self._blocks:
                yield np.fromfile(file, dtype, count)

    def remove(self) -> None:
        """Delete the file."""
        self._path.unlink(missing_ok=True)


class SlottedFile:
    """A file of numbers of one type in slots, each filled from its start by appending.

    Args:
        path: the file to write.
        dtype: in NumPy's notation.
        borders: where the slots begin and end, integers (slots + 1,), in numbers.
    """

    def __init__(self, path: Path, dtype: str, borders: npt.NDArray[np.int64]) -> None:
        self._path, self._dtype = path, np.dtype(dtype)
        self._starts = borders[:-1]
        self._ends = borders[:-1].copy()

    def append(self, blocks: npt.NDArray[Any], sizes: npt.NDArray[np.int64]) -> None:
        """Add to every slot.

        Args:
            blocks: what goes to the first slot, to the second one, and so on, numbers (any,).
            sizes: how much goes to each slot, integers (slots,).
        """
        data = np.ascontiguousarray(blocks, self._dtype)
        stops = np.cumsum(sizes)
        with self._path.open("r+b" if self._path.exists() else "w+b") as file:
            for slot in np.flatnonzero(sizes).tolist():
                file.seek(int(self._ends[slot]) * self._dtype.itemsize)
                file.write(data[stops[slot] - sizes[slot] : stops[slot]].data)
        self._ends += sizes

    def read(self, slot: int) -> npt.NDArray[Any]:
        """What was added to a slot, numbers (any,)."""
        with self._path.open("rb") as file:
            file.seek(int(self._starts[slot]) * self._dtype.itemsize)
            return np.fromfile(file, self._dtype, int(self._ends[slot] - self._starts[slot]))
