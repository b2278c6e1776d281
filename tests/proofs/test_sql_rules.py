"""The rules of SQL, checked on the catalogue of a migrated database and the text of every statement."""

import re
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

import waiting_list
from ops.list_views import with_views
from tests.support.lists import Lists
from waiting_list.postgres.citus import DISTRIBUTED, LOCAL, REFERENCE
from waiting_list.postgres.migrate import migrations
from waiting_list.postgres.pool import Pool, connection

PACKAGE = Path(waiting_list.__file__).parent
STATEMENTS = sorted(PACKAGE.rglob("sql/*.sql"))
PER_LIST = set(DISTRIBUTED)
READS_THE_CLOCK = {
    "delete_unshown_images", "insert_image", "touch_event_image", "insert_unused_files", "delete_unused_files",
    "audit_list", "read_lists_to_prune", "read_unanswered",
    "read_locked_list", "read_now", "read_list", "read_due_lists", "read_next_due", "read_upcoming_events",
    "delete_old_idempotency", "insert_first_answer", "insert_api_key", "revoke_api_key", "insert_signing_key",
    "create_schema_migrations", "read_due_notices", "claim_notices", "record_attempts", "give_up_notices",
    "delete_old_notices", "read_webhook_to_call", "webhook_fails", "disable_webhook", "insert_disabled_notices",
    "delete_old_transfers", "read_transfer_of_entry", "read_transfer", "read_transfers",
    "read_alerts", "find_upcoming_events", "read_found_events",
    "read_letter_facts", "read_place", "insert_session", "read_session", "insert_sign_in", "read_sign_in",
    "use_sign_in", "read_api_key", "note_api_key", "rotate_api_key", "take_allowances", "delete_old_allowances",
    "give_back_allowances", "lock_allowances",
    "insert_audit", "read_figures", "read_lists_of_events", "read_sign_outs", "upsert_sign_out",
    "delete_old_sign_outs", "delete_old_visitors", "note_mail", "give_up_letters",
    "note_shared_link", "read_linked_entry",
    "note_session", "note_member", "read_sessions", "insert_member", "remove_member", "forget_members",
    "insert_member_link", "insert_member_letter", "read_member_link", "use_member_link",
    "insert_passkey", "use_passkey", "use_passkey_challenge",
    "read_inventories", "delete_old_told_people", "read_waiting_lists", "read_lists_of_entries", "read_needs",
    "read_pace_window", "read_overview", "delete_old_sessions", "read_organizations", "read_event_overview",
    "read_shown_event", "event_is_under_way", "read_ledger", "insert_ledger_key", "retire_ledger_key",
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


def _query(text: str) -> str:
    """A statement without its comments."""
    return re.sub(r"^ *--.*$", "", text, flags=re.MULTILINE)


def _subqueries(body: str, opening: str) -> list[str]:
    """What is in the parentheses that each match of `opening` begins."""
    found = []
    for match in re.finditer(opening, body):
        depth = 1
        for end in range(match.end(), len(body)):
            depth += {"(": 1, ")": -1}.get(body[end], 0)
            if depth == 0:
                found.append(body[match.end() : end])
                break
    return found


_LISTS_TABLE = rf"\b(?:FROM|JOIN) (?:{'|'.join(DISTRIBUTED)})\b"


def _changes(body: str) -> bool:
    changed = re.findall(r"\b(?:INSERT INTO|UPDATE|DELETE FROM) (\w+)", body)
    return not {*DISTRIBUTED, *REFERENCE, *LOCAL}.isdisjoint(changed)


def _is_of_one_list(body: str) -> bool:
    return "list_id = $1" in body


def _moves_the_clock_into_case(body: str) -> bool:
    sources = _subqueries(body, r"\bFROM \(") if "UPDATE" in body and "CASE" in body else []
    return any("statement_timestamp()" in source and "OFFSET 0" not in source for source in sources)


def _limits_each_of_several_lists(body: str) -> bool:
    sources = [] if _is_of_one_list(body) else _subqueries(body, r"\bLATERAL \(")
    return any(re.search(_LISTS_TABLE, source) and "LIMIT" in source for source in sources)


def _fences_several_lists(body: str) -> bool:
    sources = [] if _is_of_one_list(body) else _subqueries(body, r"\bFROM \(")
    return any(re.search(_LISTS_TABLE, source) and "OFFSET 0" in source for source in sources)


def _inserts_a_union(body: str) -> bool:
    flat = body
    while (shorter := re.sub(r"\([^()]*\)", "", flat)) != flat:
        flat = shorter
    return re.search(rf"INSERT INTO (?:{'|'.join(DISTRIBUTED)})\s+SELECT\b[^;]*\bUNION\b", flat) is not None


# Each was seen on Citus 13.2 or 14.0.
CITUS_REFUSES: dict[str, Callable[[str], object]] = {
    "an element of an array is a value of SET, which crashes the coordinator: UPDATE … FROM unnest": lambda body: (
        _changes(body) and re.search(r"(?:SET|,)\s+\w+ = \(?\$\d+(?:::[\w ]+\[\]\))?\[", body)
    ),
    "Citus passes CASE x WHEN to the node as CASE WHEN x: write CASE WHEN x =": lambda body: (
        _changes(body) and re.search(r"\bCASE \w+(?:\.\w+)? WHEN\b", body)
    ),
    "a function of DO UPDATE SET is not immutable: use excluded": lambda body: (
        _changes(body)
        and re.search(
            r"DO UPDATE(?:(?!WHERE|RETURNING)[^;])*\b(?:now\(\)|(?:clock|statement)_timestamp\(\)|interval\b)",
            body,
        )
    ),
    "an interval is added to a column in UPDATE: to_timestamp(extract(epoch FROM …) + seconds)": lambda body: (
        _changes(body)
        and re.search(r"^\s*UPDATE [^;]*?\bSET(?:(?!WHERE)[^;])*?\b\w\.\w+ [+-] [^,]*\binterval\b", body)
    ),
    "two columns are compared with a subquery in DELETE: USING": lambda body: (
        _changes(body) and re.search(r"DELETE[^;]*\(\w+, \w+\) IN \(\s*SELECT", body)
    ),
    "the planner moves statement_timestamp() from a subquery into CASE: OFFSET 0": _moves_the_clock_into_case,
    "a view in a statement about one list asks all shards: see ops/list_views.py": lambda body: (
        _is_of_one_list(body) and re.search(r"\b(?:FROM|JOIN) (?:shown_entries|uncounted_changes)\b", body)
    ),
    "LIMIT in a lateral subquery over several lists": _limits_each_of_several_lists,
    "OFFSET in a subquery over several lists": _fences_several_lists,
    "a result without columns goes from node to node: write EXISTS (SELECT 1 FROM": lambda body: (
        not _is_of_one_list(body)
        and re.search(rf"^\s*SELECT EXISTS \(\s*SELECT FROM [^)]*\b(?:{'|'.join(DISTRIBUTED)})\b", body)
    ),
    "INSERT has more target columns than expressions: a UNION stands in a subquery": _inserts_a_union,
    "EXISTS about lists in a lateral subquery that sums up dates or events: IN (SELECT": lambda body: (
        not _is_of_one_list(body)
        and re.search(
            r"LATERAL \(\s*SELECT (?:min|max|sum|count)\([^;]*\bEXISTS \(\s*SELECT FROM "
            rf"(?:{'|'.join(DISTRIBUTED)})\b",
            body,
        )
    ),
    "an INSERT … SELECT about one list reads a table of every node, and so asks all nodes": lambda body: (
        _is_of_one_list(body)
        and re.search(
            rf"INSERT INTO (?:{'|'.join(DISTRIBUTED)})\b[^;]*\bSELECT\b[^;]*"
            rf"\b(?:FROM|JOIN) (?:{'|'.join(REFERENCE)})\b",
            body,
        )
    ),
    "a table of the coordinator is changed by what lists have: read that before": lambda body: (
        re.search(rf"\b(?:UPDATE|DELETE FROM|INSERT INTO) (?:{'|'.join(LOCAL)})\b", body)
        and re.search(_LISTS_TABLE, body)
    ),
    "the list of an INSERT … SELECT is a parameter, so the coordinator copies the rows": lambda body: re.search(
        rf"INSERT INTO (?:{'|'.join(DISTRIBUTED)})\b[^;]*?\bSELECT \$1(?:::uuid)?,", body
    ),
}
NOT_ON_CITUS = {"read_entries", "read_entries_in_number_order", "write_changes"}
"""Statements that the service does not use on Citus."""
INSERTS_BY_PARTS = {"add_counts"}
"""Statements about one list that insert in a WITH. Citus runs them by way of all nodes, so only the worker may."""
OF_NO_LIST = {"insert_disabled_notices", "insert_event_notices"}
"""Statements that insert rows of an organization, which has a list id and no row of the inventory."""


def citus_refuses(text: str) -> list[str]:
    """Why a statement fails on Citus, or asks more nodes than the one of its list."""
    return [reason for reason, is_refused in CITUS_REFUSES.items() if is_refused(_query(text))]


@pytest.mark.parametrize("file", STATEMENTS, ids=lambda file: file.stem)
def test_a_statement_holds_nothing_that_failed_on_a_real_citus(file: Path) -> None:
    refused = citus_refuses(file.read_text())
    assert bool(refused) == (file.stem in NOT_ON_CITUS | INSERTS_BY_PARTS | OF_NO_LIST), refused


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE contacts c SET link_hash = ($4::bytea[])[array_position($2::bigint[], c.number)]",
        "UPDATE outbox o SET due_at = $2, tries = CASE o.status WHEN 'pending' THEN 1 ELSE 0 END",
        "INSERT INTO mail_seen (is_only, seen_at) VALUES (true, statement_timestamp())"
        " ON CONFLICT (is_only) DO UPDATE SET seen_at = statement_timestamp()",
        "INSERT INTO allowances AS a (caller, full_at) SELECT w.caller, $2 FROM unnest($1::bytea[]) AS w (caller)"
        " ON CONFLICT (caller) DO UPDATE SET full_at = a.full_at - excluded.taken * interval '1 minute'",
        "UPDATE allowances a SET full_at = a.asked_at + w.full_in * interval '1 second'"
        " FROM unnest($1::bytea[], $2::float8[]) AS w (caller, full_in) WHERE a.caller = w.caller",
        "DELETE FROM event_visitors WHERE (event_id, user_hash) IN ("
        " SELECT v.event_id, v.user_hash FROM event_visitors v)",
        "UPDATE outbox o SET ended_at = CASE WHEN a.status <> 'pending' THEN a.now END FROM ("
        "SELECT u.status, statement_timestamp() AS now FROM unnest($2::text[]) AS u (status)) AS a",
        "SELECT s.number, s.position FROM shown_entries s WHERE s.list_id = $1 AND s.number = ANY ($2)",
        "SELECT x.number FROM inventory i CROSS JOIN LATERAL (SELECT e.number FROM entries e"
        " WHERE e.list_id = i.list_id ORDER BY e.rank LIMIT $2) AS x WHERE i.organization_id = $1",
        "SELECT i.list_id FROM (SELECT l.list_id FROM inventory l ORDER BY l.list_id OFFSET 0) AS i",
        "SELECT EXISTS (SELECT FROM events e JOIN inventory i ON i.event_id = e.event_id WHERE e.event_id = $1)",
        "INSERT INTO outbox (list_id, webhook_id) SELECT l.list_id, NULL FROM inventory l WHERE l.list_id = $1"
        " UNION ALL SELECT p.list_id, 'push' FROM push_subscriptions p WHERE p.list_id = $1",
        "SELECT n.start FROM events v CROSS JOIN LATERAL (SELECT min(r.starts) AS start FROM representations r"
        " WHERE r.event_id = v.event_id AND EXISTS (SELECT FROM inventory i WHERE i.representation_id ="
        " r.representation_id)) AS n WHERE v.organization_id = $1",
        "INSERT INTO outbox (list_id, webhook_id) SELECT p.list_id, g.gateway_id FROM phones p"
        " JOIN sms_gateways g ON g.organization_id = $2 WHERE p.list_id = $1",
        "DELETE FROM wishes w WHERE w.wish_id = $1 AND NOT EXISTS ("
        "SELECT 1 FROM entries e WHERE e.list_id = ANY (w.lists) AND e.wish_id = w.wish_id)",
        "INSERT INTO traces (list_id, number) SELECT $1, n.number FROM unnest($2::bigint[]) AS n (number)",
    ],
)
def test_what_failed_on_a_real_citus_is_found_in_a_statement(statement: str) -> None:
    assert len(citus_refuses(statement)) == 1


def test_the_views_of_lists_in_statements_are_those_of_the_schema() -> None:
    for file in STATEMENTS:
        assert with_views(file.read_text()) == file.read_text(), f"{file.name}: make generate"


_OLDER_THAN_THE_RULE = 21


def combines_add_constraint(migration: str) -> str | None:
    """The first ALTER TABLE that adds a constraint and does something else, which Citus refuses."""
    for statement in _query(migration).split(";"):
        # Commas in parentheses divide columns, not commands.
        flat = re.sub(r"\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)", "", statement)
        if re.match(r"\s*ALTER TABLE", flat) and "ADD CONSTRAINT" in flat and "," in flat:
            return " ".join(statement.split())
    return None


def test_no_migration_adds_a_constraint_beside_another_command() -> None:
    for migration in migrations():
        found = combines_add_constraint(migration.text)
        assert found is None or migration.version <= _OLDER_THAN_THE_RULE, found
    one = "ALTER TABLE events ADD CONSTRAINT events_of_two UNIQUE (event_id, title)"
    assert combines_add_constraint(one) is None
    assert combines_add_constraint(f"{one}, ADD COLUMN more integer;")
    assert combines_add_constraint(
        "ALTER TABLE events DROP CONSTRAINT old, ADD CONSTRAINT new CHECK (a IN (1, 2));"
    )


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
