"""The rules of SQL, checked on the catalogue of a migrated database and the text of every statement."""

import re
from pathlib import Path

import asyncpg
import pytest

import waiting_list
from tests.support.lists import Lists
from waiting_list.postgres.citus import DISTRIBUTED, LOCAL, REFERENCE
from waiting_list.postgres.pool import Pool, connection

PACKAGE = Path(waiting_list.__file__).parent
STATEMENTS = sorted(PACKAGE.rglob("sql/*.sql"))
PER_LIST = set(DISTRIBUTED)
READS_THE_CLOCK = {
    "audit_list", "read_lists_to_prune",
    "read_locked_list", "read_now", "read_list", "read_due_lists", "read_next_due", "read_upcoming_events",
    "delete_old_idempotency", "insert_first_answer", "insert_api_key", "revoke_api_key", "insert_signing_key",
    "create_schema_migrations", "read_due_notices", "claim_notices", "record_attempts", "give_up_notices",
    "delete_old_notices", "read_webhook_to_call", "webhook_fails", "disable_webhook", "insert_disabled_notices",
    "read_letter_facts", "read_place", "insert_session", "read_session", "insert_sign_in", "read_sign_in",
    "use_sign_in", "read_api_key", "note_api_key", "rotate_api_key", "take_allowances", "delete_old_allowances",
    "give_back_allowances", "lock_allowances",
    "insert_audit", "read_figures", "read_lists_of_events", "read_sign_outs", "upsert_sign_out", "delete_old_sign_outs",
    "delete_old_visitors", "note_mail", "forget_mail",
    "read_pace_window", "read_overview", "delete_old_sessions", "read_organizations",
}  # fmt: skip


async def test_every_key_of_a_per_list_table_begins_with_its_list(pool: Pool) -> None:
    async with connection(pool) as acquired:
        records = await acquired.fetch(
            "SELECT t.relname AS table, i.relname AS index, a.attname AS first"
            " FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid"
            " JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = x.indkey[0]"
            " WHERE x.indisunique AND t.relname = ANY ($1)",
            sorted(PER_LIST),
        )
    assert {record["table"] for record in records} == PER_LIST
    assert [tuple(record) for record in records if record["first"] != "list_id"] == []


async def test_every_table_has_its_place_in_a_cluster_and_no_foreign_key_leaves_it(pool: Pool) -> None:
    async with connection(pool) as acquired:
        tables = await acquired.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        keys = await acquired.fetch(
            "SELECT conrelid::regclass::text AS here, confrelid::regclass::text AS there,"
            " (SELECT attname FROM pg_attribute WHERE attrelid = conrelid AND attnum = conkey[1]) AS first"
            " FROM pg_constraint WHERE contype = 'f'"
        )
    assert {row["tablename"] for row in tables} == {*DISTRIBUTED, *REFERENCE, *LOCAL}
    assert len({*DISTRIBUTED, *REFERENCE, *LOCAL}) == len([*DISTRIBUTED, *REFERENCE, *LOCAL])
    for key in keys:
        # To a table that is on every node, or to the rows of the same list.
        beside = key["here"] in DISTRIBUTED and key["there"] in DISTRIBUTED and key["first"] == "list_id"
        assert key["there"] in REFERENCE or beside, dict(key)
        assert not (key["here"] in REFERENCE and key["there"] in DISTRIBUTED)


async def test_there_are_no_triggers_of_ours_and_no_sequences(pool: Pool) -> None:
    async with connection(pool) as acquired:
        assert await acquired.fetchval("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal") == 0
        assert await acquired.fetchval("SELECT count(*) FROM pg_sequences WHERE schemaname = 'public'") == 0


@pytest.mark.parametrize("file", STATEMENTS, ids=lambda file: file.stem)
def test_a_statement_says_what_it_does_and_what_it_locks(file: Path) -> None:
    text = file.read_text()
    comment = [line for line in text.splitlines() if line.startswith("--")]
    body = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    assert text.startswith("-- ")
    assert len(comment) == 2
    assert re.search(r"[Ll]ocks|[Rr]uns under|[Tt]akes|[Ww]rites|[Dd]eletes", " ".join(comment))
    assert ";" not in body
    assert "SELECT *" not in body
    assert "%" not in body
    if "advisory" in body:
        assert file.stem in ("lock_migrations", "try_lock_migrations")
    if re.search(r"\b(now|clock_timestamp|statement_timestamp|random|gen_random_uuid)\(\)", body):
        assert file.stem in READS_THE_CLOCK


@pytest.mark.parametrize("file", STATEMENTS, ids=lambda file: file.stem)
def test_a_statement_holds_nothing_that_citus_refuses_by_its_manual(file: Path) -> None:
    body = "\n".join(line for line in file.read_text().splitlines() if not line.startswith("--"))
    spread = {*DISTRIBUTED, *REFERENCE}
    changes = spread & set(re.findall(r"\b(?:INSERT INTO|UPDATE|DELETE FROM) (\w+)", body))
    if changes:
        assert not re.search(r"\b(clock_timestamp|random|gen_random_uuid)\(\)", body), "volatile"
        assert not re.search(r"(?i)coalesce\([^()]*\b(now|statement_timestamp)\(\)", body), "stable in COALESCE"
        assert not re.search(r"DO UPDATE(?:(?!RETURNING)[^;])*\bSELECT\b", body), "a subquery for the conflict"
    if re.search(r"FOR (NO KEY )?UPDATE", body) and re.search(rf"\b(FROM|JOIN) ({'|'.join(DISTRIBUTED)})\b", body):
        assert re.search(r"list_id = \$", body), "locks rows of several lists"


def test_the_docs_of_citus_name_tables_and_statements_that_exist() -> None:
    text = (PACKAGE.parent / "docs" / "scaling.md").read_text()
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", text.partition("## Citus")[2]))
    assert named <= {file.stem for file in STATEMENTS} | {*DISTRIBUTED, *REFERENCE, *LOCAL} | {"list_id"}


def test_every_statement_is_used_and_every_use_has_its_statement() -> None:
    source = "\n".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    stems = {file.stem for file in STATEMENTS}
    assert {name for name in stems if f'"{name}"' not in source} == set()
    assert {name for name in re.findall(r'sql\("(\w+)"\)', source) if name not in stems} == set()


def test_no_statement_is_put_together_from_strings() -> None:
    for path in PACKAGE.rglob("*.py"):
        found = re.search(r"""["'](SELECT [a-z]|INSERT INTO|UPDATE [a-z]+ SET|DELETE FROM)""", path.read_text())
        assert found is None, f"{path.name}: {found}"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE inventory SET held = available_stock + 1",
        "UPDATE inventory SET available_stock = total_stock + 1",
        "UPDATE inventory SET waiting = -1",
        "UPDATE entries SET status = 'ready'",
        "UPDATE entries SET status = 'left'",
        "UPDATE entries SET tickets_held = 1",
        "UPDATE entries SET tickets_minimum = tickets_wanted + 1",
        "UPDATE entries SET user_id = NULL",
        "UPDATE entries SET number = number + 1 WHERE number = 1",
        "INSERT INTO entries (list_id, number, user_id, status, tickets_wanted, tickets_minimum, rank, joined_at)"
        " SELECT list_id, 9, user_id, 'waiting', 1, 1, 9, now() FROM entries WHERE number = 1",
        "UPDATE entries SET rank = 2000000 WHERE number = 1",
        "UPDATE inventory SET quiet_from = '22:00'",
        "UPDATE inventory SET quiet_from = '22:00', quiet_until = '24:00'",
        "UPDATE inventory SET quiet_from = '22:00', quiet_until = '22:00'",
        "UPDATE inventory SET reminder_minutes = 0",
        "UPDATE inventory SET join_challenge = 'sometimes'",
        "UPDATE events SET max_places_per_person = 0",
        "INSERT INTO contacts (list_id, number) SELECT list_id, 9 FROM inventory",
        "INSERT INTO outbox (list_id, notice_id, organization_id, type, status, created_at, due_at)"
        " SELECT list_id, list_id, 'o', 'ready', 'sent', now(), now() FROM inventory",
        "UPDATE signing_keys SET purpose = 'other'",
        "INSERT INTO webhooks (webhook_id, organization_id, url, description, types, created_at, disabled_at)"
        " VALUES ('wh', 'o', 'u', '', '{}', now(), now())",
        "DELETE FROM inventory",
        "DELETE FROM offers",
    ],
)
async def test_the_database_defends_the_truth(lists: Lists, statement: str) -> None:
    await lists.join("ada")
    await lists.join("bob")
    async with connection(lists.pool) as acquired:
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await acquired.execute(statement)
