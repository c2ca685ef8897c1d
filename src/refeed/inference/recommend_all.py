"""Top-N recommendations for all users, as a Parquet file and in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from refeed.data.ratings import Ratings
from refeed.data.vocabulary import Vocabulary
from refeed.errors import ConfigError, DataError
from refeed.fitted_model import FittedModel
from refeed.inference.histories import Histories
from refeed.inference.top_lists import TopLists, top_lists
from refeed.progress import Callback, callback_of
from refeed.storage import atomic_file

ROWS_PER_GROUP = 1 << 18


@dataclass(frozen=True)
class WrittenLists:
    """What `recommend_all` wrote.

    Attributes:
        users: number of users with recommendations.
        rows: number of recommendations of all users.
        left_out: number of users without a rating of an item that the model knows.
    """

    users: int
    rows: int
    left_out: int


def recommend_all(
    fitted: FittedModel,
    path: str | Path,
    *,
    k: int = 10,
    exclude_seen: bool = True,
    history: Ratings | None = None,
    overwrite: bool = False,
    progress: bool | Callback = False,
) -> WrittenLists:
    """Write the k items with the highest predicted ratings for every user as Parquet: columns user, rank, item and score.

    Users are in the order of the vocabulary, ranks (int32) start from 1, ids are as they were read (int64 or string), and score
    (float32) is the predicted rating, not clipped to the scale. Ties are broken by the order of the vocabulary. The file
    appears complete or not at all.

    Args:
        fitted: the model.
        path: the file to write.
        k: number of items per user, at least 1; fewer where the catalogue has fewer that are not left out.
        exclude_seen: leave out the items that are in the user's history.
        history: ratings that the model may use of its users, who may be new to it; default: those that it keeps.
        overwrite: replace a file that is there already.
        progress: as in `train`.

    Raises:
        ConfigError: k is below 1.
        DataError: no history is kept and none given, no user has a rating of a known item, or a prediction is not a number.
        StorageError: the file exists (and `overwrite` is false), or it cannot be written.

    Examples:
        >>> import numpy as np
        >>> from refeed import Bias, RandomSplit, Ratings, recommend_all, train
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> ratings = Ratings.from_columns(users, items, 1 + (users + items) % 5)
        >>> model = train(Bias(), RandomSplit().apply(ratings))
        >>> recommend_all(model, "top.parquet", k=5)
        WrittenLists(users=30, rows=150, left_out=0)
    """
    if k < 1:
        raise ConfigError(f"k: expected at least 1, got {k}")
    histories = Histories.seen_by(fitted, history)
    users = np.flatnonzero(histories.ratings.user_counts)
    if len(users) == 0:
        raise DataError("no user has a rating of an item that the model knows, so there are no recommendations")
    callback = callback_of(progress)
    lists = top_lists(
        fitted.scorer(), histories, users, k=min(k, len(fitted.items)), exclude_seen=exclude_seen, progress=callback
    )
    with closing(lists), atomic_file(path, overwrite=overwrite) as written:
        rows = _write(lists, written, histories.ratings.users, fitted.items)
    return WrittenLists(len(users), rows, histories.ratings.num_users - len(users))


def _write(lists: Iterable[TopLists], path: Path, users: Vocabulary, items: Vocabulary) -> int:
    """Write the lists, and return the number of rows."""
    schema = pa.schema({"user": users.ids.type, "rank": pa.int32(), "item": items.ids.type, "score": pa.float32()})
    rows = 0
    with pyarrow.parquet.ParquetWriter(path, schema, use_dictionary=["user", "rank", "item"]) as writer:
        for group in _row_groups(_table(block, schema, users, items) for block in lists):
            writer.write_table(group)
            rows += len(group)
    return rows


def _table(lists: TopLists, schema: pa.Schema, users: Vocabulary, items: Vocabulary) -> pa.Table:
    return pa.table(
        [
            users.ids.take(pa.array(np.repeat(lists.users, lists.lengths))),
            pa.array(lists.ranks),
            items.ids.take(pa.array(lists.items)),
            pa.array(lists.scores),
        ],
        schema=schema,
    )


def _row_groups(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables of about `ROWS_PER_GROUP`, so that the file has neither many small nor few huge row groups."""
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if sum(map(len, waiting)) >= ROWS_PER_GROUP:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)
