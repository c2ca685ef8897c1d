"""The optimiser of a run and its learning rate schedule, a pure function of epoch and step."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from refeed.optim.options import TrainingOptions

WARM_UP_SHARE = 0.3  # one-cycle: share of all steps in which the rate rises
START_DIVISOR, END_DIVISOR = 25.0, 1e4  # one-cycle: the rate starts at peak / 25 and ends at peak / 10,000

FUSED_FROM = 1 << 16  # weights below which the fused kernel saves no time; it rounds differently from the plain one

Parameters = list[dict[str, object]]

BUILDERS: dict[str, Callable[[Parameters, TrainingOptions, bool], Optimizer]] = {
    "sgd": lambda groups, options, fuse: torch.optim.SGD(
        groups, lr=options.learning_rate, momentum=options.momentum, fused=fuse
    ),
    "adam": lambda groups, options, fuse: torch.optim.Adam(groups, lr=options.learning_rate, fused=fuse),
    "adamw": lambda groups, options, fuse: torch.optim.AdamW(groups, lr=options.learning_rate, fused=fuse),
    "adagrad": lambda groups, options, fuse: torch.optim.Adagrad(groups, lr=options.learning_rate, fused=fuse),
    "rmsprop": lambda groups, options, fuse: torch.optim.RMSprop(groups, lr=options.learning_rate, momentum=options.momentum),
}


def fused(parameters: Sequence[Tensor]) -> bool:
    """Whether PyTorch's fused kernel should update these: their device has it, and they are large enough to save time."""
    numbers = sum(parameter.numel() for parameter in parameters)
    return numbers >= FUSED_FROM and all(parameter.device.type in {"cpu", "cuda"} for parameter in parameters)


def build_optimizer(model: nn.Module, options: TrainingOptions) -> Optimizer:
    """The optimiser of all parameters; biases are a separate group, so that they can be without weight decay."""
    matrices = [parameter for parameter in model.parameters() if parameter.dim() > 1]
    biases = [parameter for parameter in model.parameters() if parameter.dim() <= 1]
    groups: Parameters = [
        {"params": matrices, "weight_decay": options.weight_decay},
        {"params": biases, "weight_decay": options.weight_decay if options.decay_biases else 0.0},
    ]
    return BUILDERS[options.optimizer](groups, options, fused([*matrices, *biases]))


def learning_rate_at(options: TrainingOptions, *, epoch: int, step: int, steps_per_epoch: int) -> float:
    """The learning rate of one step.

    Args:
        options: schedule, milestones, peak rate and epochs.
        epoch: from 0.
        step: within the epoch, from 0.
        steps_per_epoch: batches of an epoch.
    """
    if options.schedule == "multistep":
        passed = sum(epoch >= milestone for milestone in options.milestones)
        return options.learning_rate * options.decay_factor**passed
    done = (epoch * steps_per_epoch + step) / max(1, options.epochs * steps_per_epoch - 1)
    if options.schedule == "cosine":
        return options.learning_rate * _cosine(1.0, 0.0, done)
    if options.schedule == "one_cycle":
        if done < WARM_UP_SHARE:
            return options.learning_rate * _cosine(1 / START_DIVISOR, 1.0, done / WARM_UP_SHARE)
        return options.learning_rate * _cosine(1.0, 1 / END_DIVISOR, (done - WARM_UP_SHARE) / (1 - WARM_UP_SHARE))
    return options.learning_rate


def set_learning_rate(optimizer: Optimizer, rate: float) -> None:
    """Set the learning rate of all parameter groups."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def _cosine(start: float, end: float, done: float) -> float:
    """From `start` to `end` along half a cosine as `done` goes from 0 to 1."""
    return end + (start - end) * (1 + math.cos(math.pi * min(done, 1.0))) / 2
