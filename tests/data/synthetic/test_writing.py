"""A synthetic world in files."""

from __future__ import annotations

import datetime
import tracemalloc

import numpy as np
import pyarrow.parquet as pq
import pytest

from refeed.data.synthetic.world import SyntheticWorld, synthetic_world
from refeed.data.synthetic.writing import DAY, DAYS, NOTICE, notice, user_ids, write_netflix, write_parquet
from refeed.errors import StorageError
from refeed.readers import read_ratings

FIRST = datetime.datetime(1999, 11, 11, tzinfo=datetime.UTC)
WRITERS = {"world": write_netflix, "world.parquet": write_parquet}


@pytest.fixture(scope="module")
def world() -> SyntheticWorld:
    """60 users, 25 items, 700 ratings."""
    return synthetic_world(60, 25, 700, seed=1, span=DAYS * DAY)


def rows(world: SyntheticWorld) -> list[tuple[int, int, int, int]]:
    """User id, item id, stars and seconds of each rating, one by ratings."""
    ids = user_ids(world)
    first = int(FIRST.timestamp())
    return [
        (int(ids[user]), ratings.item + 1, int(star), first + int(time))
        for ratings in world
        for user, star, time in zip(ratings.users, ratings.stars, ratings.times, strict=True)
    ]


def test_files_are_those_of_the_netflix_prize_to_the_byte(world, tmp_path):
    write_netflix(world, tmp_path / "world")
    expected = {item: f"{item}:\n" for item in range(1, 26)}
    for user, item, star, time in rows(world):
        date = datetime.datetime.fromtimestamp(time, tz=datetime.UTC).date()
        expected[item] += f"{user},{star},{date}\n"
    files = {file.name: file.read_text() for file in (tmp_path / "world" / "training_set").iterdir()}
    assert files == {f"mv_{item:07d}.txt": text for item, text in expected.items()}


def test_folder_is_read_as_netflix_data_with_every_rating(world, tmp_path):
    write_netflix(world, tmp_path / "world")
    ratings = read_ratings(tmp_path / "world")
    assert ratings.notes[0] == "layout: Netflix Prize, 25 file(s)"
    table = ratings.to_arrow()
    read = zip(*(table[name].to_pylist() for name in ("user", "item", "rating", "time")), strict=True)
    assert sorted(read) == sorted((user, item, star, time // DAY * DAY) for user, item, star, time in rows(world))


@pytest.mark.parametrize("row_group", [1, 200, 1_000_000])
def test_parquet_has_every_rating_in_groups_of_whole_items(world, tmp_path, row_group):
    write_parquet(world, tmp_path / "world.parquet", row_group=row_group)
    file = pq.ParquetFile(tmp_path / "world.parquet")
    read = list(zip(*(column.to_pylist() for column in file.read().columns), strict=True))
    assert file.schema_arrow.names == ["user", "item", "rating", "time"]
    assert read == rows(world)
    sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    assert set(np.cumsum(sizes)) <= set(np.cumsum(world.counts))
    assert all(size >= row_group for size in sizes[:-1])


def test_both_say_that_the_ratings_are_synthetic_and_how_they_were_made(world, tmp_path):
    write_netflix(world, tmp_path / "world")
    write_parquet(world, tmp_path / "world.parquet")
    text = (tmp_path / "world" / NOTICE).read_text()
    assert "Synthetic ratings by refeed: 60 users, 25 items, 700 ratings, seed 1." in text
    assert pq.read_schema(tmp_path / "world.parquet").metadata[b"notice"].decode() == text.strip() == notice(world)


def test_items_without_ratings_have_no_file(tmp_path):
    world = synthetic_world(2, 30, 10, seed=0, span=DAYS * DAY)
    write_netflix(world, tmp_path / "world")
    assert len(list((tmp_path / "world" / "training_set").iterdir())) == np.count_nonzero(world.counts) < 30
    assert len(read_ratings(tmp_path / "world")) == 10


def test_user_ids_are_distinct_with_gaps_and_depend_on_the_seed(world):
    ids = user_ids(world)
    assert len(set(ids.tolist())) == 60
    assert ids.min() >= 1
    assert 2_000_000 < ids.max() <= 2_649_429
    other = synthetic_world(60, 25, 700, seed=2, span=DAYS * DAY)
    assert not np.array_equal(ids, user_ids(other))


@pytest.mark.parametrize("largest", [60, 59])
def test_user_ids_count_from_1_where_there_are_more_users(world, largest):
    assert user_ids(world, largest=largest).tolist() == list(range(1, 61))


@pytest.mark.parametrize("name", WRITERS)
def test_progress_adds_up(world, tmp_path, name):
    counts: list[int] = []
    WRITERS[name](world, tmp_path / name, progress=counts.append)
    assert sum(counts) == 700


@pytest.mark.parametrize(
    ("write", "options"), [(write_netflix, {}), (write_parquet, {"row_group": 10_000})], ids=["netflix", "parquet"]
)
def test_memory_holds_a_part_of_the_ratings(tmp_path, write, options):
    world = synthetic_world(5_000, 500, 200_000, seed=0, span=DAYS * DAY)
    tracemalloc.start()
    try:
        write(world, tmp_path / "world", **options)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 200_000 * 3 * 8 / 2  # half of users, stars and times


@pytest.mark.parametrize("name", WRITERS)
def test_nothing_half_written_stays_after_ctrl_c(world, tmp_path, name):
    def interrupt(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        WRITERS[name](world, tmp_path / name, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", WRITERS)
def test_same_arguments_write_the_same_bytes_and_replace_only_with_overwrite(world, tmp_path, name):
    def contents() -> dict[str, bytes]:
        files = [tmp_path / name, *(tmp_path / name).rglob("*")]
        return {str(file): file.read_bytes() for file in files if file.is_file()}

    WRITERS[name](world, tmp_path / name)
    first = contents()
    with pytest.raises(StorageError, match="exists already"):
        WRITERS[name](world, tmp_path / name)
    WRITERS[name](synthetic_world(60, 25, 700, seed=1, span=DAYS * DAY), tmp_path / name, overwrite=True)
    assert contents() == first


def test_folder_of_something_else_is_never_replaced(world, tmp_path):
    (tmp_path / "thesis.txt").write_text("the only copy")
    with pytest.raises(StorageError, match=f"holds no {NOTICE}"):
        write_netflix(world, tmp_path, overwrite=True)
    assert (tmp_path / "thesis.txt").read_text() == "the only copy"
