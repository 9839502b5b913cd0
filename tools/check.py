"""Run every check in turn and say how long each took. What fails is told at the end, and the rest still runs.

bin/test calls this once everything is installed.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tools.build_assets import install_packages
from tools.node import find_node
from tools.set_up import PYTHON, ROOT

POSTGRES = "postgresql+psycopg://127.0.0.1:5432/postgres"
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Slow; bin/test --fast leaves them out.
FAULTS, BROWSER = "tests/faults", "tests/browser"
ALONE = (FAULTS, BROWSER)
# What these see fail is work lost, doubled or readable: they get no second chance.
PROMISES = [
    f"{BROWSER}/{name}.py"
    for name in ("test_sending", "test_killed", "test_main_job", "test_storage_of_the_phone")
]

Step = tuple[str, list[str | Path]]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="bin/test", description="Check Suivi: style, types, contracts, tests."
    )
    parser.add_argument("--fast", action="store_true", help="leave out the browser and fault tests")
    fast = parser.parse_args().fast

    started = time.monotonic()
    _look_for_postgres()
    if not fast:
        _look_for_chromium()
    install_packages()
    steps = [*_steps_before_tests(), *_test_steps(fast=fast)]
    failed = [name for name, command in steps if not _passes(name, command)]
    seconds = f"{time.monotonic() - started:.0f} s"
    if failed:
        sys.exit(f"bin/test: failed after {seconds}: {', '.join(failed)}")
    print(f"bin/test: all {len(steps)} steps passed in {seconds}")


def _steps_before_tests() -> list[Step]:
    node = find_node()
    assert node, "set-up installs Node where there is none"
    tools = PYTHON.parent
    steps: list[Step] = [
        ("ruff format", [tools / "ruff", "format", "--check", "--quiet", "."]),
        ("ruff", [tools / "ruff", "check", "--quiet", "."]),
        ("mypy", [tools / "mypy"]),
        ("import contracts", [tools / "lint-imports", "--no-logo"]),
        ("eslint", [node.program, "node_modules/eslint/bin/eslint.js", "--max-warnings=0", "."]),
    ]
    # The files by name, because newer versions of Node no longer look through a folder.
    if script_tests := sorted((ROOT / "tests/service_worker").rglob("*.test.js")):
        steps.append(("service worker tests", [node.program, "--test", *script_tests]))
    return steps


def _test_steps(*, fast: bool) -> list[Step]:
    pytest: list[str | Path] = [PYTHON, "-m", "pytest", "-q"]
    # By file, because some files make one world for all their tests.
    many = [*pytest, "-n", "auto", "--dist", "loadfile"]
    together = [*many, *(f"--ignore={folder}" for folder in ALONE)]
    if fast:
        return [("tests", [*together, "-m", "not browser and not faults"])]
    # Faults mostly wait for servers to fall and rise: two at a time.
    return [
        ("tests", together),
        (FAULTS, [*pytest, "-n", "2", "--dist", "loadfile", FAULTS]),
        (f"{BROWSER}, the promises", [*pytest, *PROMISES]),
        (BROWSER, [*pytest, BROWSER, *(f"--ignore={file}" for file in PROMISES)]),
    ]


def _passes(name: str, command: list[str | Path]) -> bool:
    print(f"== {name}", flush=True)
    started = time.monotonic()
    finished = subprocess.run(command, cwd=ROOT, check=False)
    if finished.returncode and name == BROWSER:
        # A real browser on a busy machine may miss a deadline. What fails is run once more, alone and in plain
        # sight: a journey that passes only then is named above and is a bug to find. Nothing else gets this.
        print(f"== {name}: what failed is run once more", flush=True)
        finished = subprocess.run([*command, "--last-failed"], cwd=ROOT, check=False)
    passed = finished.returncode == 0
    print(f"== {name}: {'' if passed else 'FAILED after '}{time.monotonic() - started:.1f} s", flush=True)
    return passed


def _look_for_postgres() -> None:
    """Tell the tests where a PostgreSQL answers; without one say so, and fail where CI runs."""
    import psycopg

    address = os.environ.setdefault("SUIVI_TEST_POSTGRES", POSTGRES)
    try:
        psycopg.connect(address.replace("+psycopg", ""), connect_timeout=3).close()
    except psycopg.Error as reason:
        first_line = str(reason).strip().splitlines()[0]
        print(
            f"bin/test: no PostgreSQL answers at SUIVI_TEST_POSTGRES, its tests are left out ({first_line})"
        )
        if os.environ.get("CI") == "true":
            sys.exit("bin/test: continuous integration must test PostgreSQL too")


def _look_for_chromium() -> None:
    if os.environ.get("SUIVI_CHROMIUM"):
        return
    if not _chromium() and os.geteuid() == 0 and shutil.which("apt-get"):
        print("bin/test: installing chromium for the browser tests", flush=True)
        for command in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", "chromium"]):
            subprocess.run(["apt-get", *command], stdout=subprocess.DEVNULL, check=False)
    found = _chromium()
    if not found:
        sys.exit(
            "bin/test: the browser tests need Chromium: install the package chromium, or use bin/test --fast"
        )
    os.environ["SUIVI_CHROMIUM"] = found


def _chromium() -> str | None:
    return next(filter(None, map(shutil.which, CHROMIUMS)), None)


if __name__ == "__main__":
    main()
