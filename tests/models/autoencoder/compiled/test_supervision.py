"""Training in compiled loops is the training that PyTorch's operations and the dense reference do."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.small_worlds import random_ratings
from oracles.dense_reference import DenseAutoEncoder, DenseTrainer
from refeed.errors import ConfigError, TrainingError
from refeed.exchange.original_weights import as_original_weights
from refeed.models import AutoEncoder, AutoRec
from refeed.models.autoencoder.compiled import supervision as compiled_supervision
from refeed.models.autoencoder.compiled.supervision import KNOWN_OUTPUTS, CompiledPass, CompiledSupervision, use_loops
from refeed.models.autoencoder.fitter import GradientFitter
from refeed.models.autoencoder.layers.dropout import dropout
from refeed.models.autoencoder.network import Network
from refeed.models.autoencoder.refeeding import batch_trainer as refeeding
from refeed.models.autoencoder.refeeding.batch_trainer import BatchTrainer
from refeed.models.autoencoder.steppers import build_stepper
from refeed.models.common.sparse_rows import SparseRows
from refeed.optim.options import TrainingOptions

SGD = TrainingOptions(optimizer="sgd", learning_rate=0.02, momentum=0.9, weight_decay=0.01)
PLAIN = AutoEncoder(encoder=(6, 3))


@pytest.fixture(autouse=True, scope="module")
def no_batch_is_small():
    """PyTorch's side of a comparison works on the rated places only too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(refeeding, "SMALL", 0)
        yield


@pytest.fixture(params=["by columns", "by rows", "by rows in tiles"])
def way(request, monkeypatch):
    """Each test in all ways of going over a batch: as with few rows, as with many, and as with more than a cache holds."""
    monkeypatch.setattr(compiled_supervision, "CACHED", 10**9 if request.param == "by columns" else 0)
    if request.param == "by rows in tiles":
        monkeypatch.setattr(compiled_supervision, "TILE", 12)  # two rows of PLAIN's first layer
    return request.param


def batch_of(rated: np.ndarray, seed: int = 0, index: type = np.int32) -> SparseRows:
    """Ratings at the places of a mask."""
    rows, columns = np.nonzero(rated)
    values = np.random.default_rng(seed).integers(-2, 4, len(rows)).astype(np.float32)
    indptr = np.append(0, np.cumsum(rated.sum(1))).astype(index)
    return SparseRows(
        torch.from_numpy(indptr), torch.from_numpy(columns.astype(index)), torch.from_numpy(values), rated.shape[1]
    )


def some_batches(columns: int, *, rows: int = 5, share: float = 0.4, number: int = 3) -> list[SparseRows]:
    """Batches with an empty row and a single rating."""
    rng, batches = np.random.default_rng(0), []
    for seed in range(number):
        rated = rng.random((rows, columns)) < share
        rated[1], rated[2] = False, np.arange(columns) == 3
        batches.append(batch_of(rated, seed))
    return batches


class Trained:
    """A network in training, in compiled loops or not."""

    def __init__(self, spec: AutoEncoder | AutoRec, columns: int, options: TrainingOptions, *, compiled: bool) -> None:
        self.network = Network(spec.shape, columns, seed=1)
        if spec.shape.within_scale:
            self.network.start_at(0.5, lowest=-2, highest=3)
        self.stepper = build_stepper(self.network, options)
        loops = CompiledSupervision(self.network, self.stepper, options) if compiled else None
        self._train_batch, self._number = BatchTrainer(self.network, options, self.stepper, loops), 0

    def step(self, rows: SparseRows, *, refeed: bool = True) -> list[float]:
        self._number += 1
        loss, refeed_losses = self._train_batch(rows, torch.Generator().manual_seed(self._number), refeed=refeed)
        return [loss, *refeed_losses]

    def weights(self) -> dict[str, torch.Tensor]:
        self.stepper.flush()
        return {name: weight.detach().clone() for name, weight in self.network.state_dict().items()}


def assert_same(one: Trained, other: Trained, bound: float = 1e-5) -> None:
    for (name, weight), theirs in zip(one.weights().items(), other.weights().values(), strict=True):
        assert (weight.double() - theirs.double()).norm() <= bound * theirs.double().norm() + 1e-7, name


@pytest.mark.parametrize("refeed_steps", [0, 1])
@pytest.mark.parametrize("activation", KNOWN_OUTPUTS)
def test_training_equals_the_dense_reference(activation, refeed_steps, way):
    options = replace(SGD, refeed_steps=refeed_steps)
    for on_last in (True, False):
        spec = AutoEncoder(encoder=(6, 3), activation=activation, activation_on_last_layer=on_last, dropout=0.5)
        ours = Trained(spec, 8, options, compiled=True)
        dense = DenseAutoEncoder(
            as_original_weights(ours.network), activation=activation, activation_on_last_layer=on_last
        ).double()
        sgd = torch.optim.SGD(dense.parameters(), lr=0.02, momentum=0.9, weight_decay=0.01)
        reference = DenseTrainer(dense, sgd, refeed_steps=refeed_steps)
        for number, rows in enumerate(some_batches(8), start=1):
            generator = torch.Generator().manual_seed(number)
            masks = [dropout(torch.ones(5, 3), 0.5, generator).double() for _ in range(1 + refeed_steps)]
            rated = torch.zeros(5, 8, dtype=torch.bool)
            rated[rows.row_of_entry, rows.columns] = True
            theirs = reference.step(rows.to_dense().double(), rated, masks)
            assert ours.step(rows) == pytest.approx(theirs, rel=1e-5)
        for name, weight in as_original_weights(ours.network).items():
            exact = dense.get_parameter(name).detach()
            assert (weight.double() - exact).norm() <= 1e-5 * exact.norm() + 1e-8, name


def rated_at(read: list[set[int]]) -> SparseRows:
    """A batch over 30 columns whose rows have ratings at these."""
    return batch_of(np.array([[column in row for column in range(30)] for row in read]))


@settings(max_examples=40, deadline=None)
@given(
    reads=st.lists(st.lists(st.sets(st.integers(0, 29), max_size=6), min_size=1, max_size=4), min_size=1, max_size=8),
    decay=st.sampled_from([0.0, 0.03]),
    momentum=st.sampled_from([0.0, 0.9]),
    refeed_every=st.integers(2, 4),
    widths=st.sampled_from([(3,), (6, 4), (5, 2, 7)]),
)
def test_steps_that_touch_few_columns_are_those_of_pytorchs_operations(reads, decay, momentum, refeed_every, widths):
    options = replace(SGD, weight_decay=decay, momentum=momentum, refeed_steps=1)
    ours, theirs = (Trained(AutoEncoder(encoder=widths), 30, options, compiled=compiled) for compiled in (True, False))
    for number, read in enumerate(filter(any, reads), start=1):
        refeed = number % refeed_every == 0
        for one in (ours, theirs):
            one.stepper.set_learning_rate(0.02 / number)
        touches_all = refeed or not theirs.stepper.picks(len(set().union(*read)), 30)  # of the state before the step
        losses = theirs.step(rated_at(read), refeed=refeed)
        assert ours.step(rated_at(read), refeed=refeed) == pytest.approx(losses, rel=1e-4)
        assert ours.stepper.edge.is_flat == theirs.stepper.edge.is_flat == touches_all
    assert_same(ours, theirs)


def test_hundreds_of_steps_on_few_columns_end_where_the_dense_reference_does():
    spec, rng = AutoEncoder(encoder=(6, 4)), np.random.default_rng(3)
    ours = Trained(spec, 30, SGD, compiled=True)
    dense = DenseAutoEncoder(as_original_weights(ours.network), activation="selu", activation_on_last_layer=False).double()
    reference = DenseTrainer(dense, torch.optim.SGD(dense.parameters(), lr=0.02, momentum=0.9, weight_decay=0.01))
    started = []
    for number in range(200):
        rows = batch_of(rng.random((4, 30)) < 0.06, number)
        if len(rows.columns) == 0:
            continue
        rated = torch.zeros(4, 30, dtype=torch.bool)
        rated[rows.row_of_entry, rows.columns] = True
        assert ours.step(rows) == pytest.approx(reference.step(rows.to_dense().double(), rated), rel=1e-3)
        started.append(float(np.linalg.det(ours.stepper.edge.frames[0])))
    assert sum(after > before for before, after in pairwise(started)) >= 2  # frames shrank so far that they started anew
    ours.stepper.flush()
    for name, weight in as_original_weights(ours.network).items():
        exact = dense.get_parameter(name).detach()
        assert (weight.double() - exact).norm() <= 1e-3 * exact.norm(), name


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_any_number_of_threads_trains_the_same(threads, way):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        ours = Trained(PLAIN, 40, SGD, compiled=True)
    finally:
        torch.set_num_threads(before)
    theirs = Trained(PLAIN, 40, SGD, compiled=False)
    for rows in some_batches(40, share=0.9):
        assert ours.step(rows) == pytest.approx(theirs.step(rows), rel=1e-5)
    assert_same(ours, theirs)


def test_output_within_the_scale_trains_as_with_pytorchs_operations(way):
    spec = AutoRec(width=4, output="sigmoid")
    ours, theirs = (Trained(spec, 12, SGD, compiled=compiled) for compiled in (True, False))
    for rows in some_batches(12, share=0.9):
        assert ours.step(rows) == pytest.approx(theirs.step(rows), rel=1e-5)
    assert_same(ours, theirs)


def test_hidden_layers_in_bfloat16_stay_near_those_in_float32(way):
    exact, near = (
        Trained(AutoEncoder(encoder=(32, 16)), 20, replace(SGD, precision=precision), compiled=True)
        for precision in ("float32", "bfloat16")
    )
    for rows in some_batches(20, share=0.9):
        loss, near_loss = exact.step(rows), near.step(rows)
        assert near_loss == pytest.approx(loss, rel=0.02) and near_loss != loss


@pytest.mark.slow  # all loops are compiled again, for more than 2**31 columns or entries
def test_batches_with_wide_indices_train_as_those_with_narrow_ones(way):
    rated = np.random.default_rng(2).random((5, 12)) < 0.9
    one, other = (Trained(PLAIN, 12, SGD, compiled=True) for _ in range(2))
    assert one.step(batch_of(rated)) == other.step(batch_of(rated, index=np.int64))
    assert_same(one, other, 0.0)


def test_many_rows_that_read_few_columns_are_left_to_pytorch(monkeypatch):
    ours, noise = Trained(PLAIN, 40, SGD, compiled=False), torch.Generator()
    loops = CompiledSupervision(ours.network, ours.stepper, SGD)
    (rows,) = some_batches(40, share=0.05, number=1)
    assert isinstance(loops.begin(rows, noise, all_columns=False), CompiledPass)
    monkeypatch.setattr(compiled_supervision, "CACHED", 0)
    assert loops.begin(rows, noise, all_columns=False) is None
    assert isinstance(loops.begin(rows, noise, all_columns=True), CompiledPass)


def test_run_resumed_is_the_run_that_went_on():
    ratings, options = random_ratings(), replace(SGD, batch_size=4, refeed_steps=1, refeed_every=3)
    fitters = []
    for _ in range(2):
        model = AutoEncoder(encoder=(6, 4), dropout=0.4).build(ratings.num_users, ratings.num_items, seed=0)
        fitters.append(GradientFitter(model, ratings, options, seed=5, compiled=True))
    first, second = fitters
    for step in range(2):
        first.train_step(0, step)
    second.load_state({name: tensor.clone() for name, tensor in first.state().items()})
    with torch.no_grad():
        for mine, theirs in zip(second.model.parameters(), first.model.parameters(), strict=True):
            mine.copy_(theirs)
    reports = [[one.train_step(0, step) for step in range(2, one.num_steps(0))] for one in fitters]
    assert reports[0] == reports[1]
    for one in fitters:
        one.close()
    assert all(torch.equal(a, b) for a, b in zip(first.model.parameters(), second.model.parameters(), strict=True))


def test_loss_that_is_not_finite_is_noticed(way):
    ratings = random_ratings()
    model = AutoEncoder(encoder=(6, 4)).build(ratings.num_users, ratings.num_items, seed=0)
    one = GradientFitter(model, ratings, replace(SGD, learning_rate=1e30), seed=5, compiled=True)
    with pytest.raises(TrainingError, match="the supervised loss is not a finite number"):
        for epoch in range(3):
            one.train_step(epoch, 0)
    one.close()


@pytest.mark.parametrize(
    ("options", "spec", "words"),
    [
        (replace(SGD, optimizer="adam"), PLAIN, "optimizer=sgd, not adam"),
        (replace(SGD, gradient_clip=1.0), PLAIN, "do not support gradient_clip"),
        (replace(SGD, refeed_steps=1, refeed_label="joint"), PLAIN, "do not support refeed_label=joint"),
        (SGD, replace(PLAIN, tied=True), "do not support tied weights"),
        (SGD, replace(PLAIN, input_dropout=0.1), "do not support input_dropout"),
        (SGD, replace(PLAIN, activation="gelu", activation_on_last_layer=True), "do not support gelu on the last layer"),
    ],
)
def test_loops_that_are_requested_and_not_possible_are_an_error(options, spec, words):
    shapes = {"num_columns": 10**9, "device": "cpu"}
    with pytest.raises(ConfigError, match=f"loops=compiled: .*{words}; or use loops=auto or loops=pytorch"):
        use_loops("compiled", spec.shape, options, **shapes)
    assert not use_loops("auto", spec.shape, options, **shapes)


def test_loops_are_for_large_layers_on_the_cpu_unless_requested():
    assert use_loops("auto", PLAIN.shape, SGD, num_columns=10**6, device="cpu")
    assert not use_loops("auto", PLAIN.shape, SGD, num_columns=10**3, device="cpu")
    assert use_loops("compiled", PLAIN.shape, SGD, num_columns=10**3, device="cpu")
    assert not use_loops("pytorch", PLAIN.shape, SGD, num_columns=10**6, device="cpu")
    assert not use_loops("auto", PLAIN.shape, SGD, num_columns=10**6, device="cuda:1")
    with pytest.raises(ConfigError, match="they run on the CPU, not on cuda:1"):
        use_loops("compiled", PLAIN.shape, SGD, num_columns=10**6, device="cuda:1")


def test_loops_are_for_systems_where_one_openmp_is_shared(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    assert not use_loops("auto", PLAIN.shape, SGD, num_columns=10**6, device="cpu")
    with pytest.raises(ConfigError, match="they run on Linux"):
        use_loops("compiled", PLAIN.shape, SGD, num_columns=10**6, device="cpu")


def test_absent_numba_is_said_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert not use_loops("auto", PLAIN.shape, SGD, num_columns=10**6, device="cpu")
    with pytest.raises(ConfigError, match=r"they need Numba: pip install 'refeed\[fast\]'"):
        use_loops("compiled", PLAIN.shape, SGD, num_columns=10**6, device="cpu")


def test_broken_numba_leaves_training_to_pytorch_and_says_why_where_it_is_requested(monkeypatch):
    def broken(name):
        raise OSError("no shared object")

    monkeypatch.setattr(importlib, "import_module", broken)
    assert not use_loops("auto", PLAIN.shape, SGD, num_columns=10**6, device="cpu")
    with pytest.raises(ConfigError, match=r"Numba is installed but cannot be used \(OSError: no shared object\)"):
        use_loops("compiled", PLAIN.shape, SGD, num_columns=10**6, device="cpu")


def test_batches_are_prepared_for_the_pass_that_will_most_likely_run_them(monkeypatch):
    ours = Trained(PLAIN, 40, SGD, compiled=False)
    loops = CompiledSupervision(ours.network, ours.stepper, SGD)
    few, most = some_batches(40, share=0.05, number=1)[0], some_batches(40, share=0.95, number=1)[0]
    loops.prepare(few)
    assert "compact" not in few.__dict__
    monkeypatch.setattr(compiled_supervision, "CACHED", 0)
    for rows in (few, most):
        loops.prepare(rows)
    assert "compact" in few.__dict__ and "compact" not in most.__dict__
