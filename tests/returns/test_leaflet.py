"""The table of the leaflet names pages and tests that exist."""

import re
from pathlib import Path

from flask import Flask

TESTS = Path(__file__).resolve().parents[1]
LEAFLET = TESTS.parent / "docs/leaflet.md"


def rows(text: str) -> list[list[str]]:
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line] for line in lines if "the leaflet says" not in line[0]]


def faults(text: str, pages: set[str]) -> list[str]:
    """What the table names and is not there; a line may say NOT YET instead."""
    found = []
    for line, page, test in rows(text):
        if "NOT YET" not in page and page.strip("`") not in pages:
            found.append(f"no page {page}: {line}")
        file, _, name = test.strip("`").partition("::")
        if "NOT YET" in test:
            continue
        path = TESTS / file
        if not path.is_file() or not re.search(rf"^def {re.escape(name)}\(", path.read_text(), re.MULTILINE):
            found.append(f"no test {test}: {line}")
    return found


def test_every_line_of_the_leaflet_names_a_page_and_a_test_that_exist(app: Flask) -> None:
    pages = {rule.rule for rule in app.url_map.iter_rules()}
    text = LEAFLET.read_text(encoding="utf-8")
    assert faults(text, pages) == []
    assert len(rows(text)) >= 25
    assert (
        len(faults(text.replace("/arrivals", "/departures").replace("::test_a_", "::test_no_"), pages)) >= 5
    )
