"""ARCHITECTURE.md shows the floors that the import contract enforces, and every room, briefly."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import refeed

PAGE = (Path(__file__).resolve().parent.parent / "ARCHITECTURE.md").read_text(encoding="utf-8")
HOUSE = Path(refeed.__file__).parent


def rooms() -> set[str]:
    """The folders and files at the top of the package, as the page writes them."""
    files = {path.name for path in HOUSE.glob("*.py")} - {"__init__.py", "__main__.py"}
    return files | {f"{path.parent.name}/" for path in HOUSE.glob("*/__init__.py")}


def test_floors_are_those_of_the_import_contract():
    project = tomllib.loads((HOUSE.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {contract["name"]: contract for contract in project["tool"]["importlinter"]["contracts"]}
    layers = [layer.replace("refeed.", "") for layer in contracts["Imports only point down"]["layers"]]
    assert re.findall(r"(?m)^    (\S.*)$", PAGE) == layers
    named = {name for layer in layers for name in layer.split(" | ")}
    assert {room.removesuffix(".py").removesuffix("/") for room in rooms()} == named


def test_every_room_has_one_row():
    named = [name for cell in re.findall(r"(?m)^\| (`[^|]+) \|", PAGE) for name in re.findall(r"`([^`]+)`", cell)]
    assert sorted(named) == sorted(rooms())


def test_rows_are_short():
    words = {row: len(row.split()) for row in re.findall(r"(?m)^\| `[^|]+ \| (.*) \|$", PAGE)}
    assert [row for row, count in words.items() if count > 55] == []
