"""The former home of the training options."""

from __future__ import annotations

import importlib
import sys

import pytest

import refeed


def test_former_home_has_the_options_and_says_where_they_are(monkeypatch):
    monkeypatch.delitem(sys.modules, "refeed.training.options", raising=False)
    with pytest.warns(DeprecationWarning, match="use `from refeed import TrainingOptions`"):
        module = importlib.import_module("refeed.training.options")
    assert module.TrainingOptions is refeed.TrainingOptions
