"""The dense reference as a program, with the data as the original keeps them: Python lists, and dense B x n batches.

    PYTHONPATH=tests python -m oracles.dense_program STORE --batches N [--refeed N] [--encoder 512,512,1024] [--batch-size 128]

Reads the ratings of a store (docs/reference/store-format.md) without refeed's reader into a dict from user to a list of
(item, rating), trains on the first N batches of an epoch with `DenseTrainer`, and prints the last loss. The original
keeps the lines of the file that it reads in memory too, which is not done here.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from oracles.dense_reference import DenseAutoEncoder, DenseTrainer

UserLists = dict[int, list[tuple[int, float]]]
SEED = 0


def as_lists(
    pointers: npt.NDArray[np.int64], items: npt.NDArray[np.integer], values: npt.NDArray[Any], num_items: int
) -> UserLists:
    """The ratings of each user, given as compressed sparse rows, as (item, rating) in lists."""
    shared = list(range(num_items))  # as in the original, where an item's number comes out of one dict
    lists: UserLists = {}
    for user in range(len(pointers) - 1):
        row = slice(pointers[user], pointers[user + 1])
        ratings = values[row].astype(np.float64).tolist()
        lists[user] = [(shared[item], rating) for item, rating in zip(items[row].tolist(), ratings, strict=True)]
    return lists


def read_lists(store: Path) -> tuple[UserLists, int]:
    """The ratings of a store in lists, and the number of items."""
    num_items = json.loads((store / "store.json").read_text(encoding="utf-8"))["items"]
    pointers, items, values = (np.load(store / f"{name}.npy", mmap_mode="r") for name in ("indptr", "indices", "values"))
    return as_lists(pointers, items, values, num_items), num_items


def dense_batches(lists: UserLists, num_items: int, batch_size: int, *, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """An epoch of dense (B, n) ratings and masks in random order; as in the original, the last users may be left out."""
    users = list(lists)
    random.Random(seed).shuffle(users)
    for start in range(0, len(users) - batch_size + 1, batch_size):
        yield dense_rows([lists[user] for user in users[start : start + batch_size]], num_items)


def dense_rows(lists: Sequence[list[tuple[int, float]]], num_items: int) -> tuple[Tensor, Tensor]:
    """The ratings of some users as a dense (B, n) matrix, 0 where there is none, and the mask of those that are there."""
    rows, columns, values = [], [], []
    for row, ratings in enumerate(lists):
        for item, rating in ratings:
            rows.append(row)
            columns.append(item)
            values.append(rating)
    places, shape = torch.tensor([rows, columns], dtype=torch.int64), (len(lists), num_items)
    dense = torch.sparse_coo_tensor(places, torch.tensor(values), shape, check_invariants=False).to_dense()
    is_rated = torch.ones(len(values), dtype=torch.bool)
    return dense, torch.sparse_coo_tensor(places, is_rated, shape, check_invariants=False).to_dense()


def initial_weights(encoder: Sequence[int], num_items: int, *, seed: int) -> dict[str, Tensor]:
    """Xavier-uniform matrices and zero biases of the network n, encoder…, mirrored, n, under the original's names."""
    generator = torch.Generator().manual_seed(seed)
    widths = {"encode": (num_items, *encoder), "decode": (*reversed(encoder), num_items)}
    weights = {}
    for side, sizes in widths.items():
        for layer, (before, after) in enumerate(pairwise(sizes)):
            matrix = torch.empty(after, before)
            weights[f"{side}_w.{layer}"] = torch.nn.init.xavier_uniform_(matrix, generator=generator)
            weights[f"{side}_b.{layer}"] = torch.zeros(after)
    return weights


def code_masks(rows: int, width: int, dropout: float, passes: int) -> list[Tensor]:
    """Dropout of the code layer for each pass, (rows, width): 0 or 1 / (1 - p); none for p = 0."""
    kept = 1 - dropout
    return [torch.empty(rows, width).bernoulli_(kept).div_(kept) for _ in range(passes)] if dropout else []


def main(arguments: list[str] | None = None) -> int:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("--batches", type=int, required=True)
    parser.add_argument("--refeed", type=int, default=0)
    parser.add_argument("--encoder", default="512,512,1024")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--dropout", type=float, default=0.8)
    asked = parser.parse_args(arguments)
    encoder = [int(width) for width in asked.encoder.split(",")]
    torch.manual_seed(SEED)
    lists, num_items = read_lists(asked.store)
    weights = initial_weights(encoder, num_items, seed=SEED)
    model = DenseAutoEncoder(weights, activation="selu", activation_on_last_layer=False)
    del weights
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    trainer = DenseTrainer(model, optimizer, refeed_steps=asked.refeed)
    losses = [float("nan")]
    for _, (ratings, rated) in zip(
        range(asked.batches), dense_batches(lists, num_items, asked.batch_size, seed=SEED), strict=False
    ):
        losses = trainer.step(ratings, rated, code_masks(len(ratings), encoder[-1], asked.dropout, 1 + asked.refeed))
    print(f"{sum(map(len, lists.values()))} ratings, last loss {losses[0]:.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
