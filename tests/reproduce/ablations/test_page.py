"""The section of an ablation: its table and its figures."""

from __future__ import annotations

from dataclasses import replace

from helpers.made_up_runs import TINY, experiment_result
from refeed.reproduce.ablations import activations, dropout, refeeding
from refeed.reproduce.ablations.page import ablation_section, experiment_table


def test_table_has_our_numbers_beside_the_papers():
    numbers = {"SELU": {"final_train": 0.9}, "ReLU": {"final_train": 1.9}}
    result = experiment_result(activations.EXPERIMENT, numbers, diverged=["tanh"])
    table = experiment_table(result)
    assert table.columns[:4] == [
        "setting", "training RMSE, last epoch", "the paper (Netflix)", "validation RMSE, best epoch",
    ]  # fmt: skip
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["SELU"][:2] == ["0.9001 ± 0.0001", "~0.91"]
    assert rows["tanh"][0] == "diverged" and rows["tanh"][3] is None
    assert rows["ReLU, linear last layer †"][1] is None
    table = experiment_table(experiment_result(activations.EXPERIMENT, seeds=1))
    assert "one seed" in table.caption and table.rows[0][1] == "0.9000"


def test_some_seeds_that_diverged_are_counted_in_the_table():
    result = experiment_result(dropout.EXPERIMENT, seeds=3)
    first, *others = result.rows
    partly = replace(first, outcomes=(*first.outcomes[:2], replace(first.outcomes[2], status="diverged")))
    table = experiment_table(replace(result, rows=(partly, *others)))
    assert table.rows[0][1].endswith("(1 diverged)")


def test_figures_leave_out_what_diverged():
    labels = [setting.label for setting in refeeding.EXPERIMENT.grid(TINY, [0])]
    some = ablation_section(experiment_result(refeeding.EXPERIMENT, diverged=labels[:1]))
    curve = next(chart for chart in some.illustrations if chart.name == "refeeding-valid")
    assert len(curve.drawing.figure.axes[0].lines) == 3 and labels[0] not in curve.alt
    none = ablation_section(experiment_result(refeeding.EXPERIMENT, diverged=labels))
    assert [chart.name for chart in none.illustrations] == ["refeeding-paper-best-valid"]


def test_controls_are_drawn_in_the_colour_of_what_they_are_compared_with():
    section = ablation_section(experiment_result(activations.EXPERIMENT))
    controls = next(chart for chart in section.illustrations if chart.name == "activations-train-controls")
    relu, relu6, linear, linear6 = controls.drawing.figure.axes[0].lines
    assert (relu.get_color(), relu6.get_color()) == (linear.get_color(), linear6.get_color())
    assert relu.get_linestyle() != linear.get_linestyle()
