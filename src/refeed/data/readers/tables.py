"""Tables with types: Parquet, Arrow IPC and Feather files, and any table in memory that speaks Arrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from refeed.data.readers.builder import ColumnsBuilder
from refeed.data.readers.choosing import choose_by_name
from refeed.data.readers.columns import RatingColumns
from refeed.data.readers.options import ReadOptions
from refeed.data.readers.sources import readable
from refeed.errors import DataError

BATCH = 1 << 18  # rows


def read_parquet(path: Path, options: ReadOptions) -> RatingColumns:
    """Read a Parquet file, or all *.parquet files of a folder in the order of their names.

    Raises:
        DataError: a file is no Parquet or cut off, or a column is not what it should be.
    """
    paths = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not paths:
        raise DataError("there is no *.parquet in this folder", path=path, fix="Give the file or folder with the ratings.")
    with _valid(path, "Parquet"):
        files = [pyarrow.parquet.ParquetFile(file) for file in paths]
        names = files[0].schema_arrow.names
        return _read(
            names,
            lambda wanted: (batch for file in files for batch in file.iter_batches(batch_size=BATCH, columns=wanted)),
            options,
            path=path,
            note=f"layout: Parquet, {len(files)} file(s)",
        )


def read_arrow(path: Path, options: ReadOptions) -> RatingColumns:
    """Read an Arrow IPC file (also called Feather), or an Arrow IPC stream.

    Raises:
        DataError: the file is no Arrow data or cut off, or a column is not what it should be.
    """
    with _valid(path, "Arrow"), pa.memory_map(str(path)) as file:
        if file.read(6) == b"ARROW1":
            reader = pa.ipc.open_file(file)
            batches: Iterator[pa.RecordBatch] = (reader.get_batch(number) for number in range(reader.num_record_batches))
        else:
            file.seek(0)
            reader = pa.ipc.open_stream(file)
            batches = iter(reader)
        return _read(reader.schema.names, _selecting(batches), options, path=path, note="layout: Arrow IPC")


def read_table(table: Any, options: ReadOptions) -> RatingColumns:
    """Read a table in memory: one with the Arrow C stream interface, or a pandas DataFrame.

    Raises:
        DataError: the table has no Arrow form (for example ids that mix 1 and "1"), or a column is not what it should be.
    """
    name = type(table).__name__
    try:
        if is_pandas(table):
            table = pa.Table.from_pandas(table, preserve_index=False)
        reader = pa.RecordBatchReader.from_stream(table)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise DataError(
            f"the table mixes types within a column, for example the ids 1 and '1' ({'; '.join(map(str, error.args))})",
            fix="Make each column one type first: 1 and '1' would be two different ids.",
        ) from error
    return _read(reader.schema.names, _selecting(reader), options, path=None, note=f"layout: table ({name})")


def is_pandas(table: Any) -> bool:
    """Whether `table` is a pandas DataFrame, found out without importing pandas."""
    return type(table).__module__.partition(".")[0] == "pandas" and type(table).__name__ == "DataFrame"


@contextmanager
def _valid(path: Path, format_name: str) -> Iterator[None]:
    with readable(path):
        try:
            yield
        except pa.ArrowInvalid as error:
            reason = str(error).splitlines()[0]
            raise DataError(
                f"not a complete {format_name} file ({reason})", path=path, fix="Download, copy or write the file again."
            ) from error


def _read(
    names: Sequence[str],
    open_batches: Callable[[list[str]], Iterator[pa.RecordBatch]],
    options: ReadOptions,
    *,
    path: Path | None,
    note: str,
) -> RatingColumns:
    if len(set(names)) != len(names):
        raise DataError(f"two columns have one name: {', '.join(names)}", path=path, fix="Rename one of them.")
    choice = choose_by_name(names, options, path=path)
    wanted = [names[position] for position in choice.positions]
    builder = ColumnsBuilder(choice, options, parse=False, path=path)
    for batch in open_batches(list(dict.fromkeys(wanted))):
        builder.add([batch.column(name) for name in wanted])
    return builder.finish(notes=(note, choice.note))


def _selecting(batches: Any) -> Callable[[list[str]], Iterator[pa.RecordBatch]]:
    return lambda wanted: (batch.select(wanted) for batch in batches)
