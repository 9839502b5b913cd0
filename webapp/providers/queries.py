"""Reads about service providers."""

from contextlib import suppress
from uuid import UUID

from sqlalchemy import select, tuple_

from ..database import db
from ..formats import plain
from ..people.models import Office
from .models import ServiceProvider

PAGE = 50


def choices_of(office_id: UUID) -> list[tuple[str, str]]:
    """The office's providers for a list of choices, by name."""
    rows = db.session.execute(
        select(ServiceProvider.id, ServiceProvider.name, ServiceProvider.town)
        .where(ServiceProvider.office_id == office_id, ServiceProvider.retired_at.is_(None))
        .order_by(ServiceProvider.name_folded, ServiceProvider.id)
        .limit(300)
    )
    return [(str(row.id), ", ".join(filter(None, [row.name, row.town]))) for row in rows]


def providers_of(office_id: UUID, after: str) -> tuple[list[ServiceProvider], str | None]:
    """A page of the office's providers, by name."""
    name, _sep, id_text = after.rpartition("~")
    query = select(ServiceProvider).where(ServiceProvider.office_id == office_id)
    # Anything that is no key begins at the beginning.
    if "\x00" not in name:
        with suppress(ValueError):
            query = query.where(
                tuple_(ServiceProvider.name_folded, ServiceProvider.id) > (name, UUID(id_text))
            )
    found = list(
        db.session.scalars(query.order_by(ServiceProvider.name_folded, ServiceProvider.id).limit(PAGE + 1))
    )
    more = f"{found[PAGE - 1].name_folded}~{found[PAGE - 1].id}" if len(found) > PAGE else None
    return found[:PAGE], more


def find_provider(provider_id: UUID) -> ServiceProvider | None:
    """One provider."""
    return db.session.get(ServiceProvider, provider_id)


def same_name(office_id: UUID, name: str) -> ServiceProvider | None:
    """A provider of the office that is written alike and still offered.

    The office is held until the transaction ends: two people do not add the same one at the same moment.
    """
    db.session.execute(select(Office.id).where(Office.id == office_id).with_for_update())
    return db.session.scalar(
        select(ServiceProvider)
        .where(
            ServiceProvider.office_id == office_id,
            ServiceProvider.name_folded == plain(name),
            ServiceProvider.retired_at.is_(None),
        )
        .limit(1)
    )
