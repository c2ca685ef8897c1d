"""Ratings on disk as a folder of memory-mapped arrays, opened without reading them; see docs/reference/store-format.md."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from refeed.data.ratings import LabelColumn, Ratings, RatingScale
from refeed.data.row_blocks import BLOCK
from refeed.data.store.compact_types import ITEM_TYPES, LABEL_TYPES, TIME_TYPES, VALUE_TYPES, item_type, smallest
from refeed.data.store.id_files import read_ids, write_ids
from refeed.data.vocabulary import Vocabulary
from refeed.errors import BundleError, DataError
from refeed.storage import atomic_folder

FORMAT = "refeed-ratings"
VERSION = 1
HEADER = "store.json"
DTYPES: Mapping[str, tuple[str, ...]] = {
    "indptr": ("<i8",),
    "indices": ITEM_TYPES,
    "values": VALUE_TYPES,
    "timestamps": TIME_TYPES,
    "label": LABEL_TYPES,
}
"""The types that version 1 knows, in NumPy's notation, for each kind of array."""


def write_store(ratings: Ratings, path: str | Path, *, overwrite: bool = False) -> None:
    """Write `ratings` as a folder that appears whole or not at all.

    Args:
        ratings: what to write; values keep their float32 precision.
        path: the folder.
        overwrite: replace a store that is there already (and nothing else).

    Raises:
        StorageError: something is at `path` already, or it cannot be written.

    Examples:
        >>> from refeed import Ratings, open_store, write_store
        >>> write_store(Ratings.from_columns(["ann", "bob"], ["Alien", "Heat"], [5, 3]), "store")
        >>> open_store("store")
        Ratings(2 ratings, 2 users x 2 items, 3 to 5, without times)
    """
    with atomic_folder(path, overwrite=overwrite, marker=HEADER) as folder:
        for name, array, dtype in _arrays(ratings):
            write_array(folder / name, array, dtype=dtype)
        complete_store(folder, ratings)


class ArrayFile:
    """A .npy file of one dimension that grows block by block, byte for byte as `numpy.save` would write it.

    Args:
        path: the file to write.
        dtype: of its numbers, in NumPy's notation.
    """

    def __init__(self, path: Path, dtype: str) -> None:
        self._file, self._dtype, self._length = path.open("wb"), dtype, 0
        self._write_header()

    def __enter__(self) -> ArrayFile:
        return self

    def append(self, block: npt.NDArray[Any]) -> None:
        """Add numbers (any,) that the type holds exactly."""
        self._file.write(np.ascontiguousarray(block, self._dtype).data)
        self._length += len(block)

    def __exit__(self, *_: object) -> None:
        with self._file:
            self._file.seek(0)
            self._write_header()

    def _write_header(self) -> None:
        """Write the header, whose size does not depend on the length: NumPy leaves room for arrays that grow."""
        header = {"descr": self._dtype, "fortran_order": False, "shape": (self._length,)}
        np.lib.format.write_array_header_1_0(self._file, header)


def write_array(path: Path, array: npt.NDArray[Any], *, dtype: str) -> None:
    """Write an array (any,) in blocks; `dtype` holds its numbers exactly."""
    with ArrayFile(path, dtype) as file:
        for block in _blocks(array):
            file.append(block)


def compact_array(path: Path, types: Sequence[str]) -> None:
    """Write the array of a file again, in the smallest of some types that holds it exactly."""
    array = np.load(path, mmap_mode="r")
    dtype = _smallest_type(array, types)
    if dtype != array.dtype.str:
        written = path.with_suffix(".smaller")
        write_array(written, array, dtype=dtype)
        written.replace(path)


def complete_store(folder: Path, ratings: Ratings) -> None:
    """Write the ids and the header beside the arrays, which are in `folder` already."""
    write_ids(ratings.users, folder / "users.arrow")
    write_ids(ratings.items, folder / "items.arrow")
    with ThreadPoolExecutor(1) as other:
        fingerprint = other.submit(lambda: ratings.fingerprint)
        files = {file.name: _describe(file) for file in sorted(folder.iterdir())}
        header = {
            "format": FORMAT,
            "version": VERSION,
            "users": ratings.num_users,
            "items": ratings.num_items,
            "ratings": len(ratings),
            "kinds": [ratings.users.kind, ratings.items.kind],
            "scale": [ratings.scale.minimum, ratings.scale.maximum],
            "fingerprint": fingerprint.result(),
            "labels": [{"name": name, "names": list(label.names)} for name, label in ratings.labels.items()],
            "notes": list(ratings.notes),
            "files": files,
        }
    (folder / HEADER).write_text(json.dumps(header, indent=2) + "\n", encoding="utf-8")


def open_store(path: str | Path, *, verify: bool = False) -> Ratings:
    """The ratings of a store, memory-mapped and read-only; their fingerprint is the one that was written.

    Args:
        path: the folder.
        verify: read everything first, as `verify_store` does; otherwise only sizes, types and shapes are checked.

    Raises:
        BundleError: no store, an unknown version, or a file that is missing, damaged, or of the wrong size, type or shape.

    Examples:
        >>> from refeed import Ratings, open_store, write_store
        >>> ratings = Ratings.from_columns(["ann", "bob"], ["Alien", "Heat"], [5, 3])
        >>> write_store(ratings, "ratings.store")
        >>> open_store("ratings.store").fingerprint == ratings.fingerprint
        True
    """
    folder = Path(path)
    header = _read_header(folder)
    try:
        _require_sizes(folder, header)
        if verify:
            _require_checksums(folder, header)
        ratings = _open(folder, header)
        if verify and ratings.fingerprint != header["fingerprint"]:
            raise ValueError(f"the ratings have the fingerprint {ratings.fingerprint}, expected {header['fingerprint']}")
        ratings.__dict__["fingerprint"] = header["fingerprint"]  # the cached property, so that nothing is read for it
    except KeyError as error:
        raise _damaged(folder, f"{HEADER} lacks {error}") from error
    except (TypeError, ValueError, AttributeError, OSError, pa.ArrowException, DataError) as error:
        raise _damaged(folder, str(error)) from error
    return ratings


def verify_store(path: str | Path) -> None:
    """Read a whole store and compare each file with its checksum, and the ratings with their fingerprint.

    Raises:
        BundleError: as `open_store`; the message names the file that differs.
    """
    open_store(path, verify=True)


def _arrays(ratings: Ratings) -> Iterator[tuple[str, npt.NDArray[Any], str]]:
    """The arrays to write by file name, each with the smallest type that loses nothing."""
    yield "indptr.npy", ratings.indptr, "<i8"
    yield "indices.npy", ratings.indices, item_type(ratings.num_items)
    yield "values.npy", ratings.values, _smallest_type(ratings.values, VALUE_TYPES)
    if ratings.timestamps is not None:
        yield "timestamps.npy", ratings.timestamps, _smallest_type(ratings.timestamps, TIME_TYPES)
    for number, label in enumerate(ratings.labels.values()):
        yield f"label-{number}.npy", label.codes, LABEL_TYPES[0]


def _smallest_type(array: npt.NDArray[Any], types: Sequence[str]) -> str:
    return max((smallest(block, types).dtype.str for block in _blocks(array)), key=types.index, default=types[0])


def _blocks(array: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    return (array[start : start + BLOCK] for start in range(0, len(array), BLOCK))


def _read_vocabulary(path: Path, kind: str, length: int) -> Vocabulary:
    vocabulary = read_ids(path, kind=kind)
    if len(vocabulary) != length:
        raise ValueError(f"{path.name} holds {len(vocabulary)} ids, expected {length}")
    return vocabulary


def _read_array(folder: Path, name: str, length: int) -> npt.NDArray[Any]:
    """A memory map of a .npy file as a plain read-only array (length,)."""
    array = np.asarray(np.lib.format.open_memmap(folder / name, mode="r"))
    allowed = DTYPES["label" if name.startswith("label-") else name.removesuffix(".npy")]
    if array.dtype.str not in allowed:
        raise ValueError(f"{name} is of type {array.dtype.str}, expected {' or '.join(allowed)}")
    if array.shape != (length,):
        raise ValueError(f"{name} is of shape {array.shape}, expected ({length},)")
    return array


def _describe(path: Path) -> dict[str, Any]:
    """What the header says of a file: size and checksum, and for an array its type and shape."""
    description: dict[str, Any] = {"bytes": path.stat().st_size, "blake2b": _checksum(path)}
    if path.suffix == ".npy":
        array = np.lib.format.open_memmap(path, mode="r")
        description |= {"dtype": array.dtype.str, "shape": list(array.shape)}
    return description


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _read_header(folder: Path) -> dict[str, Any]:
    try:
        header = json.loads((folder / HEADER).read_bytes())
    except FileNotFoundError:
        raise BundleError(f"{folder}: no ratings store is here (there is no {HEADER})") from None
    except (OSError, ValueError) as error:
        raise _damaged(folder, f"{HEADER} cannot be read: {error}") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise BundleError(f"{folder}: not a ratings store of refeed ({HEADER} does not say the format '{FORMAT}')")
    if header.get("version") != VERSION:
        raise BundleError(
            f"{folder}: a ratings store of version {header.get('version')!r}, and this refeed reads version {VERSION}; "
            "use the refeed that wrote it, or write the store again from its source"
        )
    return header


def _require_sizes(folder: Path, header: dict[str, Any]) -> None:
    for name, file in header["files"].items():
        path = folder / name
        if not path.is_file():
            raise ValueError(f"{name} is missing")
        if path.stat().st_size != file["bytes"]:
            raise ValueError(f"{name} has {path.stat().st_size:,} bytes, expected {file['bytes']:,}")


def _require_checksums(folder: Path, header: dict[str, Any]) -> None:
    for name, file in header["files"].items():
        if _checksum(folder / name) != file["blake2b"]:
            raise ValueError(f"{name} has changed since it was written: its checksum differs")


def _open(folder: Path, header: dict[str, Any]) -> Ratings:
    count, num_users = header["ratings"], header["users"]
    user_kind, item_kind = header["kinds"]
    indptr = _read_array(folder, "indptr.npy", num_users + 1)
    if indptr[0] != 0 or indptr[-1] != count:
        raise ValueError(f"indptr.npy reaches from {indptr[0]} to {indptr[-1]}, expected 0 to {count}")
    return Ratings(
        users=_read_vocabulary(folder / "users.arrow", user_kind, num_users),
        items=_read_vocabulary(folder / "items.arrow", item_kind, header["items"]),
        indptr=indptr,
        indices=_read_array(folder, "indices.npy", count),
        values=_read_array(folder, "values.npy", count),
        timestamps=_read_array(folder, "timestamps.npy", count) if "timestamps.npy" in header["files"] else None,
        scale=RatingScale(*header["scale"]),
        labels={
            label["name"]: LabelColumn(_read_array(folder, f"label-{number}.npy", count), tuple(label["names"]))
            for number, label in enumerate(header["labels"])
        },
        notes=tuple(header["notes"]),
    )


def _damaged(folder: Path, reason: str) -> BundleError:
    return BundleError(f"{folder}: the ratings store is damaged ({reason}); write it again from its source")
