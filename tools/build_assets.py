"""Bundle the front end into webapp/static/dist: scripts, styles and icons, each with its content in its name.

`manifest.json` there says what each file is called now, e.g. `{"app.js": "app-3f2a9c1b07.js"}`, and under
`build` a short name for the whole. Only the service worker keeps its plain name, because browsers find its
next version by asking for the same address again. Beside every text file lie its brotli and gzip forms.
"""

import gzip
import hashlib
import json
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import brotli

from tools.node import find_node

ROOT = Path(__file__).resolve().parent.parent
WORKER = "sw.js"
BUNDLES = (
    ("service_worker/main.js", WORKER),
    ("webapp/static/js/start.js", "app.js"),
    ("webapp/static/js/exchange.js", "exchange.js"),
    ("webapp/static/js/care.js", "care.js"),
    ("webapp/static/js/instrument.js", "questions.js"),
    ("webapp/static/css/main.css", "main.css"),
    ("webapp/static/css/paper.css", "paper.css"),
    ("webapp/static/css/card.css", "card.css"),
    ("webapp/static/css/desk.css", "desk.css"),
    ("webapp/static/css/letter.css", "letter.css"),
    ("webapp/static/css/money.css", "money.css"),
)
# Modules give what is in them to the page that fetches them; everything else does its work by itself.
HOW = {"care.js": "--format=esm", "questions.js": "--format=esm", "main.css": "--loader:.svg=file"}
ICONS = "webapp/static/icons"
# The oldest browsers on the phones we know of; esbuild cannot rewrite newer syntax for older ones.
ESBUILD = (
    "--bundle",
    "--minify",
    "--target=chrome91,safari15",
    "--legal-comments=none",
    "--log-level=warning",
)
COMPRESSIBLE = {".js", ".css", ".svg", ".json", ".webmanifest"}


class CannotBuild(Exception):
    """The front end cannot be built here; the message says what to do about it."""


def build_assets(root: Path = ROOT, *, need_all: bool = False) -> dict[str, str]:
    """Build what has changed and return the manifest.

    With `need_all` a missing source file is an error; without it that bundle is left out and a line says so.
    """
    dist = root / "webapp/static/dist"
    stamp = dist / ".sources"
    sources = _hash_of_sources(root)
    if stamp.exists() and stamp.read_text() == sources and (dist / "manifest.json").exists():
        return dict(json.loads((dist / "manifest.json").read_text()))
    started = time.monotonic()
    install_packages(root)
    with tempfile.TemporaryDirectory() as scratch:
        made = _bundle(root, Path(scratch), need_all=need_all)
    manifest = {name: file_name for name, (file_name, _) in made.items()} | {"build": sources[:10]}
    _write(dist, made, manifest)
    stamp.write_text(sources)
    print(f"built {len(made)} front-end files in {time.monotonic() - started:.1f} s")
    return manifest


def install_packages(root: Path = ROOT) -> None:
    """Bring node_modules to what package-lock.json says, unless it is there already."""
    lock = (root / "package.json").read_bytes() + (root / "package-lock.json").read_bytes()
    wanted = hashlib.sha256(lock + f"{sys.platform} {platform.machine()}".encode()).hexdigest()
    stamp = root / "node_modules/.installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    node = find_node()
    if node is None:
        raise CannotBuild(
            "Node 20.19 or newer is needed to build the pages: pip install -r requirements-node.txt"
        )
    # No package may run code of its own while it is installed.
    subprocess.run(
        [*node.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=root, check=True
    )
    stamp.write_text(wanted)


def _hash_of_sources(root: Path) -> str:
    files = [root / "package.json", root / "package-lock.json", Path(__file__)]
    for folder in ("service_worker", "webapp/static/js", "webapp/static/css", ICONS):
        files += sorted(path for path in (root / folder).rglob("*") if path.is_file())
    total = hashlib.sha256()
    for path in files:
        name = path.relative_to(root).as_posix().encode()
        content = path.read_bytes()
        total.update(b"%d %s %d " % (len(name), name, len(content)) + content)
    return total.hexdigest()


Made = dict[str, tuple[str, bytes]]


def _bundle(root: Path, scratch: Path, *, need_all: bool) -> Made:
    """Return plain name → (name to serve it under, content) for everything that can be built."""
    made: Made = {}
    for icon in sorted((root / ICONS).glob("*.*")):
        made[f"icons/{icon.name}"] = _named(f"icons/{icon.name}", icon.read_bytes())
    for source, name in BUNDLES:
        if not _is_there(root, source, need_all=need_all):
            continue
        _esbuild(root, source, scratch / name, HOW.get(name, "--format=iife"))
        content = (scratch / name).read_bytes()
        made[name] = (name, content) if name == WORKER else _named(name, content)
    # Pictures that a style sheet names come out of esbuild beside it, their content already in their name.
    for extra in sorted(path for path in scratch.iterdir() if path.name not in made):
        made[extra.name] = (extra.name, extra.read_bytes())
    return made


def _is_there(root: Path, source: str, *, need_all: bool) -> bool:
    if (root / source).exists():
        return True
    if need_all:
        raise CannotBuild(f"{source} is missing")
    print(f"left out of the build, because it is not there: {source}")
    return False


def _esbuild(root: Path, source: str, out: Path, *options: str) -> None:
    # The program itself starts in milliseconds; the script around it needs Node.
    programs = sorted(root.glob("node_modules/@esbuild/*/bin/esbuild*"))
    if not programs:
        raise CannotBuild("esbuild is missing from node_modules: remove that folder and start again")
    names = ("--asset-names=[name]-[hash]", "--external:/static/*")
    finished = subprocess.run(
        [programs[0], source, f"--outfile={out}", *ESBUILD, *names, *options], cwd=root, check=False
    )
    if finished.returncode:
        raise CannotBuild(f"{source} cannot be bundled; esbuild says why above")


def _named(name: str, content: bytes) -> tuple[str, bytes]:
    path = Path(name)
    digest = hashlib.sha256(content).hexdigest()[:10]
    return path.with_name(f"{path.stem}-{digest}{path.suffix}").as_posix(), content


def _write(dist: Path, made: Made, manifest: dict[str, str]) -> None:
    """Put the files down, then the manifest that names them, then clear away what neither it nor the one before names.

    A page that was loaded just before an upgrade still asks for the files of its own build.
    """
    kept = {dist / "manifest.json"} | _files_of_build_before(dist)
    for file_name, content in made.values():
        path = dist / file_name
        forms = {path: content}
        if path.suffix in COMPRESSIBLE:
            forms[path.with_name(path.name + ".br")] = brotli.compress(content, quality=11)
            forms[path.with_name(path.name + ".gz")] = gzip.compress(content, compresslevel=9, mtime=0)
        for form, content_of_form in forms.items():
            _replace(form, content_of_form)
        kept |= forms.keys()
    _replace(dist / "manifest.json", json.dumps(manifest, indent=1, sort_keys=True).encode())
    for path in dist.rglob("*"):
        if path.is_file() and path not in kept:
            path.unlink()


def _files_of_build_before(dist: Path) -> set[Path]:
    try:
        before = json.loads((dist / "manifest.json").read_text())
    except (OSError, ValueError):
        return set()
    names = (dist / name for key, name in before.items() if key != "build")
    return {path.with_name(path.name + ending) for path in names for ending in ("", ".br", ".gz")}


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    half_written = path.with_name(path.name + ".new")
    half_written.write_bytes(content)
    half_written.replace(path)


if __name__ == "__main__":
    if "--clean" in sys.argv:
        shutil.rmtree(ROOT / "webapp/static/dist", ignore_errors=True)
    try:
        build_assets()
    except CannotBuild as reason:
        sys.exit(f"Suivi cannot be built: {reason}")
