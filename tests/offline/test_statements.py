"""How much of the database one delivery asks for: asserted, so that it does not grow unseen."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from tests.phone import a_picture
from webapp.database import db

ONE_VISIT = 24
EACH_FURTHER_VISIT = 19
ONE_PART = 6
LAST_PART = 36
ONE_COPY = 9


@pytest.fixture
def statements(app: Any) -> Callable[[], Any]:
    """``with statements() as said:`` collects what the database is asked meanwhile."""

    @contextmanager
    def collecting() -> Iterator[list[str]]:
        said: list[str] = []

        def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
            said.append(statement)

        with app.app_context():
            engine = db.engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            yield said
        finally:
            event.remove(engine, "before_cursor_execute", note)

    return collecting


def test_a_delivery_asks_for_few_statements_however_much_is_there(phone, aminata, statements):
    def of_one() -> int:
        visit = phone.save_visit(aminata)
        with statements() as said:
            phone.post(visit)
        return len(said)

    def of_fifty() -> int:
        visits = [phone.save_visit(aminata) for _n in range(50)]
        with statements() as said:
            phone.post(*visits)
        return len(said)

    one, fifty = of_one(), of_fifty()
    assert one <= ONE_VISIT
    assert fifty <= one + 49 * EACH_FURTHER_VISIT
    assert of_one() <= one
    assert of_fifty() <= fifty + 1


def test_a_second_copy_asks_for_fewer(phone, aminata, statements):
    visit = phone.save_visit(aminata)
    phone.post(visit)
    with statements() as said:
        phone.post(visit)
    assert len(said) <= ONE_COPY


def test_a_photo_asks_for_few_statements_for_each_part(phone, aminata, statements):
    visit = phone.save_visit(aminata)
    phone.post(visit)
    photo = phone.save_photo(visit, aminata, a_picture(330))
    counted = []
    for n in range(4):
        with statements() as said:
            phone.put_part(photo, n)
        counted.append(len(said))
    assert max(counted[:3]) <= ONE_PART
    assert counted[3] <= LAST_PART
