"""Compile every catalogue of translations that is newer than its compiled form."""

from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent


def compile_translations(root: Path = ROOT) -> None:
    """Write messages.mo beside each messages.po; one that is already up to date is left alone."""
    for source in sorted(root.glob("webapp/translations/*/LC_MESSAGES/*.po")):
        compiled = source.with_suffix(".mo")
        if compiled.exists() and compiled.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            continue
        with source.open("rb") as lines:
            catalogue = read_po(lines, locale=source.parent.parent.name)
        # A running server may be reading the old file: the new one appears whole or not at all.
        half_written = compiled.with_suffix(".mo.new")
        with half_written.open("wb") as out:
            write_mo(out, catalogue)
        half_written.replace(compiled)
        print(f"compiled {source.relative_to(root)}")


if __name__ == "__main__":
    compile_translations()
