"""The documentation site: `make docs`. Its source is the repository itself, so that a link is right in both; the
order of the pages is here, and they are plain Markdown."""

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PAGES = ROOT / "docs"

SECTIONS = {
    "Start": [
        "tutorial",
        "how-to/install",
        "how-to/your-first-event",
        "how-to/first-calls",
        "glossary",
        "guarantees",
        "fairness",
        "draws",
    ],
    "How to": [
        "how-to/integrate",
        "how-to/import-a-catalogue",
        "how-to/migrate-from-pretix",
        "how-to/*",
        "widget",
    ],
    "For fans": [
        "pages",
        "wishes",
        "languages",
        "how-to/read-the-statistics",
        "links",
        "live",
        "queue",
        "notifications",
    ],
    "Reference": [
        "api",
        "problems",
        "settings",
        "cli",
        "import",
        "metrics",
        "webhooks",
        "passes",
        "api-keys",
        "members",
        "rate-limits",
    ],
    "Run it": ["deploy", "containers", "how-to/upgrade", "how-to/tune", "*"],
    "Why": ["decisions/index", "decisions/*"],
    "The project": [
        "/README",
        "/ARCHITECTURE",
        "/CONTRIBUTING",
        "/SECURITY",
        "/CODE_OF_CONDUCT",
        "/CHANGELOG",
        "/bench/*",
    ],
}
"""Each page once: where it is named, else by a pattern. So a new page is in the site by itself."""

project = "Waiting List Service"
version = release = re.findall(r'__version__ = "(.+)"', (ROOT / "waiting_list" / "__init__.py").read_text())[0]
root_doc = "docs/index"
include_patterns = ["docs/**.md", "*.md", "bench/*.md"]
exclude_patterns = [".*", "data", "site", "dist", "mutants", "tests", "waiting_list", "ops"]

extensions = ["myst_parser"]
myst_heading_anchors = 4
myst_enable_extensions = ["html_image"]
nitpicky = True
# An example may leave out what is not its point (…), which is no JSON.
suppress_warnings = ["misc.highlighting_failure"]
smartquotes = False
highlight_language = "text"

html_theme = "furo"
html_title = f"Waiting List Service {version}"
html_copy_source = False
html_show_copyright = False
html_extra_path = ["site"]


def sections() -> dict[str, list[str]]:
    """The pages of each section, in order, as Sphinx names them."""
    found = {path.relative_to(ROOT).with_suffix("").as_posix() for path in PAGES.rglob("*.md")}
    found |= {
        path.relative_to(ROOT).with_suffix("").as_posix()
        for path in (*ROOT.glob("*.md"), *ROOT.glob("bench/*.md"))
    }
    found -= {root_doc}
    named = {_path(name) for names in SECTIONS.values() for name in names if "*" not in name}
    placed: dict[str, list[str]] = {}
    for title, names in SECTIONS.items():
        pages: list[str] = []
        for name in names:
            path = _path(name)
            if "*" not in name:
                pages += [path] if path in found else []
            else:
                pages += sorted(one for one in found - named if _fits(one, path))
        placed[title] = pages
    return placed


def _path(name: str) -> str:
    return name[1:] if name.startswith("/") else f"docs/{name}"


def _fits(page: str, pattern: str) -> bool:
    return page.rpartition("/")[0] == pattern.rpartition("/")[0]


def _add_contents(_app: Any, page: str, source: list[str]) -> None:
    # Not in the page itself, where readers of the repository would see it as code.
    if page == root_doc:
        for title, pages in sections().items():
            listed = "\n".join(f"/{one}" for one in pages)
            source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n{listed}\n```\n"


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _add_contents)
