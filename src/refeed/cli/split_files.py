"""The parts of a split as one file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from refeed.errors import ConfigError

if TYPE_CHECKING:
    from refeed.data.ratings import Ratings

SUFFIXES = (".parquet", ".csv")


def require_known_suffix(output: Path) -> None:
    """Check that the name of a file says what to write.

    Raises:
        ConfigError: another ending.
    """
    if output.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"{output}: expected a name that ends in {' or '.join(SUFFIXES)}, which says what is written")


def write_parts(parts: Mapping[str, Ratings], output: Path, *, overwrite: bool, progress: Callable[[int], None]) -> None:
    """Write all ratings with their part in a column `split`, some at a time.

    Args:
        parts: by name, one rating at least.
        output: a file with a known suffix.
        overwrite: replace a file that is there.
        progress: called with the number of ratings written each time.

    Raises:
        StorageError: the file cannot be written.
    """
    from refeed.storage import atomic_file

    tables = _tables(parts)
    first = next(tables)
    with atomic_file(output, overwrite=overwrite) as path, _writer(path, first.schema) as writer:
        writer.write_table(first)
        progress(len(first))
        for table in tables:
            writer.write_table(table)
            progress(len(table))


def _writer(path: Path, schema: Any) -> Any:
    import pyarrow.csv
    import pyarrow.parquet

    writer = pyarrow.csv.CSVWriter if path.suffix.lower() == ".csv" else pyarrow.parquet.ParquetWriter
    return writer(str(path), schema)


def _tables(parts: Mapping[str, Ratings]) -> Iterator[Any]:
    import pyarrow as pa

    for name, part in parts.items():
        for table in part.arrow_blocks():
            kept = table.drop_columns("split") if "split" in table.column_names else table  # the column that was split by
            yield kept.append_column("split", pa.repeat(pa.scalar(name), len(table)))
