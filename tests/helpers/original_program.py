"""Models as the original program writes them, and its mathematics in plain PyTorch; shared by the tests."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

Triplet = tuple[int, int, float]


def original_weights(widths: tuple[int, ...], *, tied: bool, seed: int = 0) -> OrderedDict[str, Tensor]:
    """Random weights under the original's names; `widths` starts with the number of columns."""
    generator = torch.Generator().manual_seed(seed)
    state: OrderedDict[str, Tensor] = OrderedDict()
    sides = [("encode", widths), ("decode", widths[::-1])]
    for side, layers in sides:
        for layer, (before, after) in enumerate(pairwise(layers)):
            if side == "encode" or not tied:
                state[f"{side}_w.{layer}"] = torch.randn(after, before, generator=generator) / before**0.5
            state[f"{side}_b.{layer}"] = torch.randn(after, generator=generator) / 3
    return state


def original_forward(state: dict[str, Tensor], rows: Tensor, activation: Callable[[Tensor], Tensor], *, last: bool) -> Tensor:
    """What the original puts out for `rows`, (B, n), without dropout."""
    depth = sum(name.startswith("encode_w.") for name in state)
    hidden = rows
    for layer in range(depth):
        hidden = activation(F.linear(hidden, state[f"encode_w.{layer}"], state[f"encode_b.{layer}"]))
    for layer in range(depth):
        tied = state[f"encode_w.{depth - 1 - layer}"].t()
        hidden = F.linear(hidden, state.get(f"decode_w.{layer}", tied), state[f"decode_b.{layer}"])
        hidden = activation(hidden) if last or layer < depth - 1 else hidden
    return hidden


def write_training_folder(folder: Path, *, users: int = 9, items: int = 7, files: int = 3) -> list[Triplet]:
    """Files of triplets with ids in a shuffled order, named a.txt, b.txt, …; all triplets in the order of the files."""
    generator = torch.Generator().manual_seed(3)
    places = torch.randperm(users * items, generator=generator)[: users * items * 2 // 3]
    cover = [u * items + u % items for u in range(users)]
    chosen = list(dict.fromkeys([*places.tolist(), *cover]))
    triplets = [(1000 - 13 * (place // items), 50 + 7 * ((place * 5) % items), 1.0 + place % 5) for place in chosen]
    triplets = list({(user, item): (user, item, rating) for user, item, rating in triplets}.values())
    folder.mkdir()
    for number in range(files):
        lines = [f"{user}\t{item}\t{rating}\n" for user, item, rating in triplets[number::files]]
        (folder / f"{'abcdef'[number]}.txt").write_text("".join(lines))
    return [triplet for number in range(files) for triplet in triplets[number::files]]


def first_seen(values: list[int]) -> list[int]:
    """The distinct values in the order in which they first appear."""
    return list(dict.fromkeys(values))


def dense_rows(triplets: list[Triplet]) -> Tensor:
    """The ratings, users x items (U, n), both in the order in which they first appear."""
    users, items = (first_seen([triplet[part] for triplet in triplets]) for part in (0, 1))
    rows = torch.zeros(len(users), len(items))
    for user, item, rating in triplets:
        rows[users.index(user), items.index(item)] = rating
    return rows
