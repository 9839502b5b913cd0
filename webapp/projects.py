"""What differs from one project to the next, as data: one folder a project, one TOML file for each feature.

``SUIVI_PROJECTS`` names a folder of such folders beside our own; a file found there stands before ours, and what a
project does not say is taken from ``default``. Features read and check their own file; nothing here knows them.
"""

import os
import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

OURS = Path(__file__).parent / "project_files"
DEFAULT = "default"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class FaultyProject(ValueError):
    """A project's file cannot be used: ``faults``, each naming the place in the file."""

    def __init__(self, file: str, faults: list[str]) -> None:
        super().__init__(f"{file}: " + "; ".join(faults))
        self.faults = faults


def names() -> list[str]:
    """Every project there is, the default first."""
    found = {
        folder.name
        for place in _places()
        if place.is_dir()
        for folder in place.iterdir()
        if folder.is_dir() and _NAME.fullmatch(folder.name)
    }
    return [DEFAULT, *sorted(found - {DEFAULT})]


def read(project: str, file: str) -> dict[str, Any]:
    """The file of a project; the default's where it has none of its own."""
    for name in (project, DEFAULT):
        if not _NAME.fullmatch(name):
            continue
        for place in _places():
            path = place / name / file
            if path.is_file():
                return _read(path, path.stat().st_mtime_ns)
    raise FaultyProject(file, ["no project has it"])


@lru_cache(maxsize=64)
def _read(path: Path, changed: int) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as reason:
        raise FaultyProject(f"{path.parent.name}/{path.name}", [str(reason)]) from reason


def _places() -> list[Path]:
    elsewhere = os.environ.get("SUIVI_PROJECTS")
    return [Path(elsewhere), OURS] if elsewhere else [OURS]
