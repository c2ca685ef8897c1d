"""A synthetic world as the files of the Netflix Prize or as one Parquet file, written as it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from refeed.data.synthetic.world import ItemRatings, SyntheticWorld
from refeed.seeds import derive_seed
from refeed.storage import atomic_file, atomic_folder

FIRST_DATE, DAYS = np.datetime64("1999-11-11"), 2_243
"""The span of the Netflix Prize data, to 2005-12-31."""
DAY = 86_400  # seconds
FIRST_SECOND = int(FIRST_DATE.astype("datetime64[s]").astype(np.int64))  # since 1970 UTC
LARGEST_USER_ID = 2_649_429
NOTICE = "INVENTED.txt"
ROW_GROUP = 1 << 20  # rows, at least
SCHEMA = pa.schema([("user", pa.int32()), ("item", pa.int32()), ("rating", pa.int8()), ("time", pa.int64())])


def write_netflix(
    world: SyntheticWorld, path: str | Path, *, overwrite: bool = False, progress: Callable[[int], None] | None = None
) -> None:
    """Write the files of the Netflix Prize, training_set/mv_0000001.txt and so on, and a notice that the ratings are synthetic.

    Args:
        world: its items have the ids 1, 2, …, its users those of `user_ids`, and its time begins at FIRST_DATE.
        path: the folder.
        overwrite: replace an earlier folder of this kind.
        progress: called with the number of ratings of each item when they are written.

    Raises:
        StorageError: something is at `path` that may not be replaced, or it cannot be written.
    """
    ids = user_ids(world)
    id_texts = ids.astype(f"S{len(str(ids[-1]))}")
    days = -(-world.span // DAY)
    dates = (FIRST_DATE + np.arange(days)).astype("S10")
    first_star, last_star = world.scale
    endings = np.array([b",%d,%s\n" % (star, date) for star in range(first_star, last_star + 1) for date in dates])
    line = np.dtype([("user", id_texts.dtype), ("ending", endings.dtype)])
    with atomic_folder(path, overwrite=overwrite, marker=NOTICE) as folder:
        (folder / NOTICE).write_text(f"{notice(world)}\n", encoding="utf-8")
        files = folder / "training_set"
        files.mkdir()
        for ratings in world:
            lines = np.empty(len(ratings.users), line)
            lines["user"] = id_texts[ratings.users]
            lines["ending"] = endings[(ratings.stars - first_star) * days + ratings.times // DAY]
            text = lines.tobytes().translate(None, b"\0")  # short texts are filled up with zero bytes
            (files / f"mv_{ratings.item + 1:07}.txt").write_bytes(b"%d:\n" % (ratings.item + 1) + text)
            if progress is not None:
                progress(len(lines))


def write_parquet(
    world: SyntheticWorld,
    path: str | Path,
    *,
    overwrite: bool = False,
    progress: Callable[[int], None] | None = None,
    row_group: int = ROW_GROUP,
) -> None:
    """Write a Parquet file with columns user, item, rating and time (seconds since 1970 UTC), sorted by item and user.

    Args:
        world: its items have the ids 1, 2, …, its users those of `user_ids`, and its time begins at FIRST_DATE.
        path: the file.
        overwrite: replace a file that is there already.
        progress: called with the number of ratings of each row group when they are written.
        row_group: rows of a row group, at least; it holds whole items.

    Raises:
        StorageError: something is at `path` that may not be replaced, or it cannot be written.
    """
    ids = user_ids(world).astype(np.int32)
    schema = SCHEMA.with_metadata({"notice": notice(world)})
    with atomic_file(path, overwrite=overwrite) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for items in _groups(world, row_group):
            table = _table(items, ids, schema)
            writer.write_table(table, row_group_size=len(table))
            if progress is not None:
                progress(len(table))


def user_ids(world: SyntheticWorld, *, largest: int = LARGEST_USER_ID) -> npt.NDArray[np.int64]:
    """The ids of the users, int64 (num_users,), increasing: with gaps up to the largest, or 1, 2, … if that is too small.

    They say nothing about the users, whose order is random.
    """
    if world.num_users > largest:
        return np.arange(1, world.num_users + 1)
    rng = np.random.default_rng(derive_seed(world.seed, "synthetic user ids"))
    return np.sort(rng.choice(largest, world.num_users, replace=False)) + 1


def notice(world: SyntheticWorld) -> str:
    """What these ratings are, and how to generate them again."""
    return (
        f"Synthetic ratings by refeed: {world.num_users:,} users, {world.num_items:,} items, {world.num_ratings:,} ratings, "
        f"seed {world.seed}. Results on them say nothing about real users."
    )


def _groups(world: SyntheticWorld, least: int) -> Iterator[list[ItemRatings]]:
    """The items in their order, as few a group as make this number of ratings; the last group has what is left."""
    group: list[ItemRatings] = []
    size = 0
    for ratings in world:
        group.append(ratings)
        size += len(ratings.users)
        if size >= least:
            yield group
            group, size = [], 0
    if group:
        yield group


def _table(items: list[ItemRatings], ids: npt.NDArray[np.int32], schema: pa.Schema) -> pa.Table:
    """The ratings of some items under this schema; `ids` are those of all users."""
    users = ids[np.concatenate([ratings.users for ratings in items])]
    numbers = np.repeat([ratings.item + 1 for ratings in items], [len(ratings.users) for ratings in items])
    stars = np.concatenate([ratings.stars for ratings in items])
    seconds = FIRST_SECOND + np.concatenate([ratings.times for ratings in items])
    columns = (users, numbers, stars, seconds)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.table(arrays, schema=schema)
