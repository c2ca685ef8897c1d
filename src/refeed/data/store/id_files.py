"""A vocabulary as an Arrow IPC file with one column `id`, opened by memory map."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from refeed.data.vocabulary import Vocabulary


def write_ids(vocabulary: Vocabulary, path: Path) -> None:
    """Write the ids in the order of their indices."""
    table = pa.table({"id": vocabulary.ids})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def read_ids(path: Path, *, kind: str) -> Vocabulary:
    """Read what `write_ids` wrote.

    Raises:
        OSError, pyarrow.ArrowInvalid, KeyError: the file is absent or not as it was written.
    """
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
    table.validate(full=True)  # damaged offsets of strings would otherwise be followed out of the file
    return Vocabulary(table.column("id"), kind=kind)
