"""Lock-out after wrong secrets: counted in the database, before the secret is checked."""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import bindparam, text

from ..database import Utc, db, own_transaction

FREE_TRIES = 5
FIRST_LOCK = timedelta(minutes=15)
LONGEST_LOCK = timedelta(hours=24)
_NO_END = 10**9

# One statement counts and looks at the lock: many tries at the same instant cannot slip past one another.
_COUNT = text(
    "INSERT INTO sign_in_locks (key, failures, total) VALUES (:key, 1, 1) ON CONFLICT (key) DO UPDATE "
    "SET failures = sign_in_locks.failures + 1, total = sign_in_locks.total + 1 "
    "WHERE (sign_in_locks.locked_until IS NULL OR sign_in_locks.locked_until <= :now) "
    "AND sign_in_locks.total < :most RETURNING total"
).bindparams(bindparam("now", type_=Utc))
_LOCK = text("UPDATE sign_in_locks SET locked_until = :until WHERE key = :key").bindparams(
    bindparam("until", type_=Utc)
)
_PEEK = text("SELECT locked_until FROM sign_in_locks WHERE key = :key").columns(locked_until=Utc)


def lock_key(kind: str, name: str) -> str:
    """The key of whoever tries: a hash, so that the table names nobody."""
    return hashlib.sha256(f"{kind}|{name.strip().lower()}".encode()).hexdigest()


def count_try(key: str, *, now: datetime, most: int | None = None) -> datetime | None:
    """Count one try as if it were wrong; the moment until which tries are refused, or None: go on and check.

    Every fifth try locks, first for 15 minutes, then doubling to a day. With ``most``, that many tries in
    all lock until somebody resets it. Committed at once: a crash or a second server forgets nothing.
    """
    with own_transaction() as connection:
        total = connection.execute(_COUNT, {"key": key, "now": now, "most": most or _NO_END}).scalar()
        if total is None:
            until: datetime | None = connection.execute(_PEEK, {"key": key}).one().locked_until
            return until if until and until > now else now + LONGEST_LOCK
        if total % FREE_TRIES == 0:
            until = now + min(FIRST_LOCK * 2 ** min(total // FREE_TRIES - 1, 10), LONGEST_LOCK)
            connection.execute(_LOCK, {"until": until, "key": key})
    return None


def forget_tries(key: str) -> None:
    """The secret was right."""
    db.session.execute(text("DELETE FROM sign_in_locks WHERE key = :key"), {"key": key})
