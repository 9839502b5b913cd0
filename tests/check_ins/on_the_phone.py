"""The scripts that the phone runs, asked from Python."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tools.node import find_node

SCORING = Path(__file__).parent.parent.parent / "webapp" / "static" / "js" / "scoring.js"


def answers_of(program: str, path: Path, sheets: Any) -> list[Any]:
    """What a program in JavaScript writes for answer sheets, asked once for all of them.

    It finds the address of the scoring module, and this path, as its arguments; the sheets as JSON on its input.
    """
    node = find_node()
    assert node, "set-up installs Node where there is none"
    run = subprocess.run(
        [node.program, "--input-type=module", "-e", program, SCORING.as_uri(), str(path)],
        input=json.dumps(sheets), capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: list[Any] = json.loads(run.stdout)
    return found
