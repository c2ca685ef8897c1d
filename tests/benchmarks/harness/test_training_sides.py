"""Both sides of the comparisons of speed do the same work, and the benchmarks on them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from data.netflix_shaped import Shape, sgd
from harness.training_sides import DenseSide, RefeedSide, dense_batch
from harness.workbench import Workbench
from measures import gemm_share, refeeding_speed, step_speed
from refeed.data.store.store import open_store
from refeed.data.synthetic.in_memory import synthetic_ratings
from refeed.exchange.original_weights import as_original_weights
from refeed.models import AutoEncoder

RATINGS = synthetic_ratings(96, 3_000, 4_000, seed=0)
NETWORK = AutoEncoder(encoder=(24, 16))
SHAPE = Shape(users=64, ratings=3_000, items=2_000, network=AutoEncoder(encoder=(16, 8), dropout=0.5))


def test_dense_batch_holds_the_ratings_and_where_they_are():
    dense, rated = dense_batch(RATINGS, np.array([5, 2]))
    assert dense.shape == rated.shape == (2, RATINGS.num_items)
    for row, user in enumerate((5, 2)):
        items = RATINGS.indices[RATINGS.indptr[user] : RATINGS.indptr[user + 1]]
        assert rated[row].nonzero().flatten().tolist() == items.tolist()
        assert dense[row, items].tolist() == RATINGS.values[RATINGS.indptr[user] : RATINGS.indptr[user + 1]].tolist()
    assert dense[~rated].eq(0).all()


@pytest.mark.parametrize("loops", ["compiled", "pytorch"])
@pytest.mark.parametrize("refeed_steps", [0, 1])
def test_both_sides_end_with_the_same_weights(refeed_steps, loops):
    options = sgd(batch_size=32, refeed_steps=refeed_steps)
    ours, theirs = RefeedSide(NETWORK, RATINGS, options, loops=loops), DenseSide(NETWORK, RATINGS, options)
    for number in range(3):  # one epoch, after which ours is up to date
        ours.step(number)
        theirs.step(number)
    ours.close()
    theirs.close()
    expected = dict(theirs._trainer.model.named_parameters())
    for name, weight in as_original_weights(ours.model.network).items():
        assert torch.allclose(weight, expected[name], atol=2e-5), name


def test_dense_side_in_bfloat16_does_the_same_less_exactly():
    exact, rounded = (
        DenseSide(NETWORK, RATINGS, sgd(batch_size=32, refeed_steps=1, precision=p)) for p in ("float32", "bfloat16")
    )
    exact.step(0)
    rounded.step(0)
    for name, weight in rounded._trainer.model.named_parameters():
        expected = exact._trainer.model.get_parameter(name)
        assert weight.dtype == torch.float32
        assert torch.allclose(weight, expected, atol=1e-3), name
    assert any(
        not torch.equal(weight, exact._trainer.model.get_parameter(name))
        for name, weight in rounded._trainer.model.named_parameters()
    )


def test_shape_is_made_once(tmp_path):
    bench = Workbench(tmp_path, 1, {})
    made = open_store(SHAPE.store(bench))
    assert (made.num_users, len(made)) == (64, 3_000)
    first = (tmp_path / "shape-64-2000-3000.store" / "store.json").stat().st_mtime_ns
    assert SHAPE.store(bench).joinpath("store.json").stat().st_mtime_ns == first


def test_profiles_give_shares_of_peak_and_limit(tmp_path):
    extent, machine = (
        gemm_share.Extent(SHAPE, batch_sizes=(16, 32), rounds=2, warm_up=0),
        {"gemm_gflops": 50, "copy_gb_per_s": 10},
    )
    profiles = gemm_share.profile_all(extent, SHAPE.store(Workbench(tmp_path, 1, machine)), machine)
    assert [(one.batch_size, one.refeed) for one in profiles] == [(16, False), (32, False), (16, True), (32, True)]
    one = profiles[1]
    seconds = [sum(phases.values()) for phases in one.rounds]
    whole = one.percent_of_peak(50, gemm_share.PHASES)
    operations = 6 * 32 * (16 * 8 + 8 * 16)
    assert whole.median == pytest.approx(np.median([100 * operations / spent / 50e9 for spent in seconds]))
    limit = sum(one.limit.values())
    assert one.percent_of_limit().high == pytest.approx(np.percentile([100 * limit / spent for spent in seconds], 75))
    assert one.series()["step"] == "supervised step, batch 32"


@pytest.mark.slow
def test_speed_benchmarks_measure_both_sides(tmp_path):
    bench = Workbench(tmp_path, 1, {"gemm_gflops": 50, "copy_gb_per_s": 10})
    found = step_speed.measure(bench, step_speed.Extent(SHAPE, batch_size=32, rounds=2, refeed_steps=2))
    assert [figure.unit for figure in found.figures] == ["times"] * 4 + ["ms"] * 5
    assert all(figure.measured.rounds == 2 and figure.measured.median > 0 for figure in found.figures)
    extent = refeeding_speed.Extent(SHAPE, (16, 32), (16, 64), trial_rounds=1, rounds=2, refeed_steps=2, selu_last_layer=True)
    found = refeeding_speed.measure(bench, extent)
    assert [figure.goal for figure in found.figures if figure.unit == "times"] == [12.0, None, 12.0, None, None, None]
    for network, speeds in found.series["users_per_second"].items():
        for side, by_size in speeds.items():
            compared = by_size if side.startswith("dense") else [max(by_size, key=by_size.get)]  # the dense side's two best
            names = [f"supervised + re-feeding step, {network}: {side}, batch {size}" for size in compared]
            assert sum(figure.name in names for figure in found.figures) == 1
    found = gemm_share.measure(bench, gemm_share.Extent(SHAPE, batch_sizes=(16, 32), rounds=2, warm_up=1))
    assert found.figures[0].goal == 60 and len(found.series["phases"]) == 4
