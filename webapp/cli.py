"""Commands for whoever runs an installation: ``flask --app webapp …``, each with ``--help``."""

import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from flask_babel import force_locale
from sqlalchemy import exists, select

from . import clock
from .database import db
from .permissions import Role


def register_commands(app: Flask) -> None:
    """Give the application its commands."""
    for command in (worker, demo, intake, rules, instruments, recompute_scores, grant, key_lease, check):
        app.cli.add_command(command)


@click.command()
@with_appcontext
def worker() -> None:
    """Look at what happened, raise alerts and send them, until stopped. bin/run starts one already."""
    from .worker import run_forever

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run_forever(current_app._get_current_object(), stop)  # type: ignore[attr-defined]


@click.command()
@with_appcontext
def demo() -> None:
    """Fill an empty database with the demo world: invented people, accounts whose password everybody knows."""
    from .demo import how_to_sign_in, keep_card, make_demo_world, needs_data

    if not needs_data():
        raise click.ClickException(
            "The database has data already; the demo world is made in an empty one only."
        )
    card = make_demo_world(current_app._get_current_object())  # type: ignore[attr-defined]
    db.session.commit()
    folder = current_app.extensions["settings"].folder
    keep_card(folder, card)
    click.echo(how_to_sign_in(folder))


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Take in what can be taken in without asking.")
@click.option("--by", "email", help="Address of the caseworker or manager in whose name the list is read.")
@with_appcontext
def intake(file: Path, yes: bool, email: str | None) -> None:
    """Read a referral list (.xlsx), show what was understood of each row, and take it in once confirmed.

    Rows in doubt are left for somebody to look at. Reading the same file again changes nothing.
    """
    from .cases.intake import UnreadableList
    from .cases.intake.actions import Counts, preview_list, take_in

    with force_locale(current_app.extensions["settings"].locale):
        reader = _list_reader(email)
        try:
            read = preview_list(file.read_bytes(), file.name, by=reader, now=clock.now())
        except UnreadableList as refused:
            raise click.ClickException(refused.sentence) from refused
        db.session.commit()
        _show_preview(read, reader)
        click.echo(_counted(Counts.of(read.id)))
        if not yes:
            click.confirm("Take it in?", abort=True)
        counts = take_in(read, by=reader, now=clock.now())
        db.session.commit()
    click.echo(f"Taken in. {_counted(counts)}")
    if counts.look:
        click.echo(
            "Rows in doubt were left out: read the list again on the page /cases/intake and choose them."
        )


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--try", "only_try", is_flag=True, help="Read and check the file, load nothing.")
@with_appcontext
def rules(file: Path, only_try: bool) -> None:
    """Load a version of a scheme's rules (TOML). A version that is loaded never changes; load a new one instead."""
    from .allocations.actions import load_rule, read_new_rule
    from .allocations.rules import FaultyRule

    with force_locale(current_app.extensions["settings"].locale):
        try:
            text = file.read_bytes().decode("utf-8")
            read = read_new_rule(text) if only_try else load_rule(text, by=None, now=clock.now())
        except UnicodeDecodeError as error:
            raise click.ClickException(f"{file.name} is not text in UTF-8.") from error
        except FaultyRule as refused:
            for fault in refused.faults:
                click.echo(f"{file.name}:{fault.line}: {fault.field}: {fault.sentence}", err=True)
            raise click.ClickException(f"Nothing was loaded: {len(refused.faults)} fault(s).") from refused
        db.session.commit()
    if isinstance(read, tuple):
        click.echo(f"{read[0].name} version {read[0].version} can be loaded.")
    else:
        click.echo(f"{read.name} version {read.version} is loaded.")


@click.command()
@click.argument("role", type=click.Choice([str(role) for role in Role]))
@click.argument("email")
@click.option("--name", help="Name of a new account.")
@click.option("--office", "office_name", help="Name of the office of a new account.")
@with_appcontext
def grant(role: str, email: str, name: str | None, office_name: str | None) -> None:
    """Give ROLE to the account with address EMAIL; a new account is made when there is none.

    The first account of a new installation is made so: flask grant administrator you@example.org
    """
    from .people import actions, queries, sessions

    now = clock.now()
    staff = queries.staff_by_email(email)
    if staff is not None:
        if staff.role != role:
            staff.role = role
            # Rights are read at sign-in: whoever has others now signs in again.
            sessions.end_all_sessions(staff.id, now=now)
        db.session.commit()
        click.echo(f"{staff.email} is {role} at {staff.office.name}.")
        return
    office = _office(office_name)
    name = name or click.prompt("Name")
    staff = actions.add_staff(
        name=name,
        email=email,
        role=Role(role),
        office=office,
        password=_ask_password(),
        locale=current_app.extensions["settings"].locale,
        now=now,
    )
    db.session.commit()
    click.echo(f"{staff.email} is {role} at {office.name} and can sign in.")


@click.command()
@click.argument("office_name", metavar="OFFICE")
@click.argument("hours", type=click.IntRange(0, 12))
@with_appcontext
def key_lease(office_name: str, hours: int) -> None:
    """Let the phones of OFFICE keep for HOURS what a PIN opens, also when the browser ends; 0, the default: never.

    Whoever copies the storage of such a phone can try all PINs in minutes. Read docs/data-protection.md first.
    """
    from .people.queries import offices

    office = next((office for office in offices() if office.name == office_name), None)
    if office is None:
        raise click.ClickException(f"No office is called {office_name}.")
    office.key_lease_hours = hours
    db.session.commit()
    click.echo(f"The phones of {office.name} keep {f'a lease of {hours} h' if hours else 'no lease'}.")


def _office(name: str | None) -> Any:
    """The office of that name; a new one when it is not known."""
    from .people.models import Office
    from .people.queries import offices

    known = {office.name: office for office in offices()}
    if name is None:
        shown = ", ".join(known) or "none yet"
        name = click.prompt(f"Office (known: {shown})", default=next(iter(known), None))
    if name in known:
        return known[name]
    settings = current_app.extensions["settings"]
    office = Office(
        name=name,
        town=click.prompt("Town", default=name),
        country=click.prompt("Country (two letters)").strip().upper(),
        timezone=click.prompt("Time zone", default=settings.timezone),
        currency=click.prompt("Currency (three letters)").strip().upper(),
        phone=click.prompt("Telephone"),
        emergency_numbers=[],
    )
    db.session.add(office)
    db.session.flush()
    return office


def _ask_password() -> str:
    from .people.passwords import SHORTEST, is_acceptable

    while True:
        password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        if is_acceptable(password):
            return password
        click.echo(f"At least {SHORTEST} characters, and not one that everybody tries.", err=True)
        if not sys.stdin.isatty():
            raise click.ClickException("The password was not accepted.")


@click.command("recompute-scores")
@with_appcontext
def recompute_scores() -> None:
    """Compute every score again from its answers, under its own version, and compare. Changes nothing.

    Fails when a stored score is not what its answers make.
    """
    from .check_ins.actions import wrong_scores

    found = 0
    for id, why in wrong_scores(current_app.extensions["keyring"]):
        click.echo(f"{id}: {why}", err=True)
        found += 1
    if found:
        raise click.ClickException(f"{found} scores are not what their answers make.")
    click.echo("every score is what its answers make")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--publish", is_flag=True, help="Publish it; without this it is only read and shown.")
@click.option("--by", "email", help="The administrator in whose name it is published.")
@with_appcontext
def instruments(file: Path, publish: bool, email: str | None) -> None:
    """Read an instrument from an XLSForm workbook, say row by row what is not supported, and publish it."""
    from .check_ins import actions
    from .check_ins.catalogue import xlsform
    from .people.queries import staff_by_email

    with force_locale(current_app.extensions["settings"].locale):
        try:
            read = xlsform.read_workbook(file.read_bytes(), file.name)
        except xlsform.Unreadable as refused:
            raise click.ClickException(str(refused)) from refused
        for fault in read.faults:
            click.echo(fault.sentence, err=True)
    if read.text is None:
        raise click.ClickException(f"{len(read.faults)} rows keep this workbook from being an instrument.")
    made = read.instrument
    assert made is not None
    click.echo(f"{made.id} version {made.version}: {len(made.items)} rows, {', '.join(made.languages)}")
    if not publish:
        return
    by = staff_by_email(email) if email else None
    if by is None or by.role != Role.ADMINISTRATOR:
        raise click.ClickException("Name an administrator: --by EMAIL")
    try:
        actions.publish(read.text, by=by.id, now=clock.now())
    except actions.VersionTaken as taken:
        raise click.ClickException(f"Version {taken} is published already; raise the version.") from taken
    db.session.commit()
    click.echo("published")


@click.command()
@with_appcontext
def check() -> None:
    """Prove that what is kept is whole: keys, photos, ledger sums, submissions. Fails at the first wrong row."""
    for name, faults in CHECKS.items():
        for fault in faults():
            raise click.ClickException(f"{name}: {fault}")
        click.echo(f"{name}: ok")


def _fields_that_stay_closed() -> Iterator[str]:
    """Encrypted columns that none of our keys open at their place."""
    from .alerts.models import PushSubscription
    from .check_ins.models import CheckIn, RedFlag
    from .keys import CannotOpen
    from .referrals.models import Referral, ReferralStep

    keyring = current_app.extensions["keyring"]
    for table, name, column in (
        (CheckIn, "answers_sealed", "answers"),
        (CheckIn, "result_sealed", "result"),
        (RedFlag, "content_sealed", "content"),
        (Referral, "content_sealed", "content"),
        (ReferralStep, "words_sealed", "words"),
        (PushSubscription, "sealed", "sealed"),
    ):
        sealed = getattr(table, name)
        for id, value in _each(select(table.id, sealed).where(sealed.is_not(None))):
            try:
                keyring.open_field(value, table=table.__tablename__, row=id, column=column)
            except CannotOpen as reason:
                yield f"{table.__tablename__} {id}: {name} does not open ({reason})"


def _photos_without_file() -> Iterator[str]:
    from .visits.models import Photo

    storage = current_app.extensions["storage"]
    for id, *keys in _each(select(Photo.id, Photo.file, Photo.thumb)):
        for key in keys:
            if not storage.exists(key):
                yield f"photos {id}: {key} is not in the storage"


def _money_that_does_not_add_up() -> Iterator[str]:
    from .allocations.check import faults

    return faults(current_app.extensions["storage"])


def _submissions_without_record() -> Iterator[str]:
    """Work that phones were told was accepted, and that is not there."""
    from .allocations.models import PaymentRequest, RequestDocument
    from .check_ins.models import CheckIn, RedFlag
    from .offline.models import Submission
    from .referrals.models import Referral
    from .visits.models import FollowUp, Photo

    # A photo is of a visit, or it is a paper of a payment request.
    tables: dict[str, list[Any]] = {
        "visit": [FollowUp],
        "check-in": [CheckIn],
        "red-flag": [RedFlag],
        "payment-request": [PaymentRequest],
        "referral": [Referral],
        "photo": [Photo, RequestDocument],
    }
    for kind, places in tables.items():
        lost = select(Submission.id).where(Submission.kind == kind, Submission.outcome == "accepted")
        for table in places:
            lost = lost.where(~exists().where(table.id == Submission.id))
        for (id,) in _each(lost):
            yield f"submissions {id}: accepted, but its {kind} is not there"


def _each(query: Any) -> Iterator[Any]:
    """The rows, a thousand at a time, without keeping them."""
    yield from db.session.execute(query.execution_options(yield_per=1000))


def _scores_that_are_not_their_answers() -> Iterator[str]:
    from .check_ins.actions import wrong_scores

    for id, why in wrong_scores(current_app.extensions["keyring"], closed=False):
        yield f"check_ins {id}: {why}"


CHECKS = {
    "keys open what they closed": _fields_that_stay_closed,
    "photos have their files": _photos_without_file,
    "money adds up: sums, limits, holds, constraints, documents": _money_that_does_not_add_up,
    "accepted submissions have their records": _submissions_without_record,
    "scores are what their answers make": _scores_that_are_not_their_answers,
}


def _list_reader(email: str | None) -> Any:
    """In whose name a list is read: the account with this address, or the first that may take lists in."""
    from .people.models import Staff
    from .people.queries import staff_by_email
    from .permissions import may

    if email:
        staff = staff_by_email(email)
    else:
        roles = [str(Role.PROGRAMME_MANAGER), str(Role.CASEWORKER)]
        staff = db.session.scalar(
            select(Staff)
            .where(Staff.role.in_(roles), Staff.disabled_at.is_(None))
            .order_by(Staff.created_at, Staff.id)
            .limit(1)
        )
    if staff is None:
        raise click.ClickException("No such account. Make one first: flask grant caseworker EMAIL")
    if not may(staff, "referral_list.take_in"):
        raise click.ClickException(
            f"{staff.email} may not take lists in; a programme manager or caseworker may."
        )
    click.echo(f"In the name of {staff.name} <{staff.email}>")
    return staff


def _show_preview(read: Any, reader: Any) -> None:
    """The list as a table: line, what becomes of it, name, and why; then what became no row."""
    from .cases.intake.preview import not_read, rows_shown
    from .cases.intake.queries import rows_of

    for row in rows_shown(read, rows_of(read.id), reader):
        why = " ".join([*row.reasons, *row.notes])
        click.echo(f"{row.line:>5}  {row.outcome_word:12} {row.case_code:10} {row.name:32.32} {why}".rstrip())
    for line in not_read(read):
        click.echo(f"{line.line or '':>5}  {line.sentence} {line.text}".rstrip())


def _counted(counts: Any) -> str:
    return f"new: {counts.created}, here already: {counts.same}, to look at: {counts.look}, refused: {counts.refused}"
