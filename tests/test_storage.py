"""Files and folders appear whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from refeed.errors import StorageError
from refeed.storage import atomic_file, atomic_folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_folder_appears_with_its_content_and_nothing_else_remains(tmp_path):
    target = tmp_path / "deep" / "model"
    with atomic_folder(target) as folder:
        (folder / "weights").write_text("1")
        (folder / "inner").mkdir()
        (folder / "inner" / "more").write_text("2")
        assert not target.exists()
    assert (target / "weights").read_text() == "1"
    assert (target / "inner" / "more").read_text() == "2"
    assert names(target.parent) == ["model"]


@pytest.mark.parametrize("error", [ValueError("broken"), KeyboardInterrupt()])
@pytest.mark.parametrize("existing", [False, True])
def test_error_or_ctrl_c_leaves_the_old_folder_and_no_trace(tmp_path, error, existing):
    target = tmp_path / "model"
    if existing:
        target.mkdir()
        (target / "old").write_text("old")
    with pytest.raises(type(error)), atomic_folder(target, overwrite=True) as folder:
        (folder / "half").write_text("x")
        raise error
    assert names(tmp_path) == (["model"] if existing else [])
    assert not existing or (target / "old").read_text() == "old"


def test_full_disk_becomes_a_storage_error_with_path_and_reason(tmp_path):
    with (
        pytest.raises(StorageError, match=r"model: cannot be written \(No space left on device\)"),
        atomic_folder(tmp_path / "model"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert names(tmp_path) == []


def test_parent_that_is_a_file_becomes_a_storage_error(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StorageError, match=r"cannot be written \(File exists: .*file\)"),
        atomic_folder(tmp_path / "file" / "model"),
    ):
        pytest.fail("the block must not run")


def test_existing_folder_is_not_replaced_unasked(tmp_path):
    (tmp_path / "model").mkdir()
    with pytest.raises(StorageError, match=r"model: exists already; choose another path"), atomic_folder(tmp_path / "model"):
        pytest.fail("the block must not run")


def test_overwriting_replaces_the_whole_folder(tmp_path):
    target = tmp_path / "model"
    for name in ("first", "second"):
        with atomic_folder(target, overwrite=True, marker=name if name == "first" else "first") as folder:
            (folder / name).write_text("")
    assert names(target) == ["second"]
    assert names(tmp_path) == ["model"]


def test_empty_folder_may_be_replaced(tmp_path):
    (tmp_path / "fresh").mkdir()
    with atomic_folder(tmp_path / "fresh", overwrite=True, marker="store.json") as folder:
        (folder / "weights").write_text("1")
    assert names(tmp_path / "fresh") == ["weights"]


def test_folder_without_the_marker_is_never_overwritten(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "beach.png").write_text("")
    with (
        pytest.raises(StorageError, match=r"photos: not overwritten, since it holds no store\.json"),
        atomic_folder(tmp_path / "photos", overwrite=True, marker="store.json"),
    ):
        pytest.fail("the block must not run")


def test_file_is_never_replaced_by_a_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StorageError, match="is a file, and only a folder may be"),
        atomic_folder(tmp_path / "file", overwrite=True),
    ):
        pytest.fail("the block must not run")


def test_folder_that_appears_meanwhile_is_kept(tmp_path):
    target = tmp_path / "model"
    with pytest.raises(StorageError, match="exists already"), atomic_folder(target):
        target.mkdir()
        (target / "theirs").write_text("")
    assert names(target) == ["theirs"]
    assert names(tmp_path) == ["model"]


def test_old_folder_comes_back_when_the_new_one_cannot_take_its_place(tmp_path, monkeypatch):
    target = tmp_path / "model"
    target.mkdir()
    (target / "old").write_text("")
    rename = Path.rename

    def refuse_the_new_one(self, other):
        if Path(other) == target and not self.name.endswith("-old"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return rename(self, other)

    monkeypatch.setattr(Path, "rename", refuse_the_new_one)
    with pytest.raises(StorageError, match=r"cannot be written \(Permission denied\)"), atomic_folder(target, overwrite=True):
        pass
    assert names(target) == ["old"]
    assert names(tmp_path) == ["model"]


def test_overwriting_through_a_link_replaces_the_folder_it_points_to(tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    with atomic_folder(link, overwrite=True) as folder:
        (folder / "new").write_text("")
    assert link.is_symlink()
    assert names(real) == ["new"]


def test_file_appears_whole_and_keeps_its_suffix_meanwhile(tmp_path):
    target = tmp_path / "deep" / "page.html"
    with atomic_file(target) as path:
        assert path.suffix == ".html"
        path.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"
    assert names(target.parent) == ["page.html"]


def test_error_leaves_the_old_file_and_no_trace(tmp_path):
    target = tmp_path / "page.html"
    target.write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic_file(target, overwrite=True) as path:
        path.write_text("half")
        raise KeyboardInterrupt
    assert target.read_text() == "old"
    assert names(tmp_path) == ["page.html"]


def test_existing_file_is_replaced_only_on_request(tmp_path):
    target = tmp_path / "page.html"
    target.write_text("old")
    with pytest.raises(StorageError, match=r"page\.html: exists already"), atomic_file(target):
        pytest.fail("the block must not run")
    with atomic_file(target, overwrite=True) as path:
        path.write_text("new")
    assert target.read_text() == "new"


def test_folder_is_never_replaced_by_a_file(tmp_path):
    with pytest.raises(StorageError, match="is a folder, expected a file name"), atomic_file(tmp_path, overwrite=True):
        pytest.fail("the block must not run")


def test_file_that_was_not_written_is_a_storage_error(tmp_path):
    with (
        pytest.raises(StorageError, match=r"page\.html: cannot be written \(No such file"),
        atomic_file(tmp_path / "page.html"),
    ):
        pass
