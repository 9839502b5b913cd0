"""A recorded step in the reader's words."""

from datetime import date
from typing import Any

from flask_babel import gettext as _

from ..cases.pages import NEEDS
from ..formats import day, listed
from . import forms
from .procedures import Step

_WORDS: dict[str, dict[str, Any]] = {
    "channel": dict(forms.CHANNEL_NAMES),
    "fit": dict(forms.FIT_NAMES),
    "conditions": dict(forms.CONDITION_NAMES),
    "document": dict(forms.DOCUMENT_NAMES),
    "topic": dict(forms.TOPIC_NAMES),
    "assistance": dict(forms.ASSISTANCE_NAMES),
    "met": {"yes": forms._l("Oui"), "no": forms._l("Non")},
    "given": dict(forms.HELP_NAMES),
    "lacking": dict(forms.HELP_NAMES),
    "contacted_by": dict(forms.CONTACTED_NAMES),
    "topics": dict(forms.ORIENTATION_NAMES),
    "needs": NEEDS,
}
_DAYS = ("not_before", "asked_on", "received_on", "expires_on", "departs_on", "arrives_on", "next_on")
_UNSAID = ("escort", "accompanied")
OUTCOMES = {
    "done": lambda: _("Fait"),
    "open": lambda: _("En cours"),
    "skipped": lambda: _("Étape passée"),
}


def told_step(row: Any, step: Step, *, whole: bool) -> dict[str, Any]:
    """What was done, when and by whom; ``whole``, also the answers worth a line each."""
    form = forms.FORMS[step.kind]
    lines = [(_("Pourquoi"), row.reason)] if row.reason else []
    for name in form.asks:
        value = row.facts.get(name)
        if name in _UNSAID or value in (None, "", []):
            continue
        label = getattr(form, name).args[0]
        lines.append((str(label), _said(name, value)))
    return {
        "outcome": row.outcome,
        "word": OUTCOMES[row.outcome](),
        "happened_on": row.happened_on,
        "by_name": row.by_name,
        "lines": lines if whole else [],
    }


def _said(name: str, value: Any) -> str:
    if name in _DAYS:
        return day(date.fromisoformat(value))
    if name in _WORDS:
        words = _WORDS[name]
        chosen = value if isinstance(value, list) else [value]
        return listed(_word(words.get(code, code)) for code in chosen)
    return str(value)


def _word(word: Any) -> str:
    return str(word() if callable(word) and not isinstance(word, str) else word)
