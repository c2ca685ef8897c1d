"""Link public names: a name in backticks in a docstring, and the types in signatures, lead to their place in the reference."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.domains.python import PyObject
from sphinx.environment import BuildEnvironment

import refeed

_PUBLIC = frozenset(refeed.__all__) - {"__version__"}
_SINGLE_BACKTICKS = re.compile(r"(?<![`:\w])`(?:refeed\.)?(\w+(?:\.\w+)?)(\(\))?`(?![`_])")

_BAR = re.compile(r"\|(?=[^`]*(?:`[^`]*`[^`]*)*$)")  # outside of `code` on its line


def link_names(_app: Sphinx, what: str, name: str, _value: object, _options: object, lines: list[str]) -> None:
    """Turn `Name` and `Name.member` of public names into references, and let | stand for itself (|N_u|, not a substitution)."""

    def linked(match: re.Match[str]) -> str:
        public = match[1].partition(".")[0] in _PUBLIC
        return f":py:obj:`~refeed.{match[1]}`" if public else match[0]

    lines[:] = [_SINGLE_BACKTICKS.sub(linked, _BAR.sub(r"\|", line)) for line in lines]


def resolve_type(app: Sphinx, env: BuildEnvironment, node: pending_xref, text: nodes.TextElement) -> Any:
    """Resolve `refeed.data.ratings.Ratings`, where the class is defined, to `refeed.Ratings`, where it is documented."""
    module, _, name = node.get("reftarget", "").rpartition(".")
    if node.get("refdomain") != "py" or name not in _PUBLIC or module == "refeed":
        return None
    domain = env.get_domain("py")
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", f"refeed.{name}", node, text)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect both to the build, and call attributes by their name."""
    for field in PyObject.doc_field_types:
        if field.name == "variable":
            field.label = "Attributes"  # Sphinx writes "Variables"
    app.connect("autodoc-process-docstring", link_names, priority=400)  # before napoleon, which has 500
    app.connect("missing-reference", resolve_type)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
