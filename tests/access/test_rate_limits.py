"""The rate limits of users, API keys, addresses and networks."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import ip_network
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from tests.support.shop import LIST, Shop, problem
from waiting_list.access.api_keys import Scope, create_api_key
from waiting_list.access.rate_limits import Limit, Limits, ModestCallers
from waiting_list.access.user_tokens import User
from waiting_list.app import create_app
from waiting_list.postgres.pool import Pool, connection
from waiting_list.postgres.statements import sql
from waiting_list.problems import RateLimited
from waiting_list.settings import Settings

ENTRY = f"/v1/user/waiting-lists/{LIST}/entry"


def limits(pool: Pool, **settings: int) -> Limits:
    none = {name: 0 for name in Settings.model_fields if name.endswith("_per_minute")}
    return Limits(pool, Settings.model_validate(none | settings))


def modest(limit: int, *, processes: int) -> int:
    """How many joins at once the processes grant beyond a limit, because the database does not count them."""
    return processes * (limit // 8)


async def granted(joins: Any) -> int:
    """Return how many of these joins were not refused."""
    answers = await asyncio.gather(*joins, return_exceptions=True)
    assert all(one is None or not isinstance(one, Exception) or isinstance(one, RateLimited) for one in answers)
    return sum(not isinstance(one, RateLimited) for one in answers)


async def test_joins_are_limited_over_all_processes_together(pool: Pool) -> None:
    processes = [limits(pool, user_joins_per_minute=20) for _ in range(4)]
    joins = [one.join("org_1", user, None) for one in processes for _ in range(12) for user in ("ada", "bob")]
    assert 40 <= await granted(joins) <= 2 * (20 + modest(20, processes=4))
    # Each process has counted them as more than modest, so it asks the database about each.
    assert await granted(one.join("org_1", "ada", None) for one in processes) == 0
    # Another user may; so may the same name of another organization.
    assert await granted([processes[0].join("org_1", "eve", None), processes[1].join("org_2", "ada", None)]) == 2


async def test_joins_from_one_address_are_limited_whoever_joins(pool: Pool) -> None:
    processes = [limits(pool, address_joins_per_minute=15) for _ in range(3)]
    joins = [one.join("org_1", f"u{n}-{p}", "203.0.113.7") for p, one in enumerate(processes) for n in range(10)]
    assert 15 <= await granted(joins) <= 15 + modest(15, processes=3)
    assert await granted([processes[0].join("org_1", "u1", "203.0.113.8")]) == 1
    # One IPv6 subscriber has a whole network of addresses.
    joins = [processes[n % 3].join("org_1", f"v{n}", f"2001:db8:1:2::{n:x}") for n in range(40)]
    assert 15 <= await granted(joins) <= 15 + modest(15, processes=3)
    assert await granted([processes[0].join("org_1", "v1", "2001:db8:1:3::1")]) == 1
    # Written as IPv6, it is the same IPv4 address.
    assert await granted([processes[0].join("org_1", "w", "::ffff:203.0.113.7")]) == 0


def spread(network: str, step: int) -> Callable[[int], str]:
    """Return a function that numbers addresses of a network, with this distance between them."""
    first = ip_network(network).network_address
    return lambda number: str(first + number * step)


@pytest.mark.parametrize(
    ("network", "step", "times"),
    [
        ("203.0.113.0/24", 1, 4),  # every address of a /24
        ("2001:db8:1::/48", 2**64, 4),  # a /64 for each join, as the owner of a /48 can
        ("2001:db8::/32", 2**80, 64),  # a /48 for each join, as the owner of a /32 can
    ],
)
async def test_joins_from_a_network_are_limited_however_many_addresses_they_come_from(
    pool: Pool, network: str, step: int, times: int
) -> None:
    processes = [limits(pool, address_joins_per_minute=2) for _ in range(2)]
    address, began = spread(network, step), time.monotonic()
    joins = [processes[n % 2].join("org_1", f"u{n}", address(n)) for n in range(min(256, times * 4))]
    granted_joins, most = await granted(joins), 2 * times
    back = most * (time.monotonic() - began) / 60
    assert most <= granted_joins <= most + modest(most, processes=2) + back + 1
    # A network beside it is another's.
    beside = str(ip_network(network).network_address + ip_network(network).num_addresses)
    assert await granted([processes[0].join("org_1", "v", beside)]) == 1


async def test_one_address_that_is_refused_uses_up_nothing_of_its_network(pool: Pool) -> None:
    # So many processes that each lets some through to the database: together more than the network may do.
    processes = [limits(pool, address_joins_per_minute=4) for _ in range(10)]
    joins = [one.join("org_1", f"u{n}-{p}", "203.0.113.7") for p, one in enumerate(processes) for n in range(4)]
    assert await granted(joins) == 4
    neighbours = [processes[n % 10].join("org_1", f"v{n}", f"203.0.113.{10 + n}") for n in range(40)]
    assert 4 * 4 - 4 <= await granted(neighbours) <= 4 * 4 - 4 + modest(4 * 4, processes=10)


async def test_a_minutes_worth_of_joins_cannot_be_had_in_a_moment(pool: Pool) -> None:
    processes = [Limits(pool, Settings()) for _ in range(3)]
    began = time.monotonic()
    joins = [one.join("org_1", f"u{n}-{p}", "203.0.113.7") for p, one in enumerate(processes) for n in range(417)]
    # A hundred at once, then twenty a second.
    most = 100 + modest(100, processes=3)
    assert 100 <= await granted(joins) <= most + 20 * (time.monotonic() - began) + 1


async def test_modest_callers_cost_no_query(pool: Pool) -> None:
    asked = 0

    class Counted:
        def acquire(self, **given: Any) -> Any:
            nonlocal asked
            asked += 1
            return pool.acquire(**given)

    one = Limits(cast(Pool, Counted()), Settings())
    crowd = [one.join("org_1", f"u{n}", f"203.{n}.113.7") for n in range(200)]
    assert (await granted(crowd), asked) == (200, 0)
    assert (await granted([one.join("org_1", "ada", None) for _ in range(15)]), asked) == (15, 0)
    assert (await granted([one.join("org_1", "ada", None)]), asked) == (1, 1)
    assert (await granted([one.join("org_1", "ada", None)]), asked) == (1, 2)


@given(st.lists(st.floats(0, 40)), st.integers(0, 40), st.integers(1, 600))
def test_no_more_than_an_eighth_of_a_limit_is_modest(pauses: list[float], at_once: int, quantity: int) -> None:
    limit, callers, now = Limit("joins", quantity, at_once), ModestCallers(), 1000.0
    counted = []
    for pause in pauses:
        now += pause
        if callers.count(limit, "ada", now):
            counted.append(now)
    for first, began in enumerate(counted):
        for number, ended in enumerate(counted[first:], 1):
            assert number <= at_once // 8 + (ended - began) * quantity / 8 / 60 + 1e-3
    # After a rest the whole share is there again.
    later, share = now + at_once * 60 / quantity, at_once // 8
    assert [callers.count(limit, "ada", later) for _ in range(share + 1)] == [True] * share + [False]


def test_a_caller_who_goes_on_asking_for_too_much_is_never_modest_again() -> None:
    limit, callers = Limit("joins", 60, 16), ModestCallers()
    assert [callers.count(limit, "ada", 100.0) for _ in range(3)] == [True, True, False]
    # A modest share regains a join after eight seconds without one.
    assert [callers.count(limit, "ada", 100.0 + 7 * turn) for turn in range(1, 9)] == [False] * 8
    assert callers.count(limit, "ada", 156.0 + 8)


def test_callers_that_a_process_cannot_remember_are_not_modest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waiting_list.access.rate_limits._CALLERS_KEPT", 3)
    limit, callers = Limit("joins", 60, 8), ModestCallers()
    assert [callers.count(limit, f"u{n}", 100.0) for n in range(5)] == [True] * 3 + [False] * 2
    # Those whose share is whole again make room.
    assert [callers.count(limit, f"v{n}", 108.0) for n in range(5)] == [True] * 3 + [False] * 2


async def test_a_caller_is_forgotten_when_others_have_asked_since(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waiting_list.access.rate_limits._CALLERS_KEPT", 3)
    one = limits(pool, key_requests_per_minute=1)
    one.request_of_key("busy")
    for number in range(5):
        one.request_of_key(f"k{number}")
        with pytest.raises(RateLimited):
            one.request_of_key("busy")  # a caller that goes on asking is not forgotten
    assert one.request_of_key("k0") is not None
    assert len(one._full_at) == 3


@pytest.mark.parametrize(
    "address", [None, "", "testclient", "127.0.0.1", "::1", "10.1.2.3", "192.168.1.1", "fd00::1"]
)
async def test_an_address_that_is_not_public_is_nobodys(pool: Pool, address: str | None) -> None:
    one = limits(pool, address_requests_per_minute=2, address_joins_per_minute=2)
    assert [one.request_from(address) for _ in range(10)] == [None] * 10
    assert await granted([one.join("org_1", "ada", address) for _ in range(10)]) == 10


@pytest.mark.parametrize("quantity", [1, 7, 60, 120, 999])
async def test_exactly_the_limit_is_granted_at_once_and_the_rest_evenly(pool: Pool, quantity: int) -> None:
    began = time.monotonic()
    processes = [limits(pool, user_joins_per_minute=quantity) for _ in range(2)]
    joins = [one.join("org_1", "ada", None) for one in processes for _ in range(quantity)]
    first = await granted(joins)
    # While they were asked for, some came back.
    most = quantity + modest(quantity, processes=2)
    assert quantity <= first <= most + (time.monotonic() - began) * quantity / 60 + 1
    other = limits(pool, user_joins_per_minute=quantity)
    more = modest(quantity, processes=1) + 1
    answers = await asyncio.gather(
        *(other.join("org_1", "ada", None) for _ in range(more)), return_exceptions=True
    )
    refusals = [one for one in answers if isinstance(one, Exception)]
    for refused in refusals:
        assert isinstance(refused, RateLimited)
        assert 1 <= int(refused.headers["Retry-After"]) <= max(1, math.ceil(60 / quantity))
    assert refusals or quantity == 999


async def test_what_was_taken_comes_back_evenly(pool: Pool) -> None:
    one = limits(pool, user_joins_per_minute=6)
    assert await granted(one.join("org_1", "ada", None) for _ in range(9)) == 6
    async with connection(pool) as acquired:
        await acquired.execute(
            "UPDATE allowances SET full_at = to_timestamp(extract(epoch FROM full_at - 'epoch'::timestamptz) - 21)"
        )
    another = limits(pool, user_joins_per_minute=6)
    assert await granted(another.join("org_1", "ada", None) for _ in range(9)) == 2


async def test_a_process_counts_requests_by_itself_and_says_what_is_left(pool: Pool) -> None:
    one = limits(pool, user_requests_per_minute=10, key_requests_per_minute=3)
    left = [one.request_of_user("org_1", "ada") for _ in range(10)]
    assert [allowance and allowance.remaining for allowance in left] == list(range(9, -1, -1))
    with pytest.raises(RateLimited):
        one.request_of_user("org_1", "ada")
    assert one.request_of_user("org_1", "bob") is not None
    assert await granted(asyncio.to_thread(one.request_of_key, "k1") for _ in range(5)) == 3
    assert limits(pool).request_of_user("org_1", "ada") is None


async def test_the_database_is_told_no_name_and_no_address(pool: Pool) -> None:
    one = limits(pool, user_joins_per_minute=5, address_joins_per_minute=5)
    # The network around the address has a modest share of two.
    assert await granted(one.join("org_1", "ada", "203.0.113.7") for _ in range(3)) == 3
    async with connection(pool) as acquired:
        rows = await acquired.fetch("SELECT caller FROM allowances")
        assert [len(row["caller"]) for row in rows] == [16] * 3  # the user, the address, the network around it
        await acquired.execute(sql("delete_old_allowances"))
        assert await acquired.fetchval("SELECT count(*) FROM allowances") == 3
        await acquired.execute(
            "UPDATE allowances"
            " SET full_at = to_timestamp(extract(epoch FROM full_at - 'epoch'::timestamptz) - 180)"
        )
        await acquired.execute(sql("delete_old_allowances"))
        assert await acquired.fetchval("SELECT count(*) FROM allowances") == 0


async def test_many_callers_at_once_in_many_processes_do_not_wait_for_each_other(pool: Pool) -> None:
    processes = [limits(pool, user_joins_per_minute=7, address_joins_per_minute=14_400) for _ in range(4)]
    users = [f"u{number}" for number in range(300)]
    joins = [
        one.join("org_1", user, "203.0.113.7")
        for turn, one in enumerate(processes)
        for user in (users if turn % 2 else reversed(users))
    ]
    assert await asyncio.wait_for(granted(joins), 20) == 1200


@asynccontextmanager
async def served(dsn: str, **settings: Any) -> AsyncIterator[Shop]:
    """A process behind a proxy that it trusts."""
    config = Settings.model_validate({"database_url": SecretStr(dsn), "worker": False, **settings})
    app = create_app(config)
    behind = ProxyHeadersMiddleware(app, trusted_hosts=config.trusted_proxies)  # type: ignore[arg-type]
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        transport = httpx.ASGITransport(app=behind, client=("127.0.0.1", 50000))  # type: ignore[arg-type]
        http = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://test"))
        yield Shop(http, "")


async def token(app: FastAPI, user_id: str) -> dict[str, str]:
    minted, _ = await app.state.service.user_tokens.mint(User(user_id, "org_1"), expires_in=600)
    return {"Authorization": f"Bearer {minted}"}


@pytest.mark.parametrize("quantity", [6, 8])
async def test_a_user_who_joins_and_leaves_all_the_time_is_slowed_down_in_every_process(
    app: FastAPI, shop: Shop, dsn: str, quantity: int
) -> None:
    await shop.stock()
    ada, bob = await token(app, "ada"), await token(app, "bob")
    limit = {"user_joins_per_minute": quantity}
    async with served(dsn, **limit) as one, served(dsn, **limit) as other:
        statuses: Counter[int] = Counter()
        for turn in range(quantity + 6):
            http = (one, other)[turn % 2].http
            joined = await http.post(ENTRY, headers=ada, json={"tickets_wanted": 1})
            statuses[joined.status_code] += 1
            if joined.status_code == 201:
                assert joined.headers["RateLimit-Policy"] == f'"user-joins";q={quantity};w=60'
                assert joined.headers["RateLimit"].startswith('"user-joins";r=')
            await http.delete(ENTRY, headers=ada)
        most = quantity + modest(quantity, processes=2)
        assert statuses == {201: most, 429: quantity + 6 - most}
        refused = await one.http.post(ENTRY, headers=ada, json={"tickets_wanted": 1})
        problem(refused, 429, "rate_limited")
        assert 1 <= int(refused.headers["Retry-After"]) <= 10
        # Their other calls, and other users, are as before.
        assert (await one.http.get("/v1/user/entries", headers=ada)).status_code == 200
        assert (await one.http.post(ENTRY, headers=bob, json={"tickets_wanted": 1})).status_code == 201


async def test_an_address_is_what_a_trusted_proxy_says_and_nothing_that_it_passes_on(dsn: str) -> None:
    async with served(dsn, address_requests_per_minute=5) as shop:

        async def status(forwarded: str) -> int:
            answer = await shop.http.get("/v1/user/events", headers={"X-Forwarded-For": forwarded})
            return answer.status_code

        # A client may send whatever it likes in front; the proxy adds where it comes from.
        spoofed = [await status(f"198.51.100.{number}, 203.0.113.7") for number in range(8)]
        assert Counter(spoofed) == {200: 5, 429: 3}
        assert await status("203.0.113.8") == 200
        # The proxy itself, for health checks, is nobody in particular.
        assert Counter([await status("127.0.0.1") for _ in range(8)]) == {200: 8}


async def test_guessing_of_tokens_and_keys_is_limited_by_address(dsn: str) -> None:
    async with served(dsn, address_requests_per_minute=5, address_sign_ins_per_minute=3) as shop:

        async def guess(number: int) -> int:
            headers = {"X-Forwarded-For": "203.0.113.7", "Authorization": f"Bearer wl_{number:012}_x"}
            return (await shop.http.get("/v1/organizer/events", headers=headers)).status_code

        assert Counter([await guess(number) for number in range(8)]) == {401: 5, 429: 3}

        async def sign_in(number: int) -> int:
            headers = {"X-Forwarded-For": "203.0.113.9"}
            form = {"api_key": f"wl_{number:012}_x"}
            return (await shop.http.post("/dashboard/sign-in", headers=headers, data=form)).status_code

        statuses = [await sign_in(number) for number in range(5)]
        assert statuses == [401, 401, 401, 429, 429]


@pytest.mark.parametrize("peer", ["127.0.0.1", "10.1.2.3"])
async def test_guessing_from_a_private_address_is_limited_and_an_office_behind_one_can_work(
    dsn: str, peer: str
) -> None:
    async with served(dsn, address_sign_ins_per_minute=1) as shop:
        headers = {"X-Forwarded-For": peer}

        async def sign_in(number: int) -> int:
            form = {"api_key": f"wl_{number:012}_x"}
            return (await shop.http.post("/dashboard/sign-in", headers=headers, data=form)).status_code

        assert Counter([await sign_in(number) for number in range(12)]) == {401: 10, 429: 2}
        # Its other calls are not counted.
        assert (await shop.http.get("/v1/user/events", headers=headers)).status_code == 200


async def test_a_crowd_with_tokens_of_its_shop_may_sign_in_behind_one_address_and_guesses_are_limited(
    app: FastAPI, dsn: str
) -> None:
    async with served(dsn, address_sign_ins_per_minute=3) as shop:
        headers = {"X-Forwarded-For": "203.0.113.7"}

        async def sign_in(sent: str) -> int:
            answer = await shop.http.post("/sign-in/with-token", headers=headers, data={"token": sent})
            return answer.status_code

        tokens = [(await token(app, f"u{n}"))["Authorization"].removeprefix("Bearer ") for n in range(30)]
        assert Counter([await sign_in(one) for one in tokens]) == {303: 30}
        assert [await sign_in("guessed") for _ in range(5)] == [401, 401, 401, 429, 429]
        assert await sign_in(tokens[0]) == 303


async def test_an_answer_says_how_many_are_granted_at_once(app: FastAPI, shop: Shop, dsn: str) -> None:
    await shop.stock()
    headers = await token(app, "ada") | {"X-Forwarded-For": "203.0.113.7"}
    async with served(dsn, user_joins_per_minute=0, address_joins_per_minute=1200) as one:
        joined = await one.http.post(ENTRY, headers=headers, json={"tickets_wanted": 1})
    assert joined.headers["RateLimit-Policy"] == '"address-joins";q=100;w=5'
    assert joined.headers["RateLimit"] == '"address-joins";r=99;t=1'


async def test_a_private_link_that_is_asked_for_too_often_says_so(dsn: str, pool: Pool) -> None:
    async with served(dsn, address_requests_per_minute=1) as shop:
        made, _ = await create_api_key(pool, "org_1", name="shop", scopes=[Scope.ADMIN])
        shop.key = made.key
        await shop.stock()
        await shop.join("ada")
        link = (await shop.made("POST", f"/waiting-lists/{LIST}/entries/ada/link"))["url"].rpartition("/e/")[2]
        headers = {"X-Forwarded-For": "203.0.113.7", "Accept-Language": "en"}
        first, refused = [await shop.http.get(f"/e/{link}", headers=headers) for _ in range(2)]
        assert (first.status_code, refused.status_code) == (200, 429)
        assert int(refused.headers["Retry-After"]) >= 1


async def test_a_page_that_is_refused_is_a_page_and_says_when_to_come_back(dsn: str) -> None:
    async with served(dsn, address_requests_per_minute=1) as shop:
        headers = {"X-Forwarded-For": "203.0.113.7", "Accept-Language": "en"}
        assert (await shop.http.get("/", headers=headers)).status_code == 200
        refused = await shop.http.get("/", headers=headers)
        assert (refused.status_code, refused.headers["content-type"]) == (429, "text/html; charset=utf-8")
        assert int(refused.headers["Retry-After"]) >= 1
