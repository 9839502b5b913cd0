"""The list of phones, the one tap that cuts a lost one off, and what phones say of themselves."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, current_app, jsonify, redirect, request, url_for
from flask_babel import format_timedelta
from flask_babel import gettext as _

from ... import clock, formats
from ...database import db
from ...people import sessions
from ...people.models import Phone
from ...web import may, page, public, signed_in
from ..passes import phone_of_request
from . import actions, queries

phones = Blueprint("phones", __name__)


@phones.get("/phones")
@may("phone.see")
def index() -> Any:
    this = sessions.phone_of(signed_in().secret)
    return page(
        "offline/phones.html",
        phones=[
            {
                "phone": phone,
                "is_this": phone.id == this,
                "people": formats.listed(phone.people),
                "room": _room(phone),
                "clock": _clock_error(phone.clock_error_ms),
            }
            for phone in queries.phones_for(signed_in())
        ],
    )


@phones.post("/phones/<uuid:phone_id>/revocation")
@may("phone.revoke")
def revoke(phone_id: UUID) -> Any:
    phone = queries.find_phone(signed_in(), phone_id) or abort(404)
    actions.revoke_phone(phone, by=signed_in(), now=clock.now())
    return redirect(url_for("phones.index"), 303)


@phones.post("/phones/state")
@public
def note_state() -> Any:
    said = request.get_json(silent=True, force=True)
    phone = db.session.get(Phone, phone_of_request())
    if phone is not None:
        actions.note_state(phone, said if isinstance(said, dict) else {}, now=clock.now())
    whom = actions.persons_to_forget(phone)
    passes = current_app.extensions["passes"]
    return jsonify(
        forget=whom if isinstance(whom, str) else [passes.opaque(staff_id) for staff_id in whom],
        lineage=current_app.extensions["lineage"](),
        server_time=clock.now().isoformat(),
    )


def _room(phone: queries.KnownPhone) -> str:
    if phone.used is None or not phone.quota:
        return ""
    return f"{formats.megabytes(phone.used)} / {formats.megabytes(phone.quota)}"


def _clock_error(milliseconds: int | None) -> str:
    """How wrong the phone's clock is; the length of a request is no error."""
    if milliseconds is None:
        return ""
    if abs(milliseconds) < 60_000:
        return _("juste")
    how_much = format_timedelta(timedelta(milliseconds=abs(milliseconds)))
    if milliseconds > 0:
        return _("en avance de %(how_much)s", how_much=how_much)
    return _("en retard de %(how_much)s", how_much=how_much)
