"""What the results of each experiment say about the paper's findings, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise, product

from refeed.models import AutoEncoder
from refeed.reports.page import Finding
from refeed.reproduce.ablations.activations import NAMES
from refeed.reproduce.ablations.claims import SINGLE_SEED_TIE, compare, judge, mean_of, versus
from refeed.reproduce.ablations.grid import ExperimentResult, Measure, SettingResult

WELL_TRAINED = ("selu", "elu", "leaky_relu")  # in the paper
BADLY_TRAINED = ("sigmoid", "tanh", "relu", "relu6")


def findings(result: ExperimentResult) -> list[Finding]:
    """The findings on the paper's claims, then on the controls, then which runs diverged."""
    return [*FINDINGS[result.experiment.name](result), *_diverged(result)]


def _activations(result: ExperimentResult) -> list[Finding]:
    by_activation = {_network(row).activation: row for row in _of_the_paper(result)}
    well, badly = ([by_activation[name] for name in group if name in by_activation] for group in (WELL_TRAINED, BADLY_TRAINED))
    low, high = (_enumerated([NAMES[name] for name in group]) for group in (WELL_TRAINED, BADLY_TRAINED))
    found = [judge(f"{low} end below {high} in training RMSE", list(product(well, badly)), "final_train")]
    finished = [row for row in well if row.values("final_train")]
    if finished:
        best = min(finished, key=lambda row: mean_of(row, "final_train"))
        pairs = _controls(result, "final_train")
        found += [Finding("note", _linear_last_layer(control, base, best)) for control, base in pairs]
    return found


def _linear_last_layer(control: SettingResult, base: SettingResult, best: SettingResult) -> str:
    linear, nonlinear, lowest = (mean_of(row, "final_train") for row in (control, base, best))
    text = f"With a linear last layer {base.setting.label} ends at {linear:.4f} instead of {nonlinear:.4f} in training RMSE"
    order = compare(control.values("final_train"), base.values("final_train"))
    if order == "tied":
        return f"{text}: the last layer makes no difference."
    if order == "above":
        return f"{text}: its last layer is not the cause of its error."
    if compare(base.values("final_train"), best.values("final_train")) != "above":
        return f"{text}, though it was no worse than {best.setting.label} ({lowest:.4f}) before."
    share = (nonlinear - linear) / (nonlinear - lowest)
    return f"{text}: {min(share, 1):.0%} of its gap to {best.setting.label} ({lowest:.4f}) is due to the last layer."


def _width(result: ExperimentResult) -> list[Finding]:
    by_width = _by_x(result)
    wider_first = [(wide, narrow) for narrow, wide in pairwise(by_width)]
    found = [
        judge("Training RMSE falls with the width", wider_first, "final_train"),
        judge("Validation RMSE after the last epoch rises with the width", list(pairwise(by_width)), "final_valid"),
    ]
    finished = [row for row in by_width if row.values("best_valid")]
    if finished:
        best, last = ([mean_of(row, measure) for row in finished] for measure in ("best_valid", "final_valid"))
        text = (
            f"At the best epoch of each width validation RMSE lies between {min(best):.4f} and {max(best):.4f}; after the last "
            f"epoch between {min(last):.4f} and {max(last):.4f}."
        )
        found.append(Finding("note", text))
    for control, base in _controls(result, "final_valid")[-1:]:
        text = _compared("With tied weights", control, base, "final_valid", "validation RMSE, last epoch,")
        found.append(Finding("note", text))
    return found


def _depth(result: ExperimentResult) -> list[Finding]:
    by_depth = _by_x(result)
    deeper_first = [(deep, shallow) for shallow, deep in pairwise(by_depth)]
    found = [judge("Every two further layers lower the validation RMSE after the last epoch", deeper_first, "final_valid")]
    finished = [row for row in by_depth if row.values("best_valid")]
    controls = [control for control, _ in _controls(result, "best_valid")]
    if finished and controls:
        deep, shallow = (min(group, key=lambda row: mean_of(row, "best_valid")) for group in (finished, controls))
        relation = {"below": "is better than", "tied": "is tied with", "above": "is worse than"}
        order = relation[compare(shallow.values("best_valid"), deep.values("best_valid"))]
        text = (
            f"The best shallow network with an L2 penalty {order} the best depth without: "
            f"{versus(shallow, deep, 'best_valid')} in validation RMSE, best epoch."
        )
        found.append(Finding("note", text))
    return found


def _dropout(result: ExperimentResult) -> list[Finding]:
    without, *dropped = _by_x(result)
    found = []
    if without.values("final_valid"):
        best, last = mean_of(without, "best_valid"), mean_of(without, "final_valid")
        epochs = ", ".join(str(outcome.best_epoch) for outcome in without.outcomes if outcome.status == "finished")
        rises = last - best > SINGLE_SEED_TIE  # the best is never above the last
        text = (
            f"Without dropout validation RMSE {'rises' if rises else 'does not rise'} after its best epoch ({epochs}): "
            f"from {best:.4f} to {last:.4f}{', as in the paper' if rises else '; in the paper it does'}."
        )
        found.append(Finding("holds" if rises else "does not hold", text))
    pairs = [(row, without) for row in dropped]
    found.append(judge("Every dropout is better than none", pairs, "best_valid"))
    more_first = [(more, less) for less, more in pairwise(dropped)]
    found.append(judge("The more dropout of the code layer, the better, up to 0.8", more_first, "best_valid"))
    return found


def _refeeding(result: ExperimentResult) -> list[Finding]:
    by_rate = {(_rate(row), row.setting.runs[0].options.refeed_steps > 0): row for row in _of_the_paper(result)}
    low, high = sorted({rate for rate, _ in by_rate})
    best = by_rate[high, True]
    at_high = [(best, by_rate[high, False])]
    among_all = [(best, other) for other in by_rate.values() if other is not best]
    found = [
        judge("At the higher learning rate re-feeding lowers the validation RMSE", at_high, "best_valid"),
        judge("Re-feeding at the higher learning rate is the best of the four", among_all, "best_valid"),
    ]
    if all(by_rate[low, is_refed].values("best_valid") for is_refed in (False, True)):
        text = _compared("At the lower learning rate, with re-feeding", by_rate[low, True], by_rate[low, False], "best_valid")
        found.append(Finding("note", text))
    for control, base in _controls(result, "best_valid"):
        if control.setting.runs[0].options.steps_per_batch > 1:
            text = _two_steps(control, base, by_rate[_rate(control), False])
        else:
            text = _compared("In another reading of re-feeding", control, base, "best_valid")
        found.append(Finding("note", text))
    return found


def _two_steps(control: SettingResult, refed: SettingResult, without: SettingResult) -> str:
    verdict = {
        "below": "re-feeding does less than a further step on the same ratings",
        "tied": "re-feeding does no more than a further step on the same ratings",
        "above": "re-feeding does more than a further step on the same ratings",
    }[compare(control.values("best_valid"), refed.values("best_valid"))]
    single = f", {mean_of(without, 'best_valid'):.4f} with one step" if without.values("best_valid") else ""
    return f"Two ordinary steps per batch instead of re-feeding: {versus(control, refed, 'best_valid')}{single}; {verdict}."


FINDINGS: Mapping[str, Callable[[ExperimentResult], list[Finding]]] = {
    "activations": _activations,
    "width": _width,
    "depth": _depth,
    "dropout": _dropout,
    "refeeding": _refeeding,
}


def _compared(what: str, control: SettingResult, base: SettingResult, measure: Measure, name: str = "validation RMSE") -> str:
    order = compare(control.values(measure), base.values(measure))
    verdict = {"below": "lower", "tied": "tied", "above": "higher"}[order]
    return f"{what} {name} is {verdict}: {versus(control, base, measure)}."


def _diverged(result: ExperimentResult) -> list[Finding]:
    diverged = [
        f"{row.setting.label} ({number} of {len(row.outcomes)} seeds)"
        for row in result.rows
        if (number := sum(outcome.status == "diverged" for outcome in row.outcomes))
    ]
    return [Finding("note", f"Diverged: {'; '.join(diverged)}.")] if diverged else []


def _of_the_paper(result: ExperimentResult) -> list[SettingResult]:
    return [row for row in result.rows if not row.setting.is_control]


def _by_x(result: ExperimentResult) -> list[SettingResult]:
    """The paper's settings in the order of the number that is varied."""
    return sorted(_of_the_paper(result), key=lambda row: row.setting.x or 0.0)


def _controls(result: ExperimentResult, measure: Measure) -> list[tuple[SettingResult, SettingResult]]:
    """Each control with the setting that it is compared with, where both have the measure."""
    by_label = {row.setting.label: row for row in result.rows}
    pairs = [(row, by_label[row.setting.control_of]) for row in result.rows if row.setting.control_of in by_label]
    return [pair for pair in pairs if all(row.values(measure) for row in pair)]


def _network(result: SettingResult) -> AutoEncoder:
    spec = result.setting.runs[0].spec
    assert isinstance(spec, AutoEncoder)
    return spec


def _rate(result: SettingResult) -> float:
    return result.setting.runs[0].options.learning_rate


def _enumerated(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
