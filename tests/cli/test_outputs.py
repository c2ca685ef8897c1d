"""Outputs are refused before any work is done for them."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from refeed.cli.outputs import require_file, require_folder, require_json
from refeed.errors import StorageError


def test_free_place_is_left_as_it_was(tmp_path):
    require_file(tmp_path / "new" / "out.csv", overwrite=False)
    require_folder(tmp_path / "new" / "model", overwrite=False, marker="config.json")
    require_json("-")
    require_json(None)
    assert list(tmp_path.iterdir()) == []


def test_existing_file_needs_to_be_given_up(tmp_path):
    (tmp_path / "out.json").write_text("mine")
    with pytest.raises(StorageError, match="exists already"):
        require_json(str(tmp_path / "out.json"))
    require_json(str(tmp_path / "out.json"), overwrite=True)
    assert (tmp_path / "out.json").read_text() == "mine"


def test_folder_is_no_file(tmp_path):
    with pytest.raises(StorageError, match="is a folder, expected a file name"):
        require_file(tmp_path, overwrite=True)


@pytest.mark.parametrize("name", ["data.csv", "folder/../data.csv", "link"])
def test_input_is_never_an_output(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "data.csv").write_text("1,2,3")
    (tmp_path / "link").symlink_to(tmp_path / "data.csv")
    with pytest.raises(StorageError, match="is also named as another file of this command"):
        require_file(tmp_path / name, overwrite=True, inputs=(None, tmp_path / "data.csv"))


@pytest.mark.parametrize("marker", ["config.json", "store.json"])
def test_nothing_is_put_into_a_model_folder_or_a_store(tmp_path, marker):
    require_file(tmp_path / "out.csv", overwrite=False, inputs=(tmp_path,))  # any other folder may get it
    (tmp_path / marker).touch()
    with pytest.raises(StorageError, match=r"lies in .*, where nothing else may lie"):
        require_folder(tmp_path / "deep" / "out", overwrite=False, marker="config.json", inputs=(tmp_path,))


def test_place_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="is a file and no folder"):
        require_file(tmp_path / "file" / "out.csv", overwrite=False)


def test_name_that_is_too_long_is_refused(tmp_path):
    with pytest.raises(StorageError, match=r"cannot be written \(File name too long"):
        require_file(tmp_path / ("x" * 250), overwrite=False)


def test_disk_that_cannot_be_written_to_is_noticed(tmp_path, monkeypatch):
    def refuse(path, **options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(StorageError, match=r"out\.csv: cannot be written \(Read-only file system\)"):
        require_file(tmp_path / "out.csv", overwrite=False)
