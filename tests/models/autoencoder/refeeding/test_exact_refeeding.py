"""The Gram and the blocked form of re-feeding equal the dense one, for the loss and every gradient."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from refeed.models import AutoEncoder
from refeed.models.autoencoder.network import Network
from refeed.models.autoencoder.refeeding.batch_trainer import refeeding_form
from refeed.models.autoencoder.refeeding.blocked import BlockedFeed
from refeed.models.autoencoder.refeeding.dense import DenseFeed
from refeed.models.autoencoder.refeeding.gram import GramFeed
from refeed.optim.options import TrainingOptions


def network_of(items: int, widths: tuple[int, ...], *, on_last: bool, tied: bool, activation: str = "selu") -> Network:
    spec = AutoEncoder(encoder=widths, activation=activation, activation_on_last_layer=on_last, tied=tied)
    network = Network(spec.shape, items, seed=3)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() == 1:
                parameter.normal_(0, 0.1, generator=generator)
    return network


def move(network: Network, by: float) -> None:
    """An update of all weights between the pass whose output is fed and the pass it is fed to."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=by)


def of_feed(network: Network, hidden: torch.Tensor, make, by: float) -> list[torch.Tensor]:
    """Loss and gradients of all parameters through a feed."""
    feed = make(network, hidden)
    move(network, by)
    loss = feed.loss(network.hidden_of_sums(feed.first_layer(), None))
    return [loss.detach(), *torch.autograd.grad(loss, list(network.parameters()))]


def of_dense(network: Network, hidden: torch.Tensor, by: float) -> list[torch.Tensor]:
    """The same by autograd on the dense form, in double precision."""
    network, hidden = network.double(), hidden.double()
    with torch.no_grad():
        fed = network.output_dense(hidden)
    move(network, by)
    outputs, mask = network.output_dense(network.hidden_of_dense(fed)), fed != 0
    loss = ((outputs - fed).square() * mask).sum() / mask.sum()
    return [loss.detach(), *torch.autograd.grad(loss, list(network.parameters()))]


def assert_close(ours: list[torch.Tensor], dense: list[torch.Tensor], bound: float = 1e-5) -> None:
    for mine, exact in zip(ours, dense, strict=True):
        assert (mine.double() - exact).norm() <= bound * exact.norm() + 1e-9


@settings(max_examples=40, deadline=None)
@given(
    items=st.integers(1, 40),
    rows=st.integers(1, 9),
    widths=st.sampled_from([(3,), (6, 4), (5, 3, 2)]),
    tied=st.booleans(),
    by=st.sampled_from([0.0, 1e-3, 0.05]),
)
def test_gram_form_equals_the_dense_one(items, rows, widths, tied, by):
    hidden = torch.randn(rows, widths[0], generator=torch.Generator().manual_seed(items))
    make = lambda network, fed: GramFeed(network, fed, weights_move=True)  # noqa: E731
    network, twin = (network_of(items, widths, on_last=False, tied=tied).double() for _ in range(2))
    assert_close(of_feed(network, hidden.double(), make, by), of_dense(twin, hidden, by), 1e-9)


@pytest.mark.parametrize("by", [0.0, 1e-4, 1e-2])
def test_gram_form_is_as_exact_in_single_precision_at_usual_sizes(by):
    hidden = torch.randn(64, 32, generator=torch.Generator().manual_seed(2))
    network, twin = (network_of(1500, (32, 16), on_last=False, tied=False) for _ in range(2))
    ours = of_feed(network, hidden, lambda own, fed: GramFeed(own, fed, weights_move=True), by)
    assert_close(ours, of_dense(twin, hidden, by))


@pytest.mark.parametrize("on_last", [True, False])
@pytest.mark.parametrize("activation", ["selu", "relu6", "sigmoid"])
@pytest.mark.parametrize("block_values", [1, 24, 10_000])
def test_blocked_form_equals_the_dense_one_whatever_the_blocks(block_values, activation, on_last):
    hidden = torch.randn(8, 5, generator=torch.Generator().manual_seed(1))
    make = lambda network, fed: BlockedFeed(  # noqa: E731
        network, fed, weights_move=True, dropped=0.0, noise=torch.Generator(), block_values=block_values
    )
    network, twin = (network_of(19, (5,), on_last=on_last, tied=False, activation=activation) for _ in range(2))
    assert_close(of_feed(network, hidden, make, 0.01), of_dense(twin, hidden, 0.01))


def test_noise_on_the_fed_output_is_the_same_whenever_it_is_computed():
    network, noise = network_of(11, (4,), on_last=False, tied=False), torch.Generator().manual_seed(6)
    feed = BlockedFeed(network, torch.randn(5, 4), weights_move=False, dropped=0.5, noise=noise, block_values=16)
    after = noise.get_state()
    first, second = (torch.cat([fed for _, fed in feed.blocks()], 1) for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(noise.get_state(), after)
    assert 0.2 < (first == 0).double().mean() < 0.8


def test_the_cheapest_form_is_chosen_from_the_shapes():
    shape, options = network_of(50, (8,), on_last=False, tied=False).shape, TrainingOptions(refeed_steps=1)
    noisy, many = TrainingOptions(refeed_steps=1, refeed_noise=0.1), 1_000_000
    assert refeeding_form(shape, options, batch_size=9, num_columns=7000) is DenseFeed
    assert refeeding_form(shape, options, batch_size=9, num_columns=many) is BlockedFeed  # 7 x 8 products against 6 x 9
    assert refeeding_form(shape, options, batch_size=10, num_columns=many) is GramFeed
    assert refeeding_form(shape, noisy, batch_size=1000, num_columns=many) is BlockedFeed
    active = network_of(50, (8,), on_last=True, tied=False).shape
    assert refeeding_form(active, options, batch_size=1000, num_columns=many) is BlockedFeed
