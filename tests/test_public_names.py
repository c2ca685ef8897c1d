"""The names that `import refeed` promises: each there, documented, typed, with an example that runs."""

from __future__ import annotations

import ast
import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import refeed

PROJECT = Path(__file__).resolve().parent.parent
NAMES = [name for name in refeed.__all__ if name != "__version__"]
HEAVY = {"torch", "numpy", "pyarrow", "safetensors", "typer", "rich", "importlib.metadata"}


@pytest.mark.parametrize("name", NAMES)
def test_public_name_is_there_and_documented(name):
    value = getattr(refeed, name)
    assert value.__name__ == name and len(value.__doc__) > 20
    assert not value.__module__.rpartition(".")[2].startswith("_")


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="module 'refeed' has no attribute 'recomend'"):
        refeed.recomend  # noqa: B018


def test_dir_lists_the_public_names():
    assert dir(refeed) == sorted(refeed.__all__)


def test_type_checkers_see_the_same_homes_as_the_table():
    tree = ast.parse(Path(refeed.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    imported = {alias.asname: node.module for node in block.body for alias in node.names}
    assert imported == refeed._HOMES


def test_importing_refeed_is_quick_since_it_loads_nothing_heavy():
    code = f"import refeed, sys; print(sorted({HEAVY} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_name_loads_only_what_it_needs():
    code = f"import refeed, sys; refeed.DataError; print(sorted({HEAVY} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("path", ["README.md", *(str(path.relative_to(PROJECT)) for path in PROJECT.glob("docs/**/*.md"))])
def test_names_used_in_python_blocks_are_public(path):
    code = "\n".join(re.findall(r"(?s)```python\n(.*?)```", (PROJECT / path).read_text(encoding="utf-8")))
    imported = re.findall(r"(?m)^(?:>>> )?from refeed import \(?([\w, \n]+)\)?$", code)
    used = {name for names in imported for name in re.split(r"[\s,]+", names.strip(", \n"))}
    used |= set(re.findall(r"\brefeed\.([A-Za-z]\w*)\b(?!\.)", re.sub(r"(?m)^(from|import) .*$|\"[^\"]*\"", "", code)))
    assert used <= set(refeed.__all__)


@pytest.fixture
def own_folder(tmp_path, monkeypatch):
    """A folder that examples may write into; the number of PyTorch's threads comes back."""
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("own_folder")
@pytest.mark.parametrize("name", NAMES)
def test_example_in_the_docstring_runs_as_it_stands(name):
    value = getattr(refeed, name)
    examples = [test for test in doctest.DocTestFinder().find(value, name, globs={}) if test.examples]
    assert name in [example.name for example in examples], "no example in its docstring"
    report = []
    runner = doctest.DocTestRunner(verbose=False)
    for example in examples:
        runner.run(example, out=report.append)
    assert runner.failures == 0, "".join(report)
