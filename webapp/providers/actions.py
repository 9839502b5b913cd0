"""What is done with service providers."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from ..database import db
from ..formats import plain
from ..keys import Keyring
from .models import ServiceProvider


def add_provider(
    *,
    name: str,
    kind: str,
    country: str,
    town: str,
    contact: str,
    phone: str,
    account: str,
    holder: str,
    by: Any,
    now: datetime,
    keyring: Keyring,
) -> ServiceProvider:
    """Add a provider to the office of who adds it; the account is sealed."""
    provider = ServiceProvider(
        id=uuid4(), office_id=by.office_id, name=name, name_folded=plain(name), kind=kind, country=country, town=town,
        contact=contact, phone=phone, added_by_id=by.id, added_at=now,
    )  # fmt: skip
    if account:
        said = {"account": account, "holder": holder}
        provider.account_sealed = keyring.seal_field(
            said, table="service_providers", row=provider.id, column="account"
        )
    db.session.add(provider)
    db.session.flush()
    return provider


def retire_provider(provider: ServiceProvider, *, now: datetime) -> None:
    """No new request names it; old payments still do."""
    provider.retired_at = provider.retired_at or now
