"""Everything the environment can say, with its default."""

import os
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """How this installation runs. ``folder`` holds the database, files and keys when nothing else is said."""

    folder: Path
    database_url: str
    storage: str
    keys: Path
    redis_url: str | None = None
    vapid_subject: str = "mailto:suivi@example.org"
    locale: str = "fr"
    timezone: str = "Africa/Conakry"
    demo: bool = False
    secure_cookies: bool = True
    extra_push_hosts: tuple[str, ...] = ()
    session_idle_minutes: int = 30
    session_hours: int = 12
    options: dict[str, object] = field(default_factory=dict)

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read DATABASE_URL, SUIVI_STORAGE, SUIVI_KEYS, REDIS_URL, VAPID_SUBJECT, SUIVI_LOCALE, SUIVI_TIMEZONE…

        SUIVI_DATA is the folder for what is not said otherwise (default ``var``).
        """
        env = os.environ.get
        folder = Path(env("SUIVI_DATA", "var")).absolute()
        return cls(
            folder=folder,
            database_url=env("DATABASE_URL") or f"sqlite:///{folder}/suivi.sqlite",
            storage=env("SUIVI_STORAGE") or f"file:{folder}/files",
            keys=Path(env("SUIVI_KEYS") or folder / "keys"),
            redis_url=env("REDIS_URL") or None,
            vapid_subject=env("VAPID_SUBJECT") or cls.vapid_subject,
            locale=env("SUIVI_LOCALE") or cls.locale,
            timezone=env("SUIVI_TIMEZONE") or cls.timezone,
            demo=env("SUIVI_DEMO") == "1",
            secure_cookies=env("SUIVI_INSECURE_COOKIES") != "1",
            extra_push_hosts=tuple(filter(None, env("SUIVI_TEST_PUSH_HOSTS", "").split(","))),
        )
