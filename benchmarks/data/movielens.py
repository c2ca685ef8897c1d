"""MovieLens 1M split on one time line: the ratings of the comparisons by error."""

from __future__ import annotations

from pathlib import Path

from refeed.data.datasets import find_dataset
from refeed.data.splits.base import Split
from refeed.data.splits.column import ColumnSplit
from refeed.data.splits.time import TimeSplit
from refeed.errors import DataError
from refeed.readers import read_ratings

NAME, COLUMN = "ml-1m", "time80"


def movielens_split() -> Split:
    """The past 80% to learn from, a fair coin sends each later rating of known users and items to validation or test.

    Taken from the column `time80` where the data set at hand has it, so that everyone has the same coin.

    Raises:
        DataError: the data set is not on this machine.
    """
    folder = dataset_folder(NAME)
    fixed = (folder / "ratings.parquet").is_file()
    ratings = read_ratings(folder, labels=(COLUMN,) if fixed else ())
    return (ColumnSplit(COLUMN) if fixed else TimeSplit(fraction=0.8)).apply(ratings)


def dataset_folder(name: str) -> Path:
    """The folder of a data set.

    Raises:
        DataError: the data set is not on this machine.
    """
    folder = find_dataset(name)
    if folder is None:
        raise DataError(
            f"the data set {name} is not on this machine", fix="Set REFEED_DATA to the folder that holds the unpacked folder."
        )
    return folder
