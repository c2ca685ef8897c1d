"""Tables with types: Parquet, Arrow IPC and Feather files, and any table in memory that speaks Arrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from refeed.errors import DataError
from refeed.readers.columns.choosing import choose_by_name
from refeed.readers.options import ReadOptions
from refeed.readers.rating_stream import Meter, RatingStream
from refeed.readers.text.sources import readable, required_files

BATCH = 1 << 18  # rows


def read_parquet(path: Path, options: ReadOptions) -> RatingStream:
    """Read a Parquet file, or all *.parquet files of a folder in the order of their names.

    Raises:
        DataError: a file is no Parquet or cut off; also later, when a column is not what it should be.
    """
    paths = required_files(path, lambda folder: sorted(folder.glob("*.parquet")), none="there is no *.parquet in this folder")
    with _valid(path, "Parquet"):
        names = pyarrow.parquet.read_schema(paths[0]).names
        meter = Meter(sum(pyarrow.parquet.read_metadata(file).num_rows for file in paths), "rows")

    def batches(wanted: list[str]) -> Iterator[pa.RecordBatch]:
        with _valid(path, "Parquet"):
            for one in paths:
                with pyarrow.parquet.ParquetFile(one) as file:
                    for batch in file.iter_batches(batch_size=BATCH, columns=wanted):
                        meter.done += len(batch)
                        yield batch

    return _stream(names, batches, options, path=path, note=f"layout: Parquet, {len(paths)} file(s)", meter=meter)


def read_arrow(path: Path, options: ReadOptions) -> RatingStream:
    """Read an Arrow IPC file (also called Feather), or an Arrow IPC stream.

    Raises:
        DataError: the file is no Arrow data or cut off; also later, when a column is not what it should be.
    """
    with _valid(path, "Arrow"), pa.memory_map(str(path)) as file:
        is_file = file.read(6) == b"ARROW1"
        file.seek(0)
        reader = pa.ipc.open_file(file) if is_file else pa.ipc.open_stream(file)
        meter = Meter(reader.num_record_batches, "batches") if is_file else Meter(file.size())
        names = reader.schema.names

    def batches(wanted: list[str]) -> Iterator[pa.RecordBatch]:
        with _valid(path, "Arrow"), pa.memory_map(str(path)) as file:
            if is_file:
                reader = pa.ipc.open_file(file)
                for number in range(reader.num_record_batches):
                    meter.done = number
                    yield reader.get_batch(number).select(wanted)
            else:
                for batch in pa.ipc.open_stream(file):
                    meter.done = file.tell()
                    yield batch.select(wanted)

    return _stream(names, batches, options, path=path, note="layout: Arrow IPC", meter=meter)


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
def _valid(path: Path, format_name: str) -> Iterator[None]:
    with readable(path):
        try:
            yield
        except pa.ArrowInvalid as error:
            reason = str(error).splitlines()[0]
            raise DataError(
                f"not a complete {format_name} file ({reason})", path=path, fix="Download, copy or write the file again."
            ) from error


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
    choice = choose_by_name(names, options, path=path)
    wanted = [names[position] for position in choice.positions]
    return RatingStream(
        batches=([batch.column(name) for name in wanted] for batch in open_batches(list(dict.fromkeys(wanted)))),
        choice=choice,
        parse=False,
        notes=(note, choice.note),
        path=path,
        locate=None,
        meter=meter,
    )
