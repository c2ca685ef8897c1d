"""What the numbers of each experiment say to the paper's findings, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise, product

from refeed.models import AutoEncoder
from refeed.reproduce.ablations.activations import NAMES
from refeed.reproduce.ablations.grid import ExperimentResult, LineResult, Measure
from refeed.reproduce.claims import LONE, Finding, compare, judged, mean_of, told

WELL_TRAINED = ("selu", "elu", "leaky_relu")  # in the paper
OTHERS = ("sigmoid", "tanh", "relu", "relu6")


def findings(result: ExperimentResult) -> list[Finding]:
    """The findings of an experiment of the paper, then what its controls say, then which runs diverged."""
    return [*FINDINGS[result.experiment.name](result), *_diverged(result)]


def _activations(result: ExperimentResult) -> list[Finding]:
    lines = {_net(one).activation: one for one in _of_the_paper(result)}
    well, badly = ([lines[name] for name in group if name in lines] for group in (WELL_TRAINED, OTHERS))
    low, high = (_and([NAMES[name] for name in group]) for group in (WELL_TRAINED, OTHERS))
    claim = f"{low} end below {high} in training RMSE"
    found = [judged(claim, list(product(well, badly)), "final_train")]
    best = min((one for one in well if one.values("final_train")), key=lambda one: mean_of(one, "final_train"), default=None)
    for control, base in _controls(result, "final_train"):
        if best is not None:
            found.append(Finding("note", _linear_last_layer(control, base, best)))
    return found


def _linear_last_layer(control: LineResult, base: LineResult, best: LineResult) -> str:
    ours, theirs, goal = (mean_of(one, "final_train") for one in (control, base, best))
    text = f"With a linear last layer {base.line.label} ends at {ours:.4f} instead of {theirs:.4f} in training RMSE"
    order = compare(control.values("final_train"), base.values("final_train"))
    if order == "tied":
        return f"{text}: the last layer makes no difference."
    if order == "above":
        return f"{text}: its last layer is not what holds it back."
    if compare(base.values("final_train"), best.values("final_train")) != "above":
        return f"{text}, though it was not behind {best.line.label} ({goal:.4f}) before."
    share = (theirs - ours) / (theirs - goal)
    return f"{text}: {min(share, 1):.0%} of its distance from {best.line.label} ({goal:.4f}) is that of the last layer."


def _width(result: ExperimentResult) -> list[Finding]:
    lines = _by_x(result)
    found = [
        judged(
            "Training RMSE falls with the width",
            [(wide, narrow) for narrow, wide in pairwise(lines)],
            "final_train",
        ),
        judged("Evaluation RMSE after the last epoch rises with the width", list(pairwise(lines)), "final_valid"),
    ]
    known = [one for one in lines if one.values("best_valid")]
    if known:
        best, last = ([mean_of(one, measure) for one in known] for measure in ("best_valid", "final_valid"))
        text = (
            f"Each stopped at its best epoch, the widths lie between {min(best):.4f} and {max(best):.4f} in validation RMSE; "
            f"after the last epoch between {min(last):.4f} and {max(last):.4f}."
        )
        found.append(Finding("note", text))
    for control, base in _controls(result, "final_valid")[-1:]:
        text = _compared("With tied weights", control, base, "final_valid", "validation RMSE, last epoch,")
        found.append(Finding("note", text))
    return found


def _depth(result: ExperimentResult) -> list[Finding]:
    lines = _by_x(result)
    deeper_first = [(deep, shallow) for shallow, deep in pairwise(lines)]
    found = [judged("Every two further layers lower the evaluation RMSE after the last epoch", deeper_first, "final_valid")]
    known = [one for one in lines if one.values("best_valid")]
    controls = [control for control, _ in _controls(result, "best_valid")]
    if known and controls:
        deep, shallow = (min(some, key=lambda one: mean_of(one, "best_valid")) for some in (known, controls))
        relation = {"below": "is better than", "tied": "cannot be told from", "above": "is worse than"}
        order = relation[compare(shallow.values("best_valid"), deep.values("best_valid"))]
        text = (
            f"The best shallow net with an L2 penalty {order} the best depth without: "
            f"{told(shallow, deep, 'best_valid')} in validation RMSE, best epoch."
        )
        found.append(Finding("note", text))
    return found


def _dropout(result: ExperimentResult) -> list[Finding]:
    lines = _by_x(result)
    without, dropped = lines[0], lines[1:]
    found = []
    if without.values("final_valid"):
        epochs = ", ".join(str(outcome.best_epoch) for outcome in without.outcomes if outcome.status == "finished")
        rises = mean_of(without, "final_valid") - mean_of(without, "best_valid") > LONE  # the best is never above the last
        text = (
            f"Without dropout evaluation RMSE {'rises' if rises else 'does not rise'} after its best epoch ({epochs}): "
            f"from {mean_of(without, 'best_valid'):.4f} to {mean_of(without, 'final_valid'):.4f}"
            f"{', as in the paper' if rises else '; in the paper it does'}."
        )
        found.append(Finding("holds" if rises else "does not hold", text))
    found.append(judged("Every dropout is better than none", [(one, without) for one in dropped], "best_valid"))
    more_first = [(more, less) for less, more in pairwise(dropped)]
    found.append(judged("The more dropout of the code layer, the better, up to 0.8", more_first, "best_valid"))
    return found


def _refeeding(result: ExperimentResult) -> list[Finding]:
    lines = {(_rate(one), one.line.runs[0].options.refeed_steps > 0): one for one in _of_the_paper(result)}
    low, high = sorted({rate for rate, _ in lines})
    best = lines[high, True]
    others = [one for one in lines.values() if one is not best]
    found = [
        judged("At the higher learning rate re-feeding lowers the validation RMSE", [(best, lines[high, False])], "best_valid"),
        judged("Re-feeding at the higher learning rate is the best of the four", [(best, one) for one in others], "best_valid"),
    ]
    if all(lines[low, is_refed].values("best_valid") for is_refed in (False, True)):
        text = _compared("At the lower learning rate, with re-feeding", lines[low, True], lines[low, False], "best_valid")
        found.append(Finding("note", text))
    for control, base in _controls(result, "best_valid"):
        options = control.line.runs[0].options
        if options.steps_per_batch > 1:
            found.append(Finding("note", _further_step(control, base, lines[_rate(control), False])))
        else:
            found.append(Finding("note", _compared("In another reading of re-feeding", control, base, "best_valid")))
    return found


def _further_step(control: LineResult, refed: LineResult, without: LineResult) -> str:
    verdict = {
        "below": "re-feeding does less than a further step on the same ratings",
        "tied": "re-feeding does no more than a further step on the same ratings",
        "above": "re-feeding does more than a further step on the same ratings",
    }[compare(control.values("best_valid"), refed.values("best_valid"))]
    before = f", {mean_of(without, 'best_valid'):.4f} with one step" if without.values("best_valid") else ""
    return f"Two ordinary steps a batch instead of re-feeding: {told(control, refed, 'best_valid')}{before}; {verdict}."


FINDINGS: Mapping[str, Callable[[ExperimentResult], list[Finding]]] = {
    "activations": _activations,
    "width": _width,
    "depth": _depth,
    "dropout": _dropout,
    "refeeding": _refeeding,
}


def _compared(what: str, control: LineResult, base: LineResult, measure: Measure, name: str = "validation RMSE") -> str:
    order = compare(control.values(measure), base.values(measure))
    verdict = {"below": "lower", "tied": "tied", "above": "higher"}[order]
    return f"{what} {name} is {verdict}: {told(control, base, measure)}."


def _diverged(result: ExperimentResult) -> list[Finding]:
    gone = [
        f"{one.line.label} ({diverged} of {len(one.outcomes)} seeds)"
        for one in result.lines
        if (diverged := sum(outcome.status == "diverged" for outcome in one.outcomes))
    ]
    return [Finding("note", f"Diverged: {'; '.join(gone)}.")] if gone else []


def _of_the_paper(result: ExperimentResult) -> list[LineResult]:
    return [one for one in result.lines if not one.line.is_control]


def _by_x(result: ExperimentResult) -> list[LineResult]:
    """The paper's settings in the order of their number."""
    return sorted(_of_the_paper(result), key=lambda one: one.line.x or 0.0)


def _controls(result: ExperimentResult, measure: Measure) -> list[tuple[LineResult, LineResult]]:
    """Each control with the setting that it is compared with, where both have the number."""
    by_label = {one.line.label: one for one in result.lines}
    pairs = [(one, by_label[one.line.control_of]) for one in result.lines if one.line.control_of in by_label]
    return [pair for pair in pairs if all(one.values(measure) for one in pair)]


def _net(one: LineResult) -> AutoEncoder:
    spec = one.line.runs[0].spec
    assert isinstance(spec, AutoEncoder)
    return spec


def _rate(one: LineResult) -> float:
    return one.line.runs[0].options.learning_rate


def _and(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
