"""Built files (static/dist) under names that carry their content, compressed beforehand."""

import json
from pathlib import Path

from flask import Flask, Response, abort, request, send_file

from .web import public

STATIC = Path(__file__).parent / "static"
ENCODINGS = (("br", ".br"), ("gzip", ".gz"))


class Assets:
    """Names of the built files; reads the manifest once per start."""

    def __init__(self, folder: Path = STATIC / "dist") -> None:
        self.folder = folder
        manifest = folder / "manifest.json"
        self.names: dict[str, str] = json.loads(manifest.read_text()) if manifest.exists() else {}
        self.build = self.names.get("build", "unbuilt")
        self.files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}

    def url(self, name: str) -> str:
        """The address of a built file, such as ``app.js``."""
        return f"/static/dist/{self.names.get(name, name)}"


def install(app: Flask) -> Assets:
    """Serve the built files and let templates ask ``asset('app.js')``."""
    assets = Assets()
    app.jinja_env.globals.update(asset=assets.url, build=assets.build)

    @app.get("/static/dist/<path:name>", endpoint="static")
    @public
    def built_file(name: str) -> Response:
        if name not in assets.files or not (assets.folder / name).is_file():
            abort(404)
        return compressed(assets.folder / name, "public, max-age=31536000, immutable")

    return assets


def compressed(path: Path, cache: str) -> Response:
    """The file, in the best of the encodings that lie beside it and the browser takes."""
    wanted = request.accept_encodings
    # What is kept for ever is never asked about again: it needs no date and no tag, and bytes are dear.
    ask_again = "immutable" not in cache
    for encoding, suffix in ENCODINGS:
        packed = path.with_name(path.name + suffix)
        if wanted.quality(encoding) > 0 and packed.exists():
            response = send_file(packed, mimetype=_type(path), conditional=ask_again, etag=ask_again)
            response.headers["Content-Encoding"] = encoding
            break
    else:
        response = send_file(path, mimetype=_type(path), conditional=ask_again, etag=ask_again)
    for name in ("Content-Disposition", *([] if ask_again else ["Last-Modified"])):
        response.headers.pop(name, None)
    response.headers["Cache-Control"] = cache
    response.vary.add("Accept-Encoding")
    return response


def _type(path: Path) -> str:
    return {
        ".js": "text/javascript",
        ".css": "text/css",
        ".svg": "image/svg+xml",
        ".png": "image/png",
        ".json": "application/json",
    }.get(path.suffix, "application/octet-stream")
