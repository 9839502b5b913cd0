"""The phone's pass of a request: says only that an enrolled phone speaks, whoever is signed in."""

from uuid import UUID

from flask import abort, current_app, request


def phone_of_request() -> UUID:
    """The phone that the request's pass names; 401 without a pass of ours."""
    scheme, _space, said = request.headers.get("Authorization", "").partition(" ")
    phone_id: UUID | None = (
        current_app.extensions["passes"].read_phone_pass(said) if scheme == "Bearer" else None
    )
    if phone_id is None:
        abort(401)
    return phone_id
