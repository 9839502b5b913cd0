"""The allocation's statement, finance's list by code, the rules of schemes, and exchange rates."""

from datetime import date
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, redirect, request
from flask_babel import gettext as _

from .. import clock
from ..cases.access import on_case
from ..cases.pages import case_view
from ..fields import stripped
from ..permissions import may as policy_allows
from ..web import may, page, signed_in
from . import actions, queries, rate_tables, words
from .grants.actions import not_before
from .grants.queries import allocation_of, instalments_of
from .rules import FaultyRule, read_rule
from .sheets import UnreadableTable
from .statements import statements

allocations = Blueprint("allocations", __name__)


@allocations.get("/cases/<uuid:case_id>/allocation")
@on_case("allocation.see")
def show(case: Any) -> Any:
    person = signed_in()
    shown = statements([case], person, proofs=True)[case.id]
    return page(
        "cases/allocation.html",
        case=case_view(case, person.locale),
        # Finance reads codes and amounts, never the name.
        named=policy_allows(person, "case.see", case),
        may_request=case.closed_at is None and policy_allows(person, "payment.request", case),
        may_grant=policy_allows(person, "allocation.grant", case),
        may_adjust=policy_allows(person, "adjustment.decide", case),
        releasable=_releasable(case, person) if policy_allows(person, "instalment.release", case) else [],
        as_of=clock.now(),
        **shown,
    )


def _releasable(case: Any, person: Any) -> list[tuple[int, str]]:
    """Each instalment that is held back, with the sentence that says what it waits for; empty: it may be released."""
    allocation = allocation_of(case.id)
    if allocation is None:
        return []
    today = clock.today(person.timezone)
    return [
        (part.number, not_before(part, allocation, case, today))
        for part in instalments_of(allocation.id)
        if not part.released_at
    ]


@allocations.get("/allocations")
@may("allocation.list")
def index() -> Any:
    rows, next_key = queries.office_allocations(signed_in().office_id, request.args.get("after", "")[:12])
    return page("allocations/index.html", allocations=rows, next_key=next_key)


# Rules of schemes


@allocations.get("/allocation-rules")
@may("rule.see")
def rules() -> Any:
    shown = [(row, read_rule(row.AllocationRule.text)) for row in queries.rules()]
    return page("allocations/rules.html", rules=shown)


@allocations.get("/allocation-rules/new")
@may("rule.load")
def new_rule() -> Any:
    return page("allocations/rules_new.html", text="", faults=[])


@allocations.get("/allocation-rules/<uuid:rule_id>")
@may("rule.see")
def show_rule(rule_id: UUID) -> Any:
    row = queries.rule(rule_id)
    if row is None:
        abort(404)
    rule = read_rule(row.text)
    return page("allocations/rules_show.html", rule=rule, told=words.told_rule(rule), text=row.text)


@allocations.post("/allocation-rules/preview")
@may("rule.load")
def preview_rule() -> Any:
    """Read the file, or the text that was corrected, and show what it would mean."""
    sent = request.files.get("file")
    try:
        text = sent.stream.read().decode("utf-8-sig") if sent and sent.filename else _text_field()
    except UnicodeDecodeError:
        return page("allocations/rules_new.html", 422, text="", faults=[], unreadable=True)
    return _rule_or_faults(text)


@allocations.post("/allocation-rules")
@may("rule.load")
def load_rule() -> Any:
    try:
        row = actions.load_rule(_text_field(), by=signed_in().id, now=clock.now())
    except FaultyRule as refused:
        return page("allocations/rules_new.html", 422, text=_text_field(), faults=refused.faults)
    return redirect(f"/allocation-rules/{row.id}", 303)


def _text_field() -> str:
    # A browser sends every line of a text field with CR LF: the same rule must be the same text.
    return request.form.get("text", "").replace("\r\n", "\n").replace("\0", "")


def _rule_or_faults(text: str) -> Any:
    text = text.replace("\r\n", "\n")
    try:
        rule, loaded = actions.read_new_rule(text)
    except FaultyRule as refused:
        return page("allocations/rules_new.html", 422, text=text, faults=refused.faults)
    return page(
        "allocations/rules_preview.html", rule=rule, told=words.told_rule(rule), text=text, loaded=loaded
    )


# Exchange rates


@allocations.get("/exchange-rates")
@may("rate.see")
def rates() -> Any:
    try:
        before = date.fromisoformat(request.args["before"]) if request.args.get("before") else None
    except ValueError:
        abort(404)
    months, next_key = rate_tables.months_of_rates(before)
    return page("allocations/rates.html", months=months, next_key=next_key, told_rate=rate_tables.told)


@allocations.get("/exchange-rates/new")
@may("rate.import")
def new_rates() -> Any:
    first = clock.now().date().replace(day=1)
    return page("allocations/rates_new.html", typed={"effective_on": first.isoformat()}, errors={})


@allocations.post("/exchange-rates/preview")
@may("rate.import")
def preview_rates() -> Any:
    """Read the file and show what was understood of each line; nothing is loaded yet."""
    typed = {name: stripped(request.form.get(name))[:80] for name in ("base", "effective_on", "source")}
    sent = request.files.get("file")
    try:
        day = date.fromisoformat(typed["effective_on"]) if typed["effective_on"] else None
    except ValueError:
        return _rates_sent_back(typed, effective_on=_("Cette date n’est pas valable."))
    if sent is None or not sent.filename:
        return _rates_sent_back(typed, file=_("Choisissez un fichier."))
    try:
        read = rate_tables.read_rates(
            sent.stream.read(),
            sent.filename,
            base=typed["base"] or "EUR",
            effective_on=day,
            source=typed["source"],
        )
    except UnreadableTable as refused:
        return _rates_sent_back(typed, file=refused.sentence)
    return page(
        "allocations/rates_preview.html",
        file_name=sent.filename[:120],
        rates=read,
        told_rate=rate_tables.told,
        new=sum(line.outcome == "new" for line in read),
        table=rate_tables.as_text(read),
    )


@allocations.post("/exchange-rates")
@may("rate.import")
def load_rates() -> Any:
    """Load what the preview showed as new; whatever was changed on the way is read and checked again."""
    try:
        read = rate_tables.read_rates(
            request.form.get("table", "").encode(), "table.csv", base="", effective_on=None, source=""
        )
    except UnreadableTable:
        abort(400)
    rate_tables.load_rates(read, by=signed_in().id, now=clock.now(), office_id=signed_in().office_id)
    return redirect("/exchange-rates", 303)


def _rates_sent_back(typed: dict[str, str], **errors: str) -> Any:
    return page(
        "allocations/rates_new.html",
        422,
        typed=typed,
        errors={name: [sentence] for name, sentence in errors.items()},
    )
