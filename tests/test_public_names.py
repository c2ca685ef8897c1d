"""The names that `import refeed` promises."""

from __future__ import annotations

import subprocess
import sys

import pytest

import refeed


@pytest.mark.parametrize("name", refeed.__all__)
def test_public_name_is_there_and_documented(name):
    value = getattr(refeed, name)
    assert name == "__version__" or (value.__name__ == name and len(value.__doc__) > 20)


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="module 'refeed' has no attribute 'recomend'"):
        refeed.recomend  # noqa: B018


def test_importing_refeed_is_quick_since_it_loads_nothing_heavy():
    code = "import refeed, sys; print(sorted({'torch', 'numpy', 'pyarrow', 'typer'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
