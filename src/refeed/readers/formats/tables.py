"""Tables with types: Parquet, Arrow IPC and Feather files, and any table in memory that speaks Arrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from refeed.data.rating_columns import Meter, Origin
from refeed.errors import DataError
from refeed.readers.columns.choosing import choose_columns
from refeed.readers.options import ReadOptions
from refeed.readers.source import UNREADABLE, Source, unreadable
from refeed.readers.stream import RatingStream

BATCH_ROWS = 1 << 18


def parquet_files(folder: Path) -> list[Path]:
    """The *.parquet files in a folder, in the order of their names."""
    return sorted(folder.glob("*.parquet"))


def read_parquet(source: Source, options: ReadOptions) -> RatingStream:
    """Read a Parquet file, or all *.parquet files of a folder.

    Raises:
        DataError: a file is no Parquet or cut off; also later, when a column is not what it should be.
    """
    parts = source.parts(parquet_files, none="there is no *.parquet in this folder")
    files = [part.file or str(part.path) for part in parts]
    with valid_table(source.path, "Parquet"):
        footers = [pyarrow.parquet.read_metadata(file) for file in files]
        names = footers[0].schema.to_arrow_schema().names
    meter = Meter(sum(footer.num_rows for footer in footers), "rows")

    def batches(wanted: list[str]) -> Iterator[pa.RecordBatch]:
        with valid_table(source.path, "Parquet"):
            for file, footer in zip(files, footers, strict=True):
                with pyarrow.parquet.ParquetFile(file, metadata=footer) as part:
                    for batch in part.iter_batches(batch_size=BATCH_ROWS, columns=wanted):
                        meter.done += len(batch)
                        yield batch

    return _stream(names, batches, options, path=source.path, note=f"layout: Parquet, {len(parts)} file(s)", meter=meter)


def read_arrow(source: Source, options: ReadOptions) -> RatingStream:
    """Read an Arrow IPC file (also called Feather), or an Arrow IPC stream.

    Raises:
        DataError: the file is no Arrow data or cut off; also later, when a column is not what it should be.
    """
    with valid_table(source.path, "Arrow"):
        mapped = pa.memory_map(str(source.path))  # so that columns that are not wanted are not read
        is_file = mapped.read(6) == b"ARROW1"
        mapped.seek(0)
        reader = pa.ipc.open_file(mapped) if is_file else pa.ipc.open_stream(mapped)
    meter = Meter(reader.num_record_batches, "batches") if is_file else Meter(mapped.size())

    def batches(wanted: list[str]) -> Iterator[pa.RecordBatch]:
        with valid_table(source.path, "Arrow"), mapped:
            for number, batch in enumerate(map(reader.get_batch, range(reader.num_record_batches)) if is_file else reader):
                meter.done = number if is_file else mapped.tell()
                yield batch.select(wanted)

    return _stream(reader.schema.names, batches, options, path=source.path, note="layout: Arrow IPC", meter=meter)


def read_table(table: Any, options: ReadOptions) -> RatingStream:
    """Read a table in memory: one with the Arrow C stream interface, or a pandas DataFrame.

    Raises:
        DataError: the table has no Arrow form (for example ids that mix 1 and "1"); also later, when a column is not what it
            should be.
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

    def batches(wanted: list[str]) -> Iterator[pa.RecordBatch]:
        return (batch.select(wanted) for batch in reader)

    return _stream(reader.schema.names, batches, options, path=None, note=f"layout: table ({name})", meter=Meter())


def is_pandas(table: Any) -> bool:
    """Whether `table` is a pandas DataFrame, found out without importing pandas."""
    return type(table).__module__.partition(".")[0] == "pandas" and type(table).__name__ == "DataFrame"


@contextmanager
def valid_table(path: Path, format_name: str) -> Iterator[None]:
    """Turn what goes wrong with the file of a table into a DataError that names it."""
    try:
        yield
    except pa.ArrowInvalid as error:
        reason = str(error).splitlines()[0]
        raise DataError(
            f"not a complete {format_name} file ({reason})", path=path, fix="Download, copy or write the file again."
        ) from error
    except UNREADABLE as error:
        raise unreadable(error, path) from error


def _stream(
    names: Sequence[str],
    open_batches: Callable[[list[str]], Iterator[pa.RecordBatch]],
    options: ReadOptions,
    *,
    path: Path | None,
    note: str,
    meter: Meter,
) -> RatingStream:
    if len(set(names)) != len(names):
        raise DataError(f"two columns have one name: {', '.join(names)}", path=path, fix="Rename one of them.")
    choice = choose_columns(names, options, path=path)
    wanted = [names[position] for position in choice.positions]
    return RatingStream(
        batches=([batch.column(name) for name in wanted] for batch in open_batches(list(dict.fromkeys(wanted)))),
        choice=choice,
        options=options,
        notes=(note, choice.note),
        origin=Origin(path),
        meter=meter,
    )
