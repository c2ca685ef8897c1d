"""The last layer everywhere, in blocks of columns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from refeed.models.autoencoder.layers.wide_linear import COLUMNS_A_BLOCK, wide_linear


@pytest.mark.parametrize("columns", [1, COLUMNS_A_BLOCK, COLUMNS_A_BLOCK + 1, 2 * COLUMNS_A_BLOCK + 37])
@pytest.mark.parametrize("rows", [0, 1, 9])
def test_blocks_are_the_whole_product(rows, columns):
    generator = torch.Generator().manual_seed(0)
    hidden, weight, bias = (torch.randn(*shape, generator=generator) for shape in ((rows, 6), (columns, 6), (columns,)))
    expected = hidden.double().numpy() @ weight.double().numpy().T + bias.numpy()
    with torch.no_grad():
        np.testing.assert_allclose(wide_linear(hidden, weight, bias).numpy(), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(wide_linear(hidden, weight, bias).numpy(), expected, rtol=1e-5, atol=1e-5)


def test_gradients_flow_where_they_are_requested():
    hidden, weight = torch.ones(1, 2, requires_grad=True), torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    wide_linear(hidden, weight, torch.zeros(2)).sum().backward()
    assert hidden.grad.tolist() == [[4.0, 6.0]]
