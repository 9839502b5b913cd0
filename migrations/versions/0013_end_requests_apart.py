"""A request is verified and closed by somebody who neither asked for it nor, where the rule says so, paid for it"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_HAD_A_HAND = (
    "SELECT 1 FROM payment_requests WHERE payment_requests.id = NEW.request_id"
    " AND (payment_requests.requester_id = NEW.by_id OR (payment_requests.three_people AND EXISTS"
    " (SELECT 1 FROM payments WHERE payments.request_id = NEW.request_id AND payments.by_id = NEW.by_id)))"
)
_REFUSAL = "a request is ended by somebody who neither asked nor paid"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER request_steps_end_apart BEFORE INSERT ON request_steps "
            f"WHEN NEW.state IN ('verified', 'closed') AND EXISTS ({_HAD_A_HAND}) "
            f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        )
        return
    op.execute(
        "CREATE FUNCTION refuse_same_person() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN IF EXISTS ({_HAD_A_HAND}) THEN RAISE EXCEPTION '{_REFUSAL}'; END IF; RETURN NEW; END $$"
    )
    op.execute(
        "CREATE TRIGGER request_steps_end_apart BEFORE INSERT ON request_steps FOR EACH ROW "
        "WHEN (NEW.state IN ('verified', 'closed')) EXECUTE FUNCTION refuse_same_person()"
    )
    op.execute("ALTER TABLE request_steps ENABLE ALWAYS TRIGGER request_steps_end_apart")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER request_steps_end_apart")
        return
    op.execute("DROP TRIGGER request_steps_end_apart ON request_steps")
    op.execute("DROP FUNCTION refuse_same_person()")
