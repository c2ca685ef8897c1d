"""Vocabularies on disk."""

from __future__ import annotations

import pyarrow as pa
import pytest

from refeed.data.store.id_files import read_ids, write_ids
from refeed.data.vocabulary import Vocabulary


@pytest.mark.parametrize("ids", [["b", "été 🙂", "x" * 10_000], [5, -3, 2**63 - 1], []], ids=["strings", "integers", "none"])
def test_ids_come_back_in_their_order_and_type(tmp_path, ids):
    write_ids(Vocabulary(ids, kind="user"), tmp_path / "ids.arrow")
    read = read_ids(tmp_path / "ids.arrow", kind="user")
    assert (read.ids.to_pylist(), read.kind) == (ids, "user")
    assert read == Vocabulary(ids, kind="user")


def test_truncated_file_is_refused(tmp_path):
    write_ids(Vocabulary(["a", "b"], kind="user"), tmp_path / "ids.arrow")
    (tmp_path / "ids.arrow").write_bytes((tmp_path / "ids.arrow").read_bytes()[:-20])
    with pytest.raises(pa.ArrowInvalid):
        read_ids(tmp_path / "ids.arrow", kind="user")


def test_file_without_the_column_is_refused(tmp_path):
    table = pa.table({"name": ["a"]})
    with pa.OSFile(str(tmp_path / "ids.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(KeyError, match="id"):
        read_ids(tmp_path / "ids.arrow", kind="user")
