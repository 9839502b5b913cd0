"""One line finds the case and checks the right: not to be known, 404; known but not allowed, 403."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

from flask import abort

from ..permissions import may
from ..web import ask_to_sign_in, signed_in
from . import queries

View = TypeVar("View", bound=Callable[..., Any])

KNOWING = ("case.see", "allocation.see")
"""Actions that make a case known to a person at all; without any of them it does not exist for them."""


def on_case(action: str) -> Callable[[View], View]:
    """Give the view ``case`` (a row of ``queries.find_case``), already allowed, in place of ``case_id``."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(case_id: UUID, *args: Any, **kwargs: Any) -> Any:
            person = signed_in()
            if person is None:
                return ask_to_sign_in()
            return view(allowed_case(case_id, action), *args, **kwargs)

        guarded.permission = action  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return decorate


def allowed_case(case_id: UUID, action: str) -> Any:
    """The case, if the signed-in person may do this to it; else 404 or 403."""
    person = signed_in()
    case = queries.find_case(case_id)
    if case is None or not any(may(person, knowing, case) for knowing in KNOWING):
        abort(404)
    if not may(person, action, case):
        abort(403)
    return case
