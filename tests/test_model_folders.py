"""Model folders of earlier formats, as they were written, give the predictions that they gave."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from refeed import load, predict, recommend

FOLDERS = Path(__file__).parent / "model_folders"


@pytest.mark.parametrize("name", ["version-3"])
def test_folder_of_an_earlier_format_predicts_what_it_did(name):
    expected = json.loads((FOLDERS / f"{name}.json").read_text())
    fitted = load(FOLDERS / name, verify=True)
    users, items = expected["users"], expected["items"]
    np.testing.assert_allclose(predict(fitted, users, items), expected["predictions"], rtol=1e-5)
    timed = predict(fitted, users, items, times=expected["time"])
    np.testing.assert_allclose(timed, expected["predictions_at_time"], rtol=1e-5)
    found = recommend(fitted, expected["new_user"], k=3)
    assert [item.item for item in found] == [item for item, _ in expected["recommended"]]
    np.testing.assert_allclose([item.rating for item in found], [rating for _, rating in expected["recommended"]], rtol=1e-5)


def test_folder_of_an_earlier_format_is_written_again_in_todays(tmp_path):
    fitted = load(FOLDERS / "version-3")
    fitted.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert json.loads((tmp_path / "model" / "config.json").read_text())["version"] > 3
    pairs = [100, 101, 105], ["film 0", "film 3", "film 7"]
    assert np.array_equal(predict(again, *pairs), predict(fitted, *pairs))
