"""How many instructions the processor runs for one page, counted by callgrind: exact, whatever else runs here.

``python -m bench.instructions DATABASE FOLDER STAFF PATH`` is what callgrind looks at; ``instructions_of`` calls it.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import UUID

from flask import Flask

ROUNDS = 40
WARM = 15
"""Requests before the count begins: templates, statements and caches are made by then."""


def instructions_of(app: Flask, who: UUID, path: str) -> int | None:
    """Per request, with Flask's test client in it; None where there is no valgrind."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        return None
    settings = app.extensions["settings"]
    command = [
        valgrind, "--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file=/dev/null",
        sys.executable, "-m", "bench.instructions", settings.database_url, str(settings.folder), str(who), path,
    ]  # fmt: skip
    # Else each run would lay its dictionaries out anew.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    ended = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    counted = re.search(r"Collected : (\d+)", ended.stderr)
    assert counted, ended.stderr
    return int(counted[1]) // ROUNDS


def _count(database: str, folder: str, who: str, path: str) -> None:
    from tests.browser_client import Person
    from tests.databases import settings
    from webapp import create_app

    client = Person(create_app(settings(Path(folder), database)), UUID(who)).client
    for _ in range(WARM):
        assert client.get(path).status_code == 200
    _switch("on")
    for _ in range(ROUNDS):
        client.get(path)
    _switch("off")


def _switch(how: str) -> None:
    subprocess.run(
        ["callgrind_control", f"--instr={how}", str(os.getpid())], check=True, stdout=subprocess.DEVNULL
    )


if __name__ == "__main__":
    _count(*sys.argv[1:])
