"""The model folder: whole, safe, self-contained, and refused with the reason when it is not as it was written."""

from __future__ import annotations

import copy
import errno
import json
import os
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from safetensors import SafetensorError

from helpers.small_worlds import model_of_item_biases, predictions_of, random_split, ratings_of
from refeed import fitted_model as bundles
from refeed.data.history import History
from refeed.errors import BundleError, ConfigError, StorageError
from refeed.evaluation.evaluate import evaluate
from refeed.fitted_model import load
from refeed.inference.predict import predict, predict_interval
from refeed.inference.recommend import recommend
from refeed.inference.recommend_all import recommend_all
from refeed.models import AutoEncoder, Bias, Ensemble
from refeed.optim.options import TrainingOptions
from refeed.runtime import Runtime
from refeed.training.train import train

OPTIONS = TrainingOptions(epochs=2, batch_size=8)


def fit(spec, **world):
    return train(spec, random_split(**world), OPTIONS, runtime=Runtime(threads=1, seed=2))


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    """A folder with everything in it; copy it before spoiling it."""
    fitted = fit(AutoEncoder(encoder=(4, 3), offsets="bias"))
    path = tmp_path_factory.mktemp("bundles") / "model"
    replace(fitted, titles=tuple(f"Film {item} — é" for item in range(len(fitted.items)))).save(path)
    return path


@pytest.fixture
def spoiled(saved, tmp_path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "model"))


@pytest.mark.parametrize("named", [True, False], ids=["string ids", "integer ids"])
@pytest.mark.parametrize(
    "spec",
    [
        AutoEncoder(encoder=(5, 3), tied=True, activation="relu6", activation_on_last_layer=True, dropout=0.5),
        AutoEncoder(encoder=(4,), decoder=(6, 2), offsets="mean"),
        AutoEncoder(encoder=(4,), side="item", offsets="bias"),
        Bias(sweeps=3),
    ],
    ids=["user side", "given decoder", "item side", "bias"],
)
def test_loaded_model_is_the_saved_one(tmp_path, spec, named):
    fitted = fit(spec, named=named)
    fitted.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert (loaded.spec, loaded.scale, loaded.provenance) == (fitted.spec, fitted.scale, fitted.provenance)
    assert (loaded.users, loaded.items) == (fitted.users, fitted.items)
    assert loaded.users.decode([0]) == (["user 0"] if named else [0])
    assert loaded.histories.fingerprint == fitted.histories.fingerprint
    assert np.array_equal(predictions_of(loaded), predictions_of(fitted))
    stranger = History.of_one([2, 0], [5.0, 1.0], num_items=len(fitted.items))
    assert np.array_equal(loaded.scorer().score_rows(stranger), fitted.scorer().score_rows(stranger))
    assert loaded.num_parameters == fitted.num_parameters


def test_titles_come_back_in_their_letters_with_the_unknown_ones_unknown(tmp_path):
    fitted = model_of_item_biases(
        ratings_of((1, "a", 3), (1, "b", 4), (2, "c", 5)), [0, 0, 0], titles=("Amélie", None, "七人の侍")
    )
    fitted.save(tmp_path / "model")
    assert load(tmp_path / "model").titles == ("Amélie", None, "七人の侍")


def test_without_histories_and_titles_the_folder_holds_neither(tmp_path):
    fitted = model_of_item_biases(ratings_of((1, "a", 3), (2, "b", 4)), [0, 0], keep_histories=False)
    fitted.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert loaded.histories is None and loaded.titles == ()
    assert names(tmp_path / "model") == [
        "config.json", "items.arrow", "manifest.json", "model.safetensors", "training.json", "users.arrow",
    ]  # fmt: skip


def test_intervals_come_back_and_a_folder_of_before_has_none(saved, tmp_path):
    intervals = load(saved).intervals
    fitted = fit(AutoEncoder(encoder=(4, 3), offsets="bias"))
    assert np.array_equal(intervals.quantiles, fitted.intervals.quantiles)
    assert np.array_equal(intervals.residual_variance.item_variances, fitted.intervals.residual_variance.item_variances)
    assert intervals.num_ratings == len(random_split().valid)
    replace(fitted, intervals=None).save(tmp_path / "old")
    assert load(tmp_path / "old").intervals is None and "intervals.safetensors" not in names(tmp_path / "old")


def test_intervals_of_other_items_are_refused(saved, tmp_path):
    other = fit(Bias(), items=9)
    replace(other, intervals=load(saved).intervals).save(tmp_path / "model")
    with pytest.raises(BundleError, match=r"intervals\.safetensors has 15 entries, expected 9"):
        load(tmp_path / "model")


def test_no_file_can_hold_a_pickle(saved):
    assert {Path(name).suffix for name in names(saved)} == {".json", ".arrow", ".safetensors", ".npy"}
    for path in saved.rglob("*.npy"):
        assert np.load(path, allow_pickle=False).dtype.kind in "iuf"
    assert set(safetensors.torch.load_file(saved / "model.safetensors")) >= {"network.input_weight", "offsets.mean"}


def test_manifest_names_and_hashes_every_other_file(saved):
    recorded = json.loads((saved / "manifest.json").read_text())["files"]
    assert sorted([*recorded, "manifest.json"]) == names(saved)
    assert all(len(digest) == 128 for digest in recorded.values())


def test_folder_is_enough_where_the_data_never_was(saved, tmp_path, monkeypatch):
    moved = Path(shutil.copytree(saved, tmp_path / "elsewhere"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REFEED_DATA", raising=False)
    assert np.array_equal(predictions_of(load(moved)), predictions_of(load(saved)))


def spoil(path: Path, damage: str) -> None:
    content = bytearray(path.read_bytes())
    content[-1 if path.suffix == ".npy" else len(content) // 2] ^= 1  # the middle of a small array lies in its header
    path.write_bytes(content if damage == "flipped" else content[: len(content) // 2])


@pytest.mark.parametrize(
    "name", ["model.safetensors", "users.arrow", "items.arrow", "titles.json", "training.json", "histories/indptr.npy"]
)
@pytest.mark.parametrize("damage", ["missing", "flipped", "truncated"])
def test_damaged_file_is_named(spoiled, name, damage):
    if damage == "missing":
        (spoiled / name).unlink()
        message = f"the model folder is incomplete, {name} is missing"
    else:
        spoil(spoiled / name, damage)
        message = f"{name} is damaged, its hash is not the one recorded; restore the folder"
    with pytest.raises(BundleError, match=message):
        load(spoiled)


@pytest.mark.parametrize("name", ["values.npy", "indices.npy"])
def test_ratings_of_the_histories_are_read_only_where_that_is_asked(spoiled, name):
    load(spoiled, verify=True)
    spoil(spoiled / "histories" / name, "flipped")
    assert len(load(spoiled).histories) == len(load(spoiled).histories.values)
    with pytest.raises(BundleError, match=f"histories/{name} is damaged, its hash is not the one recorded"):
        load(spoiled, verify=True)


def test_ratings_of_the_histories_that_are_missing_or_cut_off_are_always_noticed(spoiled):
    spoil(spoiled / "histories" / "values.npy", "truncated")
    with pytest.raises(BundleError, match=r"histories.*values\.npy has [\d,]+ bytes, expected"):
        load(spoiled)
    (spoiled / "histories" / "values.npy").unlink()
    with pytest.raises(BundleError, match=r"the model folder is incomplete, histories/values\.npy is missing"):
        load(spoiled)


def test_file_that_does_not_belong_to_it_is_named(spoiled):
    (spoiled / "evil.pkl").write_bytes(b"")
    with pytest.raises(BundleError, match=r"holds evil\.pkl, which does not belong to it; remove that file"):
        load(spoiled)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", b'{"format": ', "config.json: damaged"),
        ("config.json", b"\xff\xfe\x00", "config.json: damaged"),
        ("config.json", b"[]", "not a model folder of refeed .config.json is of another program"),
        ("config.json", b'{"model_type": "bert"}', "config.json is of another program"),
        (
            "config.json",
            b'{"format": "refeed-model", "version": 5}',
            "format version 5, but this refeed reads versions 1 to 4",
        ),
        (
            "config.json",
            b'{"format": "refeed-model", "version": 1, "kind": "autoencodr"}',
            "kind 'autoencodr', which this refeed does not have; did you mean 'autoencoder'",
        ),
        ("config.json", b'{"format": "refeed-model", "version": 1, "kind": "bias"}', "config.json is damaged, its hash"),
        ("manifest.json", b'{"files": {"config', "the model folder is incomplete .manifest.json"),
        ("manifest.json", b'{"files": 3}', "the model folder is incomplete .manifest.json"),
        ("manifest.json", b"{}", "the model folder is incomplete .manifest.json"),
    ],
)
def test_foreign_newer_or_broken_description_is_refused(spoiled, name, content, message):
    (spoiled / name).write_bytes(content)
    with pytest.raises(BundleError, match=message):
        load(spoiled)


@pytest.mark.parametrize(
    ("name", "message"),
    [("config.json", "not a model folder of refeed .it has no config.json"), ("manifest.json", "incomplete .manifest.json")],
)
def test_folder_without_its_description_is_refused(spoiled, name, message):
    (spoiled / name).unlink()
    with pytest.raises(BundleError, match=message):
        load(spoiled)


def test_absent_folder_and_a_file_are_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "nothing", tmp_path / "file"):
        with pytest.raises(BundleError, match=f"{path.name}: there is no such model folder"):
            load(path)


def rewrite(folder: Path, name: str, change) -> None:
    """Change a JSON file and its hash: what a person who edits by hand may do."""
    values = json.loads((folder / name).read_text())
    change(values)
    (folder / name).write_text(json.dumps(values))
    bundles._write_json(folder / "manifest.json", {"files": bundles._hashes(folder)})


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("config.json", lambda values: values.update(num_users=3), "users.arrow has 24 entries, expected 3"),
        ("config.json", lambda values: values.update(num_items=99), "items.arrow has 15 entries, expected 99"),
        ("config.json", lambda values: values["spec"].update(encoder=[5, 3]), "size mismatch"),
        ("config.json", lambda values: values["spec"].update(widht=3), "unknown key 'widht'"),
        ("config.json", lambda values: values.update(scale=[5, 1]), "the minimum 5 is above the maximum 1"),
        ("config.json", lambda values: values.pop("spec"), "'spec'"),
        ("titles.json", lambda values: values.pop(), "titles.json has 14 entries, expected 15"),
        ("training.json", lambda values: values.pop("log"), "'log'"),
        ("training.json", lambda values: values.update(surprise=1), "surprise"),
    ],
)
def test_files_that_do_not_fit_each_other_are_refused(spoiled, name, change, reason):
    rewrite(spoiled, name, change)
    with pytest.raises(BundleError, match=f"(?s)damaged or inconsistent model folder .*{reason}"):
        load(spoiled)


def test_folder_of_version_1_is_read_where_its_tensors_are_the_same(spoiled):
    expected = load(spoiled).model.state_dict()
    rewrite(spoiled, "config.json", lambda values: values.update(version=1))
    assert load(spoiled).model.state_dict().keys() == expected.keys()


def test_folder_of_version_1_of_a_model_kept_otherwise_is_no_damage(spoiled):
    fitted = fit(Ensemble(members=("bias",)))
    fitted.save(spoiled, overwrite=True)
    tensors = {name.replace(".inner", ""): tensor for name, tensor in fitted.model.state_dict().items() if "unit" not in name}
    bundles._write_tensors(tensors, spoiled / "model.safetensors")
    rewrite(spoiled, "config.json", lambda values: values.update(version=1))
    with pytest.raises(BundleError, match=r"(?s)format version 1, of an older.*\('ensemble'\).*Train it again") as caught:
        load(spoiled)
    assert "damaged" not in str(caught.value)


def test_histories_of_other_people_are_refused(spoiled, tmp_path):
    other = model_of_item_biases(ratings_of((1, 10, 3), (2, 20, 4)), [0, 0])
    other.save(tmp_path / "other")
    shutil.rmtree(spoiled / "histories")
    shutil.copytree(tmp_path / "other" / "histories", spoiled / "histories")
    rewrite(spoiled, "titles.json", lambda values: None)
    with pytest.raises(BundleError, match="histories is of other users or items than the model"):
        load(spoiled)


def test_unreadable_file_is_refused(spoiled, monkeypatch):
    def refuse(folder, **options):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "users.arrow")

    monkeypatch.setattr(bundles, "_hashes", refuse)
    with pytest.raises(BundleError, match=r"cannot be read .*Permission denied"):
        load(spoiled)


def test_device_that_is_not_there_is_no_damage(saved):
    with pytest.raises(ConfigError, match="device: 'quantum' cannot be used on this machine"):
        load(saved, device="quantum")
    assert load(saved, device="cpu").model.device.type == "cpu"


def test_existing_folder_is_only_replaced_on_request(spoiled):
    other = model_of_item_biases(ratings_of((1, "a", 3), (2, "b", 4)), [0.25, 0])
    with pytest.raises(StorageError, match="exists already"):
        other.save(spoiled)
    other.save(spoiled, overwrite=True)
    assert load(spoiled).spec == other.spec
    assert [path.name for path in spoiled.parent.iterdir()] == ["model"]


def test_folder_of_something_else_is_never_replaced(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "beach.png").write_text("")
    with pytest.raises(StorageError, match=r"not overwritten, since it holds no config\.json"):
        model_of_item_biases(ratings_of((1, "a", 3)), [0.0]).save(tmp_path / "photos", overwrite=True)
    assert names(tmp_path / "photos") == ["beach.png"]


def test_model_may_be_saved_over_the_folder_it_was_loaded_from(spoiled):
    before = predictions_of(load(spoiled))
    load(spoiled).save(spoiled, overwrite=True)
    assert np.array_equal(predictions_of(load(spoiled)), before)


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), StorageError),
        (SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"), StorageError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
    ids=["full disk", "full disk as safetensors tells it", "Ctrl-C"],
)
@pytest.mark.parametrize("existing", [True, False])
def test_failed_save_leaves_nothing_and_an_old_folder_as_it_was(spoiled, monkeypatch, error, raised, existing):
    target = spoiled if existing else spoiled.with_name("fresh")
    fitted = load(spoiled)

    def fail(tensors, path):
        Path(path).write_bytes(b"half")
        raise error

    monkeypatch.setattr(safetensors.torch, "save_file", fail)
    with pytest.raises(raised, match=r"No space left on device|^$"):
        fitted.save(target, overwrite=existing)
    assert [path.name for path in spoiled.parent.iterdir()] == ["model"]
    assert np.array_equal(predictions_of(load(spoiled)), predictions_of(fitted))


@pytest.mark.parametrize("step", ["write_ids", "write_store", "_hashes"])
def test_failure_late_in_a_save_leaves_nothing(tmp_path, monkeypatch, saved, step):
    fitted = load(saved)

    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(bundles, step, full)
    with pytest.raises(StorageError, match="No space left on device"):
        fitted.save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_number_of_parameters_by_hand(saved):
    n = 15
    assert load(saved).num_parameters == (n * 4 + 4) + (4 * 3 + 3) + (3 * 4 + 4) + (4 * n + n)


def test_model_prints_in_a_line(saved):
    assert repr(load(saved)) == "FittedModel(autoencoder, 24 users x 15 items, 170 trained weights)"


@pytest.fixture
def counted(saved, monkeypatch):
    """A loaded model that counts the scorers that are built of it."""
    fitted, built = load(saved), []
    build = type(fitted.model).scorer
    monkeypatch.setattr(type(fitted.model), "scorer", lambda model: built.append(model) or build(model))
    return fitted, built


def test_scorer_is_built_once_whatever_is_called(counted, tmp_path):
    fitted, built = counted
    split = random_split()
    assert fitted.scorer() is fitted.scorer()
    for _ in range(2):
        recommend(fitted, 3)
        recommend(fitted, {10: 4.0, 20: 1.0})
        predict(fitted, [3, 4], [10, 20])
        predict_interval(fitted, [3], [10], level=0.5)
        recommend_all(fitted, tmp_path / "lists.parquet", overwrite=True)
        evaluate(fitted, split)
    assert len(built) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model.load_state_dict({name: tensor + 1 for name, tensor in model.state_dict().items()}),
        lambda model: next(model.parameters()).mul_(2.0),
        lambda model: model.double(),
        lambda model: model.offsets.register_buffer("mean", model.offsets.mean + 1),
    ],
    ids=["other weights", "a step", "moved", "another buffer"],
)
def test_scorer_is_built_again_when_the_models_tensors_change(counted, change):
    fitted, built = counted
    fitted.scorer()
    with torch.no_grad():
        change(fitted.model)
    assert fitted.scorer() is fitted.scorer()
    assert len(built) == 2


def test_model_moved_to_a_device_has_a_scorer_there(counted):
    fitted, built = counted
    fitted.scorer()
    moved = fitted.to("cpu")
    assert np.array_equal(moved.scorer().score_rows(fitted.histories.rows()), predictions_of(fitted))
    assert all(model.device.type == "cpu" for model in built)


def test_copies_and_folders_are_without_the_scorer_and_predict_the_same(counted, saved, tmp_path):
    fitted, _ = counted
    lean = len(pickle.dumps(fitted))
    expected = predictions_of(fitted)
    fitted.scorer()
    assert len(pickle.dumps(fitted)) == lean
    for again in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        assert again.model is not fitted.model
        assert again.scorer() is not fitted.scorer()
        assert np.array_equal(predictions_of(again), expected)
    fitted.save(tmp_path / "model")
    assert names(tmp_path / "model") == names(saved)


def test_loading_does_not_touch_the_random_state_of_the_process(saved):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    load(saved)
    assert torch.equal(torch.rand(1), expected)
