"""The results of the paper: Kuchaiev & Ginsburg (2017), "Training Deep AutoEncoders for Collaborative Filtering", on Netflix.

RMSE, to compare orderings only, since another data set has other errors. Values that were read off a figure are accurate to
about 0.002 (0.01 where given with two digits).
"""

from __future__ import annotations

from collections.abc import Mapping

from refeed.reproduce.ablations.grid import Measure, Published

PublishedSetting = Mapping[Measure, Published]


def _read_off(**values: float) -> PublishedSetting:
    return {measure: Published(value, read_off=True) for measure, value in values.items()}  # type: ignore[misc]


ACTIVATIONS: Mapping[str, PublishedSetting] = {
    "selu": _read_off(final_train=0.91),
    "elu": _read_off(final_train=0.91),
    "leaky_relu": _read_off(final_train=0.95),
    "tanh": _read_off(final_train=1.12),
    "sigmoid": _read_off(final_train=1.12),
    "relu": _read_off(final_train=1.98),
    "relu6": _read_off(final_train=2.09),
}
"""Figure 2: training RMSE by activation."""

WIDTH: Mapping[int, PublishedSetting] = {
    128: _read_off(final_train=0.878, final_valid=1.146),
    256: _read_off(final_train=0.853, final_valid=1.228),
    512: _read_off(final_train=0.823, final_valid=1.341),
    1024: _read_off(final_train=0.772, final_valid=1.545),
}
"""Figure 3: training and evaluation RMSE by width of the only hidden layer."""

DEPTH: Mapping[int, PublishedSetting] = {
    2: {"final_valid": Published(1.146)},
    4: {"final_valid": Published(0.9615)},
    6: {"final_valid": Published(0.9378)},
    8: {"final_valid": Published(0.9364)},
    10: {"final_valid": Published(0.9340)},
    12: {"final_valid": Published(0.9328)},
}
"""Table 2: evaluation RMSE by number of layers."""

DROPOUT: Mapping[float, PublishedSetting] = {
    0.0: _read_off(best_valid=0.960, final_valid=1.07),
    0.5: _read_off(best_valid=0.928),
    0.65: {"best_valid": Published(0.9192)},
    0.8: {"best_valid": Published(0.9183)},
}
"""Figure 4: evaluation RMSE by probability of dropping a value of the code layer."""

REFEEDING: Mapping[tuple[float, bool], PublishedSetting] = {
    (0.001, False): {"best_valid": Published(0.9167)},
    (0.001, True): _read_off(best_valid=0.916),
    (0.005, False): _read_off(best_valid=0.9215),
    (0.005, True): {"best_valid": Published(0.9100)},
}
"""Figure 5: evaluation RMSE by learning rate, without and with dense re-feeding."""
