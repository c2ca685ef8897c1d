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


def said(experiment, numbers=None, **options) -> list[tuple[str, str]]:
    return [(one.verdict, one.text) for one in findings(experiment_result(experiment, numbers, scale=PAPER, **options))]


def training(**numbers: float) -> dict[str, dict[str, float]]:
    return {label.replace("_", " "): {"final_train": value} for label, value in numbers.items()}


def test_activations_as_in_the_paper():
    numbers = {label: {"final_train": value} for label, value in AS_IN_THE_PAPER.items()}
    (verdict, text), relu, relu6 = said(activations.EXPERIMENT, numbers)
    assert verdict == "holds" and text.startswith(
        "SELU, ELU and leaky ReLU end below sigmoid, tanh, ReLU and ReLU6 in training"
    )
    assert relu == (
        "note",
        "With a linear last layer ReLU ends at 0.9601 instead of 1.9801 in training RMSE: 95% of its distance from SELU "
        "(0.9101) is that of the last layer.",
    )
    assert relu6[1].endswith("the last layer makes no difference.")


def test_activations_otherwise():
    numbers = {label: {"final_train": value} for label, value in AS_IN_THE_PAPER.items()}
    numbers |= training(leaky_ReLU=1.2, ReLU=0.9) | {"ReLU6, linear last layer": {"final_train": 2.2}}
    (verdict, text), relu, relu6 = said(activations.EXPERIMENT, numbers)
    assert (
        verdict == "does not hold" and "in 5 of 12 comparisons" in text and "leaky ReLU 1.2001 against sigmoid 1.1301" in text
    )
    assert "its last layer is not what holds it back" in relu[1] and "not what holds it back" in relu6[1]
    behind = numbers | training(ReLU=0.9101) | {"ReLU, linear last layer": {"final_train": 0.85}}
    assert "though it was not behind SELU" in said(activations.EXPERIMENT, behind)[1][1]


def test_activations_that_diverged_are_named():
    *_, last = said(activations.EXPERIMENT, diverged=["ReLU6"])
    assert last == ("note", "Diverged: ReLU6 (2 of 2 seeds).")


def test_width_both_ways():
    names = ["width 128", "width 256", "width 512", "width 1024"]
    falling = {
        name: {"final_train": 0.9 - n / 50, "final_valid": 1.1 + n / 10, "best_valid": 0.95 + n / 100}
        for n, name in enumerate(names)
    }
    falling["width 1024, tied"] = {"final_valid": 1.2, "best_valid": 0.94}
    train, valid, best, tied = said(width.EXPERIMENT, falling)
    assert train[0] == valid[0] == "holds"
    assert "between 0.9501 and 0.9801 in validation RMSE; after the last epoch between 1.1001 and 1.4001" in best[1]
    assert tied[1].startswith("With tied weights validation RMSE, last epoch, is lower: width 1024, tied 1.2001 against")
    flat = {name: {"final_train": 0.9 + n / 50, "final_valid": 1.1} for n, name in enumerate(names)}
    train, valid, *_ = said(width.EXPERIMENT, flat)
    assert train[0] == "does not hold" and valid[0] == "open"


def test_depth_both_ways():
    layers = range(2, 14, 2)
    falling = {f"{n} layers": {"final_valid": 1.2 - n / 100, "best_valid": 1.1 - n / 100} for n in layers}
    falling["2 layers, L2 0.001"] = {"best_valid": 0.9}
    order, control = said(depth.EXPERIMENT, falling)
    assert order[0] == "holds"
    assert "is better than the best depth without: 2 layers, L2 0.001 0.9001 against 12 layers 0.9801" in control[1]
    rising = {f"{n} layers": {"final_valid": 1 + n / 100, "best_valid": 0.8} for n in layers}
    order, control = said(depth.EXPERIMENT, rising)
    assert order[0] == "does not hold" and "in 5 of 5 comparisons" in order[1]
    assert "is worse than the best depth" in control[1]


def test_dropout_both_ways():
    numbers = {
        "no dropout": {"best_valid": 0.96, "final_valid": 1.07},
        "dropout 0.5": {"best_valid": 0.928},
        "dropout 0.65": {"best_valid": 0.9192},
        "dropout 0.8": {"best_valid": 0.91},
    }
    rises, better, more = said(dropout.EXPERIMENT, numbers)
    text = "Without dropout evaluation RMSE rises after its best epoch (3, 3): from 0.9601 to 1.0701, as in the paper."
    assert rises == ("holds", text)
    assert better[0] == more[0] == "holds"
    numbers["no dropout"] = {"best_valid": 0.9, "final_valid": 0.9}
    rises, better, more = said(dropout.EXPERIMENT, numbers)
    assert rises[0] == better[0] == "does not hold" and "does not rise after its best epoch" in rises[1]


@pytest.mark.parametrize(("twice", "does"), [(0.9, "does less than"), (0.9100, "does no more than"), (0.93, "does more than")])
def test_refeeding_is_held_against_its_controls(twice, does):
    numbers = {
        "rate 0.001, without": 0.9167,
        "rate 0.001, re-feeding": 0.9120,
        "rate 0.005, without": 0.9215,
        "rate 0.005, re-feeding": 0.9100,
        "rate 0.005, two steps a batch": twice,
        "rate 0.005, re-feeding, held against the ratings": 0.95,
        "rate 0.005, re-feeding, both losses in one step": 0.9,
    }
    found = said(refeeding.EXPERIMENT, {label: {"best_valid": value} for label, value in numbers.items()})
    lowers, best, low, _, further, ratings, joint = found
    assert lowers[0] == best[0] == "holds"
    assert low[1].startswith("At the lower learning rate, with re-feeding validation RMSE is lower: rate 0.001, re-feeding")
    assert f"re-feeding {does} a further step on the same ratings" in further[1] and "0.9216 with one step" in further[1]
    assert "is higher" in ratings[1] and "is lower" in joint[1]


def test_refeeding_that_does_nothing_is_open_and_one_that_harms_does_not_hold():
    lowers, best, *_ = said(refeeding.EXPERIMENT)
    assert lowers[0] == best[0] == "open"
    harmful = {"rate 0.005, re-feeding": {"best_valid": 1.1, "final_valid": 1.1}}
    lowers, best, *_ = said(refeeding.EXPERIMENT, harmful)
    assert lowers[0] == best[0] == "does not hold"


def test_refeeding_that_diverged_is_said_and_compared_with_nothing():
    found = said(refeeding.EXPERIMENT, diverged=["rate 0.005, re-feeding", "rate 0.001, re-feeding", "rate 0.005, without"])
    assert found[0][0] == "open" and found[0][1].endswith("nothing can be said, since too many runs diverged.")
    assert found[-1][1].startswith("Diverged: rate 0.001, re-feeding (2 of 2 seeds); rate 0.005, without (2 of 2 seeds)")
