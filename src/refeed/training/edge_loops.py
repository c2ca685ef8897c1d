"""The first and last layer of a batch, their gradients and their updates, as compiled loops on the CPU.

PyTorch's operations each go through all of what they work on: to pick the weights that a batch reads, to sum them, to ask for
the last layer's outputs, for two gradients and for two updates takes ten passes over memory that no cache holds. Here

- for a few rows, whose sums stay in a thread's cache, one visit of a column does all that is to be done with it
  (`sum_columns`, `fit_columns`, `move_columns`: two visits for the first layer, one for the last);
- for many rows, one visit of a row asks for its outputs and its gradient (`sum_rows`, `fit_rows`), one of a column moves it.

Each thread has a share of the columns or rows, and no two threads write to the same memory: what several columns add to a row
goes to memory of the thread's own and is summed afterwards.

Letters: B rows with nnz entries in u of the n columns, T threads; m and k are the widths of the first and last layer.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np

from refeed.training.batch_entries import AnyIntegers, Entries, Floats
from refeed.training.compiling import compiled

LINEAR, ELU, LEAKY, SIGMOID, TANH = range(5)


class Coordinates(NamedTuple):
    """Weights w = read[0] y0 + read[1] y1, to which a gradient g is added as y0 += move[0] g and y1 += move[1] g.

    Attributes:
        first: y0, float32 (n, width) or (n,).
        second: y1, of its shape.
        read: float32 (2,).
        move: float32 (2,).
    """

    first: Floats
    second: Floats
    read: Floats
    move: Floats


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
        scratch: memory, (T, 2, at least m).
    """
    for thread in numba.prange(len(shares)):
        shares[thread] = 0
        _sum_share(thread, entries, weights, shares[thread], scratch[thread, 0])
    for thread in numba.prange(len(shares)):
        _add_up(thread, shares, sums)


@compiled()
def _sum_share(thread: int, entries: Entries, weights: Coordinates, sums: Floats, column: Floats) -> None:
    width = weights.first.shape[1]
    rows, values = entries.rows, entries.values
    for place in range(entries.bounds[thread], entries.bounds[thread + 1]):
        _read(weights, entries.columns[place], column)
        entry, stop = entries.starts[place], entries.starts[place + 1]
        while entry + 4 <= stop:  # four at a time, so that the column is loaded once for them
            one, two, three, four = sums[rows[entry]], sums[rows[entry + 1]], sums[rows[entry + 2]], sums[rows[entry + 3]]
            a, b, c, d = values[entry], values[entry + 1], values[entry + 2], values[entry + 3]
            for x in range(width):
                weight = column[x]
                one[x] += a * weight
                two[x] += b * weight
                three[x] += c * weight
                four[x] += d * weight
            entry += 4
        for rest in range(entry, stop):
            one, a = sums[rows[rest]], values[rest]
            for x in range(width):
                one[x] += a * column[x]


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
    """The last layer at the entries, its mean squared error, both gradients, and the move of its weights.

    Args:
        entries: ratings.
        weights: W.
        biases: b.
        hidden: H, (B, k).
        output: the activation.
        gradients: of the error for H, to be written, (B, k).
        shares: memory for what each thread's columns add to them, (T, B, k).
        scratch: memory, (T, 2, at least k).

    Returns:
        the error before the move.
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
    width = weights.first.shape[1]
    column, gradient, squared = scratch[0], scratch[1], 0.0
    rows, values, doubled = entries.rows, entries.values, np.float32(2 * scale)
    for place in range(entries.bounds[thread], entries.bounds[thread + 1]):
        number = entries.columns[place]
        _read(weights, number, column)
        for x in range(width):
            gradient[x] = 0
        bias, of_bias = _bias(biases, number), np.float32(0)
        for entry in range(entries.starts[place], entries.starts[place + 1]):
            row, of_row = hidden[rows[entry]], gradients[rows[entry]]
            total = bias
            for x in range(width):
                total += row[x] * column[x]
            value, slope = _activated(output, total)
            error = value - values[entry]
            squared += error * error
            factor = doubled * error * slope
            of_bias += factor
            for x in range(width):
                gradient[x] += factor * row[x]
                of_row[x] += factor * column[x]
        _move(weights, number, gradient)
        _move_bias(biases, number, of_bias)
    return squared


@compiled(parallel=True)
def sum_rows(entries: Entries, weights: Floats, sums: Floats) -> None:
    """X V.

    Args:
        entries: X.
        weights: V, (n, m).
        sums: to be written, (B, m).
    """
    for thread in numba.prange(len(entries.row_bounds) - 1):
        for row in range(entries.row_bounds[thread], entries.row_bounds[thread + 1]):
            start, stop = entries.pointers[row], entries.pointers[row + 1]
            _weighted_sum(entries.row_columns, entries.row_values, start, stop, weights, sums[row])


@compiled(parallel=True)
def fit_rows(
    entries: Entries, weights: Floats, biases: Floats, hidden: Floats, output: Output, gradients: Floats, factors: Floats
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

    Returns:
        the error.
    """
    scale, squared = 1.0 / len(entries.values), 0.0
    for thread in numba.prange(len(entries.row_bounds) - 1):
        squared += _fit_row_share(thread, entries, weights, biases, hidden, output, scale, gradients, factors)
    return squared * scale


@compiled()
def _fit_row_share(
    thread: int,
    entries: Entries,
    weights: Floats,
    biases: Floats,
    hidden: Floats,
    output: Output,
    scale: float,
    gradients: Floats,
    factors: Floats,
) -> float:
    width, squared, columns = weights.shape[1], 0.0, entries.row_columns
    for number in range(entries.row_bounds[thread], entries.row_bounds[thread + 1]):
        row, gradient = hidden[number], gradients[number]
        for x in range(width):
            gradient[x] = 0
        entry, stop = entries.pointers[number], entries.pointers[number + 1]
        while entry + 4 <= stop:  # four at a time, so that memory is asked for four columns at once
            p, q, r, s = columns[entry], columns[entry + 1], columns[entry + 2], columns[entry + 3]
            one, two, three, four = weights[p], weights[q], weights[r], weights[s]
            a, b, c, d = biases[p], biases[q], biases[r], biases[s]
            for x in range(width):
                value = row[x]
                a += value * one[x]
                b += value * two[x]
                c += value * three[x]
                d += value * four[x]
            factors[entry], factors[entry + 1], factors[entry + 2], factors[entry + 3] = a, b, c, d
            squared += _errors(entry, entry + 4, entries.row_values, output, scale, factors)
            a, b, c, d = factors[entry], factors[entry + 1], factors[entry + 2], factors[entry + 3]
            for x in range(width):
                gradient[x] += a * one[x] + b * two[x] + c * three[x] + d * four[x]
            entry += 4
        for rest in range(entry, stop):
            one, total = weights[columns[rest]], biases[columns[rest]]
            for x in range(width):
                total += row[x] * one[x]
            factors[rest] = total
            squared += _errors(rest, rest + 1, entries.row_values, output, scale, factors)
            total = factors[rest]
            for x in range(width):
                gradient[x] += total * one[x]
    return squared


@compiled()
def _errors(start: int, stop: int, values: Floats, output: Output, scale: float, factors: Floats) -> float:
    """Turn sums into the scaled error's gradients for them, in place; the squared error, not scaled."""
    squared = 0.0
    for entry in range(start, stop):
        value, slope = _activated(output, factors[entry])
        error = value - values[entry]
        squared += error * error
        factors[entry] = 2 * scale * error * slope
    return squared


@compiled(parallel=True)
def move_columns(entries: Entries, values: Floats, weights: Coordinates, slopes: Floats, scratch: Floats) -> None:
    """Move weights by their gradient X^T A.

    Args:
        entries: places of X.
        values: of X, in column order, (nnz,).
        weights: (n, width).
        slopes: A, (B, width).
        scratch: memory, (T, 2, at least width).
    """
    for thread in numba.prange(len(entries.bounds) - 1):
        gradient = scratch[thread, 0, : slopes.shape[1]]
        for place in range(entries.bounds[thread], entries.bounds[thread + 1]):
            _weighted_sum(entries.rows, values, entries.starts[place], entries.starts[place + 1], slopes, gradient)
            _move(weights, entries.columns[place], gradient)


@compiled()
def move_biases(entries: Entries, values: Floats, biases: Coordinates) -> None:
    """Move biases by the sums of each column's values, (nnz,) in column order."""
    for place in range(len(entries.columns)):
        total = np.float32(0)
        for entry in range(entries.starts[place], entries.starts[place + 1]):
            total += values[entry]
        _move_bias(biases, entries.columns[place], total)


@compiled()
def _weighted_sum(index: AnyIntegers, factors: Floats, start: int, stop: int, matrix: Floats, total: Floats) -> None:
    """The sum of factors[j] * matrix[index[j]] for j from start to stop, written to `total`."""
    for x in range(total.shape[0]):
        total[x] = 0
    j = start
    while j + 4 <= stop:  # four at a time, so that memory is asked for four rows at once
        one, two, three, four = matrix[index[j]], matrix[index[j + 1]], matrix[index[j + 2]], matrix[index[j + 3]]
        a, b, c, d = factors[j], factors[j + 1], factors[j + 2], factors[j + 3]
        for x in range(total.shape[0]):
            total[x] += a * one[x] + b * two[x] + c * three[x] + d * four[x]
        j += 4
    for rest in range(j, stop):
        one, a = matrix[index[rest]], factors[rest]
        for x in range(total.shape[0]):
            total[x] += a * one[x]


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


@compiled()
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


@compiled()
def _move(weights: Coordinates, number: int, gradient: Floats) -> None:
    """Add a column's gradient to its coordinates."""
    for coordinate, factor in ((weights.first, weights.move[0]), (weights.second, weights.move[1])):
        if factor != 0:
            row = coordinate[number]
            for x in range(row.shape[0]):
                row[x] += factor * gradient[x]


@compiled()
def _bias(biases: Coordinates, number: int) -> float:
    """The bias of a column."""
    bias: float = biases.read[0] * biases.first[number] + biases.read[1] * biases.second[number]
    return bias


@compiled()
def _move_bias(biases: Coordinates, number: int, gradient: np.float32) -> None:
    """Add the gradient of a column's bias to its coordinates."""
    biases.first[number] += biases.move[0] * gradient
    biases.second[number] += biases.move[1] * gradient


@compiled()
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
