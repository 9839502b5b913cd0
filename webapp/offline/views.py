"""What phones ask for: worker file, manifest, pack; and what they bring: submissions and parts of photos."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, abort, current_app, jsonify, request
from flask_babel import gettext as _
from werkzeug.exceptions import TooManyRequests

from .. import clock
from ..assets import compressed
from ..cases.access import allowed_case
from ..database import db, reading
from ..people.models import Phone
from ..permissions import Role
from ..web import begin_anew, keep_so_far, may, page, pressed_hard, public, signed_in
from . import pack, parts, receiving
from .models import Submission
from .passes import phone_of_request
from .words import KIND_NAMES

offline = Blueprint("offline", __name__)


@offline.get("/sw.js")
@public
def worker_file() -> Response:
    assets = current_app.extensions["assets"]
    path = assets.folder / "sw.js"
    if not path.exists():
        abort(404)
    response = compressed(path, "no-cache")
    response.headers["Service-Worker-Allowed"] = "/"
    for useless in ("Last-Modified", "Accept-Ranges"):  # its tag says as much, and nobody reads a part of it
        response.headers.pop(useless, None)
    return response


@offline.get("/manifest.webmanifest")
@public
def manifest() -> Response:
    assets = current_app.extensions["assets"]
    icon = {"type": "image/png"}
    said = {
        "id": "/",
        "name": "Suivi",
        "short_name": "Suivi",
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "dir": "auto",
        "background_color": "#f8f3e8",
        "theme_color": "#2b3674",
        "icons": [
            {"src": assets.url("icons/sprite.svg"), "sizes": "any", "type": "image/svg+xml"},
            {"src": assets.url("icons/icon-192.png"), "sizes": "192x192", **icon},
            {"src": assets.url("icons/icon-512.png"), "sizes": "512x512", **icon},
            {
                "src": assets.url("icons/icon-maskable-512.png"),
                "sizes": "512x512",
                "purpose": "maskable",
                **icon,
            },
        ],
        "shortcuts": [
            {"name": _("Aujourd’hui"), "url": "/today"},
            {"name": _("Nouvelle visite"), "url": "/cases"},
            {"name": _("Envois"), "url": "/outbox"},
        ],
    }
    response = jsonify(said)
    response.mimetype = "application/manifest+json"
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response


@offline.get("/pack")
@may("pack.fetch")
def fetch_pack() -> Response:
    person = signed_in()
    opaque = current_app.extensions["passes"].opaque(person.id)
    if request.args.get("person", opaque) != opaque:
        abort(401)  # the open vault is another person's: nothing of this one may come into it
    cursor = request.args.get("cursor", "0")
    said = "".join(
        pack.lines(
            person,
            cursor=int(cursor) if cursor.isdecimal() and len(cursor) < 18 else 0,
            build=request.args.get("build", ""),
            opaque=opaque,
            later="later" in request.args,
        )
    )
    return pressed_hard(Response(said, mimetype="application/x-ndjson"))


@offline.get("/outbox")
@may("outbox.see")
def outbox() -> Any:
    return page("outbox.html")


@offline.post("/outbox/submissions")
@public
def receive() -> Any:
    request.max_content_length = receiving.MOST_IN_A_BATCH * receiving.LARGEST_SEALED * 2
    phone_id = phone_of_request()
    try:
        envelopes = receiving.read_batch(request.get_json(silent=True, force=True))
    except receiving.TooMuch:
        abort(413)
    except receiving.NotASubmission:
        abort(400)
    arrived = receiving.opened(envelopes, desk().keyring)
    trusted = _phone_stands(phone_id)
    return _receipts(
        receiving.receive(arrived, desk(), carried_by=phone_id, trusted=trusted, now=clock.now())
    )


@offline.put("/outbox/photos/<uuid:photo_id>/parts/<int:n>")
@public
def receive_part(photo_id: UUID, n: int) -> Any:
    phone_id = phone_of_request()
    digest, total, key = (
        request.args.get("digest", ""),
        request.args.get("of", ""),
        request.args.get("key", ""),
    )
    if not _is_digest(digest) or not total.isdecimal() or len(total) > 4 or not receiving.is_key_name(key):
        abort(400)
    count = int(total)
    if not (1 <= count <= parts.MOST_PARTS and n < count):
        abort(413 if count > parts.MOST_PARTS else 400)
    body = request.get_data(cache=False)
    if not 0 < len(body) <= parts.PART or (n < count - 1 and len(body) != parts.PART):
        abort(400)
    if known := parts.find_submission(photo_id, digest):
        return _receipts([receiving.receipt_of(known)])
    try:
        parts.keep_part(photo_id, digest, n, body, phone_id=phone_id, now=clock.now())
    except parts.TooMuchUnfinished:
        raise TooManyRequests(retry_after=600) from None
    # Kept first, then counted: of two parts that arrive together, one at least sees that all are there.
    keep_so_far()
    with reading():
        here = parts.parts_here(photo_id, digest)
        begin_anew()
    if here != list(range(count)):
        return jsonify(id=str(photo_id), digest=digest, have=here)
    return _finish_photo(photo_id, digest, key, phone_id)


@offline.get("/outbox/photos/<uuid:photo_id>")
@public
def photo_state(photo_id: UUID) -> Any:
    phone_of_request()
    digest = request.args.get("digest", "")
    if not _is_digest(digest):
        abort(400)
    if known := parts.find_submission(photo_id, digest):
        return _receipts([receiving.receipt_of(known)])
    return jsonify(id=str(photo_id), digest=digest, have=parts.parts_to_tell(photo_id, digest))


def _finish_photo(photo_id: UUID, digest: str, key: str, phone_id: UUID) -> Any:
    """All parts are here and safe: look at the whole, outside any transaction, and take it in."""
    with reading():
        sealed = parts.joined(photo_id, digest)
        # Another request may have finished it since the parts were counted; then its parts are gone.
        if known := parts.find_submission(photo_id, digest):
            return _receipts([receiving.receipt_of(known)])
        phone = db.session.get(Phone, phone_id)
        trusted = phone is not None and phone.revoked_at is None
        begin_anew()
    envelope = receiving.Envelope(photo_id, "photo", key, digest, sealed)
    arrived = receiving.opened([envelope], desk().keyring)
    photo = receiving.ready_photo(arrived[0][1], desk(), trusted=trusted)
    (receipt,) = receiving.receive(
        arrived, desk(), carried_by=phone_id, trusted=_phone_stands(phone_id), now=clock.now(), photo=photo
    )
    if receipt["outcome"] != "later" or receiving.is_damaged(envelope):
        parts.forget_parts(photo_id, digest)
    return _receipts([receipt])


@offline.get("/submissions/<uuid:submission_id>")
@may("submission.see")
def show_submission(submission_id: UUID) -> Any:
    submission = db.session.get(Submission, submission_id) or abort(404)
    person = signed_in()
    mine = submission.author_id == person.id
    # A manager looks at what waits in the own office, at its kind and reason, never at its content.
    manages = person.role == Role.PROGRAMME_MANAGER and receiving.is_of_office(submission, person.office_id)
    if not mine and not manages:
        abort(404)
    code = ""
    # Of danger, of how somebody feels and of referrals a manager learns that they came, never whose they are.
    hides_case = not mine and submission.kind in ("red-flag", "check-in", "referral")
    if submission.case_id and not hides_case:
        code = (
            allowed_case(submission.case_id, "case.see").code
            if not mine
            else receiving.case_code(submission.case_id)
        )
    return page(
        "offline/submission.html",
        submission=submission,
        mine=mine,
        code=code,
        kind=KIND_NAMES[submission.kind](),
    )


def _phone_stands(phone_id: UUID) -> bool:
    phone = db.session.get(Phone, phone_id)
    if phone is None:
        return False
    if (clock.now() - phone.seen_at).total_seconds() > 60:
        phone.seen_at = clock.now()
    return phone.revoked_at is None


def desk() -> receiving.Desk:
    """What receiving needs of this installation."""
    extensions = current_app.extensions
    return receiving.Desk(extensions["keyring"], extensions["passes"], extensions["storage"])


def _receipts(receipts: list[dict[str, Any]]) -> Response:
    response: Response = jsonify(
        receipts=receipts, lineage=current_app.extensions["lineage"](), server_time=clock.now().isoformat()
    )
    return response


def _is_digest(text: str) -> bool:
    return len(text) == 64 and all(letter in "0123456789abcdef" for letter in text)
