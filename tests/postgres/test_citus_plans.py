"""What a real Citus makes of every statement: `make test-citus` (docs/citus.md)."""

import re
from uuid import UUID

import asyncpg
import pytest

from tests.proofs.test_sql_rules import INSERTS_BY_PARTS, NOT_ON_CITUS, STATEMENTS
from tests.support.citus import on_citus
from waiting_list.postgres.pool import Connection, Pool, connection

pytestmark = pytest.mark.skipif(not on_citus(), reason="CITUS_URL names no Citus")

_EXPLAINED = re.compile(r"(?:SELECT|WITH|INSERT|UPDATE|DELETE)\b")
_ALL = [one for one in STATEMENTS if _EXPLAINED.match(re.sub(r"^--.*\n", "", one.read_text(), flags=re.M))]
_OF_ONE_LIST = [one for one in _ALL if "list_id = $1" in one.read_text() and one.stem not in NOT_ON_CITUS]
_VALUES = {
    "uuid": str(UUID(int=1)),
    "bool": "true",
    "bytea": "x",
    "jsonb": "{}",
    "interval": "1 day",
    "timestamptz": "2026-06-01 20:00Z",
    "time": "01:00",
}
"""A value of each type of a parameter; of others: 1."""


async def _explained(acquired: Connection, text: str) -> str:
    """The plan of a statement, for values that stand in its text: EXPLAIN with parameters fails for an INSERT."""
    prepared = await acquired.prepare(text)
    literals = []
    for parameter in prepared.get_parameters():
        one = _VALUES.get(parameter.name.removesuffix("[]"), "1")
        value = f'{{"{one}"}}' if parameter.name.endswith("[]") else one
        literals.append(f"'{value}'::{parameter.name}")
    filled = re.sub(r"\$(\d+)", lambda found: literals[int(found[1]) - 1], text)
    rows = await acquired.fetch(f"EXPLAIN (VERBOSE, COSTS OFF) {filled}")
    return "\n".join(row[0] for row in rows)


def _asks_one_node(name: str, plan: str) -> bool:
    tasks = re.findall(r"Task Count: (\d+)", plan)
    if name in INSERTS_BY_PARTS:
        return set(tasks) == {"1"}
    return tasks == ["1"] and "Subplan" not in plan and "INSERT ... SELECT" not in plan


async def test_each_statement_about_one_list_asks_the_one_node_of_the_list(pool: Pool) -> None:
    async with connection(pool) as acquired:
        plans = {file.stem: await _explained(acquired, file.read_text()) for file in _OF_ONE_LIST}
    assert {name: plan for name, plan in plans.items() if not _asks_one_node(name, plan)} == {}
    assert len(plans) > 50


async def test_citus_plans_every_statement_that_it_gets(pool: Pool) -> None:
    refused = {}
    async with connection(pool) as acquired:
        for file in _ALL:
            try:
                await _explained(acquired, file.read_text())
            except asyncpg.FeatureNotSupportedError as error:
                refused[file.stem] = str(error)
            except asyncpg.PostgresError:  # of the values
                continue
    assert refused.keys() <= NOT_ON_CITUS, refused
