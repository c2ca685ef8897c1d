"""The ratings store: what is written comes back, and damage is named."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refeed.data.ratings import LabelColumn, Ratings, RatingScale
from refeed.data.store.store import ArrayFile, compact_array, open_store, verify_store, write_store
from refeed.data.synthetic.in_memory import synthetic_ratings
from refeed.errors import BundleError, StorageError


def small(values=(1, 2.5, 4), *, users=("a", "ü 🙂", "a"), items=(1, 1, 2), times=(5, 6, 7), scale=None) -> Ratings:
    labels = {"part": LabelColumn(np.arange(len(values), dtype=np.uint8) % 2, ("train", "test")), "we/ek": LabelColumn(
        np.zeros(len(values), np.uint8), ("one",))}  # fmt: skip
    return Ratings.from_columns(users, items, values, timestamps=times, labels=labels, scale=scale, notes=("read by hand",))


def edit_header(path, change):
    header = json.loads((path / "store.json").read_text(encoding="utf-8"))
    change(header)
    (path / "store.json").write_text(json.dumps(header), encoding="utf-8")


def test_everything_comes_back(tmp_path):
    ratings = small(scale=RatingScale(0, 5))
    write_store(ratings, tmp_path / "store")
    opened = open_store(tmp_path / "store", verify=True)
    assert opened.to_arrow().equals(ratings.to_arrow())
    assert opened.users == ratings.users
    assert (opened.users.kind, opened.items.kind) == ("user", "item")
    assert opened.scale == RatingScale(0, 5)
    assert opened.labels["we/ek"].names == ("one",)
    assert opened.notes == ("read by hand",)
    assert opened.fingerprint == ratings.fingerprint


@settings(max_examples=40)
@given(
    st.lists(st.floats(-1e6, 1e6, width=32) | st.integers(-200, 200) | st.just(-0.0), min_size=1, max_size=12),
    st.sampled_from([0, 2**31 - 13, 2**31, -(2**40)]),
    st.booleans(),
)
def test_values_and_times_of_any_size_come_back_bit_by_bit(tmp_path_factory, values, first_time, strings):
    path = tmp_path_factory.mktemp("store") / "store"
    ids = [str(number) if strings else number * 2**40 for number in range(len(values))]
    ratings = Ratings.from_columns(ids, ids, values, timestamps=first_time + np.arange(len(values)))
    write_store(ratings, path)
    opened = open_store(path, verify=True)
    assert np.asarray(opened.values, np.float32).tobytes() == ratings.values.tobytes()
    assert opened.timestamps.tolist() == ratings.timestamps.tolist()
    assert opened.users == ratings.users


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ((1, -128, 127), "int8"),
        ((1, 128, 3), "float16"),
        ((0.5, 4.5, 5), "float16"),
        ((0.1, 1, 2), "float32"),
        ((1, 1e9, 2), "float32"),
        ((-0.0, 1, 2), "float16"),
    ],
)
def test_values_take_the_smallest_type_that_loses_nothing(tmp_path, values, dtype):
    write_store(small(values), tmp_path / "store")
    assert open_store(tmp_path / "store").values.dtype == dtype


@pytest.mark.parametrize(
    ("times", "dtype"), [((5, 6, 2**31 - 1), "int32"), ((5, 6, 2**31), "int64"), ((5, 6, -(2**31) - 1), "int64")]
)
def test_times_take_four_bytes_where_they_fit(tmp_path, times, dtype):
    write_store(small(times=times), tmp_path / "store")
    assert open_store(tmp_path / "store").timestamps.dtype == dtype


@pytest.mark.parametrize(("num_items", "dtype"), [(65_536, "uint16"), (65_537, "int32")])
def test_items_take_two_bytes_up_to_65536(tmp_path, num_items, dtype):
    items = np.arange(num_items)
    write_store(Ratings.from_columns(np.zeros(num_items, int), items, np.ones(num_items)), tmp_path / "store")
    opened = open_store(tmp_path / "store", verify=True)
    assert opened.indices.dtype == dtype
    assert opened.indices[-1] == num_items - 1


def test_stars_with_times_take_seven_bytes_a_rating(tmp_path):
    ratings = synthetic_ratings(300, 200, 20_000)
    write_store(ratings, tmp_path / "store")
    arrays = [tmp_path / "store" / f"{name}.npy" for name in ("indices", "values", "timestamps")]
    assert sum(path.stat().st_size for path in arrays) == 7 * 20_000 + 3 * 128


def test_opened_arrays_are_read_only_maps_and_the_fingerprint_is_not_recomputed(tmp_path):
    write_store(small(), tmp_path / "store")
    opened = open_store(tmp_path / "store")
    assert type(opened.values) is np.ndarray
    assert isinstance(opened.values.base, np.memmap)
    assert not opened.values.flags.writeable
    assert "fingerprint" in opened.__dict__


def test_ratings_without_times_or_ratings_come_back(tmp_path):
    timeless = Ratings.from_columns([1, 2], [3, 4], [1, 2])
    empty = timeless.select(np.zeros(2, bool))
    for name, ratings in (("timeless", timeless), ("empty", empty)):
        write_store(ratings, tmp_path / name)
        opened = open_store(tmp_path / name, verify=True)
        assert opened.timestamps is None
        assert len(opened) == len(ratings)
        assert opened.users == timeless.users


def test_transposed_ratings_keep_the_kinds_of_their_ids(tmp_path):
    write_store(small().transposed(), tmp_path / "store")
    opened = open_store(tmp_path / "store")
    assert (opened.users.kind, opened.items.kind) == ("item", "user")


def test_store_is_overwritten_only_on_request_even_by_itself(tmp_path):
    path = tmp_path / "store"
    write_store(small(), path)
    with pytest.raises(StorageError, match="store: exists already"):
        write_store(small((1, 1, 1)), path)
    opened = open_store(path)
    write_store(opened, path, overwrite=True)
    assert open_store(path, verify=True).fingerprint == opened.fingerprint == small().fingerprint
    assert [entry.name for entry in tmp_path.iterdir()] == ["store"]


def test_folder_that_is_no_store_is_not_overwritten(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").touch()
    with pytest.raises(StorageError, match=r"it holds no store\.json"):
        write_store(small(), tmp_path / "photos", overwrite=True)


def test_nothing_is_left_of_a_store_that_could_not_be_finished(tmp_path, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(json, "dumps", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_store(small(), tmp_path / "store")
    assert list(tmp_path.iterdir()) == []


def test_absent_or_foreign_store_is_named(tmp_path):
    with pytest.raises(BundleError, match=r"no ratings store is here \(there is no store\.json\)"):
        open_store(tmp_path)
    (tmp_path / "store.json").write_text('{"format": "other"}')
    with pytest.raises(BundleError, match="not a ratings store of refeed"):
        open_store(tmp_path)
    (tmp_path / "store.json").write_text("{")
    with pytest.raises(BundleError, match=r"damaged \(store\.json cannot be read"):
        open_store(tmp_path)


def drop_last_byte(name):
    def damage(path):
        os.truncate(path / name, (path / name).stat().st_size - 1)

    return damage


def save_as(name, array):
    def damage(path):
        np.save(path / name, array)
        edit_header(path, lambda header: header["files"][name].update(bytes=(path / name).stat().st_size))

    return damage


def set_key(key, value):
    return lambda path: edit_header(path, lambda header: header.update({key: value}))


def overwrite_end(name):
    def damage(path):
        with (path / name).open("rb+") as file:
            file.seek(-8, os.SEEK_END)
            file.write(b"garbage!")

    return damage


def overwrite_start(name):
    def damage(path):
        with (path / name).open("rb+") as file:
            file.write(b"garbage!")

    return damage


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (set_key("version", 2), "a ratings store of version 2, and this refeed reads version 1"),
        (lambda path: (path / "values.npy").unlink(), "values.npy is missing"),
        (drop_last_byte("values.npy"), "values.npy has 133 bytes, expected 134"),
        (save_as("values.npy", np.zeros(3)), "values.npy is of type <f8, expected |i1 or <f2 or <f4"),
        (save_as("values.npy", np.zeros(4, "<f2")), "values.npy is of shape (4,), expected (3,)"),
        (save_as("indptr.npy", np.array([0, 2, 4])), "indptr.npy reaches from 0 to 4, expected 0 to 3"),
        (overwrite_start("values.npy"), "the magic string is not correct"),
        (overwrite_end("users.arrow"), "Not an Arrow file"),
        (set_key("users", 3), "indptr.npy is of shape (3,), expected (4,)"),
        (set_key("items", 9), "items.arrow holds 2 ids, expected 9"),
        (set_key("scale", [5, 1]), "the minimum 5 is above the maximum 1"),
        (set_key("scale", 5), "must be an iterable"),
        (set_key("files", []), "'list' object has no attribute 'items'"),
        (lambda path: edit_header(path, lambda header: header.pop("scale")), "store.json lacks 'scale'"),
    ],
)
def test_damage_is_named_when_opening(tmp_path, damage, message):
    path = tmp_path / "store"
    write_store(small(), path)
    damage(path)
    with pytest.raises(BundleError) as caught:
        open_store(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["values.npy", "label-0.npy"])
def test_changed_bytes_are_found_by_verifying(tmp_path, name):
    path = tmp_path / "store"
    write_store(small(), path)
    content = (path / name).read_bytes()
    (path / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert len(open_store(path)) == 3
    with pytest.raises(BundleError, match=f"{name} has changed since it was written"):
        verify_store(path)


def test_changed_scale_is_found_by_verifying(tmp_path):
    write_store(small(), tmp_path / "store")
    edit_header(tmp_path / "store", lambda header: header.update(scale=[0, 10]))
    with pytest.raises(BundleError, match="the ratings have the fingerprint"):
        verify_store(tmp_path / "store")


@pytest.mark.parametrize("blocks", [[], [[1, 2], [3]], [[5] * 1000] * 3])
def test_file_that_grows_is_byte_for_byte_that_of_numpy(tmp_path, blocks):
    with ArrayFile(tmp_path / "grown.npy", "<i4") as file:
        for block in blocks:
            file.append(np.array(block))
    np.save(tmp_path / "saved.npy", np.array([number for block in blocks for number in block], "<i4"))
    assert (tmp_path / "grown.npy").read_bytes() == (tmp_path / "saved.npy").read_bytes()


def test_array_is_written_again_where_a_smaller_type_holds_it(tmp_path):
    for values, dtype in (([1.0, 2.0], "|i1"), ([0.1, 2.0], "<f4")):
        np.save(tmp_path / "values.npy", np.array(values, "<f4"))
        compact_array(tmp_path / "values.npy", ("|i1", "<f2", "<f4"))
        compact = np.load(tmp_path / "values.npy")
        assert (compact.dtype.str, compact.tolist()) == (dtype, np.array(values, "<f4").tolist())
    assert [path.name for path in tmp_path.iterdir()] == ["values.npy"]
