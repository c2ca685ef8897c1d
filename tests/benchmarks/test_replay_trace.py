"""Replaying traces: the original's own, others made by the dense reference, and spoiled ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import replay_trace
from oracles.dense_reference import DenseAutoEncoder, DenseTrainer
from refeed.exchange.original_weights import as_original_weights
from refeed.models import AutoEncoder
from refeed.models.autoencoder.network import Network
from replay_trace import TraceError, replay

USERS, ITEMS, BATCH, EPOCHS = 12, 10, 4, 3


def write_trace(folder: Path, *, hidden=(6, 4), activation="selu", tied=False, on_last=False, refeed_steps=0, weight_decay=0.0):
    """A trace in the format of the golden ones, trained by the dense reference."""
    rng = np.random.default_rng(0)
    rated = rng.random((USERS, ITEMS)) < 0.5
    users, items = np.nonzero(rated)
    ratings = rng.integers(1, 6, len(users)).astype(np.float32)
    dense = torch.zeros(USERS, ITEMS)
    dense[users, items] = torch.from_numpy(ratings)
    spec = AutoEncoder(encoder=hidden, activation=activation, tied=tied, activation_on_last_layer=on_last)
    initial = as_original_weights(Network(spec.shape, ITEMS, seed=3))
    model = DenseAutoEncoder(initial, activation=spec.activation, activation_on_last_layer=on_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=weight_decay)
    trainer = DenseTrainer(model, optimizer, refeed_steps=refeed_steps)
    batches = np.concatenate([rng.permutation(USERS).reshape(-1, BATCH) for _ in range(EPOCHS)]).astype(np.int32)
    losses = np.array([trainer.step(dense[batch], torch.from_numpy(rated[batch])) for batch in batches])
    arrays = {f"init.{name}": weight.numpy() for name, weight in initial.items()}
    arrays |= {f"final.{name}": model.get_parameter(name).detach().numpy() for name in initial}
    with torch.no_grad():
        arrays["final_prediction"] = model(dense).numpy()
    arrays |= {"users": users, "items": items, "ratings": ratings, "batches": batches}
    arrays |= {"supervised_loss": losses[:, 0], "refeed_loss": losses[:, 1:]}
    described = {
        "hidden": list(hidden), "activation": activation, "tied": tied, "activation_on_last_layer": on_last,
        "refeed_steps": refeed_steps, "weight_decay": weight_decay, "lr": 0.01, "momentum": 0.9, "epochs": EPOCHS,
        "batch_size": BATCH, "num_users": USERS, "num_items": ITEMS, "dropout": 0.0,
    }  # fmt: skip
    return save(folder / "trace.npz", described, arrays)


def save(path: Path, described, arrays) -> Path:
    np.savez(path, **arrays)
    path.with_suffix(".json").write_text(json.dumps(described))
    return path


def change(path: Path, *, described=None, arrays=None) -> Path:
    """Change an existing trace; an array or option that is None is taken out."""
    options = {**json.loads(path.with_suffix(".json").read_text()), **(described or {})}
    with np.load(path) as archive:
        held = {**archive, **(arrays(dict(archive)) if arrays else {})}
    return save(path, *({name: value for name, value in one.items() if value is not None} for one in (options, held)))


@pytest.mark.parametrize(
    "options",
    [
        {"tied": True, "weight_decay": 0.01, "refeed_steps": 2},
        {"activation": "sigmoid"},
        {"activation": "tanh", "refeed_steps": 1},
        {"activation": "swish", "on_last": True, "refeed_steps": 1},
        {"activation": "relu6", "on_last": True, "refeed_steps": 2, "tied": True},
        {"activation": "lrelu", "hidden": (8,), "on_last": True},
        {"activation": "none", "hidden": (6, 5, 4)},
    ],
    ids=lambda options: " ".join(map(str, options.values())),
)
def test_trace_of_the_dense_reference_is_replayed_within_the_bounds(tmp_path, capsys, options):
    path = write_trace(tmp_path, **options)
    found = replay(path)
    assert max(found.supervised_loss, found.refeed_loss) < 1e-4 and max(found.weights, found.predictions) < 1e-3
    assert replay_trace.main([str(path)]) == 0
    assert "agrees" in capsys.readouterr().out


def test_golden_traces_of_the_original_program_are_replayed(datasets, capsys):
    traces = sorted(str(path) for path in (datasets.parent / "golden").glob("*.npz"))
    if not traces:
        pytest.skip(f"no traces of the original program at {datasets.parent / 'golden'}")
    assert replay_trace.main(traces) == 0
    assert capsys.readouterr().out.count("agrees") == len(traces)


def scaled(name, factor, place=0):
    def spoil(arrays):
        values = arrays[name].copy()
        values.flat[place] = values.flat[place] * factor
        return {name: values}

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        scaled("supervised_loss", 1.001),
        scaled("refeed_loss", 0.999, -1),
        scaled("supervised_loss", float("nan"), 4),
        scaled("final.encode_w.0", 100, 3),
        scaled("final.decode_b.1", float("nan")),
        scaled("final_prediction", 1.01, 7),
        scaled("final_prediction", float("nan"), 7),
        lambda arrays: {"supervised_loss": arrays["supervised_loss"][:-1]},
        lambda arrays: {"refeed_loss": arrays["refeed_loss"][:0]},
    ],
)
def test_deviation_beyond_the_bounds_exits_with_one(tmp_path, capsys, spoil):
    path = change(write_trace(tmp_path, refeed_steps=1), arrays=spoil)
    assert replay_trace.main([str(path)]) == 1
    assert "DEVIATES" in capsys.readouterr().out


def test_training_that_is_not_finite_deviates(tmp_path, capsys):
    path = change(write_trace(tmp_path, activation="none"), described={"lr": 1e12})
    assert replay_trace.main([str(path)]) == 1
    assert "nan" in capsys.readouterr().out


def test_other_options_than_the_traces_own_deviate(tmp_path):
    path = change(write_trace(tmp_path, weight_decay=0.05), described={"weight_decay": 0.0})
    assert replay_trace.main([str(path)]) == 1


@pytest.mark.parametrize(
    ("described", "arrays", "message"),
    [
        ({"dropout": 0.5}, None, "dropout 0.5 draws random numbers that a replay cannot repeat"),
        ({"lr": None}, None, "lacks 'lr'"),
        ({"activation": "swosh"}, None, "cannot be replayed .activation: no 'swosh'; did you mean 'swish'"),
        ({"optimizer": "adamm"}, None, "cannot be replayed .optimizer: 'adamm' is not a choice; did you mean 'adam'"),
        ({"hidden": [5, 4]}, None, r"encode_w.0 has the shape \(6, 10\), expected \(5, 10\)"),
        (None, lambda arrays: {"final.encode_w.1": None}, "lacks 'encode_w.1'"),
        (None, lambda arrays: {"init.encode_w.1": None}, r"missing \['encode_w.1'\]"),
        (None, lambda arrays: {"batches": None}, "lacks 'batches'"),
        (None, lambda arrays: {"batches": arrays["batches"] + 9}, "cannot be replayed"),
    ],
)
def test_trace_that_cannot_be_replayed_exits_with_two(tmp_path, capsys, described, arrays, message):
    path = change(write_trace(tmp_path), described=described, arrays=arrays)
    with pytest.raises(TraceError, match=message):
        replay(path)
    assert replay_trace.main([str(path)]) == 2
    assert str(path) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("suffix", "content"),
    [(".json", b"{"), (".json", b"[]"), (".json", None), (".npz", b"PK\x03\x04 cut short"), (".npz", b""), (".npz", None)],
)
def test_unreadable_trace_exits_with_two(tmp_path, capsys, suffix, content):
    path = write_trace(tmp_path)
    if content is None:
        path.with_suffix(suffix).unlink()
    else:
        path.with_suffix(suffix).write_bytes(content)
    assert replay_trace.main([str(path)]) == 2
    assert "trace" in capsys.readouterr().err


def test_unknown_options_are_told_and_no_arguments_explain_the_program(tmp_path, capsys):
    path = change(write_trace(tmp_path), described={"gpu_ids": "0"})
    assert replay_trace.main([str(path)]) == 0
    assert "options that play no part in this replay: ['gpu_ids']" in capsys.readouterr().err
    assert replay_trace.main([]) == 2
    assert "TRACE.npz" in capsys.readouterr().out
