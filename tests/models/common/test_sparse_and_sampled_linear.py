"""The sparse first and last layer give what the dense ones give: outputs and all gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from refeed.models.common.sampled_linear import sampled_linear
from refeed.models.common.sparse_linear import sparse_linear, sum_of_rows
from refeed.models.common.sparse_rows import SparseRows


@st.composite
def problems(draw):
    """Rated places (B, n), a width, and a seed: empty rows, single ratings and no ratings among them."""
    rows, columns = draw(st.integers(1, 6)), draw(st.integers(1, 7))
    flat = draw(st.lists(st.booleans(), min_size=rows * columns, max_size=rows * columns))
    return np.array(flat).reshape(rows, columns), draw(st.integers(1, 5)), draw(st.integers(0, 2**16))


def sparse(rated, generator, dtype=torch.float64) -> SparseRows:
    rows, columns = np.nonzero(rated)
    return SparseRows(
        indptr=torch.from_numpy(np.concatenate([[0], np.cumsum(rated.sum(1))])),
        columns=torch.from_numpy(columns),
        values=torch.randn(len(rows), generator=generator, dtype=dtype),
        num_columns=rated.shape[1],
    )


def leaf(*shape, generator, dtype=torch.float64):
    return torch.randn(*shape, generator=generator, dtype=dtype).requires_grad_()


def same(ours, dense, tolerance=1e-12):
    torch.testing.assert_close(ours, dense, rtol=tolerance, atol=tolerance)


@settings(deadline=None, max_examples=40)
@given(problems())
def test_first_layer_and_its_gradients_equal_the_dense_ones(problem):
    rated, width, seed = problem
    generator = torch.Generator().manual_seed(seed)
    rows = sparse(rated, generator)
    weight, bias = leaf(rated.shape[1], width, generator=generator), leaf(width, generator=generator)
    outputs, expected = sparse_linear(rows, weight, bias), rows.to_dense() @ weight + bias
    downstream = torch.randn(outputs.shape, generator=generator, dtype=torch.float64)
    same(outputs, expected)
    ours = torch.autograd.grad((outputs * downstream).sum(), (weight, bias))
    for gradient, dense in zip(ours, torch.autograd.grad((expected * downstream).sum(), (weight, bias)), strict=True):
        same(gradient, dense)


@settings(deadline=None, max_examples=40)
@given(problems())
def test_last_layer_and_its_gradients_equal_the_dense_ones_at_the_places(problem):
    rated, width, seed = problem
    generator = torch.Generator().manual_seed(seed)
    places = sparse(rated, generator)
    hidden, weight = leaf(len(rated), width, generator=generator), leaf(rated.shape[1], width, generator=generator)
    bias = leaf(rated.shape[1], generator=generator)
    outputs = sampled_linear(hidden, weight, places, bias)
    expected = (hidden @ weight.t() + bias)[torch.from_numpy(rated)]
    downstream = torch.randn(outputs.shape, generator=generator, dtype=torch.float64)
    same(outputs, expected)
    same(sampled_linear(hidden, weight, places), (hidden @ weight.t())[torch.from_numpy(rated)])
    of = (hidden, weight, bias)
    ours = torch.autograd.grad((outputs * downstream).sum(), of)
    for gradient, dense in zip(ours, torch.autograd.grad((expected * downstream).sum(), of), strict=True):
        same(gradient, dense)


def test_both_layers_hold_to_1e_5_in_single_precision_at_a_larger_size():
    rng, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
    rated = rng.random((64, 300)) < 0.1
    rows = sparse(rated, generator, torch.float32)
    weight = leaf(300, 32, generator=generator, dtype=torch.float32)
    bias = leaf(32, generator=generator, dtype=torch.float32)
    outputs = sampled_linear(sparse_linear(rows, weight, bias), weight, rows)  # tied: both gradients add up
    expected = ((rows.to_dense() @ weight + bias) @ weight.t())[torch.from_numpy(rated)]
    torch.testing.assert_close(outputs, expected, rtol=1e-5, atol=1e-3)
    ours = torch.autograd.grad(outputs.square().mean(), (weight, bias))
    for gradient, dense in zip(ours, torch.autograd.grad(expected.square().mean(), (weight, bias)), strict=True):
        assert float((gradient - dense).norm() / dense.norm()) < 1e-5


def test_gradients_hold_where_the_downstream_gradient_is_not_contiguous():
    generator = torch.Generator().manual_seed(1)
    rows = sparse(np.eye(3, dtype=bool), generator)
    weight, bias = leaf(3, 2, generator=generator), leaf(2, generator=generator)
    sparse_linear(rows, weight, bias).t().sum(0).sum().backward()  # an expanded, transposed gradient comes back
    same(weight.grad, rows.values[:, None].expand(3, 2))


def test_a_rating_of_zero_is_a_place_of_the_last_layer_but_no_term_of_the_first():
    rows = SparseRows(torch.tensor([0, 1]), torch.tensor([1]), torch.tensor([0.0]), 2)
    weight, bias = torch.ones(2, 1), torch.tensor([0.5])
    assert sparse_linear(rows, weight, bias).tolist() == [[0.5]]
    assert sampled_linear(torch.tensor([[3.0]]), weight, rows).tolist() == [3.0]


@pytest.mark.parametrize("width", [0, 1, 3])
def test_empty_bags_sum_to_zero(width):
    summed = sum_of_rows(torch.tensor([1, 0]), torch.ones(2, width), torch.tensor([0, 0, 2, 2]), torch.tensor([2.0, 3.0]))
    assert summed.tolist() == [[0.0] * width, [5.0] * width, [0.0] * width]
