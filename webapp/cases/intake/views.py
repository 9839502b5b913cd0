"""Reading a referral list: send the file, look at what was understood, confirm."""

from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.exceptions import RequestEntityTooLarge

from webapp import clock
from webapp.web import may, page, signed_in

from ..models import ReferralList
from . import actions, preview, queries
from .workbook import MAX_FILE, UnreadableList

intake = Blueprint("intake", __name__)

_AROUND_THE_FILE = 16 * 1024
"""Room for what a form wraps around its file."""


@intake.get("/cases/intake")
@may("referral_list.take_in")
def choose() -> Any:
    return page("cases/intake_upload.html", errors={})


@intake.post("/cases/intake")
@may("referral_list.take_in")
def read() -> Any:
    request.max_content_length = MAX_FILE + _AROUND_THE_FILE
    try:
        sent = request.files.get("file")
        if sent is None or not sent.filename:
            return _sent_back(_("Choisissez un fichier."))
        referral_list = actions.preview_list(
            sent.stream.read(), sent.filename, by=signed_in(), now=clock.now()
        )
    except RequestEntityTooLarge:
        return _sent_back(UnreadableList("too_large").sentence)
    except UnreadableList as refusal:
        return _sent_back(refusal.sentence)
    return redirect(url_for("intake.show", list_id=referral_list.id), 303)


@intake.get("/cases/intake/<uuid:list_id>")
@may("referral_list.take_in")
def show(list_id: UUID) -> Any:
    referral_list = _found(list_id)
    counts = actions.Counts.of(list_id)
    pages = _pages(counts)
    number = min(_page_number(request.args), pages)
    rows = queries.page_of_rows(list_id, number)
    confirmed = referral_list.taken_in_at is not None
    return page(
        "cases/intake_preview.html",
        own_url=url_for("intake.show", list_id=list_id),
        file_name=referral_list.file_name,
        list_title=referral_list.title,
        confirmed=confirmed,
        counts=_counted(counts, confirmed=confirmed),
        rows=preview.rows_shown(referral_list, rows, signed_in()),
        not_read=preview.not_read(referral_list) if number == 1 else [],
        page_number=number,
        pages=pages,
    )


@intake.post("/cases/intake/<uuid:list_id>/choice")
@may("referral_list.take_in")
def choice(list_id: UUID) -> Any:
    """Keep what was ticked on this page, and go to another page of the list."""
    referral_list = _found(list_id)
    _keep_choice(referral_list)
    to = request.args.get("to", "1")
    return redirect(
        url_for("intake.show", list_id=list_id, page=to if to.isdigit() and len(to) < 4 else 1), 303
    )


@intake.post("/cases/intake/<uuid:list_id>/confirmation")
@may("referral_list.take_in")
def confirm(list_id: UUID) -> Any:
    referral_list = _found(list_id)
    chosen = _keep_choice(referral_list)
    actions.take_in(referral_list, by=signed_in(), now=clock.now(), chosen=chosen)
    return redirect(url_for("intake.show", list_id=list_id), 303)


def _found(list_id: UUID) -> ReferralList:
    referral_list = queries.find_list(list_id, signed_in())
    if referral_list is None:
        abort(404)
    return referral_list


def _keep_choice(referral_list: ReferralList) -> set[UUID]:
    """What is ticked on the page that was sent; boxes of other pages stay as they were."""
    ticked = set(request.form.getlist("take"))
    shown = {row.id for row in queries.page_of_rows(referral_list.id, _page_number(request.form))}
    chosen = {id for id in shown if str(id) in ticked}
    actions.keep_choice(referral_list, shown=shown, chosen=chosen)
    return chosen


def _sent_back(sentence: str) -> Any:
    return page("cases/intake_upload.html", 422, errors={"file": [sentence]})


def _page_number(said: Any, name: str = "page") -> int:
    number = said.get(name, "1")
    return max(int(number), 1) if number.isdecimal() and len(number) < 4 else 1


def _pages(counts: actions.Counts) -> int:
    rows = counts.created + counts.same + counts.look + counts.refused
    return max(-(-rows // queries.PAGE), 1)


def _counted(counts: actions.Counts, *, confirmed: bool) -> list[tuple[int, str]]:
    return [
        (counts.created, _("cas créés") if confirmed else _("cas à créer")),
        (counts.same, _("déjà ici")),
        (counts.look, _("non repris") if confirmed else _("à regarder")),
        (counts.refused, _("refusés")),
    ]
