"""Writing in one step."""

from __future__ import annotations

import pytest

from refeed.errors import StorageError
from refeed.reports.files import write_file


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(StorageError, match=r"none.a\.html: cannot be written \(No such file or directory\)"):
        write_file(tmp_path / "none" / "a.html", b"x", overwrite=False)


def test_a_failed_write_leaves_nothing_behind(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(StorageError, match="taken: cannot be written"):
        write_file(tmp_path / "taken", b"x", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_the_bytes_arrive_as_they_are(tmp_path):
    write_file(str(tmp_path / "a"), b"\x00\r\n", overwrite=False)
    assert (tmp_path / "a").read_bytes() == b"\x00\r\n"
