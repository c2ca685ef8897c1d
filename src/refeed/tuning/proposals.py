"""Which settings to try next: Optuna behind three methods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from refeed.reports.extras import import_extra
from refeed.tuning.search_spaces import Between, Range, Space, value_text

SamplerName = Literal["tpe", "random"]
RANDOM_TRIALS = 4  # before the first that learns from the others
LEAST_FOR_IMPORTANCES = 8  # finished trials


@dataclass(frozen=True)
class Proposal:
    """Settings to try.

    Attributes:
        values: option to value.
        ticket: Optuna's trial.
    """

    values: Mapping[str, Any]
    ticket: Any


class Proposals:
    """Proposes settings and learns from their errors; its proposals depend on the seed and the order of the calls alone.

    Args:
        space: the options to vary.
        sampler: "tpe" (tree-structured Parzen estimator, Bergstra et al. 2011; multivariate, running trials count as bad) or
            "random".
        seed: of its draws.

    Raises:
        ConfigError: the `tune` extra is not installed.
    """

    def __init__(self, space: Space, *, sampler: SamplerName, seed: int) -> None:
        self._optuna = import_extra("optuna", extra="tune")
        self._optuna.logging.set_verbosity(self._optuna.logging.WARNING)
        samplers = self._optuna.samplers
        tree = {"multivariate": True, "constant_liar": True, "n_startup_trials": RANDOM_TRIALS}
        drawn = samplers.TPESampler(seed=seed, **tree) if sampler == "tpe" else samplers.RandomSampler(seed=seed)
        self._space = space
        self._distributions = {name: self._distribution(choice) for name, choice in space.items()}
        self._study = self._optuna.create_study(direction="minimize", sampler=drawn)

    def ask(self) -> Proposal:
        """Propose the next settings."""
        ticket = self._study.ask(self._distributions)
        return Proposal({name: _value(self._space[name], drawn) for name, drawn in ticket.params.items()}, ticket)

    def tell(self, proposal: Proposal, rmse: float | None) -> None:
        """Add the error of a proposal, which is to be minimised; None where it failed."""
        failed = self._optuna.trial.TrialState.FAIL
        self._study.tell(proposal.ticket, rmse, state=failed if rmse is None else None)

    def add_observation(self, values: Mapping[str, Any], rmse: float) -> None:
        """Add the error of settings that were not proposed; those outside of the space are ignored."""
        if all(values[name] in choice for name, choice in self._space.items()):
            drawn = {
                name: values[name] if isinstance(choice, Between) else value_text(values[name])
                for name, choice in self._space.items()
            }
            trial = self._optuna.trial.create_trial(params=drawn, distributions=self._distributions, value=rmse)
            self._study.add_trial(trial)

    def importances(self) -> dict[str, float]:
        """Importances of the options for being among the best trials, the largest first; they sum to 1.

        PED-ANOVA (Watanabe, Bansal & Hutter 2023). Empty with a single option or too few finished trials.
        """
        finished = self._study.get_trials(deepcopy=False, states=(self._optuna.trial.TrialState.COMPLETE,))
        if len(self._space) < 2 or len(finished) < LEAST_FOR_IMPORTANCES:
            return {}
        evaluator = self._optuna.importance.PedAnovaImportanceEvaluator()
        return dict(self._optuna.importance.get_param_importances(self._study, evaluator=evaluator))

    def _distribution(self, choice: Range) -> Any:
        known = self._optuna.distributions
        if not isinstance(choice, Between):
            return known.CategoricalDistribution([value_text(value) for value in choice.choices])
        kind = known.IntDistribution if choice.is_whole else known.FloatDistribution
        return kind(choice.low, choice.high, log=choice.log)


def _value(choice: Range, drawn: Any) -> Any:
    """The option's value for a draw; numbers are rounded to three digits."""
    if not isinstance(choice, Between):
        return next(value for value in choice.choices if value_text(value) == drawn)
    if choice.is_whole:
        return drawn
    return min(max(float(f"{drawn:.3g}"), float(choice.low)), float(choice.high))
