"""A converted model of the original program predicts what the original predicts."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from helpers.original_program import dense_rows, first_seen, original_forward, original_weights, write_training_folder
from refeed.errors import BundleError, ConfigError, DataError
from refeed.exchange.original import convert, read_state_dict
from refeed.fitted_model import load
from refeed.inference.predict import predict
from refeed.readers import read_ratings


@dataclass
class Marker:
    """A harmless object that would run code when unpickled."""

    path: str

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.fixture
def training(tmp_path):
    """Three files of triplets: the folder, all triplets in order, and the ratings in the original's order."""
    triplets = write_training_folder(tmp_path / "training")
    return tmp_path / "training", triplets, dense_rows(triplets)


def predictions_of(fitted, triplets) -> np.ndarray:
    """Predictions of every user and item, in the order in which they first appear, (U, n)."""
    users, items = (first_seen([triplet[part] for triplet in triplets]) for part in (0, 1))
    pairs = [(user, item) for user in users for item in items]
    return predict(fitted, [user for user, _ in pairs], [item for _, item in pairs]).reshape(len(users), len(items))


ACTIVATIONS = {"selu": F.selu, "lrelu": F.leaky_relu, "relu6": F.relu6, "sigmoid": torch.sigmoid, "none": lambda values: values}


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("tied", [True, False])
def test_every_prediction_is_that_of_the_original(training, tmp_path, tied, last, activation):
    folder, triplets, rows = training
    state = original_weights((rows.shape[1], 6, 5, 4), tied=tied)
    torch.save(state, tmp_path / "model.epoch_3")
    fitted = convert(tmp_path / "model.epoch_3", folder, activation=activation, activation_on_last_layer=last)
    expected = original_forward(state, rows, ACTIVATIONS[activation], last=last).clip(rows[rows > 0].min(), rows.max())
    np.testing.assert_allclose(predictions_of(fitted, triplets), expected.numpy(), rtol=0, atol=1e-5)
    assert (fitted.spec.encoder, fitted.spec.tied) == ((6, 5, 4), tied)


@pytest.mark.parametrize("tied", [True, False])
def test_item_major_model_is_recognised_and_predicts_the_same(training, tmp_path, tied):
    folder, triplets, rows = training
    state = original_weights((rows.shape[0], 6, 4), tied=tied)
    torch.save(state, tmp_path / "weights")
    fitted = convert(tmp_path / "weights", folder, activation="selu", activation_on_last_layer=False)
    expected = original_forward(state, rows.t(), F.selu, last=False).t().clip(rows[rows > 0].min(), rows.max())
    assert fitted.spec.side == "item"
    np.testing.assert_allclose(predictions_of(fitted, triplets), expected.numpy(), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("prefix", "new_format"), [("", False), ("module.", True), ("module.", False), ("_orig_mod.", True)])
def test_old_formats_and_prefixes_are_read(training, tmp_path, prefix, new_format):
    folder, triplets, rows = training
    state = original_weights((rows.shape[1], 4), tied=False)
    named = {prefix + name: tensor for name, tensor in state.items()}
    torch.save(named, tmp_path / "weights", _use_new_zipfile_serialization=new_format)
    fitted = convert(tmp_path / "weights", folder, activation="tanh", activation_on_last_layer=True)
    expected = original_forward(state, rows, torch.tanh, last=True).clip(rows[rows > 0].min(), rows.max())
    np.testing.assert_allclose(predictions_of(fitted, triplets), expected.numpy(), rtol=0, atol=1e-5)


def test_half_precision_weights_are_widened(training, tmp_path):
    folder, triplets, rows = training
    state = {name: tensor.half() for name, tensor in original_weights((rows.shape[1], 4), tied=False).items()}
    torch.save(state, tmp_path / "weights")
    fitted = convert(tmp_path / "weights", folder, activation="relu", activation_on_last_layer=False)
    wide = {name: tensor.float() for name, tensor in state.items()}
    expected = original_forward(wide, rows, F.relu, last=False).clip(rows[rows > 0].min(), rows.max())
    np.testing.assert_allclose(predictions_of(fitted, triplets), expected.numpy(), rtol=0, atol=1e-5)


def test_saved_folder_predicts_the_same_and_knows_the_data(training, tmp_path):
    folder, triplets, rows = training
    torch.save(original_weights((rows.shape[1], 4), tied=True), tmp_path / "weights")
    fitted = convert(tmp_path / "weights", folder, activation="selu", activation_on_last_layer=True)
    fitted.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    np.testing.assert_array_equal(predictions_of(loaded, triplets), predictions_of(fitted, triplets))
    assert loaded.users.decode(range(3)) == first_seen([user for user, _, _ in triplets])[:3]
    assert loaded.provenance.data_fingerprint == read_ratings(folder).fingerprint


def test_single_file_of_triplets_will_do(training, tmp_path):
    folder, triplets, rows = training
    whole = tmp_path / "all.txt"
    whole.write_text("".join((folder / f"{name}.txt").read_text() for name in "abc"))
    torch.save(original_weights((rows.shape[1], 4), tied=True), tmp_path / "weights")
    fitted, other = (
        convert(tmp_path / "weights", source, activation="selu", activation_on_last_layer=True) for source in (whole, folder)
    )
    np.testing.assert_array_equal(predictions_of(fitted, triplets), predictions_of(other, triplets))


def listing_in_reverse(monkeypatch) -> None:
    real = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: sorted(real(path), reverse=True))


def write_items(folder, ratings_by_file) -> None:
    """One file for each entry: users 1, 2, … rate items as given."""
    folder.mkdir()
    for name, items in ratings_by_file.items():
        lines = [f"{user}\t{item}\t{rating}\n" for item, rating in items for user in (1, 2, 3)]
        (folder / name).write_text("".join(lines))


@pytest.mark.parametrize(("order", "words"), [("abc", "in the order of their names"), ("cba", "the folder's listing")])
def test_files_are_taken_in_the_order_that_fits_the_training_ratings(tmp_path, monkeypatch, order, words):
    stars = {"a": [(10, 1), (11, 5)], "b": [(12, 2)], "c": [(13, 4), (14, 3)]}
    write_items(tmp_path / "training", {f"{name}.txt": items for name, items in stars.items()})
    listing_in_reverse(monkeypatch)
    means = torch.tensor([float(rating) for name in order for _, rating in stars[name]])
    nothing = {name: torch.zeros_like(tensor) for name, tensor in original_weights((5, 2), tied=False).items()}
    torch.save({**nothing, "decode_b.0": means}, tmp_path / "weights")  # predicts each item's mean, whoever asks
    fitted = convert(tmp_path / "weights", tmp_path / "training", activation="none", activation_on_last_layer=False)
    assert predict(fitted, [1] * 5, [10, 11, 12, 13, 14]).tolist() == [1, 5, 2, 4, 3]
    assert words in fitted.provenance.note
    assert fitted.provenance.note.endswith("RMSE 0.0000 on the training ratings")


def test_names_decide_where_both_orders_fit_alike(training, tmp_path, monkeypatch):
    folder, _, rows = training
    listing_in_reverse(monkeypatch)
    zero = {name: torch.zeros_like(tensor) for name, tensor in original_weights((rows.shape[1], 2), tied=False).items()}
    torch.save(zero, tmp_path / "weights")
    fitted = convert(tmp_path / "weights", folder, activation="selu", activation_on_last_layer=True)
    assert "files in the order of their names" in fitted.provenance.note
    assert "no better than their mean" in fitted.provenance.note


def test_side_must_be_given_where_the_widths_are_equal(tmp_path):
    triplets = write_training_folder(tmp_path / "training", users=6, items=6)
    rows = dense_rows(triplets)
    assert rows.shape == (6, 6)
    state = original_weights((6, 3), tied=False)
    torch.save(state, tmp_path / "weights")
    options = {"activation": "selu", "activation_on_last_layer": False}
    with pytest.raises(BundleError, match=r"6 users and as many items.*\n.*--side user"):
        convert(tmp_path / "weights", tmp_path / "training", **options)
    fitted = convert(tmp_path / "weights", tmp_path / "training", side="item", **options)
    expected = original_forward(state, rows.t(), F.selu, last=False).t().clip(rows[rows > 0].min(), rows.max())
    np.testing.assert_allclose(predictions_of(fitted, triplets), expected.numpy(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("side", [None, "item"])
def test_folder_of_other_data_is_refused(training, tmp_path, side):
    folder, _, rows = training
    torch.save(original_weights((rows.shape[1] + 1, 4), tied=True), tmp_path / "weights")
    with pytest.raises(BundleError, match=r"the first layer takes 8 columns, but the training folder has 7 items and 9 users"):
        convert(tmp_path / "weights", folder, activation="selu", activation_on_last_layer=True, side=side)


def test_repeated_pairs_are_refused_with_their_line(training, tmp_path):
    folder, triplets, rows = training
    torch.save(original_weights((rows.shape[1], 4), tied=True), tmp_path / "weights")
    user, item, rating = triplets[0]
    with (folder / "c.txt").open("a") as file:
        file.write(f"{user}\t{item}\t{rating}\n")
    options = {"activation": "selu", "activation_on_last_layer": True}
    with pytest.raises(DataError, match=rf"c\.txt, line \d+: user {user} rated item {item} again") as caught:
        convert(tmp_path / "weights", folder, **options)
    assert "--duplicates last" in caught.value.fix
    assert convert(tmp_path / "weights", folder, duplicates="last", **options).spec.encoder == (4,)


def test_folder_without_triplets_is_refused(tmp_path):
    torch.save(original_weights((3, 2), tied=True), tmp_path / "weights")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty: there are no \*\.txt files of user, item and rating between tabs"):
        convert(tmp_path / "weights", tmp_path / "empty", activation="selu", activation_on_last_layer=True)


def test_unknown_activation_is_refused(training, tmp_path):
    folder, _, rows = training
    torch.save(original_weights((rows.shape[1], 4), tied=True), tmp_path / "weights")
    with pytest.raises(ConfigError, match="activation: no 'sellu'; did you mean 'selu'"):
        convert(tmp_path / "weights", folder, activation="sellu", activation_on_last_layer=True)


@pytest.mark.parametrize("new_format", [True, False])
@pytest.mark.parametrize("inside", [False, True])
def test_file_that_would_run_code_is_refused_and_runs_nothing(tmp_path, new_format, inside):
    trap = Marker(str(tmp_path / "trap"))
    torch.save({"encode_w.0": trap} if inside else trap, tmp_path / "weights", _use_new_zipfile_serialization=new_format)
    with pytest.raises(BundleError, match=r"it holds \w+\.mkdir, and anything but tensors is refused, since it could run code"):
        read_state_dict(tmp_path / "weights")
    assert not (tmp_path / "trap").exists()


@pytest.mark.parametrize("new_format", [True, False])
def test_file_that_is_damaged_anywhere_is_refused_or_still_a_state_dict(tmp_path, new_format):
    whole = tmp_path / "whole"
    torch.save(original_weights((5, 3), tied=False), whole, _use_new_zipfile_serialization=new_format)
    content, rng = whole.read_bytes(), np.random.default_rng(0)
    refused = 0
    for _ in range(60):
        cut = bytearray(content[: rng.integers(len(content))] if rng.random() < 0.3 else content)
        for place in rng.integers(len(cut), size=3) if cut else ():
            cut[place] = rng.integers(256)
        (tmp_path / "weights").write_bytes(cut)
        try:
            assert all(isinstance(tensor, torch.Tensor) for tensor in read_state_dict(tmp_path / "weights").values())
        except BundleError as error:
            assert str(error).startswith(f"{tmp_path / 'weights'}: ")
            refused += 1
    assert refused > 20


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a state dict of tensors: damaged, or of another program"),
        (b"user,item,rating\n", "not a state dict of tensors: damaged, or of another program"),
        (None, "there is no such file"),
    ],
)
def test_files_that_are_no_weights_are_refused(tmp_path, content, words):
    if content is not None:
        (tmp_path / "weights").write_bytes(content)
    with pytest.raises(BundleError, match=words):
        read_state_dict(tmp_path / "weights")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ([torch.zeros(2)], "expected a state dict of named tensors, got list"),
        ({"epoch": 3}, "expected a state dict of named tensors, but 'epoch' is int"),
        ({"encode_w.0": torch.tensor([[float("nan")]])}, "'encode_w.0' holds numbers that are not finite"),
        ({"weight": torch.zeros(2, 2)}, "not weights of the original program"),
        ({"encode_w.0": torch.zeros(2)}, "not weights of the original program"),
        ({"encode_w.1": torch.zeros(2, 2)}, "not weights of the original program"),
    ],
)
def test_other_contents_are_refused(training, tmp_path, state, words):
    torch.save(state, tmp_path / "weights")
    with pytest.raises(BundleError, match=words):
        convert(tmp_path / "weights", training[0], activation="selu", activation_on_last_layer=True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"decode_b.0": None}, r"missing \['decode_b.0'\], unexpected none"),
        ({"extra": torch.zeros(1)}, r"missing none, unexpected \['extra'\]"),
        ({"encode_b.0": torch.zeros(3)}, r"encode_b.0 has the shape \(3,\), expected \(4,\)"),
    ],
)
def test_weights_that_do_not_fit_together_are_refused(training, tmp_path, change, words):
    folder, _, rows = training
    state = {**original_weights((rows.shape[1], 4), tied=False), **change}
    torch.save({name: tensor for name, tensor in state.items() if tensor is not None}, tmp_path / "weights")
    with pytest.raises(BundleError, match=words):
        convert(tmp_path / "weights", folder, activation="selu", activation_on_last_layer=True)
