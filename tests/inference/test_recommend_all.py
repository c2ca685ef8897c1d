"""Everybody's list in a Parquet file."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from helpers.small_worlds import model_of_item_biases, random_split, ratings_of
from refeed.errors import ConfigError, DataError, StorageError
from refeed.inference import blocks
from refeed.inference import recommend_all as module
from refeed.inference.recommend import recommend
from refeed.inference.recommend_all import WrittenLists, recommend_all
from refeed.models import AutoEncoder
from refeed.optim.options import TrainingOptions
from refeed.progress import Finished
from refeed.runtime import Runtime
from refeed.training.train import train

TRAIN = ratings_of(("u1", "a", 4), ("u1", "b", 2), ("u2", "c", 3), ("u2", "d", 1))
FITTED = model_of_item_biases(TRAIN, [0.5, -1.0, 3.0, 0.0])


@pytest.fixture(scope="module", params=[True, False], ids=["string ids", "integer ids"])
def fitted(request):
    options = TrainingOptions(epochs=2, batch_size=8)
    return train(AutoEncoder(encoder=(5,)), random_split(named=request.param), options, runtime=Runtime(threads=2))


@pytest.mark.parametrize("exclude_seen", [True, False])
def test_every_user_gets_what_recommend_gives_them(fitted, tmp_path, monkeypatch, exclude_seen):
    monkeypatch.setattr(blocks, "USERS_PER_BLOCK", 5)
    monkeypatch.setattr(module, "ROWS_PER_GROUP", 30)
    written = recommend_all(fitted, tmp_path / "top.parquet", k=4, exclude_seen=exclude_seen)
    table = pq.read_table(tmp_path / "top.parquet")
    users = fitted.users.decode(range(24))
    expected = [(user, one) for user in users for one in recommend(fitted, user, k=4, exclude_seen=exclude_seen)]
    assert table["user"].to_pylist() == [user for user, _ in expected]
    assert table["rank"].to_pylist() == [one.rank for _, one in expected]
    assert table["item"].to_pylist() == [one.item for _, one in expected]
    clipped = fitted.scale.clip(table["score"].to_numpy())
    np.testing.assert_allclose(clipped, [one.rating for _, one in expected], rtol=1e-5)
    assert written == WrittenLists(users=24, rows=len(expected), left_out=0)
    assert [pq.ParquetFile(tmp_path / "top.parquet").metadata.row_group(g).num_rows for g in (0, 1)] == [40, 40]


def test_ids_are_of_their_own_types_for_pandas_and_duckdb(fitted, tmp_path):
    path = tmp_path / "top.parquet"
    recommend_all(fitted, path, k=2)
    frame = pd.read_parquet(path)
    assert frame.dtypes[["rank", "score"]].astype(str).tolist() == ["int32", "float32"]
    assert pa.types.is_integer(pq.read_schema(path).field("user").type) == fitted.users.is_integer
    kinds = {column[0]: column[1] for column in duckdb.sql(f"describe select * from '{path}'").fetchall()}
    ids = "BIGINT" if fitted.users.is_integer else "VARCHAR"
    assert kinds == {"user": ids, "rank": "INTEGER", "item": ids, "score": "FLOAT"}


def test_scores_are_not_clipped_to_the_scale(tmp_path):
    recommend_all(FITTED, tmp_path / "top.parquet", k=1)
    rows = pq.read_table(tmp_path / "top.parquet").to_pylist()
    assert rows == [
        {"user": "u1", "rank": 1, "item": "c", "score": 6.0},
        {"user": "u2", "rank": 1, "item": "a", "score": 3.5},
    ]


def test_given_histories_bring_new_users_and_those_without_a_known_item_are_left_out(tmp_path):
    given = ratings_of(("new", "c", 5), ("new", "zz", 1), ("odd", "zz", 2))
    written = recommend_all(FITTED, tmp_path / "top.parquet", k=2, history=given)
    table = pq.read_table(tmp_path / "top.parquet")
    assert (table["user"].to_pylist(), table["item"].to_pylist()) == (["new", "new"], ["a", "d"])
    assert written == WrittenLists(users=1, rows=2, left_out=1)


def test_lists_longer_than_the_catalogue_hold_what_there_is(tmp_path):
    assert recommend_all(FITTED, tmp_path / "top.parquet", k=1000).rows == 4
    assert recommend_all(FITTED, tmp_path / "all.parquet", k=1000, exclude_seen=False).rows == 8


def test_what_cannot_be_done_is_refused_and_leaves_no_file(tmp_path):
    with pytest.raises(ConfigError, match="k: expected at least 1, got 0"):
        recommend_all(FITTED, tmp_path / "top.parquet", k=0)
    bare = model_of_item_biases(TRAIN, [0.0] * 4, keep_histories=False)
    with pytest.raises(DataError, match="keeps no histories"):
        recommend_all(bare, tmp_path / "top.parquet")
    with pytest.raises(DataError, match="no user has a rating of an item that the model knows"):
        recommend_all(FITTED, tmp_path / "top.parquet", history=ratings_of(("u1", "zz", 3)))
    diverged = model_of_item_biases(TRAIN, [0.0, np.nan, 0.0, 0.0])
    with pytest.raises(DataError, match=r"scores are not numbers(.|\n)*lower its learning rate"):
        recommend_all(diverged, tmp_path / "top.parquet", exclude_seen=False)
    assert list(tmp_path.iterdir()) == []


def test_existing_file_is_only_replaced_on_request(tmp_path):
    (tmp_path / "top.parquet").write_text("mine")
    with pytest.raises(StorageError, match="exists already"):
        recommend_all(FITTED, tmp_path / "top.parquet")
    assert (tmp_path / "top.parquet").read_text() == "mine"
    recommend_all(FITTED, tmp_path / "top.parquet", overwrite=True)
    assert len(pq.read_table(tmp_path / "top.parquet")) == 4


def test_interruption_leaves_nothing(fitted, tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "USERS_PER_BLOCK", 2)

    def interrupting(event):
        if isinstance(event, Finished):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recommend_all(fitted, tmp_path / "top.parquet", progress=interrupting)
    assert list(tmp_path.iterdir()) == []
