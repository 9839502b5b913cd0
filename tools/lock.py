"""Write the requirements*.txt files again from their .in files.

Run it with `uv` on the PATH: `python tools/lock.py [--upgrade]`. The locks hold versions and hashes for every
Python from 3.11 on and every platform, and never the address of an index: where packages come from is decided
by the machine that installs them.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    for name in ("requirements", "requirements-test", "requirements-node"):
        subprocess.run(
            [
                "uv", "pip", "compile", f"{name}.in", "--output-file", f"{name}.txt",
                "--universal", "--python-version", "3.11", "--generate-hashes", "--no-header",
                "--strip-extras", "--no-emit-index-url", "--no-emit-find-links", "--no-annotate", "--quiet",
                *sys.argv[1:],
            ],
            cwd=ROOT,
            check=True,
        )  # fmt: skip


if __name__ == "__main__":
    main()
