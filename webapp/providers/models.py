"""Service providers. Their account numbers lie encrypted and stand in no list."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from ..database import Utc, db

Model: Any = db.Model

KINDS = (
    "shop",
    "craft",
    "livestock",
    "transport",
    "training",
    "school",
    "clinic",
    "pharmacy",
    "landlord",
    "mobile_money",
    "other",
)


class ServiceProvider(Model):
    """A shop, school, clinic, landlord… of one office. Retired, never deleted: old payments name it."""

    __tablename__ = "service_providers"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    office_id: Mapped[UUID] = mapped_column(ForeignKey("offices.id"))
    name: Mapped[str] = mapped_column(String(120))
    name_folded: Mapped[str] = mapped_column(String(160))
    kind: Mapped[str] = mapped_column(String(20))
    country: Mapped[str] = mapped_column(String(2))
    town: Mapped[str] = mapped_column(String(80), default="")
    phone: Mapped[str] = mapped_column(String(40), default="")
    contact: Mapped[str] = mapped_column(String(120), default="")
    account_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """``{"account", "holder"}``: shown on the provider's own page to those who pay, nowhere else."""
    added_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    added_at: Mapped[datetime] = mapped_column(Utc)
    retired_at: Mapped[datetime | None] = mapped_column(Utc)
    __table_args__ = (
        CheckConstraint("kind IN (" + ", ".join(f"'{kind}'" for kind in KINDS) + ")", name="known_kind"),
        Index("ix_service_providers_office_name", "office_id", "name_folded", "id"),
    )
