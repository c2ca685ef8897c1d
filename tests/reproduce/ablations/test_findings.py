"""The sentences of each experiment, on made-up numbers that confirm the paper and that contradict it."""

from __future__ import annotations

import pytest

from helpers.made_up_runs import experiment_result
from refeed.reproduce.ablations import activations, depth, dropout, refeeding, width
from refeed.reproduce.ablations.findings import findings
from refeed.reproduce.scales import SCALES

PAPER = SCALES["paper"]  # whose labels are the paper's own numbers
AS_IN_THE_PAPER = {
    "SELU": 0.91, "ELU": 0.912, "leaky ReLU": 0.95, "tanh": 1.12, "sigmoid": 1.13, "ReLU": 1.98, "ReLU6": 2.09,
    "ReLU, linear last layer": 0.96, "ReLU6, linear last layer": 2.09,
}  # fmt: skip


def found(experiment, numbers=None, **options) -> list[tuple[str, str]]:
    result = experiment_result(experiment, numbers, scale=PAPER, **options)
    return [(finding.verdict, finding.text) for finding in findings(result)]


def training(**numbers: float) -> dict[str, dict[str, float]]:
    return {label.replace("_", " "): {"final_train": value} for label, value in numbers.items()}


def test_activations_as_in_the_paper():
    numbers = {label: {"final_train": value} for label, value in AS_IN_THE_PAPER.items()}
    (verdict, text), relu, relu6 = found(activations.EXPERIMENT, numbers)
    assert verdict == "holds" and text.startswith(
        "SELU, ELU and leaky ReLU end below sigmoid, tanh, ReLU and ReLU6 in training"
    )
    assert relu == (
        "note",
        "With a linear last layer ReLU ends at 0.9601 instead of 1.9801 in training RMSE: 95% of its gap to SELU (0.9101) is "
        "due to the last layer.",
    )
    assert relu6[1].endswith("the last layer makes no difference.")


def test_activations_otherwise():
    numbers = {label: {"final_train": value} for label, value in AS_IN_THE_PAPER.items()}
    numbers |= training(leaky_ReLU=1.2, ReLU=0.9) | {"ReLU6, linear last layer": {"final_train": 2.2}}
    (verdict, text), relu, relu6 = found(activations.EXPERIMENT, numbers)
    assert (
        verdict == "does not hold" and "in 5 of 12 comparisons" in text and "leaky ReLU 1.2001 against sigmoid 1.1301" in text
    )
    assert "its last layer is not the cause" in relu[1] and "not the cause" in relu6[1]
    behind = numbers | training(ReLU=0.9101) | {"ReLU, linear last layer": {"final_train": 0.85}}
    assert "though it was no worse than SELU" in found(activations.EXPERIMENT, behind)[1][1]


def test_activations_that_diverged_are_named():
    *_, last = found(activations.EXPERIMENT, diverged=["ReLU6"])
    assert last == ("note", "Diverged: ReLU6 (2 of 2 seeds).")


def test_width_both_ways():
    names = ["width 128", "width 256", "width 512", "width 1024"]
    falling = {
        name: {"final_train": 0.9 - n / 50, "final_valid": 1.1 + n / 10, "best_valid": 0.95 + n / 100}
        for n, name in enumerate(names)
    }
    falling["width 1024, tied"] = {"final_valid": 1.2, "best_valid": 0.94}
    train, valid, best, tied = found(width.EXPERIMENT, falling)
    assert train[0] == valid[0] == "holds"
    assert "between 0.9501 and 0.9801; after the last epoch between 1.1001 and 1.4001" in best[1]
    assert tied[1].startswith("With tied weights validation RMSE, last epoch, is lower: width 1024, tied 1.2001 against")
    flat = {name: {"final_train": 0.9 + n / 50, "final_valid": 1.1} for n, name in enumerate(names)}
    train, valid, *_ = found(width.EXPERIMENT, flat)
    assert train[0] == "does not hold" and valid[0] == "open"


def test_depth_both_ways():
    layers = range(2, 14, 2)
    falling = {f"{n} layers": {"final_valid": 1.2 - n / 100, "best_valid": 1.1 - n / 100} for n in layers}
    falling["2 layers, L2 0.001"] = {"best_valid": 0.9}
    order, control = found(depth.EXPERIMENT, falling)
    assert order[0] == "holds"
    assert "is better than the best depth without: 2 layers, L2 0.001 0.9001 against 12 layers 0.9801" in control[1]
    rising = {f"{n} layers": {"final_valid": 1 + n / 100, "best_valid": 0.8} for n in layers}
    order, control = found(depth.EXPERIMENT, rising)
    assert order[0] == "does not hold" and "in 5 of 5 comparisons" in order[1]
    assert "is worse than the best depth" in control[1]


def test_dropout_both_ways():
    numbers = {
        "no dropout": {"best_valid": 0.96, "final_valid": 1.07},
        "dropout 0.5": {"best_valid": 0.928},
        "dropout 0.65": {"best_valid": 0.9192},
        "dropout 0.8": {"best_valid": 0.91},
    }
    rises, better, more = found(dropout.EXPERIMENT, numbers)
    text = "Without dropout validation RMSE rises after its best epoch (3, 3): from 0.9601 to 1.0701, as in the paper."
    assert rises == ("holds", text)
    assert better[0] == more[0] == "holds"
    numbers["no dropout"] = {"best_valid": 0.9, "final_valid": 0.9}
    rises, better, more = found(dropout.EXPERIMENT, numbers)
    assert rises[0] == better[0] == "does not hold" and "does not rise after its best epoch" in rises[1]


@pytest.mark.parametrize(("twice", "does"), [(0.9, "does less than"), (0.9100, "does no more than"), (0.93, "does more than")])
def test_refeeding_is_compared_with_its_controls(twice, does):
    numbers = {
        "rate 0.001, without": 0.9167,
        "rate 0.001, re-feeding": 0.9120,
        "rate 0.005, without": 0.9215,
        "rate 0.005, re-feeding": 0.9100,
        "rate 0.005, two steps per batch": twice,
        "rate 0.005, re-feeding to the ratings": 0.95,
        "rate 0.005, re-feeding, joint loss": 0.9,
    }
    results = found(refeeding.EXPERIMENT, {label: {"best_valid": value} for label, value in numbers.items()})
    lowers, best, low, _, further, ratings, joint = results
    assert lowers[0] == best[0] == "holds"
    assert low[1].startswith("At the lower learning rate, with re-feeding validation RMSE is lower: rate 0.001, re-feeding")
    assert f"re-feeding {does} a further step on the same ratings" in further[1] and "0.9216 with one step" in further[1]
    assert "is higher" in ratings[1] and "is lower" in joint[1]


def test_refeeding_that_does_nothing_is_open_and_one_that_harms_does_not_hold():
    lowers, best, *_ = found(refeeding.EXPERIMENT)
    assert lowers[0] == best[0] == "open"
    harmful = {"rate 0.005, re-feeding": {"best_valid": 1.1, "final_valid": 1.1}}
    lowers, best, *_ = found(refeeding.EXPERIMENT, harmful)
    assert lowers[0] == best[0] == "does not hold"


def test_refeeding_that_diverged_is_said_and_compared_with_nothing():
    results = found(refeeding.EXPERIMENT, diverged=["rate 0.005, re-feeding", "rate 0.001, re-feeding", "rate 0.005, without"])
    assert results[0][0] == "open" and results[0][1].endswith("inconclusive, since too many runs diverged.")
    assert results[-1][1].startswith("Diverged: rate 0.001, re-feeding (2 of 2 seeds); rate 0.005, without (2 of 2 seeds)")
