"""Signing out everywhere: which tokens it ends, in which processes, and how soon."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import httpx
import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from fastapi import FastAPI

from tests.access.test_authentication import PROVIDER, pem, signed
from tests.lists.test_live import Stream, stream
from tests.proofs.test_plans import steps
from tests.support.credentials import Credentials, credentials
from tests.support.lists import Lists
from tests.support.shop import LIST, ORGANIZATION, Shop, listening, problem
from tests.support.until import until, working
from waiting_list.access import sign_outs
from waiting_list.access.api_keys import Scope, create_api_key
from waiting_list.access.email_sign_in import FAN_SECONDS
from waiting_list.access.sign_outs import KEPT, SignOuts, user_hash
from waiting_list.access.user_tokens import User
from waiting_list.maintenance import Maintenance
from waiting_list.postgres.pool import Pool, connect_pool, connection
from waiting_list.postgres.statements import sql
from waiting_list.problems import Unauthenticated, Unavailable
from waiting_list.settings import Settings

ADA = User("ada", ORGANIZATION)
ENTRY = f"/v1/user/waiting-lists/{LIST}/entry"


async def token_of(here: Credentials, user: User = ADA) -> str:
    token, _ = await here.user_tokens.mint(user, expires_in=600)
    return f"Bearer {token}"


async def is_good(here: Credentials, token: str) -> bool:
    try:
        await here.authenticator.user(token)
    except Unauthenticated:
        return False
    return True


@pytest.fixture
def here(pool: Pool) -> Credentials:
    return credentials(pool, Settings())


@pytest_asyncio.fixture
async def elsewhere(dsn: str) -> AsyncIterator[Credentials]:
    """Another process."""
    pool = await connect_pool(Settings(), dsn)
    try:
        yield credentials(pool, Settings())
    finally:
        await pool.close()


async def test_an_organizer_ends_all_tokens_of_a_user_at_once_and_no_others(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    await shop.join("ada")
    await shop.join("bob")
    other, _ = await create_api_key(app.state.service.pool, "org_2", name="tests", scopes=[Scope.ADMIN])
    ended = [await shop.token("ada"), await shop.token("ada")]
    good = [await shop.token("bob"), await shop.token("ada", key=other.key)]
    calls = "/v1/user/entries"

    async def status(token: str) -> int:
        return (await shop.http.get(calls, headers={"Authorization": f"Bearer {token}"})).status_code

    assert [await status(token) for token in ended + good] == [200] * 4
    done = await shop.made("POST", "/users/ada/sign-out")
    assert done.keys() == {"user_id", "signed_out_at"}
    assert done["user_id"] == "ada"
    refused = await shop.http.get(calls, headers={"Authorization": f"Bearer {ended[0]}"})
    assert "signed out" in problem(refused, 401, "unauthenticated")["detail"]
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert [await status(token) for token in ended + good] == [401, 401, 200, 200]
    assert await status(await shop.token("ada")) == 200
    # Of another organization's key, it is another person.
    await shop.made("POST", "/users/bob/sign-out", key=other.key)
    assert await status(good[0]) == 200


async def test_a_sign_out_that_is_repeated_ends_no_later_token(shop: Shop, app: FastAPI) -> None:
    headers = {"Idempotency-Key": "once"}
    first = await shop.made("POST", "/users/ada/sign-out", headers=headers)
    here, token = app.state.service, f"Bearer {await shop.token('ada')}"
    again = await shop.organizer("POST", "/users/ada/sign-out", headers=headers)
    assert (again.json(), again.headers["idempotent-replayed"]) == (first, "true")
    assert await is_good(here, token)
    problem(await shop.organizer("POST", "/users/bob/sign-out", headers=headers), 422, "idempotency_key_reused")
    await shop.made("POST", "/users/ada/sign-out", headers={"Idempotency-Key": "twice"})
    assert not await is_good(here, token)


async def test_a_key_that_only_reads_signs_nobody_out(shop: Shop, app: FastAPI) -> None:
    created, _ = await create_api_key(
        app.state.service.pool, ORGANIZATION, name="tests", scopes=[Scope.READ, Scope.STOCK]
    )
    problem(await shop.organizer("POST", "/users/ada/sign-out", key=created.key), 403, "forbidden")


async def test_a_private_link_outlives_a_sign_out(shop: Shop) -> None:
    await shop.stock()
    await shop.join("ada")
    link = await shop.made("POST", f"/waiting-lists/{LIST}/entries/ada/link")
    await shop.made("POST", "/users/ada/sign-out")
    assert (await shop.http.get(link["url"])).status_code == 200


async def test_a_token_from_before_an_erasure_brings_nobody_back(shop: Shop, app: FastAPI) -> None:
    await shop.stock()
    headers = {"Authorization": f"Bearer {await shop.token('ada')}"}
    assert (await shop.http.post(ENTRY, json={"tickets_wanted": 1}, headers=headers)).status_code == 201
    await shop.made("DELETE", "/users/ada")
    problem(await shop.http.post(ENTRY, json={"tickets_wanted": 1}, headers=headers), 401, "unauthenticated")
    async with connection(app.state.service.pool) as acquired:
        assert await acquired.fetchval("SELECT count(*) FROM entries WHERE user_id IS NOT NULL") == 0


async def test_other_processes_know_within_two_seconds(app: FastAPI, elsewhere: Credentials) -> None:
    here = app.state.service
    token, other = await token_of(elsewhere), await token_of(elsewhere, User("bob", ORGANIZATION))
    assert await is_good(here, token)
    await elsewhere.sign_outs.sign_out(ORGANIZATION, "ada")

    async def is_known() -> bool:
        return not await is_good(here, token)

    assert await until(is_known, seconds=10) < 2 * sign_outs.SECONDS
    assert await is_good(here, other)
    assert await is_good(here, await token_of(here))


async def test_a_process_that_starts_later_knows_before_it_takes_a_token(
    here: Credentials, elsewhere: Credentials
) -> None:
    token = await token_of(here)
    await here.sign_outs.sign_out(ORGANIZATION, "ada")
    assert not await is_good(elsewhere, token)


async def test_a_token_that_was_made_between_two_sign_outs_ends_with_the_second(here: Credentials) -> None:
    tokens = [await token_of(here)]
    for _ in range(3):
        await here.sign_outs.sign_out(ORGANIZATION, "ada")
        tokens.append(await token_of(here))
    assert [await is_good(here, token) for token in tokens] == [False, False, False, True]


async def test_versions_grow_whatever_the_clock_says(here: Credentials, pool: Pool) -> None:
    await here.sign_outs.sign_out(ORGANIZATION, "ada")
    async with connection(pool) as acquired:
        await acquired.execute("UPDATE sign_outs SET signed_out_at = now() + interval '1 hour'")
    await here.sign_outs.look()
    token = await token_of(here)
    assert await is_good(here, token)
    await here.sign_outs.sign_out(ORGANIZATION, "ada")
    assert not await is_good(here, token)


async def signed_out(pool: Pool, user_id: str, ago: str) -> None:
    async with connection(pool) as acquired:
        await acquired.execute(
            "INSERT INTO sign_outs VALUES ($1, now() - $2::text::interval)", user_hash(ORGANIZATION, user_id), ago
        )


async def test_a_sign_out_that_was_committed_late_and_a_clock_that_was_set_back_hide_none(pool: Pool) -> None:
    known = SignOuts(pool, Settings())
    await known.look()
    await signed_out(pool, "ada", "1 minute")
    assert known._looked_at is not None
    await known.look()
    assert known.ends(user_hash(ORGANIZATION, "ada"), 0)
    # The look before was an hour later by the clock of then.
    known._looked_at += timedelta(hours=1)
    await signed_out(pool, "bob", "0 seconds")
    await known.look()
    assert known.ends(user_hash(ORGANIZATION, "bob"), 0)


async def test_to_know_a_token_again_takes_no_database(here: Credentials, pool: Pool) -> None:
    token = await token_of(here)
    assert await is_good(here, token)
    await pool.close()
    assert await is_good(here, token)


async def test_without_the_database_what_is_known_stays_and_the_looks_go_on(
    here: Credentials, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_outs, "SECONDS", 0)
    await here.sign_outs.sign_out(ORGANIZATION, "ada")
    known, look = here.sign_outs, here.sign_outs.look
    failures: list[Exception] = [Unavailable(), RuntimeError("a defect"), RuntimeError("again")]
    again = asyncio.Event()

    async def failing() -> None:
        if failures:
            raise failures.pop()
        await look()
        again.set()

    monkeypatch.setattr(known, "look", failing)
    looking = asyncio.create_task(known.run())
    await asyncio.wait_for(again.wait(), 10)
    looking.cancel()
    with suppress(asyncio.CancelledError):
        await looking
    assert known.ends(user_hash(ORGANIZATION, "ada"), 0)


async def test_a_look_reads_what_is_new_alone(pool: Pool) -> None:
    async with connection(pool) as acquired:
        await acquired.execute(
            "INSERT INTO sign_outs SELECT int4send(n), now() - n * interval '1 second'"
            " FROM generate_series(1, 50_000) AS n"
        )
        now = await acquired.fetchval("SELECT now()")
        shown = await acquired.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql('read_sign_outs')}", now)
    for step in steps(json.loads(shown)[0]["Plan"]):
        assert step["Actual Rows"] + step.get("Rows Removed by Filter", 0) < 200, step["Node Type"]


async def test_old_sign_outs_are_forgotten_once_no_token_from_before_is_good(lists: Lists, pool: Pool) -> None:
    assert timedelta(seconds=FAN_SECONDS) < KEPT, "the longest of our own tokens"
    await signed_out(pool, "ada", "31 days 1 second")
    await signed_out(pool, "bob", "30 days 23 hours")
    known = SignOuts(pool, Settings())
    await known.look()
    assert list(known._latest) == [user_hash(ORGANIZATION, "bob")]
    async with working(Maintenance(pool, lists.engine)):

        async def is_clean() -> bool:
            rows = await lists.rows("SELECT user_hash FROM sign_outs")
            return [row[0] for row in rows] == [user_hash(ORGANIZATION, "bob")]

        await until(is_clean)


async def test_a_providers_token_outlives_the_sign_outs_before_it_was_issued(pool: Pool) -> None:
    key = generate_private_key(public_exponent=65537, key_size=2048)
    here = credentials(pool, Settings(**PROVIDER, user_token_public_key=pem(key)))
    second = int(time.time())
    claims: list[dict[str, Any]] = [{}, {"iat": second - 1}, {"iat": second}, {"iat": second + 1}]
    tokens = [signed(key, **one) for one in claims]
    assert [await is_good(here, token) for token in tokens] == [True] * 4
    async with connection(pool) as acquired:
        await acquired.execute(
            "INSERT INTO sign_outs VALUES ($1, to_timestamp($2))", user_hash(ORGANIZATION, "ada"), second + 0.5
        )
    await here.sign_outs.look()
    assert [await is_good(here, token) for token in tokens] == [False, False, False, True]
    # One to the second is of that second, too.
    async with connection(pool) as acquired:
        await acquired.execute("UPDATE sign_outs SET signed_out_at = to_timestamp($1)", second + 1)
    await here.sign_outs.look()
    assert not await is_good(here, tokens[3])


async def test_a_version_that_somebody_writes_into_a_token_counts_for_nothing(here: Credentials) -> None:
    await here.sign_outs.sign_out(ORGANIZATION, "ada")
    claims = jwt.decode((await token_of(here)).split()[1], options={"verify_signature": False})
    forged = jwt.encode(claims | {"version": 2**62}, b"x" * 32, "HS256")
    assert not await is_good(here, f"Bearer {forged}")


async def ended(told: Stream) -> None:
    """Return when the stream has ended."""
    with suppress(EOFError):
        while True:
            await told.next()


async def wants(told: Stream, tickets: int) -> None:
    """Return when the stream sends an entry with so many tickets. Raises EOFError if it ends before."""
    while not ((event := await told.next()) and event[1]["tickets_wanted"] == tickets):
        pass


async def test_a_sign_out_closes_the_streams_of_its_tokens_and_no_others(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    await shop.join("ada")
    await shop.join("bob")
    link = (await shop.made("POST", f"/waiting-lists/{LIST}/entries/ada/link"))["url"]
    old, bob = await shop.token("ada"), await shop.token("bob")
    async with (
        listening(app) as url,
        stream(url, old) as first,
        stream(url, bob) as others,
        httpx.AsyncClient(base_url=url, timeout=10) as client,
        client.stream("GET", f"/e/{link.rpartition('/')[2]}/live") as by_link,
        client.stream(
            "GET", f"/waiting-lists/{LIST}/place/live", headers={"Cookie": f"waiting_list_fan={old}"}
        ) as by_cookie,
    ):
        assert by_link.status_code == by_cookie.status_code == 200
        await first.next()
        await others.next()
        await shop.made("POST", "/users/ada/sign-out")
        async with asyncio.timeout(5):
            await ended(first)
            await ended(Stream(by_cookie))
        async with stream(url, await shop.token("ada")) as anew:
            for user, wanted in (("ada", 2), ("bob", 3)):
                await shop.user(user, "PATCH", body={"tickets_wanted": wanted})
            await wants(anew, 2)
            await wants(Stream(by_link), 2)
            await wants(others, 3)


async def test_a_stream_that_opens_during_a_sign_out_is_closed(
    app: FastAPI, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.stock()
    await shop.join("ada")
    service = app.state.service
    read = service.reads.entry

    async def slowly(*given: Any, **named: Any) -> Any:
        found = await read(*given, **named)
        await service.sign_outs.sign_out(ORGANIZATION, "ada")
        return found

    monkeypatch.setattr(service.reads, "entry", slowly)
    async with listening(app) as url, stream(url, await shop.token("ada")) as told, asyncio.timeout(5):
        await ended(told)
