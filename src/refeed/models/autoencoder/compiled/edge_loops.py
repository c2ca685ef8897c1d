"""The first and last layer of a batch, their gradients and their updates, as compiled loops on the CPU.

PyTorch's operations each pass over all of their arguments: picking the weights that a batch reads, summing them, computing the
last layer's outputs, two gradients and two updates takes ten passes over memory that no cache holds. Here

- for few rows, whose sums stay in a thread's cache, one visit of a column does everything with it (`sum_columns`,
  `fit_columns`, `update_columns`: two visits for the first layer, one for the last);
- for many rows, a visit of a row computes its outputs and its gradient (`sum_rows`, `fit_rows`), and one of a column updates
  it. These loops go over a tile of the other side at a time, as much of it as stays in a cache.

Each thread has a share of the columns or rows, and no two threads write to the same memory: what several columns add to a row
goes to memory of the thread and is summed afterwards. Within a share, entries are processed FOUR at a time, which loads what
they have in common once and has four rows of memory in flight.

Letters: B rows with nnz entries in u of the n columns, T threads; m and k are the widths of the first and last layer.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from refeed.models.autoencoder.compiled.compiling import compiled

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
AnyIntegers = npt.NDArray[np.integer[Any]]

LINEAR, ELU, LEAKY, SIGMOID, TANH = range(5)
FOUR = 4


class Entries(NamedTuple):
    """The entries of B sparse rows, in both orders.

    Attributes:
        pointers: integers (B + 1,), where each row's entries begin.
        row_columns: integers (nnz,), column of each entry in row order.
        row_values: float32 (nnz,), of each entry in row order.
        row_bounds: int64 (T + 1,), where among the rows each thread's share begins.
        columns: int64 (u,), those with entries, sorted.
        starts: int64 (u + 1,), where each column's entries begin.
        rows: int64 (nnz,), row of each entry in column order, sorted within a column.
        values: float32 (nnz,), of each entry in column order.
        places: int64 (nnz,), index of each entry in row order.
        bounds: int64 (T + 1,), where among the u columns each thread's share begins.
    """

    pointers: AnyIntegers
    row_columns: AnyIntegers
    row_values: Floats
    row_bounds: Integers
    columns: Integers
    starts: Integers
    rows: Integers
    values: Floats
    places: Integers
    bounds: Integers


class Coordinates(NamedTuple):
    """Weights w = read[0] y0 + read[1] y1, to which a gradient g is added as y0 += add[0] g and y1 += add[1] g.

    Attributes:
        first: y0, float32 (n, width) or (n,).
        second: y1, of its shape.
        read: float32 (2,).
        add: float32 (2,).
    """

    first: Floats
    second: Floats
    read: Floats
    add: Floats


class Output(NamedTuple):
    """The last layer's activation: one of five kinds, with two numbers of it.

    Attributes:
        kind: LINEAR; ELU (scale, alpha: scale * alpha * (exp(x) - 1) below 0); LEAKY (1, slope below 0); SIGMOID (height,
            lowest: lowest + height / (1 + exp(-x))); or TANH.
        first: the first of its numbers.
        second: the second.
    """

    kind: int
    first: float
    second: float


OUTPUTS = {  # as the activations of models/layers/activations.py
    "identity": Output(LINEAR, 0.0, 0.0),
    "selu": Output(ELU, 1.0507009873554805, 1.6732632423543772),
    "elu": Output(ELU, 1.0, 1.0),
    "leaky_relu": Output(LEAKY, 1.0, 0.01),
    "relu": Output(LEAKY, 1.0, 0.0),
    "sigmoid": Output(SIGMOID, 1.0, 0.0),
    "tanh": Output(TANH, 1.0, 0.0),
}


@compiled(parallel=True)
def sum_columns(entries: Entries, weights: Coordinates, sums: Floats, shares: Floats, scratch: Floats) -> None:
    """X V.

    Args:
        entries: X.
        weights: V.
        sums: to be written, (B, m).
        shares: memory for what each thread's columns add to it, (T, B, m).
        scratch: memory, (T, 3, at least m).
    """
    for thread in numba.prange(len(shares)):
        shares[thread] = 0
        _sum_share(thread, entries, weights, shares[thread], scratch[thread, 0])
    for thread in numba.prange(len(shares)):
        _add_up(thread, shares, sums)


@compiled()
def _sum_share(thread: int, entries: Entries, weights: Coordinates, sums: Floats, column: Floats) -> None:
    rows, values, starts = entries.rows, entries.values, entries.starts
    for place in range(entries.bounds[thread], entries.bounds[thread + 1]):
        _read(weights, entries.columns[place], column)
        end = starts[place + 1]
        for start in range(starts[place], end, FOUR):
            _add_to_rows(sums, rows, start, min(start + FOUR, end), values, start, column)


@compiled(parallel=True)
def fit_columns(
    entries: Entries,
    weights: Coordinates,
    biases: Coordinates,
    hidden: Floats,
    output: Output,
    gradients: Floats,
    shares: Floats,
    scratch: Floats,
) -> float:
    """The last layer at the entries, its mean squared error, both gradients, and the update of its weights.

    Args:
        entries: ratings.
        weights: W.
        biases: b.
        hidden: H, (B, k).
        output: the activation.
        gradients: of the error for H, to be written, (B, k).
        shares: memory for what each thread's columns add to them, (T, B, k).
        scratch: memory, (T, 3, at least k and FOUR).

    Returns:
        the error before the update.
    """
    scale, squared = 1.0 / len(entries.values), 0.0
    for thread in numba.prange(len(shares)):
        shares[thread] = 0
        squared += _fit_share(thread, entries, weights, biases, hidden, output, scale, shares[thread], scratch[thread])
    for thread in numba.prange(len(shares)):
        _add_up(thread, shares, gradients)
    return squared * scale


@compiled()
def _fit_share(
    thread: int,
    entries: Entries,
    weights: Coordinates,
    biases: Coordinates,
    hidden: Floats,
    output: Output,
    scale: float,
    gradients: Floats,
    scratch: Floats,
) -> float:
    squared, rows, values, starts = 0.0, entries.rows, entries.values, entries.starts
    column, gradient, factors = scratch[0], scratch[1], scratch[2]
    for place in range(entries.bounds[thread], entries.bounds[thread + 1]):
        number, end = entries.columns[place], starts[place + 1]
        _read(weights, number, column)
        for x in range(hidden.shape[1]):
            gradient[x] = 0
        bias, of_bias = _bias(biases, number), np.float32(0)
        for start in range(starts[place], end, FOUR):
            stop = min(start + FOUR, end)
            for j in range(stop - start):
                factors[j] = bias
            _add_products(hidden, rows, start, stop, column, factors, 0)
            squared += _errors(values, start, stop, output, scale, factors, 0)
            _add_weighted_rows(hidden, rows, start, stop, factors, 0, gradient)
            _add_to_rows(gradients, rows, start, stop, factors, 0, column)
            for j in range(stop - start):
                of_bias += factors[j]
        _update(weights, number, gradient)
        _update_bias(biases, number, of_bias)
    return squared


@compiled(parallel=True)
def sum_rows(entries: Entries, weights: Floats, sums: Floats, tile: int) -> None:
    """X V.

    Args:
        entries: X.
        weights: V, (n, m).
        sums: to be written, (B, m).
        tile: how many rows of V stay in a cache.
    """
    for thread in numba.prange(len(entries.row_bounds) - 1):
        _sum_rows_share(thread, entries, weights, sums, tile)


@compiled()
def _sum_rows_share(thread: int, entries: Entries, weights: Floats, sums: Floats, tile: int) -> None:
    first, last = entries.row_bounds[thread], entries.row_bounds[thread + 1]
    sums[first:last] = 0
    nexts = entries.pointers[first:last].copy()
    for limit in range(tile, len(weights) + tile, tile):
        for row in range(first, last):
            begin = nexts[row - first]
            nexts[row - first] = end = _end_below(limit, entries.row_columns, begin, entries.pointers[row + 1])
            _add_weighted_sum(weights, entries.row_columns, begin, end, entries.row_values, sums[row])


@compiled(parallel=True)
def fit_rows(
    entries: Entries,
    weights: Floats,
    biases: Floats,
    hidden: Floats,
    output: Output,
    gradients: Floats,
    factors: Floats,
    tile: int,
) -> float:
    """The last layer at the entries, its mean squared error, and its gradients for the hidden layer and for its own sums.

    Args:
        entries: ratings.
        weights: W, (n, k).
        biases: b, (n,).
        hidden: H, (B, k).
        output: the activation.
        gradients: of the error for H, to be written, (B, k).
        factors: of the error for the sums before the activation, to be written in row order, (nnz,).
        tile: how many rows of W stay in a cache.

    Returns:
        the error.
    """
    scale, squared = 1.0 / len(entries.values), 0.0
    for thread in numba.prange(len(entries.row_bounds) - 1):
        squared += _fit_rows_share(thread, entries, weights, biases, hidden, output, scale, gradients, factors, tile)
    return squared * scale


@compiled()
def _fit_rows_share(
    thread: int,
    entries: Entries,
    weights: Floats,
    biases: Floats,
    hidden: Floats,
    output: Output,
    scale: float,
    gradients: Floats,
    factors: Floats,
    tile: int,
) -> float:
    squared, columns, values = 0.0, entries.row_columns, entries.row_values
    first, last = entries.row_bounds[thread], entries.row_bounds[thread + 1]
    gradients[first:last] = 0
    nexts = entries.pointers[first:last].copy()
    for limit in range(tile, len(weights) + tile, tile):
        for row in range(first, last):
            begin = nexts[row - first]
            nexts[row - first] = end = _end_below(limit, columns, begin, entries.pointers[row + 1])
            inputs, gradient = hidden[row], gradients[row]
            for start in range(begin, end, FOUR):
                stop = min(start + FOUR, end)
                for entry in range(start, stop):
                    factors[entry] = biases[columns[entry]]
                _add_products(weights, columns, start, stop, inputs, factors, start)
                squared += _errors(values, start, stop, output, scale, factors, start)
                _add_weighted_rows(weights, columns, start, stop, factors, start, gradient)
    return squared


@compiled(parallel=True)
def update_columns(entries: Entries, values: Floats, weights: Coordinates, slopes: Floats, scratch: Floats, tile: int) -> None:
    """Update weights by their gradient X^T A.

    Args:
        entries: entries of X.
        values: of X, in column order, (nnz,).
        weights: (n, width).
        slopes: A, (B, width).
        scratch: memory, (T, 3, at least width).
        tile: how many rows of A stay in a cache.
    """
    for thread in numba.prange(len(entries.bounds) - 1):
        _update_share(thread, entries, values, weights, slopes, scratch[thread, 0], tile)


@compiled()
def _update_share(
    thread: int, entries: Entries, values: Floats, weights: Coordinates, slopes: Floats, gradient: Floats, tile: int
) -> None:
    rows, starts, first, last = entries.rows, entries.starts, entries.bounds[thread], entries.bounds[thread + 1]
    nexts = starts[first:last].copy()
    for limit in range(tile, len(slopes) + tile, tile):
        for place in range(first, last):
            begin = nexts[place - first]
            nexts[place - first] = end = _end_below(limit, rows, begin, starts[place + 1])
            if begin < end:
                for x in range(slopes.shape[1]):
                    gradient[x] = 0
                _add_weighted_sum(slopes, rows, begin, end, values, gradient)
                _update(weights, entries.columns[place], gradient)


@compiled()
def update_biases(entries: Entries, values: Floats, biases: Coordinates) -> None:
    """Update biases by the sums of each column's values, (nnz,) in column order."""
    for place in range(len(entries.columns)):
        _update_bias(biases, entries.columns[place], values[entries.starts[place] : entries.starts[place + 1]].sum())


@compiled(inlined=True)
def _end_below(limit: int, index: AnyIntegers, begin: int, end: int) -> int:
    """The first index in begin:end that is not below the limit, or `end`; the indices are sorted."""
    if begin < end and index[end - 1] < limit:
        return end
    while begin < end and index[begin] < limit:
        begin += 1
    return begin


@compiled(inlined=True)
def _add_weighted_sum(matrix: Floats, index: AnyIntegers, begin: int, end: int, factors: Floats, total: Floats) -> None:
    """total += the sum of factors[j] * matrix[index[j]] for j from begin to end."""
    for start in range(begin, end, FOUR):
        _add_weighted_rows(matrix, index, start, min(start + FOUR, end), factors, start, total)


@compiled(inlined=True)
def _add_weighted_rows(
    matrix: Floats, index: AnyIntegers, start: int, stop: int, factors: Floats, first: int, total: Floats
) -> None:
    """total += the sum of factors[first + j] * matrix[index[start + j]] for up to FOUR j."""
    if stop - start == FOUR:
        row0, row1, row2, row3 = (
            matrix[index[start]],
            matrix[index[start + 1]],
            matrix[index[start + 2]],
            matrix[index[start + 3]],
        )
        a, b, c, d = factors[first], factors[first + 1], factors[first + 2], factors[first + 3]
        for x in range(matrix.shape[1]):
            total[x] += a * row0[x] + b * row1[x] + c * row2[x] + d * row3[x]
    else:
        for j in range(stop - start):
            row, factor = matrix[index[start + j]], factors[first + j]
            for x in range(matrix.shape[1]):
                total[x] += factor * row[x]


@compiled(inlined=True)
def _add_to_rows(
    matrix: Floats, index: AnyIntegers, start: int, stop: int, factors: Floats, first: int, vector: Floats
) -> None:
    """matrix[index[start + j]] += factors[first + j] * vector for up to FOUR j, of distinct rows."""
    if stop - start == FOUR:
        row0, row1, row2, row3 = (
            matrix[index[start]],
            matrix[index[start + 1]],
            matrix[index[start + 2]],
            matrix[index[start + 3]],
        )
        a, b, c, d = factors[first], factors[first + 1], factors[first + 2], factors[first + 3]
        for x in range(matrix.shape[1]):
            value = vector[x]
            row0[x] += a * value
            row1[x] += b * value
            row2[x] += c * value
            row3[x] += d * value
    else:
        for j in range(stop - start):
            row, factor = matrix[index[start + j]], factors[first + j]
            for x in range(matrix.shape[1]):
                row[x] += factor * vector[x]


@compiled(inlined=True)
def _add_products(
    matrix: Floats, index: AnyIntegers, start: int, stop: int, vector: Floats, totals: Floats, first: int
) -> None:
    """totals[first + j] += the inner product of matrix[index[start + j]] and vector for up to FOUR j."""
    if stop - start == FOUR:
        row0, row1, row2, row3 = (
            matrix[index[start]],
            matrix[index[start + 1]],
            matrix[index[start + 2]],
            matrix[index[start + 3]],
        )
        a, b, c, d = totals[first], totals[first + 1], totals[first + 2], totals[first + 3]
        for x in range(matrix.shape[1]):
            value = vector[x]
            a += value * row0[x]
            b += value * row1[x]
            c += value * row2[x]
            d += value * row3[x]
        totals[first], totals[first + 1], totals[first + 2], totals[first + 3] = a, b, c, d
    else:
        for j in range(stop - start):
            row, total = matrix[index[start + j]], totals[first + j]
            for x in range(matrix.shape[1]):
                total += vector[x] * row[x]
            totals[first + j] = total


@compiled(inlined=True)
def _errors(values: Floats, start: int, stop: int, output: Output, scale: float, factors: Floats, first: int) -> float:
    """Turn sums, factors[first + j], into the gradients of the scaled squared error of values[start + j] for them, in place.

    Returns:
        the squared error, not scaled.
    """
    squared = 0.0
    for j in range(stop - start):
        value, slope = _activated(output, factors[first + j])
        error = value - values[start + j]
        squared += error * error
        factors[first + j] = 2 * scale * error * slope
    return squared


@compiled()
def _add_up(thread: int, shares: Floats, total: Floats) -> None:
    """A thread's rows of the sum of all shares."""
    threads, rows, width = shares.shape
    for row in range(rows * thread // threads, rows * (thread + 1) // threads):
        for x in range(width):
            total[row, x] = shares[0, row, x]
        for share in range(1, threads):
            for x in range(width):
                total[row, x] += shares[share, row, x]


@compiled(inlined=True)
def _read(weights: Coordinates, number: int, column: Floats) -> None:
    """The weights of a column."""
    first, a, b = weights.first[number], weights.read[0], weights.read[1]
    if b == 0:
        for x in range(first.shape[0]):
            column[x] = a * first[x]
    else:
        second = weights.second[number]
        for x in range(first.shape[0]):
            column[x] = a * first[x] + b * second[x]


@compiled(inlined=True)
def _update(weights: Coordinates, number: int, gradient: Floats) -> None:
    """Add a column's gradient to its coordinates."""
    for coordinate, factor in ((weights.first, weights.add[0]), (weights.second, weights.add[1])):
        if factor != 0:
            row = coordinate[number]
            for x in range(row.shape[0]):
                row[x] += factor * gradient[x]


@compiled(inlined=True)
def _bias(biases: Coordinates, number: int) -> float:
    """The bias of a column."""
    bias: float = biases.read[0] * biases.first[number] + biases.read[1] * biases.second[number]
    return bias


@compiled(inlined=True)
def _update_bias(biases: Coordinates, number: int, gradient: np.float32) -> None:
    """Add the gradient of a column's bias to its coordinates."""
    biases.first[number] += biases.add[0] * gradient
    biases.second[number] += biases.add[1] * gradient


@compiled(inlined=True)
def _activated(output: Output, total: float) -> tuple[np.float32, np.float32]:
    """The activation and its slope."""
    if output.kind == ELU:
        if total > 0:
            return np.float32(output.first * total), np.float32(output.first)
        height = output.first * output.second
        return np.float32(height * math.expm1(total)), np.float32(height * math.exp(total))
    if output.kind == LEAKY:
        slope = np.float32(1.0 if total > 0 else output.second)
        return np.float32(slope * total), slope
    if output.kind == SIGMOID:
        share = 1.0 / (1.0 + math.exp(-total))
        return np.float32(output.second + output.first * share), np.float32(output.first * share * (1.0 - share))
    if output.kind == TANH:
        bent = math.tanh(total)
        return np.float32(bent), np.float32(1.0 - bent * bent)
    return np.float32(total), np.float32(1.0)
