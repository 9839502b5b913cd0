"""Start the tables"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "counters",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counters")),
    )
    op.create_table(
        "donors",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_donors")),
        sa.UniqueConstraint("name", name=op.f("uq_donors_name")),
    )
    op.create_table(
        "jobs",
        sa.Column(
            "number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("last_trouble", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_jobs")),
        sa.UniqueConstraint("key", name=op.f("uq_jobs_key")),
    )
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.create_index("ix_jobs_due", ["due_at"], unique=False)

    op.create_table(
        "offices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("town", sa.String(length=80), nullable=False),
        sa.Column("timezone", sa.String(length=40), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("phone", sa.String(length=40), nullable=False),
        sa.Column("emergency_numbers", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offices")),
        sa.UniqueConstraint("name", name=op.f("uq_offices_name")),
    )
    op.create_table(
        "phones",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("label", sa.String(length=80), nullable=False),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unsent", sa.Integer(), nullable=True),
        sa.Column("oldest_unsent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("persistent", sa.Boolean(), nullable=True),
        sa.Column("build", sa.String(length=40), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phones")),
    )
    op.create_table(
        "returnees",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("family_name", sa.String(length=120), nullable=False),
        sa.Column("given_names", sa.String(length=160), nullable=False),
        sa.Column("name_folded", sa.String(length=300), nullable=False),
        sa.Column("sex", sa.String(length=1), nullable=True),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("birth_approximate", sa.Boolean(), nullable=False),
        sa.Column("nationality", sa.String(length=2), nullable=True),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_returnees")),
    )
    with op.batch_alter_table("returnees", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_returnees_name_folded"), ["name_folded"], unique=False)

    op.create_table(
        "settings",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_settings")),
    )
    op.create_table(
        "sign_in_locks",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sign_in_locks")),
    )
    op.create_table(
        "submission_parts",
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("phone_id", sa.Uuid(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("submission_id", "digest", "n", name=op.f("pk_submission_parts")),
    )
    with op.batch_alter_table("submission_parts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_submission_parts_phone_id"), ["phone_id"], unique=False)

    op.create_table(
        "phone_numbers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("returnee_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("written", sa.String(length=80), nullable=False),
        sa.Column("e164", sa.String(length=20), nullable=True),
        sa.Column("whose", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["returnee_id"], ["returnees.id"], name=op.f("fk_phone_numbers_returnee_id_returnees")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_numbers")),
    )
    with op.batch_alter_table("phone_numbers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_phone_numbers_returnee_id"), ["returnee_id"], unique=False)

    op.create_table(
        "staff",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("email", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=30), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("locale", sa.String(length=5), nullable=False),
        sa.Column("phone", sa.String(length=40), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "role IN ('field_officer', 'counsellor', 'programme_manager', 'finance_officer', 'analyst', 'administrator', 'caseworker')",
            name=op.f("ck_staff_known_role"),
        ),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_staff_email_lower")),
        sa.ForeignKeyConstraint(["office_id"], ["offices.id"], name=op.f("fk_staff_office_id_offices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
        sa.UniqueConstraint("email", name=op.f("uq_staff_email")),
    )
    with op.batch_alter_table("staff", schema=None) as batch_op:
        batch_op.create_index("ix_staff_office_role", ["office_id", "role"], unique=False)

    op.create_table(
        "tallies",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("measure", sa.String(length=20), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["office_id"], ["offices.id"], name=op.f("fk_tallies_office_id_offices")),
        sa.PrimaryKeyConstraint("month", "office_id", "measure", name=op.f("pk_tallies")),
    )
    op.create_table(
        "allocation_rules",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("loaded_by_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["loaded_by_id"], ["staff.id"], name=op.f("fk_allocation_rules_loaded_by_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_allocation_rules")),
        sa.UniqueConstraint("name", "version", name=op.f("uq_allocation_rules_name")),
    )
    op.create_table(
        "cases",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=12), nullable=False),
        sa.Column("external_ref", sa.String(length=40), nullable=True),
        sa.Column("returnee_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=True),
        sa.Column("counsellor_id", sa.Uuid(), nullable=True),
        sa.Column("caseworker_id", sa.Uuid(), nullable=True),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("list_name", sa.String(length=300), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("departed_on", sa.Date(), nullable=True),
        sa.Column("arrived_on", sa.Date(), nullable=True),
        sa.Column("region", sa.String(length=80), nullable=True),
        sa.Column("place", sa.String(length=80), nullable=True),
        sa.Column("contact_person", sa.String(length=120), nullable=True),
        sa.Column("activity", sa.String(length=80), nullable=True),
        sa.Column("donor_name", sa.String(length=80), nullable=True),
        sa.Column("ceiling_minor", sa.BigInteger(), nullable=True),
        sa.Column("ceiling_currency", sa.String(length=3), nullable=True),
        sa.Column("household_size", sa.Integer(), nullable=True),
        sa.Column("needs", sa.JSON(), nullable=False),
        sa.Column("restricted_needs", sa.JSON(), nullable=False),
        sa.Column("remarks", sa.Text(), nullable=True),
        sa.Column("next_follow_up_on", sa.Date(), nullable=True),
        sa.Column("next_follow_up_channel", sa.String(length=20), nullable=True),
        sa.Column("next_follow_up_ends_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "stage IN ('first_contact', 'interview', 'medical_check', 'travel_document', 'departure_set', 'departed', 'arrived', 'plan', 'in_progress', 'follow_up', 'closed', 'interrupted')",
            name=op.f("ck_cases_known_stage"),
        ),
        sa.ForeignKeyConstraint(["caseworker_id"], ["staff.id"], name=op.f("fk_cases_caseworker_id_staff")),
        sa.ForeignKeyConstraint(["counsellor_id"], ["staff.id"], name=op.f("fk_cases_counsellor_id_staff")),
        sa.ForeignKeyConstraint(["office_id"], ["offices.id"], name=op.f("fk_cases_office_id_offices")),
        sa.ForeignKeyConstraint(["officer_id"], ["staff.id"], name=op.f("fk_cases_officer_id_staff")),
        sa.ForeignKeyConstraint(
            ["returnee_id"], ["returnees.id"], name=op.f("fk_cases_returnee_id_returnees")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
        sa.UniqueConstraint("code", name=op.f("uq_cases_code")),
        sa.UniqueConstraint("external_ref", name=op.f("uq_cases_external_ref")),
    )
    with op.batch_alter_table("cases", schema=None) as batch_op:
        batch_op.create_index("ix_cases_caseworker_name", ["caseworker_id", "list_name", "id"], unique=False)
        batch_op.create_index("ix_cases_counsellor_name", ["counsellor_id", "list_name", "id"], unique=False)
        batch_op.create_index("ix_cases_office_due", ["office_id", "next_follow_up_on", "id"], unique=False)
        batch_op.create_index("ix_cases_office_name", ["office_id", "list_name", "id"], unique=False)
        batch_op.create_index("ix_cases_officer_due", ["officer_id", "next_follow_up_on", "id"], unique=False)
        batch_op.create_index("ix_cases_officer_name", ["officer_id", "list_name", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_cases_returnee_id"), ["returnee_id"], unique=False)

    op.create_table(
        "exchange_rates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("base", sa.String(length=3), nullable=False),
        sa.Column("quote", sa.String(length=3), nullable=False),
        sa.Column("rate", sa.String(length=30), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("loaded_by_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["loaded_by_id"], ["staff.id"], name=op.f("fk_exchange_rates_loaded_by_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_rates")),
        sa.UniqueConstraint("base", "quote", "effective_on", "source", name=op.f("uq_exchange_rates_base")),
    )
    op.create_table(
        "phone_people",
        sa.Column("phone_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["phone_id"], ["phones.id"], name=op.f("fk_phone_people_phone_id_phones")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_phone_people_staff_id_staff")),
        sa.PrimaryKeyConstraint("phone_id", "staff_id", name=op.f("pk_phone_people")),
        sa.UniqueConstraint("phone_id", "staff_id", name=op.f("uq_phone_people_phone_id")),
    )
    with op.batch_alter_table("phone_people", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_phone_people_staff_id"), ["staff_id"], unique=False)

    op.create_table(
        "push_subscriptions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("endpoint_hash", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("vapid_key", sa.String(length=100), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("worked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_push_subscriptions_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_push_subscriptions")),
        sa.UniqueConstraint("endpoint_hash", name=op.f("uq_push_subscriptions_endpoint_hash")),
    )
    with op.batch_alter_table("push_subscriptions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_push_subscriptions_staff_id"), ["staff_id"], unique=False)

    op.create_table(
        "referral_lists",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("file_digest", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_by_id", sa.Uuid(), nullable=False),
        sa.Column("taken_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken_in_by_id", sa.Uuid(), nullable=True),
        sa.Column("unread", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["read_by_id"], ["staff.id"], name=op.f("fk_referral_lists_read_by_id_staff")
        ),
        sa.ForeignKeyConstraint(
            ["taken_in_by_id"], ["staff.id"], name=op.f("fk_referral_lists_taken_in_by_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referral_lists")),
    )
    with op.batch_alter_table("referral_lists", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_referral_lists_file_digest"), ["file_digest"], unique=False)

    op.create_table(
        "service_providers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("name_folded", sa.String(length=160), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("town", sa.String(length=80), nullable=False),
        sa.Column("phone", sa.String(length=40), nullable=False),
        sa.Column("contact", sa.String(length=120), nullable=False),
        sa.Column("account_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("added_by_id", sa.Uuid(), nullable=True),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('shop', 'craft', 'livestock', 'transport', 'training', 'school', 'clinic', 'pharmacy', 'landlord', 'mobile_money', 'other')",
            name=op.f("ck_service_providers_known_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["added_by_id"], ["staff.id"], name=op.f("fk_service_providers_added_by_id_staff")
        ),
        sa.ForeignKeyConstraint(
            ["office_id"], ["offices.id"], name=op.f("fk_service_providers_office_id_offices")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_providers")),
    )
    with op.batch_alter_table("service_providers", schema=None) as batch_op:
        batch_op.create_index(
            "ix_service_providers_office_name", ["office_id", "name_folded", "id"], unique=False
        )

    op.create_table(
        "sessions",
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_sessions_staff_id_staff")),
        sa.PrimaryKeyConstraint("secret_hash", name=op.f("pk_sessions")),
    )
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sessions_staff_id"), ["staff_id"], unique=False)

    op.create_table(
        "allocations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("donor_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.Uuid(), nullable=True),
        sa.Column("case_code", sa.String(length=12), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("local_currency", sa.String(length=3), nullable=False),
        sa.Column("granted_minor", sa.BigInteger(), nullable=False),
        sa.Column("adjusted_minor", sa.BigInteger(), nullable=False),
        sa.Column("held_back_minor", sa.BigInteger(), nullable=False),
        sa.Column("set_aside_minor", sa.BigInteger(), nullable=False),
        sa.Column("disbursed_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("exchange_minor", sa.BigInteger(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "disbursed_minor >= refunded_minor AND refunded_minor >= 0",
            name=op.f("ck_allocations_refunds_within_paid"),
        ),
        sa.CheckConstraint(
            "granted_minor + adjusted_minor - held_back_minor - set_aside_minor - disbursed_minor - exchange_minor + refunded_minor >= 0",
            name=op.f("ck_allocations_never_overspent"),
        ),
        sa.CheckConstraint(
            "granted_minor >= 0 AND set_aside_minor >= 0 AND held_back_minor >= 0",
            name=op.f("ck_allocations_sums_positive"),
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_allocations_case_id_cases")),
        sa.ForeignKeyConstraint(["donor_id"], ["donors.id"], name=op.f("fk_allocations_donor_id_donors")),
        sa.ForeignKeyConstraint(["office_id"], ["offices.id"], name=op.f("fk_allocations_office_id_offices")),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["allocation_rules.id"], name=op.f("fk_allocations_rule_id_allocation_rules")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_allocations")),
        sa.UniqueConstraint("case_id", name=op.f("uq_allocations_case_id")),
    )
    with op.batch_alter_table("allocations", schema=None) as batch_op:
        batch_op.create_index("ix_allocations_office", ["office_id", "case_code"], unique=False)
        batch_op.create_index("ix_allocations_valid_until", ["valid_until"], unique=False)

    op.create_table(
        "case_officers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_officers_case_id_cases")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_case_officers_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_officers")),
    )
    with op.batch_alter_table("case_officers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_case_officers_case_id"), ["case_id"], unique=False)
        batch_op.create_index("ix_case_officers_staff_case", ["staff_id", "case_id"], unique=False)

    op.create_table(
        "changes",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_changes_case_id_cases")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_changes_staff_id_staff")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_changes")),
    )
    with op.batch_alter_table("changes", schema=None) as batch_op:
        batch_op.create_index("ix_changes_staff", ["staff_id", "number"], unique=False)

    op.create_table(
        "check_ins",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("instrument", sa.String(length=40), nullable=False),
        sa.Column("instrument_version", sa.String(length=20), nullable=False),
        sa.Column("scoring_version", sa.String(length=20), nullable=False),
        sa.Column("locale", sa.String(length=5), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("answers_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("result_sealed", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "outcome = 'answered' OR answers_sealed IS NULL",
            name=op.f("ck_check_ins_declined_has_no_answers"),
        ),
        sa.CheckConstraint(
            "outcome IN ('answered', 'declined', 'not_alone')", name=op.f("ck_check_ins_known_outcome")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["staff.id"], name=op.f("fk_check_ins_by_id_staff")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_check_ins_case_id_cases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_check_ins")),
    )
    with op.batch_alter_table("check_ins", schema=None) as batch_op:
        batch_op.create_index("ix_check_ins_case", ["case_id", "instrument", "asked_at"], unique=False)

    op.create_table(
        "follow_ups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("visited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("reached", sa.Boolean(), nullable=False),
        sa.Column("why_not", sa.String(length=20), nullable=True),
        sa.Column("present", sa.String(length=200), nullable=False),
        sa.Column("activity_status", sa.String(length=30), nullable=True),
        sa.Column("agreed", sa.String(length=500), nullable=False),
        sa.Column("agreed_due_on", sa.Date(), nullable=True),
        sa.Column("concern", sa.String(length=10), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("photos_announced", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "channel IN ('home_visit', 'business_visit', 'call', 'office')",
            name=op.f("ck_follow_ups_known_channel"),
        ),
        sa.CheckConstraint(
            "concern IN ('none', 'some', 'serious')", name=op.f("ck_follow_ups_known_concern")
        ),
        sa.CheckConstraint("reached OR why_not IS NOT NULL", name=op.f("ck_follow_ups_not_reached_has_why")),
        sa.ForeignKeyConstraint(["by_id"], ["staff.id"], name=op.f("fk_follow_ups_by_id_staff")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_follow_ups_case_id_cases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_follow_ups")),
    )
    with op.batch_alter_table("follow_ups", schema=None) as batch_op:
        batch_op.create_index("ix_follow_ups_by", ["by_id", "visited_at"], unique=False)
        batch_op.create_index("ix_follow_ups_case", ["case_id", "visited_at"], unique=False)

    op.create_table(
        "photos",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("for_visit", sa.Uuid(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("caption", sa.String(length=200), nullable=False),
        sa.Column("subject", sa.String(length=10), nullable=False),
        sa.Column("consent", sa.Boolean(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("file", sa.String(length=100), nullable=False),
        sa.Column("thumb", sa.String(length=100), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.CheckConstraint("subject <> 'person' OR consent", name=op.f("ck_photos_people_consent")),
        sa.CheckConstraint(
            "subject IN ('goods', 'premises', 'document', 'person')", name=op.f("ck_photos_known_subject")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["staff.id"], name=op.f("fk_photos_by_id_staff")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_photos_case_id_cases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_photos")),
    )
    with op.batch_alter_table("photos", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_photos_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_photos_file"), ["file"], unique=False)
        batch_op.create_index(batch_op.f("ix_photos_for_visit"), ["for_visit"], unique=False)
        batch_op.create_index(batch_op.f("ix_photos_received_at"), ["received_at"], unique=False)

    op.create_table(
        "red_flags",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["by_id"], ["staff.id"], name=op.f("fk_red_flags_by_id_staff")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_red_flags_case_id_cases")),
        sa.ForeignKeyConstraint(["closed_by_id"], ["staff.id"], name=op.f("fk_red_flags_closed_by_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_red_flags")),
    )
    with op.batch_alter_table("red_flags", schema=None) as batch_op:
        batch_op.create_index("ix_red_flags_case", ["case_id", "raised_at"], unique=False)
        batch_op.create_index(
            "ix_red_flags_open",
            ["raised_at"],
            unique=False,
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )

    op.create_table(
        "referral_rows",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("list_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("chosen", sa.Boolean(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("row", sa.JSON(), nullable=False),
        sa.Column("restricted_needs", sa.JSON(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_referral_rows_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["list_id"], ["referral_lists.id"], name=op.f("fk_referral_rows_list_id_referral_lists")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referral_rows")),
        sa.UniqueConstraint("list_id", "line", name=op.f("uq_referral_rows_list_id")),
    )
    with op.batch_alter_table("referral_rows", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_referral_rows_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_referral_rows_fingerprint"), ["fingerprint"], unique=False)

    op.create_table(
        "request_documents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("media", sa.String(length=4), nullable=False),
        sa.Column("file", sa.String(length=100), nullable=False),
        sa.Column("thumb", sa.String(length=100), nullable=True),
        sa.Column("minor", sa.BigInteger(), nullable=True),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('quote', 'invoice', 'receipt', 'handover')",
            name=op.f("ck_request_documents_known_kind"),
        ),
        sa.CheckConstraint("media IN ('jpeg', 'pdf')", name=op.f("ck_request_documents_known_media")),
        sa.ForeignKeyConstraint(["by_id"], ["staff.id"], name=op.f("fk_request_documents_by_id_staff")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_request_documents_case_id_cases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request_documents")),
    )
    with op.batch_alter_table("request_documents", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_request_documents_added_at"), ["added_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_request_documents_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_request_documents_file"), ["file"], unique=False)
        batch_op.create_index(batch_op.f("ix_request_documents_request_id"), ["request_id"], unique=False)

    op.create_table(
        "returnee_access",
        sa.Column("code", sa.String(length=12), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("pin_hash", sa.String(length=200), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_returnee_access_case_id_cases")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_returnee_access")),
        sa.UniqueConstraint("case_id", name=op.f("uq_returnee_access_case_id")),
    )
    op.create_table(
        "returnee_sessions",
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_returnee_sessions_case_id_cases")),
        sa.PrimaryKeyConstraint("secret_hash", name=op.f("pk_returnee_sessions")),
    )
    op.create_table(
        "search_rows",
        sa.Column(
            "number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("officer_id", sa.Uuid(), nullable=True),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("counsellor_id", sa.Uuid(), nullable=True),
        sa.Column("caseworker_id", sa.Uuid(), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_search_rows_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["caseworker_id"], ["staff.id"], name=op.f("fk_search_rows_caseworker_id_staff")
        ),
        sa.ForeignKeyConstraint(
            ["counsellor_id"], ["staff.id"], name=op.f("fk_search_rows_counsellor_id_staff")
        ),
        sa.ForeignKeyConstraint(["office_id"], ["offices.id"], name=op.f("fk_search_rows_office_id_offices")),
        sa.ForeignKeyConstraint(["officer_id"], ["staff.id"], name=op.f("fk_search_rows_officer_id_staff")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_search_rows")),
        sa.UniqueConstraint("case_id", name=op.f("uq_search_rows_case_id")),
    )
    with op.batch_alter_table("search_rows", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_search_rows_caseworker_id"), ["caseworker_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_search_rows_counsellor_id"), ["counsellor_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_search_rows_office_id"), ["office_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_search_rows_officer_id"), ["officer_id"], unique=False)

    op.create_table(
        "submissions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("sealing_key", sa.String(length=40), nullable=False),
        sa.Column("phone_id", sa.Uuid(), nullable=True),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("clock_error_ms", sa.BigInteger(), nullable=True),
        sa.Column("build", sa.String(length=40), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("errors", sa.JSON(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("supersedes", sa.Uuid(), nullable=True),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('accepted', 'needs attention', 'quarantined')",
            name=op.f("ck_submissions_known_outcome"),
        ),
        sa.ForeignKeyConstraint(["author_id"], ["staff.id"], name=op.f("fk_submissions_author_id_staff")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_submissions_case_id_cases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submissions")),
        sa.UniqueConstraint("number", name=op.f("uq_submissions_number")),
    )
    with op.batch_alter_table("submissions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_submissions_author_id"), ["author_id"], unique=False)
        batch_op.create_index("ix_submissions_author_number", ["author_id", "number"], unique=False)
        batch_op.create_index("ix_submissions_outcome", ["outcome", "number"], unique=False)
        batch_op.create_index(
            "ix_submissions_unsettled",
            ["number"],
            unique=False,
            sqlite_where=sa.text("outcome <> 'accepted' AND superseded_at IS NULL"),
            postgresql_where=sa.text("outcome <> 'accepted' AND superseded_at IS NULL"),
        )

    op.create_table(
        "timeline_entries",
        sa.Column(
            "number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("considered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["by_id"], ["staff.id"], name=op.f("fk_timeline_entries_by_id_staff")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_timeline_entries_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["office_id"], ["offices.id"], name=op.f("fk_timeline_entries_office_id_offices")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_timeline_entries")),
        sa.UniqueConstraint("kind", "subject_id", name="uq_timeline_entries_deed"),
    )
    with op.batch_alter_table("timeline_entries", schema=None) as batch_op:
        batch_op.create_index("ix_timeline_case", ["case_id", "happened_at", "number"], unique=False)
        batch_op.create_index(
            "ix_timeline_unconsidered",
            ["number"],
            unique=False,
            sqlite_where=sa.text("considered_at IS NULL"),
            postgresql_where=sa.text("considered_at IS NULL"),
        )

    op.create_table(
        "alerts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.String(length=40), nullable=False),
        sa.Column("entry_number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("for_id", sa.Uuid(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pushed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_alerts_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["entry_number"],
            ["timeline_entries.number"],
            name=op.f("fk_alerts_entry_number_timeline_entries"),
        ),
        sa.ForeignKeyConstraint(["for_id"], ["staff.id"], name=op.f("fk_alerts_for_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
        sa.UniqueConstraint("rule", "entry_number", "for_id", name="uq_alerts_once"),
    )
    with op.batch_alter_table("alerts", schema=None) as batch_op:
        batch_op.create_index(
            "ix_alerts_acknowledged",
            ["for_id", "raised_at", "id"],
            unique=False,
            sqlite_where=sa.text("acknowledged_at IS NOT NULL"),
            postgresql_where=sa.text("acknowledged_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_alerts_open",
            ["for_id", "raised_at", "id"],
            unique=False,
            sqlite_where=sa.text("acknowledged_at IS NULL"),
            postgresql_where=sa.text("acknowledged_at IS NULL"),
        )

    op.create_table(
        "allocation_limits",
        sa.Column("allocation_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("ceiling_minor", sa.BigInteger(), nullable=False),
        sa.Column("used_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "name IN ('micro_project', 'training', 'medicine', 'housing', 'schooling', 'other', 'cash')",
            name=op.f("ck_allocation_limits_known_name"),
        ),
        sa.CheckConstraint(
            "used_minor >= 0 AND used_minor <= ceiling_minor", name=op.f("ck_allocation_limits_never_over")
        ),
        sa.ForeignKeyConstraint(
            ["allocation_id"], ["allocations.id"], name=op.f("fk_allocation_limits_allocation_id_allocations")
        ),
        sa.PrimaryKeyConstraint("allocation_id", "name", name=op.f("pk_allocation_limits")),
    )
    op.create_table(
        "contested_submissions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("sealing_key", sa.String(length=40), nullable=False),
        sa.Column("phone_id", sa.Uuid(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["submissions.id"],
            name=op.f("fk_contested_submissions_submission_id_submissions"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contested_submissions")),
    )
    with op.batch_alter_table("contested_submissions", schema=None) as batch_op:
        batch_op.create_index("uq_contested_digest", ["submission_id", "digest"], unique=True)

    op.create_table(
        "instalments",
        sa.Column("allocation_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("condition", sa.String(length=200), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(released_at IS NULL) = (released_by_id IS NULL)",
            name=op.f("ck_instalments_released_by_someone"),
        ),
        sa.CheckConstraint("minor > 0", name=op.f("ck_instalments_positive")),
        sa.ForeignKeyConstraint(
            ["allocation_id"], ["allocations.id"], name=op.f("fk_instalments_allocation_id_allocations")
        ),
        sa.ForeignKeyConstraint(
            ["released_by_id"], ["staff.id"], name=op.f("fk_instalments_released_by_id_staff")
        ),
        sa.PrimaryKeyConstraint("allocation_id", "number", name=op.f("pk_instalments")),
    )
    op.create_table(
        "payment_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(length=16), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("allocation_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("category", sa.String(length=20), nullable=False),
        sa.Column("what", sa.String(length=200), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("donor_minor", sa.BigInteger(), nullable=False),
        sa.Column("rate_id", sa.Uuid(), nullable=True),
        sa.Column("payee_kind", sa.String(length=16), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=True),
        sa.Column("payee_name", sa.String(length=120), nullable=False),
        sa.Column("chosen_by", sa.String(length=20), nullable=False),
        sa.Column("operator", sa.String(length=40), nullable=False),
        sa.Column("holder_checked", sa.Boolean(), nullable=False),
        sa.Column("quotes_required", sa.Integer(), nullable=False),
        sa.Column("three_people", sa.Boolean(), nullable=False),
        sa.Column("requester_id", sa.Uuid(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approver_id", sa.Uuid(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("payer_id", sa.Uuid(), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_minor", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "category IN ('micro_project', 'training', 'medicine', 'housing', 'schooling', 'other')",
            name=op.f("ck_payment_requests_known_category"),
        ),
        sa.CheckConstraint(
            "payee_kind IN ('provider', 'institution', 'reimbursement', 'cash', 'mobile_money')",
            name=op.f("ck_payment_requests_known_payee"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'quoted', 'requested', 'approved', 'ordered', 'delivered', 'invoiced', 'paid', 'verified', 'closed', 'rejected', 'cancelled', 'disputed', 'returned')",
            name=op.f("ck_payment_requests_known_state"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'quoted', 'requested', 'rejected', 'cancelled') OR approver_id IS NOT NULL",
            name=op.f("ck_payment_requests_approved_by_someone"),
        ),
        sa.CheckConstraint(
            "approver_id IS NULL OR approver_id <> requester_id",
            name=op.f("ck_payment_requests_approved_by_another"),
        ),
        sa.CheckConstraint(
            "held_minor >= 0 AND held_minor <= donor_minor", name=op.f("ck_payment_requests_held_within")
        ),
        sa.CheckConstraint(
            "minor > 0 AND minor <= 1000000000000000 AND donor_minor > 0",
            name=op.f("ck_payment_requests_amount_in_range"),
        ),
        sa.CheckConstraint(
            "payer_id IS NULL OR NOT three_people OR (payer_id <> requester_id AND payer_id <> approver_id)",
            name=op.f("ck_payment_requests_paid_by_a_third"),
        ),
        sa.ForeignKeyConstraint(
            ["allocation_id"], ["allocations.id"], name=op.f("fk_payment_requests_allocation_id_allocations")
        ),
        sa.ForeignKeyConstraint(
            ["approver_id"], ["staff.id"], name=op.f("fk_payment_requests_approver_id_staff")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_payment_requests_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["office_id"], ["offices.id"], name=op.f("fk_payment_requests_office_id_offices")
        ),
        sa.ForeignKeyConstraint(["payer_id"], ["staff.id"], name=op.f("fk_payment_requests_payer_id_staff")),
        sa.ForeignKeyConstraint(
            ["provider_id"],
            ["service_providers.id"],
            name=op.f("fk_payment_requests_provider_id_service_providers"),
        ),
        sa.ForeignKeyConstraint(
            ["rate_id"], ["exchange_rates.id"], name=op.f("fk_payment_requests_rate_id_exchange_rates")
        ),
        sa.ForeignKeyConstraint(
            ["requester_id"], ["staff.id"], name=op.f("fk_payment_requests_requester_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_requests")),
        sa.UniqueConstraint("reference", name=op.f("uq_payment_requests_reference")),
    )
    with op.batch_alter_table("payment_requests", schema=None) as batch_op:
        batch_op.create_index("ix_payment_requests_case", ["case_id", "changed_at"], unique=False)
        batch_op.create_index(
            "ix_payment_requests_office_state", ["office_id", "state", "changed_at", "id"], unique=False
        )
        batch_op.create_index("ix_payment_requests_provider", ["provider_id"], unique=False)

    op.create_table(
        "ledger_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("allocation_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("what", sa.String(length=200), nullable=False),
        sa.Column("category", sa.String(length=20), nullable=True),
        sa.Column("cash", sa.Boolean(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=True),
        sa.Column("reverses_id", sa.Uuid(), nullable=True),
        sa.Column("local_minor", sa.BigInteger(), nullable=True),
        sa.Column("local_currency", sa.String(length=3), nullable=True),
        sa.Column("rate_id", sa.Uuid(), nullable=True),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("confirmed_by_id", sa.Uuid(), nullable=True),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(kind = 'reversed') = (reverses_id IS NOT NULL)",
            name=op.f("ck_ledger_entries_reversal_names_its_entry"),
        ),
        sa.CheckConstraint(
            "(minor > 0 AND minor <= 1000000000000000) OR (kind IN ('adjusted', 'exchange_difference') AND minor <> 0 AND minor >= -1000000000000000)",
            name=op.f("ck_ledger_entries_minor_in_range"),
        ),
        sa.CheckConstraint(
            "kind <> 'adjusted' OR (by_id IS NOT NULL AND confirmed_by_id IS NOT NULL AND confirmed_by_id <> by_id AND what <> '')",
            name=op.f("ck_ledger_entries_adjusted_by_two"),
        ),
        sa.CheckConstraint(
            "kind IN ('granted', 'adjusted', 'set_aside', 'released', 'disbursed', 'refunded', 'reversed', 'exchange_difference')",
            name=op.f("ck_ledger_entries_known_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["allocation_id"], ["allocations.id"], name=op.f("fk_ledger_entries_allocation_id_allocations")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["staff.id"], name=op.f("fk_ledger_entries_by_id_staff")),
        sa.ForeignKeyConstraint(
            ["confirmed_by_id"], ["staff.id"], name=op.f("fk_ledger_entries_confirmed_by_id_staff")
        ),
        sa.ForeignKeyConstraint(
            ["rate_id"], ["exchange_rates.id"], name=op.f("fk_ledger_entries_rate_id_exchange_rates")
        ),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["payment_requests.id"],
            name=op.f("fk_ledger_entries_request_id_payment_requests"),
        ),
        sa.ForeignKeyConstraint(
            ["reverses_id"], ["ledger_entries.id"], name=op.f("fk_ledger_entries_reverses_id_ledger_entries")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entries")),
        sa.UniqueConstraint("reverses_id", name=op.f("uq_ledger_entries_reverses_id")),
    )
    with op.batch_alter_table("ledger_entries", schema=None) as batch_op:
        batch_op.create_index(
            "ix_ledger_entries_allocation", ["allocation_id", "posted_at", "id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_ledger_entries_request_id"), ["request_id"], unique=False)

    op.create_table(
        "request_steps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["by_id"], ["staff.id"], name=op.f("fk_request_steps_by_id_staff")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["payment_requests.id"], name=op.f("fk_request_steps_request_id_payment_requests")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request_steps")),
    )
    with op.batch_alter_table("request_steps", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_request_steps_request_id"), ["request_id"], unique=False)

    op.create_table(
        "returnee_words",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('received', 'partly', 'not_received', 'call_me_back')",
            name=op.f("ck_returnee_words_known_kind"),
        ),
        sa.CheckConstraint(
            "request_id IS NULL OR kind <> 'call_me_back'",
            name=op.f("ck_returnee_words_calls_are_about_no_purchase"),
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_returnee_words_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["payment_requests.id"],
            name=op.f("fk_returnee_words_request_id_payment_requests"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_returnee_words")),
    )
    with op.batch_alter_table("returnee_words", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_returnee_words_case_id"), ["case_id"], unique=False)

    op.create_table(
        "payments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("reference", sa.String(length=60), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "confirmed_at IS NULL OR failed_at IS NULL", name=op.f("ck_payments_arrived_or_failed")
        ),
        sa.CheckConstraint("minor > 0 AND fee_minor >= 0", name=op.f("ck_payments_amounts")),
        sa.ForeignKeyConstraint(["by_id"], ["staff.id"], name=op.f("fk_payments_by_id_staff")),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["ledger_entries.id"], name=op.f("fk_payments_entry_id_ledger_entries")
        ),
        sa.ForeignKeyConstraint(["office_id"], ["offices.id"], name=op.f("fk_payments_office_id_offices")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["payment_requests.id"], name=op.f("fk_payments_request_id_payment_requests")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_payments_entry_id")),
        sa.UniqueConstraint("method", "reference", name="uq_payments_reference"),
    )
    with op.batch_alter_table("payments", schema=None) as batch_op:
        batch_op.create_index("ix_payments_office", ["office_id", "posted_at", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_payments_request_id"), ["request_id"], unique=False)


def downgrade() -> None:

    with op.batch_alter_table("payments", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_payments_request_id"))
        batch_op.drop_index("ix_payments_office")

    op.drop_table("payments")
    with op.batch_alter_table("returnee_words", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_returnee_words_case_id"))

    op.drop_table("returnee_words")
    with op.batch_alter_table("request_steps", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_request_steps_request_id"))

    op.drop_table("request_steps")
    with op.batch_alter_table("ledger_entries", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ledger_entries_request_id"))
        batch_op.drop_index("ix_ledger_entries_allocation")

    op.drop_table("ledger_entries")
    with op.batch_alter_table("payment_requests", schema=None) as batch_op:
        batch_op.drop_index("ix_payment_requests_provider")
        batch_op.drop_index("ix_payment_requests_office_state")
        batch_op.drop_index("ix_payment_requests_case")

    op.drop_table("payment_requests")
    op.drop_table("instalments")
    with op.batch_alter_table("contested_submissions", schema=None) as batch_op:
        batch_op.drop_index("uq_contested_digest")

    op.drop_table("contested_submissions")
    op.drop_table("allocation_limits")
    with op.batch_alter_table("alerts", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_alerts_open",
            sqlite_where=sa.text("acknowledged_at IS NULL"),
            postgresql_where=sa.text("acknowledged_at IS NULL"),
        )
        batch_op.drop_index(
            "ix_alerts_acknowledged",
            sqlite_where=sa.text("acknowledged_at IS NOT NULL"),
            postgresql_where=sa.text("acknowledged_at IS NOT NULL"),
        )

    op.drop_table("alerts")
    with op.batch_alter_table("timeline_entries", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_timeline_unconsidered",
            sqlite_where=sa.text("considered_at IS NULL"),
            postgresql_where=sa.text("considered_at IS NULL"),
        )
        batch_op.drop_index("ix_timeline_case")

    op.drop_table("timeline_entries")
    with op.batch_alter_table("submissions", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_submissions_unsettled",
            sqlite_where=sa.text("outcome <> 'accepted' AND superseded_at IS NULL"),
            postgresql_where=sa.text("outcome <> 'accepted' AND superseded_at IS NULL"),
        )
        batch_op.drop_index("ix_submissions_outcome")
        batch_op.drop_index("ix_submissions_author_number")
        batch_op.drop_index(batch_op.f("ix_submissions_author_id"))

    op.drop_table("submissions")
    with op.batch_alter_table("search_rows", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_search_rows_officer_id"))
        batch_op.drop_index(batch_op.f("ix_search_rows_office_id"))
        batch_op.drop_index(batch_op.f("ix_search_rows_counsellor_id"))
        batch_op.drop_index(batch_op.f("ix_search_rows_caseworker_id"))

    op.drop_table("search_rows")
    op.drop_table("returnee_sessions")
    op.drop_table("returnee_access")
    with op.batch_alter_table("request_documents", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_request_documents_request_id"))
        batch_op.drop_index(batch_op.f("ix_request_documents_file"))
        batch_op.drop_index(batch_op.f("ix_request_documents_case_id"))
        batch_op.drop_index(batch_op.f("ix_request_documents_added_at"))

    op.drop_table("request_documents")
    with op.batch_alter_table("referral_rows", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_referral_rows_fingerprint"))
        batch_op.drop_index(batch_op.f("ix_referral_rows_case_id"))

    op.drop_table("referral_rows")
    with op.batch_alter_table("red_flags", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_red_flags_open",
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )
        batch_op.drop_index("ix_red_flags_case")

    op.drop_table("red_flags")
    with op.batch_alter_table("photos", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_photos_received_at"))
        batch_op.drop_index(batch_op.f("ix_photos_for_visit"))
        batch_op.drop_index(batch_op.f("ix_photos_file"))
        batch_op.drop_index(batch_op.f("ix_photos_case_id"))

    op.drop_table("photos")
    with op.batch_alter_table("follow_ups", schema=None) as batch_op:
        batch_op.drop_index("ix_follow_ups_case")
        batch_op.drop_index("ix_follow_ups_by")

    op.drop_table("follow_ups")
    with op.batch_alter_table("check_ins", schema=None) as batch_op:
        batch_op.drop_index("ix_check_ins_case")

    op.drop_table("check_ins")
    with op.batch_alter_table("changes", schema=None) as batch_op:
        batch_op.drop_index("ix_changes_staff")

    op.drop_table("changes")
    with op.batch_alter_table("case_officers", schema=None) as batch_op:
        batch_op.drop_index("ix_case_officers_staff_case")
        batch_op.drop_index(batch_op.f("ix_case_officers_case_id"))

    op.drop_table("case_officers")
    with op.batch_alter_table("allocations", schema=None) as batch_op:
        batch_op.drop_index("ix_allocations_valid_until")
        batch_op.drop_index("ix_allocations_office")

    op.drop_table("allocations")
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sessions_staff_id"))

    op.drop_table("sessions")
    with op.batch_alter_table("service_providers", schema=None) as batch_op:
        batch_op.drop_index("ix_service_providers_office_name")

    op.drop_table("service_providers")
    with op.batch_alter_table("referral_lists", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_referral_lists_file_digest"))

    op.drop_table("referral_lists")
    with op.batch_alter_table("push_subscriptions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_push_subscriptions_staff_id"))

    op.drop_table("push_subscriptions")
    with op.batch_alter_table("phone_people", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_phone_people_staff_id"))

    op.drop_table("phone_people")
    op.drop_table("exchange_rates")
    with op.batch_alter_table("cases", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cases_returnee_id"))
        batch_op.drop_index("ix_cases_officer_name")
        batch_op.drop_index("ix_cases_officer_due")
        batch_op.drop_index("ix_cases_office_name")
        batch_op.drop_index("ix_cases_office_due")
        batch_op.drop_index("ix_cases_counsellor_name")
        batch_op.drop_index("ix_cases_caseworker_name")

    op.drop_table("cases")
    op.drop_table("allocation_rules")
    op.drop_table("tallies")
    with op.batch_alter_table("staff", schema=None) as batch_op:
        batch_op.drop_index("ix_staff_office_role")

    op.drop_table("staff")
    with op.batch_alter_table("phone_numbers", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_phone_numbers_returnee_id"))

    op.drop_table("phone_numbers")
    with op.batch_alter_table("submission_parts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_submission_parts_phone_id"))

    op.drop_table("submission_parts")
    op.drop_table("sign_in_locks")
    op.drop_table("settings")
    with op.batch_alter_table("returnees", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_returnees_name_folded"))

    op.drop_table("returnees")
    op.drop_table("phones")
    op.drop_table("offices")
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_index("ix_jobs_due")

    op.drop_table("jobs")
    op.drop_table("donors")
    op.drop_table("counters")
