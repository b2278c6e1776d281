"""Challenges: when a fan who joins or asks for a sign-in link must solve one, and which solutions are valid."""

import asyncio
import hashlib
import itertools
import statistics
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
import pytest_asyncio
from aiohttp import web
from fastapi import FastAPI
from pydantic import SecretStr, ValidationError

from tests.support.lists import ORGANIZER, USER, Lists
from tests.support.shop import LIST, ORGANIZATION, Shop, bound_to_loopback, problem
from tests.web.test_http import unchanged
from waiting_list.access.api_keys import Scope, create_api_key
from waiting_list.app import create_app
from waiting_list.lists import challenges, verbs
from waiting_list.lists.challenges import (
    BASE_BITS,
    CALM_OF_ALL,
    CALM_OF_NETWORK,
    LEAST_BITS,
    LIFE_SECONDS,
    MOST_BITS,
    PUZZLES,
    ChallengeSolution,
    Pressure,
    Visit,
    asked_bits,
    bits_for,
    is_solved,
    new_challenge,
    solution_of,
)
from waiting_list.lists.contact import NO_CONTACT
from waiting_list.lists.models import ListKey
from waiting_list.lists.queries import history as history_queries
from waiting_list.postgres.pool import connection
from waiting_list.problems import ChallengeRequired
from waiting_list.settings import Settings

KEY = b"k" * 32
ADA = ("join", ORGANIZATION, "off_1", "rep_1", "ada")
NOW = 1_900_000_000.5
KEY_OF_LIST = ListKey(*LIST.split("/"))
WISH: dict[str, Any] = {
    "tickets_wanted": 1,
    "tickets_minimum": 1,
    "contact": NO_CONTACT,
    "quiet": False,
    "given": None,
}


def solve(token: str, bits: int) -> Iterator[int]:
    """Solve a challenge as the protocol says; yield the number of each puzzle."""
    for puzzle in range(PUZZLES):
        for number in itertools.count():
            digest = hashlib.sha256(f"{token}.{puzzle}.{number}".encode()).digest()
            if f"{int.from_bytes(digest):0256b}"[:bits] == "0" * bits:
                yield number
                break


def solved(challenge: dict[str, Any]) -> dict[str, Any]:
    """Solve the challenge of a refusal; return what a client sends."""
    assert challenge["puzzles"] == PUZZLES
    return {"token": challenge["token"], "solution": list(solve(challenge["token"], challenge["bits"]))}


@pytest.fixture(scope="module")
def good() -> ChallengeSolution:
    """A solution of Ada's."""
    made = new_challenge(KEY, ADA, bits=4, now=NOW)
    return ChallengeSolution(token=made.token, solution=tuple(solve(made.token, 4)))


def test_a_solution_is_good_for_its_subject_until_its_end_and_for_nothing_else(good: ChallengeSolution) -> None:
    assert is_solved(KEY, ADA, good, now=NOW)
    assert is_solved(KEY, ADA, good, now=NOW + LIFE_SECONDS - 1)
    assert not is_solved(KEY, ADA, good, now=NOW + LIFE_SECONDS)
    assert not is_solved(b"another key of this length, too..", ADA, good, now=NOW)
    for part in range(len(ADA)):
        other = [*ADA[:part], "other", *ADA[part + 1 :]]
        assert not is_solved(KEY, other, good, now=NOW), other


def test_what_was_altered_solves_nothing(good: ChallengeSolution) -> None:
    for place in range(len(good.token)):
        for letter in "A9":
            token = good.token[:place] + letter + good.token[place + 1 :]
            # Not even if that is solved, so that no client can make an easier challenge, or one that lasts longer.
            altered = ChallengeSolution(token=token, solution=tuple(solve(token, 4)))
            assert token == good.token or not is_solved(KEY, ADA, altered, now=NOW)
    for puzzle in range(PUZZLES):
        numbers = list(good.solution)
        while hashlib.sha256(f"{good.token}.{puzzle}.{numbers[puzzle]}".encode()).digest()[0] < 16:
            numbers[puzzle] += 1
        assert not is_solved(KEY, ADA, ChallengeSolution(token=good.token, solution=tuple(numbers)), now=NOW)
    backwards = good.model_copy(update={"solution": good.solution[::-1]})
    assert not is_solved(KEY, ADA, backwards, now=NOW)
    short = good.model_copy(update={"solution": good.solution[:-1]})
    assert not is_solved(KEY, ADA, short, now=NOW)


@pytest.mark.parametrize("numbers", ["", "1", "1.2", ".".join(["x"] * PUZZLES), ".".join(["1"] * (PUZZLES + 1))])
def test_a_form_that_sends_no_solution_has_none(good: ChallengeSolution, numbers: str) -> None:
    assert solution_of(good.token, ".".join(map(str, good.solution))) == good
    assert solution_of(good.token, numbers) is None
    assert solution_of(good.token[:-1], ".".join(map(str, good.solution))) is None


def test_sixteen_puzzles_take_nearly_the_same_time_each_time() -> None:
    made = [new_challenge(KEY, ADA, bits=4, now=NOW) for _ in range(200)]
    hashes = [sum(solve(one.token, one.bits)) + PUZZLES for one in made]
    expected = PUZZLES * 2**4
    assert expected * 0.9 < statistics.mean(hashes) < expected * 1.1
    # A quarter: a single puzzle of as much work would vary by all of it.
    assert 0.15 < statistics.stdev(hashes) / expected < 0.35


def test_the_difficulty_grows_with_the_rate_and_stays_within_bounds() -> None:
    assert [bits_for(times) for times in (0, 0.5, 1)] == [0, 0, 0]
    asked = [bits_for(1.01 * 2**doubling) for doubling in range(40)]
    assert asked == [min(LEAST_BITS + doubling, MOST_BITS) for doubling in range(40)]
    assert [asked_bits("off", bits) for bits in (0, MOST_BITS)] == [0, 0]
    assert [asked_bits("adaptive", bits) for bits in (0, LEAST_BITS, MOST_BITS)] == [0, LEAST_BITS, MOST_BITS]
    assert [asked_bits("always", bits) for bits in (0, LEAST_BITS, MOST_BITS)] == [BASE_BITS, BASE_BITS, MOST_BITS]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_from_one_network_is_asked_for_more_and_more_and_others_for_nothing() -> None:
    clock = Clock()
    pressure = Pressure(clock)
    asked = [Visit(pressure, "join", "203.0.113.7").pressing for _ in range(200)]
    calm = int(CALM_OF_NETWORK)
    assert asked[:calm] == [0] * calm
    assert asked[calm] == LEAST_BITS
    assert asked == sorted(asked)
    assert asked[-1] == MOST_BITS
    assert Visit(pressure, "join", "203.0.113.8").pressing == 0
    assert Visit(pressure, "other list", "203.0.113.7").pressing == 0
    clock.now += 60
    assert LEAST_BITS < Visit(pressure, "join", "203.0.113.7").pressing <= MOST_BITS
    clock.now += 240
    assert Visit(pressure, "join", "203.0.113.7").pressing == 0


def test_many_at_once_are_asked_wherever_they_come_from() -> None:
    pressure = Pressure(Clock())
    asked = [Visit(pressure, "join", f"network {n}").pressing for n in range(400)]
    assert asked[: int(CALM_OF_ALL)] == [0] * int(CALM_OF_ALL)
    assert set(asked[int(CALM_OF_ALL) :]) == {LEAST_BITS}


def test_who_is_refused_raises_nobodys_difficulty() -> None:
    pressure = Pressure(Clock())
    for _ in range(1000):
        Visit(pressure, "join", "203.0.113.7").take_back()
    assert Visit(pressure, "join", "203.0.113.7").pressing == 0


def test_what_a_process_remembers_is_bounded_and_keeps_what_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(challenges, "_KEPT", 100)
    pressure = Pressure(Clock())
    for n in range(1000):
        Visit(pressure, "join", f"network {n}")
    assert len(pressure._levels) == 100
    assert pressure.level(("join", None)) == 1000


@pytest_asyncio.fixture
async def asking(shop: Shop, easy: None) -> Shop:
    """A sold-out list that always asks."""
    await shop.stock()
    await shop.made("PATCH", f"/waiting-lists/{LIST}", {"join_challenge": "always"})
    return shop


async def refused(shop: Shop, user: str = "ada", **options: Any) -> dict[str, Any]:
    """The challenge of a fan who wants to join."""
    body = {"tickets_wanted": 2} | options.pop("body", {})
    answer = await shop.user(user, "POST", body=body, **options)
    return problem(answer, 403, "challenge_required")["challenge"]


async def test_a_fan_joins_with_the_solution_of_the_challenge_that_the_refusal_carries(
    app: FastAPI, asking: Shop
) -> None:
    assert (await asking.http.get(f"/v1/user/waiting-lists/{LIST}")).json()["join_challenge"] == "always"
    async with unchanged(app):
        challenge = await refused(asking)
    assert (challenge["puzzles"], challenge["bits"]) == (PUZZLES, 4)
    entry = await asking.join("ada", 2, challenge=solved(challenge))
    assert (entry["number"], entry["position"]) == (1, 1)
    # What was solved once makes no second place, and out of the list it is only good to be its last.
    again = await asking.user("ada", "POST", body={"tickets_wanted": 2, "challenge": solved(challenge)})
    assert problem(again, 409, "already_in_list")["entry"]["number"] == 1


async def test_a_solution_that_is_wrong_or_anothers_or_of_another_list_or_too_old_is_refused_with_a_new_challenge(
    app: FastAPI, asking: Shop
) -> None:
    await asking.stock(where="off_2/rep_2")
    await asking.made("PATCH", "/waiting-lists/off_2/rep_2", {"join_challenge": "always"})
    app.state.service.gate._clock = lambda: NOW
    other = await asking.user("ada", "POST", "/waiting-lists/off_2/rep_2/entry", {"tickets_wanted": 1})
    mine, anothers = solved(await refused(asking)), solved(await refused(asking, "bob"))
    elsewhere = solved(problem(other, 403, "challenge_required")["challenge"])
    app.state.service.gate._clock = lambda: NOW - LIFE_SECONDS
    late = solved(await refused(asking))
    app.state.service.gate._clock = lambda: NOW
    wrong = mine | {"solution": [*mine["solution"][1:], 0]}
    for given in (anothers, elsewhere, late, wrong, mine | {"token": "A" * 32}):
        async with unchanged(app):
            answer = await asking.user("ada", "POST", body={"tickets_wanted": 2, "challenge": given})
        assert "does not solve" in problem(answer, 403, "challenge_required")["detail"]
    await asking.join("ada", challenge=solved(answer.json()["challenge"]))


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"token": "A" * 32},
        {"token": "A" * 31, "solution": [1] * 16},
        {"token": "A" * 32, "solution": [1] * 15},
        {"token": "A" * 32, "solution": [-1] * 16},
        {"token": "A" * 32, "solution": [2**53] * 16},
        {"token": "A" * 32, "solution": [True] * 16},
        {"token": "A" * 32, "solution": ["1"] * 16},
        {"token": "A" * 32, "solution": [1] * 16, "bits": 0},
        {"token": 7, "solution": [1] * 16},
        {"response": ""},
        "solved",
        7,
    ],
)
async def test_what_is_no_solution_is_malformed(app: FastAPI, asking: Shop, given: Any) -> None:
    async with unchanged(app):
        answer = await asking.user("ada", "POST", body={"tickets_wanted": 1, "challenge": given})
    problem(answer, 422, "invalid_request")


async def test_only_fans_who_join_by_themselves_are_asked_and_only_for_a_place_that_there_is(asking: Shop) -> None:
    await asking.made("POST", f"/waiting-lists/{LIST}/entries", {"user_id": "bob", "tickets_wanted": 1})
    answer = await asking.user("bob", "POST", body={"tickets_wanted": 1})
    problem(answer, 409, "already_in_list")
    problem(await asking.user("ada", "POST", body={"tickets_wanted": 7}), 422, "too_many_tickets")
    await asking.made("PATCH", f"/waiting-lists/{LIST}", {"max_waiting": 1})
    problem(await asking.user("ada", "POST", body={"tickets_wanted": 1}), 409, "waiting_list_full")
    await asking.made("PATCH", f"/waiting-lists/{LIST}", {"open": False})
    problem(await asking.user("ada", "POST", body={"tickets_wanted": 1}), 409, "waiting_list_not_open")
    await asking.made("PATCH", f"/waiting-lists/{LIST}", {"open": True, "max_waiting": None})
    await asking.made("PATCH", f"/waiting-lists/{LIST}", {"join_challenge": "off"})
    await asking.join("ada")


async def test_a_refusal_is_not_remembered_and_a_repeat_needs_no_second_solution(asking: Shop) -> None:
    once = {"headers": {"Idempotency-Key": "k1"}}
    challenge = await refused(asking, **once)
    body = {"tickets_wanted": 2, "challenge": solved(challenge)}
    first = await asking.user("ada", "POST", body=body, **once)
    assert (first.status_code, first.headers.get("idempotent-replayed")) == (201, None)
    # The answer got lost; the challenge has ended meanwhile, or the client begins anew.
    for again in (body, {"tickets_wanted": 2}, body | {"challenge": {"token": "A" * 32, "solution": [1] * 16}}):
        answer = await asking.user("ada", "POST", body=again, **once)
        assert (answer.status_code, answer.headers["idempotent-replayed"]) == (201, "true")
        assert answer.json() == first.json()
    another = await asking.user("ada", "POST", body={"tickets_wanted": 3}, **once)
    problem(another, 422, "idempotency_key_reused")


async def test_an_adaptive_list_asks_while_many_join_and_is_calm_again_later(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    await shop.made("PATCH", f"/waiting-lists/{LIST}", {"join_challenge": "adaptive"})
    gate, clock = app.state.service.gate, Clock()
    gate._pressure = Pressure(clock)
    wish: dict[str, Any] = WISH | {"network": "203.0.113.7"}
    places = 0
    for n in range(40):
        with suppress(ChallengeRequired):
            await gate.join(KEY_OF_LIST, USER, user_id=f"u{n}", **wish)
            places += 1
    # Who is refused raises no difficulty: the thirty refusals all name the least.
    assert places == CALM_OF_NETWORK
    with pytest.raises(ChallengeRequired) as raised:
        await gate.join(KEY_OF_LIST, USER, user_id="u99", **wish)
    assert raised.value.bits == raised.value.extra["challenge"].bits == LEAST_BITS
    elsewhere = wish | {"network": "203.0.113.8"}
    await gate.join(KEY_OF_LIST, USER, user_id="eve", **elsewhere)
    clock.now += 60
    await gate.join(KEY_OF_LIST, USER, user_id="u99", **wish)


async def test_fans_in_one_batch_see_each_other(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    await shop.made("PATCH", f"/waiting-lists/{LIST}", {"join_challenge": "adaptive"})
    gate = app.state.service.gate
    answers = await asyncio.gather(
        *(gate.join(KEY_OF_LIST, USER, user_id=f"u{n}", network="203.0.113.7", **WISH) for n in range(200)),
        return_exceptions=True,
    )
    assert sum(not isinstance(one, ChallengeRequired) for one in answers) == CALM_OF_NETWORK
    assert {one.bits for one in answers if isinstance(one, ChallengeRequired)} == set(
        range(LEAST_BITS, MOST_BITS + 1)
    )


async def test_a_list_that_asks_is_replayed_as_any_other(lists: Lists) -> None:
    await lists.configure(join_challenge="always")
    async with lists.refused(ChallengeRequired):
        await lists.join("ada")
    await lists.join("ada", solved=True)
    await lists.engine.at(lists.now).run(lists.key, ORGANIZER, verbs.join, user_id="bob", tickets_wanted=1)
    await lists.configure(join_challenge="adaptive")
    await lists.join("cleo")
    page = await history_queries.history(
        lists.pool, lists.key, organization_id=ORGANIZATION, verb=None, limit=500, cursor=None
    )
    changes = [(one.before, one.after) for one in page.items if one.verb == "configure"]
    assert changes == [
        ({"join_challenge": "off"}, {"join_challenge": "always"}),
        ({"join_challenge": "always"}, {"join_challenge": "adaptive"}),
    ]
    await lists.audit()


class Elsewhere:
    """A challenge service that speaks the protocol; what it answers is set."""

    def __init__(self) -> None:
        self.seen: list[dict[str, str]] = []
        self.answer = web.Response(text='{"success": true}', content_type="application/json")

    async def verify(self, request: web.Request) -> web.StreamResponse:
        self.seen.append({name: str(value) for name, value in (await request.post()).items()})
        return web.Response(text=self.answer.text, status=self.answer.status, headers=self.answer.headers.copy())


@pytest_asyncio.fixture
async def elsewhere(dsn: str, easy: None) -> AsyncIterator[tuple[Elsewhere, Shop]]:
    """The service, configured with another challenge service."""
    there = Elsewhere()
    web_app = web.Application()
    web_app.add_routes([web.post("/siteverify", there.verify)])
    runner = web.AppRunner(web_app, shutdown_timeout=1)
    await runner.setup()
    with bound_to_loopback() as bound:
        await web.SockSite(runner, bound).start()
        settings = Settings(
            database_url=SecretStr(dsn),
            worker=False,
            challenge_verify_url=f"http://127.0.0.1:{bound.getsockname()[1]}/siteverify",
            challenge_verify_secret=SecretStr("hush"),
        )
        app = create_app(settings)
        async with app.router.lifespan_context(app):
            key, _ = await create_api_key(app.state.service.pool, ORGANIZATION, name="tests", scopes=[Scope.ADMIN])
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
                shop = Shop(client, key.key)
                await shop.stock()
                await shop.made("PATCH", f"/waiting-lists/{LIST}", {"join_challenge": "always"})
                yield there, shop
        await runner.cleanup()


async def test_a_response_of_another_challenge_service_is_taken_if_that_says_so(
    elsewhere: tuple[Elsewhere, Shop],
) -> None:
    there, shop = elsewhere
    there.answer = web.Response(text='{"success": false}')
    answer = await shop.user("ada", "POST", body={"tickets_wanted": 1, "challenge": {"response": "r1"}})
    problem(answer, 403, "challenge_required")
    there.answer = web.Response(text='{"success": true}')
    await shop.join("ada", challenge={"response": "r2"})
    assert there.seen == [{"secret": "hush", "response": "r1"}, {"secret": "hush", "response": "r2"}]
    # Our own challenge is good there, too.
    await shop.join("bob", challenge=solved(await refused(shop, "bob")))


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(status=307, headers={"Location": "/siteverify"}),
        web.Response(status=500, text='{"success": true}'),
        web.Response(text="no JSON"),
        web.Response(text='{"success": true, "x": "' + "x" * 70_000 + '"}'),
    ],
    ids=["redirect", "failure", "no json", "flood"],
)
async def test_another_service_that_fails_lets_nobody_in(
    elsewhere: tuple[Elsewhere, Shop], answer: web.Response
) -> None:
    there, shop = elsewhere
    there.answer = answer
    sent = await shop.user("ada", "POST", body={"tickets_wanted": 1, "challenge": {"response": "r1"}})
    problem(sent, 503, "unavailable")
    assert len(there.seen) == 1
    assert (await shop.organizer("GET", f"/waiting-lists/{LIST}/entries/ada")).status_code == 404


@pytest.mark.parametrize("said", ['["success"]', '{"success": "true"}', '{"success": 1}', "{}", "null"])
async def test_only_true_is_success(elsewhere: tuple[Elsewhere, Shop], said: str) -> None:
    there, shop = elsewhere
    there.answer = web.Response(text=said)
    sent = await shop.user("ada", "POST", body={"tickets_wanted": 1, "challenge": {"response": "r1"}})
    problem(sent, 403, "challenge_required")


async def test_without_another_service_its_responses_solve_nothing(asking: Shop) -> None:
    sent = await asking.user("ada", "POST", body={"tickets_wanted": 1, "challenge": {"response": "r1"}})
    problem(sent, 403, "challenge_required")


def test_another_service_needs_its_address_and_its_secret() -> None:
    with pytest.raises(ValidationError, match="go together"):
        Settings(challenge_verify_url="https://challenges.example/siteverify")


async def test_an_answer_that_is_kept_for_repeats_can_be_read_by_the_version_before(
    app: FastAPI, shop: Shop
) -> None:
    await shop.stock()
    once = {"headers": {"Idempotency-Key": "k1"}}
    first = await shop.made("POST", f"/inventory/{LIST}/add-total-stock", {"quantity": 1}, **once)
    async with connection(app.state.service.pool) as acquired:
        (kept,) = [record["answer"] for record in await acquired.fetch("SELECT answer FROM idempotency")]
    assert "purchase_url" in kept
    assert "join_challenge" not in kept
    assert await shop.made("POST", f"/inventory/{LIST}/add-total-stock", {"quantity": 1}, **once) == first
