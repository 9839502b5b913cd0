"""Measure and print the budget table: ``python -m bench [--slow] [--large] [--only server|phone]``."""

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import phone, server
from bench.table import Row, as_table, machine

Part = Callable[[Path], Iterator[Row]]


def main() -> None:
    asked = _read()
    parts: dict[str, list[Part]] = {
        "server": [lambda folder: server.pages(folder, large=asked.large), server.pack, server.submissions],
        "phone": [
            phone.first_use,
            phone.returnee,
            phone.daily_work,
            phone.first_use_on_a_slow_link,
            lambda folder: phone.deliveries(folder, slow=asked.slow),
        ],
    }
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="suivi-bench-") as scratch:
        for name in [asked.only] if asked.only else parts:
            for place, part in enumerate(parts[name]):
                folder = Path(scratch) / f"{name}-{place}"
                folder.mkdir()
                rows += _measured(part, folder)
    print(machine())
    print()
    print(as_table(rows))


def _measured(part: Part, folder: Path) -> list[Row]:
    """The rows of one part; where it breaks, what it has measured stays and the table says what broke."""
    rows: list[Row] = []
    started = time.monotonic()
    try:
        for row in part(folder):
            rows.append(row)
            print(f"… {row.what}: {row.measured}", file=sys.stderr, flush=True)
    except Exception as trouble:
        traceback.print_exc()
        rows.append(Row("(not measured)", "", type(trouble).__name__, note=str(trouble).splitlines()[0][:90]))
    print(f"… took {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return rows


def _read() -> argparse.Namespace:
    parser = argparse.ArgumentParser("bench/run", description="Measure Suivi and print the budget table.")
    parser.add_argument(
        "--slow", action="store_true", help="also 50 photos over bad 3G (about three minutes)"
    )
    parser.add_argument(
        "--large", action="store_true", help="also 1,300,000 cases (a few minutes, 3 GB of disk)"
    )
    parser.add_argument("--only", choices=["server", "phone"], help="one half of the table")
    return parser.parse_args()


if __name__ == "__main__":
    main()
