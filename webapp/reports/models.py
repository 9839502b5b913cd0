"""What the dashboards would otherwise count again at every visit."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from ..database import db

Model: Any = db.Model


class Tally(Model):
    """How often something happened in one office in one month. The worker counts each timeline entry once."""

    __tablename__ = "tallies"
    month: Mapped[date] = mapped_column(primary_key=True)
    office_id: Mapped[UUID] = mapped_column(ForeignKey("offices.id"), primary_key=True)
    measure: Mapped[str] = mapped_column(String(20), primary_key=True)
    number: Mapped[int]
