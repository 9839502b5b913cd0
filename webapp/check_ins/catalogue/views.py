"""The instruments: what there is, in which words, where it is given, and how a new version comes in."""

from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, request
from flask_babel import gettext as _

from ... import clock, formats
from ...fields import stripped
from ...people import queries as people
from ...people.forms import ROLE_NAMES
from ...permissions import Role
from ...web import may, page, signed_in
from .. import actions, queries
from ..instruments import LANGUAGES, FaultyInstrument, Instrument, newest, read
from . import xlsform

catalogue = Blueprint("catalogue", __name__)

GIVERS = (Role.FIELD_OFFICER, Role.COUNSELLOR)
LONGEST_TEXT = 400_000


@catalogue.get("/instruments")
@may("instrument.see")
def index() -> Any:
    person = signed_in()
    published, newest_ones = queries.published(), queries.newest_instruments()
    offices = [office for office in people.offices() if _may_switch(person, office.id)]
    return page(
        "check_ins/instruments.html",
        instruments=[
            {
                **_head(one, person.locale),
                "published": formats.day(published.get((one.id, one.version))),
            }
            for one in newest_ones
        ],
        offices=offices,
        off=[
            {
                "office": office.name,
                "office_id": office.id,
                "instrument": switch.instrument,
                "place": switch.place,
            }
            for office in offices
            for switch in queries.switches(office.id)
        ],
        may_publish=person.role == Role.ADMINISTRATOR,
    )


@catalogue.post("/instruments/switches")
@may("instrument.switch")
def switch() -> Any:
    """Give an instrument no longer in an office or one of its places, or give it again."""
    person = signed_in()
    try:
        office_id = UUID(request.form.get("office", ""))
    except ValueError:
        return redirect("/instruments", 303)
    known = {one.id for one in queries.newest_instruments()}
    name, place = request.form.get("instrument", ""), formats.plain(request.form.get("place", ""))[:80]
    if name not in known or not _may_switch(person, office_id):
        abort(404)
    if request.form.get("give") == "yes":
        actions.switch_on(office_id, name, place)
    else:
        actions.switch_off(office_id, name, place, by=person, now=clock.now())
    return redirect("/instruments", 303)


def _may_switch(person: Any, office_id: UUID) -> bool:
    """An administrator everywhere, a manager in the own office."""
    if person.role == Role.ADMINISTRATOR:
        return office_id in {office.id for office in people.offices()}
    return bool(office_id == person.office_id)


@catalogue.get("/instruments/new")
@may("instrument.publish")
def new() -> Any:
    return page("check_ins/instrument_new.html", **_upload_page())


@catalogue.post("/instruments/preview")
@may("instrument.publish")
def preview() -> Any:
    """Read the workbook (or an instrument file) and show what was understood; nothing is published yet."""
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        return page("check_ins/instrument_new.html", 422, **_upload_page(refused=_("Choisissez un fichier.")))
    content = sent.stream.read()
    if sent.filename.lower().endswith(".json"):
        return _preview_file(content)
    try:
        found = xlsform.read_workbook(content, sent.filename, _giving())
    except xlsform.Unreadable as refused:
        return page("check_ins/instrument_new.html", 422, **_upload_page(refused=str(refused)))
    if found.instrument is None:
        return page("check_ins/instrument_new.html", 422, **_upload_page(reading=found))
    return _shown(found.instrument, found.text or "", remarks=found.remarks)


def _preview_file(content: bytes) -> Any:
    try:
        text = content.decode("utf-8-sig")
        return _shown(read(text), text)
    except (UnicodeDecodeError, FaultyInstrument) as fault:
        said = _("Ce fichier n’est pas un questionnaire : %(why)s", why=str(fault)[:200])
        return page("check_ins/instrument_new.html", 422, **_upload_page(refused=said))


@catalogue.post("/instruments")
@may("instrument.publish")
def publish() -> Any:
    # A browser sends every line of a text field with CR LF: the same file must be the same text.
    text = request.form.get("text", "")[:LONGEST_TEXT].replace("\r\n", "\n")
    try:
        row = actions.publish(text, by=signed_in().id, now=clock.now())
    except FaultyInstrument as fault:
        said = _("Ce fichier n’est pas un questionnaire : %(why)s", why=str(fault)[:200])
        return page("check_ins/instrument_new.html", 422, **_upload_page(refused=said))
    except actions.VersionTaken as taken:
        said = _(
            "La version %(version)s est déjà publiée ; une version ne change jamais, augmentez le numéro.",
            version=str(taken),
        )
        return page("check_ins/instrument_new.html", 422, **_upload_page(refused=said))
    return redirect(f"/instruments/{row.name}/{row.version}", 303)


@catalogue.get("/instruments/<string:instrument_name>/<int:version>")
@may("instrument.see")
def show(instrument_name: str, version: int) -> Any:
    try:
        one = newest(queries.known_instruments(), instrument_name, version)
    except KeyError:
        abort(404)
    return page("check_ins/instrument_show.html", instrument=_whole(one, signed_in().locale))


def _giving() -> xlsform.Giving:
    said = request.form
    roles = tuple(role for role in GIVERS if str(role) in said.getlist("given_by"))
    age, recall = said.get("least_age", ""), said.get("recall_days", "")
    return xlsform.Giving(
        roles=roles or xlsform.Giving().roles,
        least_age=int(age) if age.isascii() and age.isdigit() and len(age) < 3 else 18,
        licence=stripped(said.get("licence", ""))[:2_000] or xlsform.Giving().licence,
        recall_days=int(recall) if recall.isascii() and recall.isdigit() and len(recall) < 4 else None,
        official=tuple(language for language in LANGUAGES if language in said.getlist("official")),
    )


def _upload_page(*, refused: str = "", reading: xlsform.Reading | None = None) -> dict[str, Any]:
    return {
        "refused": refused,
        "faults": reading.faults if reading else [],
        "remarks": reading.remarks if reading else [],
        "givers": [(str(role), ROLE_NAMES[role], str(role) in _chosen()) for role in GIVERS],
        "typed": {
            name: stripped(request.form.get(name, ""))[:2_000]
            for name in ("least_age", "recall_days", "licence")
        },
        "official": request.form.getlist("official"),
    }


def _chosen() -> list[str]:
    return request.form.getlist("given_by") or [str(Role.COUNSELLOR)]


def _shown(made: Instrument, text: str, *, remarks: list[xlsform.Fault] | None = None) -> Any:
    there = queries.instrument(made.id)
    return page(
        "check_ins/instrument_preview.html",
        instrument=_whole(made, signed_in().locale),
        text=text,
        remarks=remarks or [],
        taken=there.version if there and there.version >= made.version else None,
    )


def _head(one: Instrument, locale: str) -> dict[str, Any]:
    return {
        "id": one.id,
        "version": one.version,
        "title": one.name.in_(locale).text,
        "given_by": formats.listed(str(ROLE_NAMES[role]) for role in one.given_by),
        "languages": [(language, one.is_verified_in(language)) for language in one.languages],
    }


def _whole(one: Instrument, locale: str) -> dict[str, Any]:
    """Everything the file says, in all its languages side by side."""
    return {
        **_head(one, locale),
        "licence": one.licence,
        "source": one.source,
        "scoring_version": one.scoring.version,
        "method": str(one.scoring.method),
        "notice": one.notice.in_(locale).text if one.notice else "",
        "codes": one.languages,
        "items": [
            {
                "id": item.id,
                "kind": str(item.kind),
                "texts": [(language, item.statement.in_(language).text) for language in one.languages],
                "options": [
                    (
                        str(option.value),
                        [(language, option.label.in_(language).text) for language in one.languages],
                    )
                    for option in item.options
                ],
                "when": _condition_words(item.when) if item.when else "",
            }
            for item in one.items
        ],
    }


def _condition_words(condition: Any) -> str:
    """The condition as programmes write it, for whoever checks the skips."""
    word, *rest = condition
    if word in ("and", "or"):
        return "(" + f" {word} ".join(_condition_words(each) for each in rest) + ")"
    if word == "not":
        return f"not({_condition_words(rest[0])})"
    return f"selected({rest[0]}, {rest[1]})" if word == "selected" else f"{rest[0]} {word} {rest[1]}"
