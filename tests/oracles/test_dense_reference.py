"""The oracle itself, on a case small enough for a pencil."""

from __future__ import annotations

import pytest
import torch

from oracles.dense_reference import DenseAutoEncoder, DenseTrainer, masked_mse

WEIGHTS = {
    "encode_w.0": torch.tensor([[1.0, 2.0]]),
    "encode_b.0": torch.tensor([0.5]),
    "decode_w.0": torch.tensor([[3.0], [1.0]]),
    "decode_b.0": torch.tensor([0.0, -1.0]),
}
RATINGS, RATED = torch.tensor([[2.0, 0.0]]), torch.tensor([[True, False]])


def trainer(learning_rate=0.1, **options) -> DenseTrainer:
    model = DenseAutoEncoder(WEIGHTS, activation="identity", activation_on_last_layer=False)
    return DenseTrainer(model, torch.optim.SGD(model.parameters(), lr=learning_rate), **options)


def test_output_and_code_mask_by_hand():
    model = trainer().model
    assert model(RATINGS).tolist() == [[7.5, 1.5]]  # code 2 + 0.5
    assert model(RATINGS, torch.tensor([[2.0]])).tolist() == [[15.0, 4.0]]


def test_tied_network_uses_the_encoder_transposed():
    tied = {name: weight for name, weight in WEIGHTS.items() if not name.startswith("decode_w")}
    model = DenseAutoEncoder(tied, activation="relu", activation_on_last_layer=True)
    assert model(RATINGS).tolist() == [[2.5, 4.0]]
    assert len(list(model.parameters())) == 3


def test_supervised_step_by_hand():
    one = trainer()
    assert one.step(RATINGS, RATED) == [5.5**2]
    # d loss / d output_0 = 2 * 5.5; code = 2.5; d / d code = 11 * 3
    assert one.model.decode_w[0].flatten().tolist() == pytest.approx([3 - 0.1 * 11 * 2.5, 1.0])
    assert one.model.decode_b[0].tolist() == pytest.approx([-1.1, -1.0])
    assert one.model.encode_w[0].flatten().tolist() == pytest.approx([1 - 0.1 * 33 * 2, 2.0])
    assert one.model.encode_b[0].tolist() == pytest.approx([0.5 - 3.3])


def test_output_label_refeeds_the_output_from_before_the_update():
    losses = trainer(learning_rate=0.0, refeed_steps=2).step(RATINGS, RATED)
    # f(7.5, 1.5): code 11, output (33, 10); f(33, 10): code 53.5, output (160.5, 52.5)
    assert losses == pytest.approx([30.25, (25.5**2 + 8.5**2) / 2, (127.5**2 + 42.5**2) / 2])


def test_ratings_label_holds_the_refed_output_against_the_ratings():
    assert trainer(learning_rate=0.0, refeed_steps=1, refeed_label="ratings").step(RATINGS, RATED) == [30.25, 31.0**2]


def test_joint_label_takes_one_step_on_the_sum():
    both, alone = trainer(refeed_steps=1, refeed_label="joint"), trainer(learning_rate=0.0, refeed_steps=1)
    assert both.step(RATINGS, RATED) == pytest.approx(alone.step(RATINGS, RATED))
    # b_1 feels the re-feeding loss alone: 2 * 8.5 / 2
    assert both.model.decode_b[0][1].item() == pytest.approx(-1 - 0.1 * 8.5)


def test_clipped_gradient_has_the_given_norm():
    one = trainer(learning_rate=1.0, gradient_clip=0.5)
    before = torch.cat([parameter.detach().flatten().clone() for parameter in one.model.parameters()])
    one.step(RATINGS, RATED)
    after = torch.cat([parameter.detach().flatten() for parameter in one.model.parameters()])
    assert float((after - before).norm()) == pytest.approx(0.5, rel=1e-5)


def test_mean_is_over_the_mask_and_zero_over_nothing():
    outputs, targets = torch.tensor([1.0, 5.0]), torch.tensor([3.0, 0.0])
    assert masked_mse(outputs, targets, torch.tensor([True, False])).item() == 4.0
    assert masked_mse(outputs, targets, torch.tensor([False, False])).item() == 0.0
