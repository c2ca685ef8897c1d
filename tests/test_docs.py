"""The documentation cannot lie: it builds without a warning, its links lead somewhere, and it fetches nothing."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import refeed
from helpers.command_line import done
from refeed.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = [path for path in sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")]) if "_build" not in path.parts]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def without_code(text: str) -> str:
    """Markdown without its blocks and spans of code."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"(?ms)^```.*?^```", "", text))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"(?m)^#+ (.*)$", re.sub(r"(?ms)^```.*?^```", "", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_internal_links_lead_to_files_and_headings(page):
    broken = []
    for link in LINK.findall(without_code(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_site_builds_without_a_warning(tmp_path):
    """One test for the whole site, which takes seconds to build, so that no two workers build it."""
    command = [sys.executable, "-m", "sphinx", "-q", "--fail-on-warning", "--keep-going", str(DOCS), str(tmp_path)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    require_every_page(tmp_path)
    require_nothing_from_elsewhere(tmp_path)
    require_every_command(tmp_path)
    models = (tmp_path / "reference" / "models.html").read_text(encoding="utf-8")
    assert 'href="data.html#refeed.Split"' in models  # the types in signatures lead to the reference


def require_every_page(site: Path) -> None:
    sources = {path.relative_to(DOCS).with_suffix("") for path in PAGES if DOCS in path.parents}
    assert len(sources) > 20
    assert {path for path in sources if not (site / path).with_suffix(".html").is_file()} == set()


def require_nothing_from_elsewhere(site: Path) -> None:
    loading = re.compile(r"""<(?:link|script|img|iframe|source)\b[^>]*?(?:href|src|srcset)=["'](?:https?:)?//[^"']*""")
    pages = [path.read_text(encoding="utf-8") for path in site.rglob("*.html")]
    styles = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    assert [found for page in pages for found in loading.findall(page)] == []
    assert [found for style in styles for found in re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//[^)]*", style)] == []


def require_every_command(site: Path) -> None:
    text = (site / "reference" / "cli.html").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f'id="refeed-{name}"' not in text] == []
    assert all(option in text for option in ("--split-column", "--interval", "--budget", "--loops"))


def test_every_public_name_is_in_the_reference_once():
    pages = "".join(path.read_text(encoding="utf-8") for path in (DOCS / "reference").glob("*.md"))
    documented = re.findall(r"(?m)^\.\. auto\w+:: refeed\.(\w+)$", pages)
    assert sorted([*documented, "__version__"]) == sorted(refeed.__all__)


def test_pictures_show_the_results():
    drawing = runpy.run_path(str(DOCS / "results_picture.py"))
    shown = {f"{row.name}  {row.rmse:.4f}" for row in drawing["rows"]()}
    assert len(shown) == 12 and "refeed default  0.8590" in shown
    for theme in drawing["THEMES"]:
        picture = (DOCS / "results" / f"time80-{theme}.svg").read_text(encoding="utf-8")
        assert [text for text in shown if text not in picture] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_of_the_code_that_pages_name_exist(page):
    named = set(re.findall(r"`((?:[\w-]+/)+[\w-]+\.py)`", page.read_text(encoding="utf-8")))
    homes = (ROOT, ROOT / "src", ROOT / "src" / "refeed", ROOT / "src" / "refeed" / "models")
    assert [name for name in named if not any((home / name).is_file() for home in homes)] == []


def spoken_commands() -> set[tuple[str, str]]:
    """Each command and option that a page names in code, as in `refeed train DATA --refit`."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES if page.name != "CHANGELOG.md")
    blocks = "\n".join(re.findall(r"(?ms)^ *```sh\n(.*?)^ *```", text))
    lines = re.findall(r"(?m)^ *refeed ([a-z]+\b.*)$", blocks) + re.findall(r"`refeed ([a-z]+\b[^`]*)`", text)
    return {(line.split()[0], option) for line in lines for option in ["", *re.findall(r"(?<!\S)--?[a-z][a-z-]*", line)]}


@pytest.mark.parametrize("command", sorted({command for command, _ in spoken_commands()}))
def test_commands_and_options_that_pages_name_exist(command):
    assert command in COMMANDS
    out = done(command, "--help").out
    options = {option for name, option in spoken_commands() if name == command and option}
    assert [option for option in options if not re.search(rf"(?m)(^|[\s,]){option}[\s,]", out)] == []
