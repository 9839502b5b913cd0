"""The words by which a case is found, and the search itself: FTS5 on SQLite, trigrams on PostgreSQL.

Whose lists a case stands on lies in the index beside the words, so that nobody's search walks through
cases that are not theirs to see.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import text, update
from sqlalchemy.sql import Select

from .. import formats
from ..database import db
from ..formats import plain
from .models import Case, PhoneNumber, Returnee, SearchRow

MOST_WORDS = 6
_SCOPES = ("officer_id", "office_id", "counsellor_id", "caseworker_id")


def index_new_cases(found_by: Sequence[tuple[Case, Returnee, list[PhoneNumber]]]) -> None:
    """Write what cases are found by that were opened just now."""
    rows = [
        SearchRow(case_id=case.id, words=_words_of(case, returnee, numbers), **_scope_of(case))
        for case, returnee, numbers in found_by
    ]
    db.session.add_all(rows)
    db.session.flush()
    _mirror([(row.number, row.words, case) for row, (case, _, _) in zip(rows, found_by, strict=True)])


def index_case(case: Case, returnee: Returnee, numbers: list[PhoneNumber]) -> None:
    """Write what the case is found by, after it changed."""
    words = _words_of(case, returnee, numbers)
    number = db.session.scalars(
        update(SearchRow)
        .where(SearchRow.case_id == case.id)
        .values(words=words, **_scope_of(case))
        .returning(SearchRow.number)
    ).one()
    if _is_sqlite():
        db.session.execute(text("DELETE FROM case_search WHERE rowid = :number"), {"number": number})
    _mirror([(number, words, case)])


def _mirror(rows: Sequence[tuple[int, str, Case]]) -> None:
    """Write the rows into SQLite's full-text table too."""
    if _is_sqlite() and rows:
        db.session.execute(
            text("INSERT INTO case_search (rowid, words, scope) VALUES (:number, :words, :scope)"),
            [
                {
                    "number": number,
                    "words": words,
                    "scope": " ".join(_tag(k, v) for k, v in _scope_of(case).items() if v),
                }
                for number, words, case in rows
            ],
        )


def _scope_of(case: Case) -> dict[str, UUID | None]:
    return {name: getattr(case, name) for name in _SCOPES}


def narrow(query: Select[Any], *, scope: str, mine: UUID, asked: str, after: int) -> Select[Any] | None:
    """The list query, narrowed to what matches every word; None when nothing can match.

    Ordered by the index's own number, so that a page costs the same however many cases there are.
    """
    words = _joined(plain(asked).split())[:MOST_WORDS]
    if not words:
        return None
    query = query.join(SearchRow, SearchRow.case_id == Case.id).add_columns(
        SearchRow.number.label("search_number")
    )
    if _is_sqlite():
        match = " AND ".join([f"scope:{_tag(scope, mine)}", *(f'words:"{word}"*' for word in words)])
        numbers = text(
            "SELECT rowid FROM case_search WHERE case_search MATCH :match AND rowid > :after ORDER BY rowid LIMIT 31"
        ).bindparams(match=match, after=after)
        query = query.where(SearchRow.number.in_(numbers))
    else:
        query = query.where(getattr(SearchRow, scope) == mine, SearchRow.number > after)
        for word in words:
            query = query.where(SearchRow.words.like(f"% {word}%"))
    return query.order_by(None).order_by(SearchRow.number)


def _joined(words: list[str]) -> list[str]:
    """A number is typed as it is shown, in groups: neighbouring digits are one word, an ``00`` before it none."""
    found: list[str] = []
    for is_number, group in groupby(words, key=str.isdigit):
        if is_number:
            digits = "".join(group)
            found.append(digits[2:] if digits.startswith("00") and len(digits) > 8 else digits)
        else:
            found += group
    return found


def _words_of(case: Case, returnee: Returnee, numbers: list[PhoneNumber]) -> str:
    digits = {"".join(filter(str.isdigit, plain(number.written))) for number in numbers}
    digits |= {number.e164[1:] for number in numbers if number.e164}
    digits |= {
        "".join(filter(str.isdigit, formats.national(number.e164))) for number in numbers if number.e164
    }
    # National numbers are looked for from their own first digit, and people remember the last four.
    digits |= {number[-length:] for number in digits for length in (4, 8, 9) if len(number) > length}
    said = [returnee.family_name, returnee.given_names, case.code, case.external_ref, case.region, case.place]
    words = plain(" ".join(filter(None, said))).split()
    # What is typed is joined where digits follow one another (see _joined), so what is kept is too.
    words += [word for word in _joined(words) if word not in words]
    return " " + " ".join([*words, *sorted(digits - {""})])


def _tag(column: str, id: UUID) -> str:
    return f"{column.removesuffix('_id')}{id.hex}"


def _is_sqlite() -> bool:
    return db.engine.dialect.name == "sqlite"
