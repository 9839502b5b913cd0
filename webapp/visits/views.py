"""The visit form, its photos, and the photos themselves."""

import hashlib
from typing import Any
from uuid import UUID, uuid4, uuid5

from flask import Blueprint, Response, abort, current_app, flash, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from .. import clock
from ..cases.access import allowed_case, on_case
from ..cases.pages import case_view, parts_of
from ..cases.queries import case_for_deed
from ..fields import show_sentences
from ..permissions import may as policy_allows
from ..storage import NotInStorage, StorageUnavailable
from ..web import NeedsAttention, begin_anew, keep_so_far, may, page, signed_in
from . import queries, schedule
from .actions import note_refused_photo
from .deeds import PressedPhoto, keep_photo_from, record_visit_from
from .forms import PhotoForm, VisitForm

visits = Blueprint("visits", __name__)
# A schedule that says what cannot be keeps the application from starting.
visits.record_once(schedule.check_projects)

MOST_UPLOAD = 40 * 1024 * 1024
"""Several pictures straight from a camera, without scripts to shrink them."""


def visit_page(case: Any, form: VisitForm, *, person: Any) -> dict[str, Any]:
    """What ``visits/new.html`` needs."""
    return {
        "case": case_view(case, person.locale),
        "form": form,
        "photo_form": PhotoForm(),
        **parts_of([case], person)[case.id],
        "as_of": clock.now(),
    }


def blank_visit(person: Any) -> VisitForm:
    """An empty form: now, in the office's time, under a fresh id."""
    now = clock.now()
    form = VisitForm(timezone=person.timezone, now=now)
    form.id.data, form.visited_at.data = uuid4(), clock.local(now, person.timezone).replace(tzinfo=None)
    return form


@visits.get("/cases/<uuid:case_id>/visits/new")
@on_case("visit.record")
def new(case: Any) -> Any:
    return page("visits/new.html", **visit_page(case, blank_visit(signed_in()), person=signed_in()))


@visits.post("/cases/<uuid:case_id>/visits")
@on_case("visit.record")
def record(case: Any) -> Any:
    request.max_content_length = MOST_UPLOAD
    person, now = signed_in(), clock.now()
    locked = case_for_deed(case.id) or abort(404)
    try:
        visit = record_visit_from(request.form, case=locked, by=person, now=now)
    except NeedsAttention as refused:
        form = VisitForm(request.form, timezone=person.timezone, now=now)
        form.validate()
        show_sentences(form, refused)
        return page("visits/new.html", 422, **visit_page(case, form, person=person))
    files = [file for file in request.files.getlist("photos") if file.filename]
    if files:
        # The text is safe before any photo is looked at: none can hold it back.
        visit_id = visit.id
        keep_so_far()
        for slot, file in enumerate(files, start=1):
            said = MultiDict(
                {
                    "slot": str(slot),
                    "subject": request.form.get("photo_subject", "goods"),
                    "consent": request.form.get("photo_consent", ""),
                }
            )
            given = file.read()
            # The same picture of the same form sent twice is the same photo.
            photo_id = uuid5(visit_id, f"{slot} {hashlib.sha256(given).hexdigest()}")
            for sentence in _add_photo(case.id, visit_id, photo_id, said, given, person):
                flash(
                    _(
                        "La visite est enregistrée. Photo %(number)s : %(sentence)s",
                        number=slot,
                        sentence=sentence,
                    )
                )
            keep_so_far()
    return redirect(url_for("cases.show", case_id=case.id), 303)


@visits.get("/visits/<uuid:visit_id>/photos/new")
@may("home.see")
def new_photo(visit_id: UUID) -> Any:
    visit = queries.find_visit(visit_id) or abort(404)
    case = allowed_case(visit.case_id, "photo.add")
    return page(
        "photos/new.html", case=case_view(case, signed_in().locale), visit=visit, form=PhotoForm(), id=uuid4()
    )


@visits.post("/visits/<uuid:visit_id>/photos")
@may("home.see")
def add_photo(visit_id: UUID) -> Any:
    request.max_content_length = MOST_UPLOAD
    visit = queries.find_visit(visit_id) or abort(404)
    case = allowed_case(visit.case_id, "photo.add")
    person = signed_in()
    file = request.files.get("photo")
    said = MultiDict(request.form)
    try:
        photo_id = UUID(request.form.get("id", ""))
    except ValueError:
        photo_id = uuid4()
    said.setdefault("slot", str(queries.next_slot(visit_id)))
    given = file.read() if file else b""
    begin_anew()
    errors = _add_photo(case.id, visit_id, photo_id, said, given, person)
    if errors:
        form = PhotoForm(request.form)
        form.validate()
        return page(
            "photos/new.html",
            422,
            case=case_view(case, person.locale),
            visit=visit,
            form=form,
            id=uuid4(),
            errors=errors,
        )
    return redirect(url_for("cases.show", case_id=case.id), 303)


@visits.get("/photos/<uuid:photo_id>")
@may("home.see")
def photo(photo_id: UUID) -> Response:
    return _picture(photo_id, "file")


@visits.get("/photos/<uuid:photo_id>/thumb")
@may("home.see")
def thumb(photo_id: UUID) -> Response:
    return _picture(photo_id, "thumb")


def _picture(photo_id: UUID, which: str) -> Response:
    found = queries.find_photo(photo_id) or abort(404)
    allowed_case(found.case_id, "photo.see")
    try:
        content = current_app.extensions["storage"].get(getattr(found, which))
    except (StorageUnavailable, NotInStorage):
        abort(503)
    response = Response(content, mimetype="image/jpeg")
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = "no-store"
    return response


def _slot(said: MultiDict[str, str]) -> int:
    slot = said.get("slot", "")
    return int(slot) if slot.isdecimal() and len(slot) < 3 else 0


def _add_photo(
    case_id: UUID, visit_id: UUID, photo_id: UUID, said: MultiDict[str, str], given: bytes, person: Any
) -> list[str]:
    """Press and keep one photo; the sentences for the person when it cannot be kept."""
    pressed = PressedPhoto(given)
    case = case_for_deed(case_id) or abort(404)
    if not policy_allows(person, "photo.add", case):
        abort(403)
    now = clock.now()
    try:
        keep_photo_from(
            said, pressed, id=photo_id, visit_id=visit_id, case=case, by=person, now=now,
            storage=current_app.extensions["storage"],
        )  # fmt: skip
    except NeedsAttention as refused:
        if pressed.pressed is None:
            note_refused_photo(
                case,
                id=photo_id,
                visit_id=visit_id,
                slot=_slot(said),
                reason=pressed.refusal,
                by=person,
                now=now,
            )
        return [sentence for said_of in refused.errors.values() for sentence in said_of]
    return []
