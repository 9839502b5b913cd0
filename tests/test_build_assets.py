"""The build of the front end: a page of the build before still finds its files."""

from pathlib import Path

from tools.build_assets import _write


def made(version: str) -> dict[str, tuple[str, bytes]]:
    return {"app.js": (f"app-{version}.js", version.encode())}


def build(dist: Path, version: str) -> None:
    files = made(version)
    _write(dist, files, {name: file for name, (file, _) in files.items()} | {"build": version})


def test_the_files_of_the_last_two_builds_stay(tmp_path: Path) -> None:
    for version in ("one", "two", "three"):
        build(tmp_path, version)
    there = {path.name for path in tmp_path.iterdir()}
    assert {"app-two.js", "app-two.js.br", "app-three.js", "app-three.js.gz"} <= there
    assert not any(name.startswith("app-one") for name in there)
