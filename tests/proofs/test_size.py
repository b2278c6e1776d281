"""Pages and reading calls at size: none reads more blocks when there is four times the data."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
from pydantic import SecretStr

from bench.crowd import LONG, fill_lists, fill_long
from bench.fill import fill
from bench.visits import FILES, visits
from tests.support.databases import Databases, connected, on
from tests.support.lists import Lists
from waiting_list.access.api_keys import create_api_key
from waiting_list.access.scopes import Scope
from waiting_list.app import create_app
from waiting_list.lists.counts import count_changes
from waiting_list.lists.models import ListKey, Status
from waiting_list.page_addresses import of_list
from waiting_list.postgres.pool import Pool, connection
from waiting_list.settings import Settings

ORGANIZATION = "bench"
LISTS, ENTRIES = 400, 3_000
TIMES_MORE = 4
AT_MOST = 2
"""How many times as many blocks a page may read of four times the data: an index may have a level more, and
another plan may be the better one."""
FEW = 400
"""Blocks that any page may read, because so few cost nothing."""
READS_ALL = {
    "/dashboard?text=event-00": "searches all titles of the organization",
    "/dashboard?text=no+such": "searches all titles of the organization",
    "/dashboard": "adds up how far all lists are, and looks for those that need an organizer",
    "/dashboard?past=": "adds up how far all lists are, and looks for those that need an organizer",
    "/dashboard?event_id=event-long": "adds up how far all lists are",
    "/dashboard?wanted=": "looks for the lists in which people wait",
    "/dashboard/people/import": "adds up how far all lists are",
    "/dashboard/people/import?text=event-00": "searches all titles of the organization",
    "/dashboard/statistics": "adds up the counted periods of all lists",
    "/dashboard/statistics.csv": "adds up the counted periods of all lists",
    "/dashboard/events": "orders all events by their next date",
    "/dashboard/events?show=all": "orders all events by their next date",
    "/dashboard/events?show=past": "orders all events by their next date",
    "/dashboard/events?text=event-00": "orders all events by their next date",
    "/dashboard/waiting-lists/…/history?actor=organizer": "looks at up to 20,000 changes for those of one actor",
    "/v1/organizer/entries?status=ready": "looks for the lists with such an entry",
    "/v1/organizer/entries?left_reason=removed": "looks for the lists with such an entry",
    "/v1/organizer/waiting-lists?status=ready": "looks for the lists with such an entry",
    "/v1/organizer/waiting-lists?user_id=u7": "looks for the lists with such an entry",
    "/v1/organizer/waiting-lists/…/lookalikes": "compares all entries with each other",
    "/dashboard/waiting-lists/…/lookalikes": "compares all entries with each other",
    "/dashboard/waiting-lists/…": "computes a hundred places, each from up to a hundred segments",
    "/dashboard/waiting-lists/…?status=waiting": "computes a hundred places, each from up to a hundred segments",
    "/v1/user/waiting-lists/…/entry": "adds up the promotions of two weeks, at most every ten seconds",
    "/e/{token}": "adds up the promotions of two weeks for the estimate",
    "/v1/organizer/changes": "adds up how far the lists have come",
    "/v1/organizer/changes?after=now": "adds up how far the lists have come",
    "/v1/organizer/changes?limit=500": "adds up how far the lists have come",
    "/v1/organizer/users/{user_id}/export": "collects all that is kept of a person",
    "/v1/user/waiting-lists/…/ledger": "reads all changes of the list",
    "/metrics": "adds up the counts of all lists",
    "/health/ready": "adds up the counts of all lists",
}
"""Pages and calls that read more of more data, and why."""
_BLOCKS = """
SELECT sum(heap_blks_read + heap_blks_hit + coalesce(idx_blks_read + idx_blks_hit, 0))::bigint
FROM pg_statio_user_tables
"""


async def test_no_page_and_no_call_reads_more_of_more_data(databases: Databases, server: str) -> None:
    found = []
    for times in (1, TIMES_MORE):
        async with databases.lent() as name:
            found.append(await blocks_of_visits(on(server, name), LISTS * times, ENTRIES * times))
    few, many = found
    more = {name: (few[name], many[name]) for name in few if many[name] > max(FEW, AT_MOST * few[name])}
    unexplained = {name: blocks for name, blocks in more.items() if name not in READS_ALL}
    assert unexplained == {}, "\n".join(map(str, sorted(unexplained.items())))
    assert READS_ALL.keys() - few.keys() == set()


async def test_a_promotion_reads_no_more_behind_more_places_that_are_paused_or_set_aside(lists: Lists) -> None:
    # The connection plans its statements now, for tables that are as good as empty.
    await lists.join("ada", 1)
    await lists.pause("ada")
    await lists.add_stock(1)
    found = []
    for times in (1, 40):
        aside = replace(lists, key=ListKey(f"off_{times}_times", "rep_2"))
        await lists.add_list(aside.key)
        list_id, waiting = aside.key.list_id, 300 * times
        until = lists.now + timedelta(days=1)
        async with connection(lists.pool) as acquired:
            await fill(acquired, list_id, ready=0, waiting=waiting, joined_at=lists.now, ready_until=until)
            await acquired.execute(
                "UPDATE entries SET paused_at = CASE number % 2 WHEN 0 THEN joined_at END,"
                " set_aside_at = CASE number % 2 WHEN 1 THEN joined_at END WHERE list_id = $1 AND number < $2",
                list_id,
                waiting,
            )
            await acquired.execute("VACUUM entries")
        before = await read_blocks(lists.pool)
        await aside.add_stock(2)
        found.append(await read_blocks(lists.pool) - before)
        assert (await aside.entry(f"u{waiting}")).status is Status.READY
    few, many = found
    assert many <= few + 20, found


async def blocks_of_visits(dsn: str, lists: int, entries: int) -> dict[str, int]:
    """Fill a database, visit every address, and return how many blocks each visit reads."""
    # Few connections, because each tells the server its figures after each visit.
    app = create_app(Settings(database_url=SecretStr(dsn), worker=False, pool_size=2))
    async with app.router.lifespan_context(app), connected(dsn) as watching:
        pool, now = app.state.service.pool, datetime.now(UTC)
        await fill_lists(watching, ORGANIZATION, lists=lists, people=10, now=now)
        await fill_long(watching, ORGANIZATION, entries=entries, ready=20, notices=entries // 4, now=now, days=1)
        while await count_changes(pool):
            pass
        # The changes of the long list get their leaves now. CLUSTER takes away what their rows were before, and
        # puts them in the order in which the service writes them.
        await app.state.service.checkpoints.sign(LONG.list_id)
        await watching.execute("CLUSTER history USING history_pkey")
        await watching.execute("VACUUM ANALYZE")
        # It would tell the server some ten seconds later what it has read, beside some visit.
        await watching.execute("SELECT pg_stat_force_next_flush()")
        await watching.execute("SELECT 1")
        created, _ = await create_api_key(pool, ORGANIZATION, name="tests", scopes=[Scope.ADMIN])
        transport = httpx.ASGITransport(app=app)
        user = f"u{entries // 2 + 1}"
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            token, link = await sign_in(client, created.key, user)
            blocks: dict[str, int] = {}
            for visit in visits(app):
                more = {"token": link} if "/e/" in visit.route else {}
                path = visit.path(user_id=user, webhook_id="none", **more)
                key = created.key if visit.who == "organizer" else token
                headers = {} if visit.page else {"Authorization": f"Bearer {key}"}
                if visit.route in FILES:
                    continue
                before = await read_blocks(pool)
                answer = await client.get(path, headers=headers)
                assert answer.status_code < 500, (path, answer.text)
                blocks[visit.name] = await read_blocks(pool) - before
            return blocks


async def read_blocks(pool: Pool) -> int:
    """Return how many blocks of tables and indexes all connections have read so far, from disk or memory."""
    async with connection(pool) as one, connection(pool) as other:
        for acquired in (one, other):
            await acquired.execute("SELECT pg_stat_force_next_flush()")
            await acquired.execute("SELECT 1")
        blocks: int = await one.fetchval(_BLOCKS)
        return blocks


async def sign_in(client: httpx.AsyncClient, key: str, user: str) -> tuple[str, str]:
    """Sign the client in as the organizer and as the fan; return a token and a private link of the fan."""
    headers = {"Authorization": f"Bearer {key}"}
    await client.post("/dashboard/sign-in", data={"api_key": key, "next": "/dashboard"})
    minted = await client.post("/v1/organizer/user-tokens", headers=headers, json={"user_id": user})
    token = minted.json()["token"]
    await client.post("/sign-in/with-token", data={"token": token, "next": "/"})
    address = of_list(
        "/v1/organizer/waiting-lists/{offer_id}/{representation_id}/entries/{user_id}/link", LONG, user_id=user
    )
    made = await client.post(address, headers=headers, json={})
    return token, made.json()["url"].rpartition("/e/")[2]
