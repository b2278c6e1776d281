"""Passkeys of members, over HTTP with an authenticator in software: adding, signing in, and all refusals."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from pydantic import SecretStr

from tests.pages.test_fans import Browser
from tests.pages.test_members import HOME, SIGN_IN, link_of, member
from tests.support.authenticator import BACKED_UP, UP, UV, Authenticator, base64url, of_base64url
from tests.support.shop import ORGANIZATION
from tests.web.test_http import unchanged
from waiting_list.access import members, passkey_answers, passkey_challenges, passkeys
from waiting_list.access.api_keys import create_api_key
from waiting_list.access.dashboard_sessions import organizer_of
from waiting_list.access.members import Member
from waiting_list.access.passkey_challenges import RelyingParty
from waiting_list.access.roles import Role
from waiting_list.access.scopes import Scope
from waiting_list.app import create_app
from waiting_list.postgres.pool import connection
from waiting_list.postgres.statements import sql
from waiting_list.settings import Settings

ORIGIN = "https://tickets.example"
ACCOUNT = f"{HOME}/account"
OWN = f"{ACCOUNT}/passkeys"
PASSKEY = f"{SIGN_IN}/passkey"
FAILED = "This passkey did not sign you in."


@pytest_asyncio.fixture
async def app(dsn: str) -> AsyncIterator[FastAPI]:
    """The application at a public address, where browsers have passkeys."""
    app = create_app(Settings(database_url=SecretStr(dsn), worker=False, public_url=ORIGIN))
    async with app.router.lifespan_context(app):
        yield app


def visitor(app: FastAPI, **headers: str) -> Browser:
    """A browser that reaches the service under another name, which must not matter."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return Browser(httpx.AsyncClient(transport=transport, base_url="https://elsewhere.example"), headers=headers)


async def signed_in(app: FastAPI, one: Member) -> Browser:
    browser = visitor(app)
    await browser.did(await link_of(app, one), member_id=one.member_id)
    return browser


async def options(browser: Browser, path: str) -> Any:
    answer = await browser.http.get(f"{path}/options", headers=browser.headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "private, no-store"
    return answer.json()


async def add(browser: Browser, device: Authenticator, name: str = "My phone") -> None:
    """Add the passkey of a device to the member of a browser."""
    await browser.get(ACCOUNT)
    credential = device.make(await options(browser, OWN))
    answer = await browser.post(OWN, credential=credential, passkey_name=name)
    assert answer.status_code == 303, answer.text


async def sign_in(app: FastAPI, device: Authenticator, **client: Any) -> Browser:
    """A new browser in which a device has signed its member in."""
    browser = visitor(app)
    credential = device.sign(await options(browser, PASSKEY), **client)
    answer = await browser.post(PASSKEY, credential=credential, next=f"{HOME}/people")
    assert (answer.status_code, answer.headers.get("location")) == (303, f"{HOME}/people"), answer.text
    return browser


async def refused(app: FastAPI, credential: str) -> None:
    """Nobody is signed in with this credential, and nothing changes."""
    browser = visitor(app)
    async with unchanged(app):
        before = await used(app)
        page = await browser.refused(PASSKEY, 401, credential=credential)
        assert FAILED in page.text
        assert await used(app) == before
    assert (await browser.http.get(HOME)).status_code == 303


async def used(app: FastAPI) -> list[tuple[Any, ...]]:
    """All that a sign-in with a passkey writes."""
    found: list[tuple[Any, ...]] = []
    async with connection(app.state.service.pool) as acquired:
        for what in (
            "passkey_id, sign_count, used_at FROM member_passkeys",
            "challenge FROM passkey_challenges",
            "session_hash FROM sessions",
        ):
            found += [tuple(row) for row in await acquired.fetch(f"SELECT {what} ORDER BY 1")]
    return found


@pytest_asyncio.fixture
async def ada(app: FastAPI) -> Member:
    return await member(app)


@pytest_asyncio.fixture
async def device(app: FastAPI, ada: Member) -> Authenticator:
    """Ada's device, whose passkey is added."""
    device = Authenticator(ORIGIN, count=1)
    await add(await signed_in(app, ada), device)
    return device


async def test_a_member_adds_a_passkey_signs_in_with_it_and_removes_it(app: FastAPI, ada: Member) -> None:
    owner, device = await signed_in(app, ada), Authenticator(ORIGIN, flags=UP | UV | BACKED_UP)
    asked = await options(owner, OWN)
    assert asked["rp"]["id"] == "tickets.example"
    assert asked["user"]["name"] == f"ada@quay.example · {ORGANIZATION}"
    assert asked["authenticatorSelection"] == {
        "residentKey": "required",
        "requireResidentKey": True,
        "userVerification": "required",
    }
    await add(owner, device, " Ada's phone ")
    page = await owner.get(f"{ACCOUNT}?done=passkey")
    assert "The passkey is added." in page.text
    assert "Ada's phone synchronized added" in page.text
    assert "not used yet" in page.text
    (excluded,) = (await options(owner, OWN))["excludeCredentials"]
    assert of_base64url(excluded["id"]) == device.credential_id
    assert excluded["transports"] == ["hybrid", "internal"]
    for _ in range(2):
        browser = await sign_in(app, device)
    assert "not used yet" not in (await browser.get(ACCOUNT)).text
    (known,) = await passkeys.passkeys(app.state.service.pool, ada.member_id)
    assert known.used_at is not None
    async with unchanged(app):
        await browser.refused(f"{OWN}/none/remove", 404)
    assert "The passkey is removed" in (await browser.did(f"{OWN}/{known.passkey_id}/remove")).text
    await browser.get(HOME)
    await refused(app, device.sign(await options(visitor(app), PASSKEY)))


async def test_visitors_get_the_same_options_whoever_has_passkeys_and_asking_writes_nothing(
    app: FastAPI, ada: Member
) -> None:
    async with unchanged(app):
        before = await options(visitor(app), PASSKEY)
    await add(await signed_in(app, ada), Authenticator(ORIGIN))
    stored = await used(app)
    after = await options(visitor(app), PASSKEY)
    assert await used(app) == stored
    assert before.pop("challenge") != after.pop("challenge")
    assert before == after
    assert after == {
        "timeout": 300000, "rpId": "tickets.example", "allowCredentials": [], "userVerification": "required"
    }  # fmt: skip
    assert "Sign in with a passkey" in (await visitor(app).get(SIGN_IN)).text


async def test_a_challenge_signs_in_once_and_only_for_minutes(
    app: FastAPI, device: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.count = 0
    async with connection(app.state.service.pool) as acquired:
        await acquired.execute("UPDATE member_passkeys SET sign_count = 0")
    asked = await options(visitor(app), PASSKEY)
    credential = device.sign(asked)
    answers = await asyncio.gather(*(visitor(app).post(PASSKEY, credential=credential) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [303, 401, 401, 401]
    await refused(app, credential)
    await refused(app, device.sign(asked))
    monkeypatch.setattr(passkey_challenges, "LIFETIME", timedelta(seconds=-1))
    await refused(app, device.sign(await options(visitor(app), PASSKEY)))


async def test_maintenance_deletes_used_challenges_an_hour_after_their_end(
    app: FastAPI, device: Authenticator
) -> None:
    async with connection(app.state.service.pool) as acquired:
        for minutes, left in ((55, 1), (65, 0)):
            await acquired.execute(
                "UPDATE passkey_challenges SET expires_at = now() - $1::interval", timedelta(minutes=minutes)
            )
            await acquired.execute(sql("delete_old_sessions"))
            assert await acquired.fetchval("SELECT count(*) FROM passkey_challenges") == left


async def test_a_challenge_that_is_not_ours_or_for_something_else_signs_in_nobody(
    app: FastAPI, ada: Member, device: Authenticator
) -> None:
    asked = await options(visitor(app), PASSKEY)
    ours = of_base64url(asked["challenge"])
    to_add = (await options(await signed_in(app, ada), OWN))["challenge"]
    for wrong in (base64url(b"x" * 40), base64url(ours[:-1]), base64url(b"x" + ours[1:]), "", to_add):
        await refused(app, device.sign(asked | {"challenge": wrong}))


@pytest.mark.parametrize(
    "lie",
    [
        {"origin": "https://tickets.example.evil.example"},
        {"origin": "https://elsewhere.example"},
        {"domain": "elsewhere.example"},
        {"flags": UP},
        {"flags": UV},
        {"user": b"none"},
        {"credential_id": b"unknown"},
    ],
    ids=str,
)
async def test_an_answer_that_is_wrong_in_one_thing_signs_in_nobody(
    app: FastAPI, device: Authenticator, lie: dict[str, Any]
) -> None:
    right = {name: getattr(device, name) for name in lie}
    for name, value in lie.items():
        setattr(device, name, value)
    await refused(app, device.sign(await options(visitor(app), PASSKEY)))
    for name, value in right.items():
        setattr(device, name, value)
    await sign_in(app, device)


async def test_another_key_or_kind_of_answer_signs_in_nobody(app: FastAPI, device: Authenticator) -> None:
    asked = await options(visitor(app), PASSKEY)
    await refused(app, device.sign(asked, type="webauthn.create"))
    other = Authenticator(ORIGIN, "tickets.example", count=9, user=device.user, credential_id=device.credential_id)
    await refused(app, other.sign(asked))


async def test_a_sign_count_that_has_not_grown_is_refused_unless_it_is_always_zero(
    app: FastAPI, device: Authenticator
) -> None:
    device.count = 7
    await sign_in(app, device)
    for count in (7, 3, 0):
        device.count = count
        await refused(app, device.sign(await options(visitor(app), PASSKEY)))
    device.count = 8
    await sign_in(app, device)


async def test_a_removed_member_has_no_passkeys(app: FastAPI, device: Authenticator) -> None:
    pool, other = app.state.service.pool, Authenticator(ORIGIN)
    bob = await member(app, Role.VIEWER, "bob@quay.example")
    browser = await signed_in(app, bob)
    await add(browser, other)
    credential = Authenticator(ORIGIN).make(await options(browser, OWN))
    organizer = await organizer_of(pool, next(iter(browser.http.cookies.jar)).value or "")
    assert organizer is not None
    await members.remove_member(pool, ORGANIZATION, bob.member_id)
    await refused(app, other.sign(await options(visitor(app), PASSKEY)))
    stored = await used(app)
    answer = await browser.post(OWN, credential=credential, passkey_name="x")
    assert answer.headers["location"].startswith(SIGN_IN)
    party, secret = RelyingParty.of(ORIGIN), await app.state.service.signing_keys.derived_secret()
    assert party is not None
    with pytest.raises(passkey_challenges.PasskeyRefused, match="removed"):
        await passkeys.add_passkey(pool, secret, party, organizer, credential=credential, name="x")
    assert await used(app) == stored
    assert len([row for row in stored if len(row) == 3]) == 1
    await sign_in(app, device)


async def test_adding_a_passkey_is_refused_with_what_is_wrong(app: FastAPI, ada: Member) -> None:
    browser = await signed_in(app, ada)
    bob = await signed_in(app, await member(app, Role.VIEWER, "bob@quay.example"))
    await browser.get(ACCOUNT)
    asked = await options(browser, OWN)
    right = Authenticator(ORIGIN).make(asked)
    to_sign_in = await options(visitor(app), PASSKEY)
    wrong = [
        "",
        "{}",
        Authenticator("https://elsewhere.example").make(asked),
        Authenticator(ORIGIN, "elsewhere.example").make(asked),
        Authenticator(ORIGIN, flags=UP).make(asked),
        Authenticator(ORIGIN, flags=UV).make(asked),
        Authenticator(ORIGIN).make(asked, type="webauthn.get"),
        Authenticator(ORIGIN).make(asked | {"challenge": to_sign_in["challenge"]}),
        Authenticator(ORIGIN).make(await options(bob, OWN)),
        Authenticator(ORIGIN, credential_id=b"x" * 1024).make(asked),
        json.dumps(json.loads(right) | {"id": "AAAA", "rawId": "AAAA"}),
    ]
    async with unchanged(app):
        stored = await used(app)
        for credential in wrong:
            page = await browser.refused(OWN, 422, credential=credential, passkey_name="Work laptop")
            assert "The passkey was not added." in page.text
            assert ("value", "Work laptop") in page.attributes
        for name in (" ", "x" * 101, "a\nb"):
            page = await browser.refused(OWN, 422, credential=right, passkey_name=name)
            assert ("aria-describedby", "wrong-passkey_name") in page.attributes
            assert "wrong-name" not in [value for _, value in page.attributes]
        assert (await browser.post(OWN, form_token="x", credential=right, passkey_name="x")).status_code == 403
        assert await used(app) == stored
    await browser.get(ACCOUNT)
    assert (await browser.post(OWN, credential=right, passkey_name="x")).status_code == 303
    for again in (right, Authenticator(ORIGIN).make(asked)):
        await browser.refused(OWN, 422, credential=again, passkey_name="x")


async def test_a_credential_belongs_to_one_member_and_only_that_member_removes_it(
    app: FastAPI, ada: Member, device: Authenticator
) -> None:
    browser = await signed_in(app, await member(app, Role.OWNER, "bob@quay.example"))
    await browser.get(ACCOUNT)
    thief = Authenticator(ORIGIN, credential_id=device.credential_id)
    credential = thief.make(await options(browser, OWN))
    (known,) = await passkeys.passkeys(app.state.service.pool, ada.member_id)
    async with unchanged(app):
        await browser.refused(OWN, 422, credential=credential, passkey_name="x")
        await browser.refused(f"{OWN}/{known.passkey_id}/remove", 404)
    assert "My phone" not in (await browser.get(ACCOUNT)).text
    await sign_in(app, device)


async def test_a_member_has_twenty_passkeys_at_most(
    app: FastAPI, ada: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passkeys, "MOST_PASSKEYS", 1)
    browser = await signed_in(app, ada)
    await add(browser, Authenticator(ORIGIN))
    credential = Authenticator(ORIGIN).make(await options(browser, OWN))
    page = await browser.refused(OWN, 422, credential=credential, passkey_name="x")
    assert "You have as many passkeys as you can have." in page.text
    assert len(await passkeys.passkeys(app.state.service.pool, ada.member_id)) == passkeys.MOST_PASSKEYS


async def test_a_member_of_two_organizations_has_a_passkey_for_each(app: FastAPI, device: Authenticator) -> None:
    theirs, other = await member(app, Role.VIEWER, org="org_2"), Authenticator(ORIGIN)
    await add(await signed_in(app, theirs), other)
    assert "org_2 Ada" in (await (await sign_in(app, other)).get(HOME)).text
    assert f"{ORGANIZATION} Ada" in (await (await sign_in(app, device)).get(HOME)).text


async def test_a_session_of_an_api_key_has_no_passkeys(app: FastAPI) -> None:
    created, _ = await create_api_key(app.state.service.pool, ORGANIZATION, name="till", scopes=[Scope.ADMIN])
    browser = visitor(app)
    await browser.did(SIGN_IN, api_key=created.key)
    assert "passkey" not in (await browser.get(ACCOUNT)).text.lower()
    async with unchanged(app):
        assert (await browser.http.get(f"{OWN}/options")).status_code == 404
        await browser.refused(OWN, 404, credential="{}", passkey_name="x")
        await browser.refused(f"{OWN}/none/remove", 404)


async def test_a_form_of_another_site_signs_in_nobody(app: FastAPI, device: Authenticator) -> None:
    browser = visitor(app)
    credential = device.sign(await options(browser, PASSKEY))
    async with unchanged(app):
        answer = await browser.http.post(
            PASSKEY, data={"credential": credential}, headers={"Sec-Fetch-Site": "cross-site"}
        )
        assert answer.status_code == 403
    assert (await browser.post(PASSKEY, credential=credential, next="https://evil.example")).headers[
        "location"
    ] == HOME


async def test_spoiled_answers_are_refused_and_never_a_defect(
    app: FastAPI, ada: Member, device: Authenticator
) -> None:
    """Whatever bytes a browser sends, the library's parsers must not fail in a way of their own."""
    generator = random.Random(7)
    party, secret = RelyingParty.of(ORIGIN), await app.state.service.signing_keys.derived_secret()
    assert party is not None
    browser = await signed_in(app, ada)
    to_add, to_sign_in = await options(browser, OWN), await options(browser, PASSKEY)
    made = json.loads(Authenticator(ORIGIN).make(to_add))
    signed = json.loads(device.sign(to_sign_in))

    def spoiled(credential: dict[str, Any], part: str) -> str:
        data = bytearray(of_base64url(credential["response"][part]))
        for _ in range(generator.randint(1, 3)):
            data[generator.randrange(len(data))] = generator.randrange(256)
        del data[generator.randint(len(data) // 2, len(data)) :]
        return json.dumps(credential | {"response": credential["response"] | {part: base64url(bytes(data))}})

    for _ in range(150):
        challenge = of_base64url(to_add["challenge"])
        for part in ("clientDataJSON", "attestationObject"):
            with suppress(passkey_challenges.PasskeyRefused):
                credential = spoiled(made, part)
                passkey_answers.challenge_of_new(credential)
                passkey_answers.verified_new(party, challenge, credential)
        for part in ("clientDataJSON", "authenticatorData", "signature"):
            with pytest.raises(passkey_challenges.PasskeyRefused):
                await passkeys.sign_in_with_passkey(
                    app.state.service.pool, secret, party, credential=spoiled(signed, part), browser=""
                )
    for nonsense in ("[" * 100_000, "null", '{"id": 1}', json.dumps(signed | {"response": []}), "\ud800", "\x00"):
        with pytest.raises(passkey_challenges.PasskeyRefused):
            passkey_answers.named(nonsense)
        with pytest.raises(passkey_challenges.PasskeyRefused):
            passkey_answers.challenge_of_new(nonsense)


@pytest.mark.parametrize(
    ("public_url", "party"),
    [
        ("https://Tickets.example/waiting", ("tickets.example", "https://tickets.example")),
        ("https://tickets.example:8443", ("tickets.example", "https://tickets.example:8443")),
        ("https://tickets.example:443", ("tickets.example", "https://tickets.example")),
        ("https://théâtre.example", ("xn--thtre-4qa2c.example", "https://xn--thtre-4qa2c.example")),
        ("http://localhost:8000", ("localhost", "http://localhost:8000")),
        ("http://tickets.example", None),
        ("http://127.0.0.1:8000", None),
        ("https://192.0.2.1", None),
        ("https://[::1]", None),
    ],
)
def test_passkeys_need_a_host_name_with_https_or_localhost(public_url: str, party: tuple[str, str] | None) -> None:
    assert RelyingParty.of(public_url) == party


async def test_without_such_an_address_the_pages_offer_no_passkeys_and_say_why(dsn: str) -> None:
    app = create_app(Settings(database_url=SecretStr(dsn), worker=False, public_url="http://tickets.example"))
    async with app.router.lifespan_context(app):
        browser = await signed_in(app, await member(app))
        page = await browser.get(ACCOUNT)
        assert "Passkeys need a public address with https and a host name." in page.text
        assert "Add a passkey" not in page.text
        assert "passkey" not in (await visitor(app).get(SIGN_IN)).text
        async with unchanged(app):
            for path in (OWN, PASSKEY):
                assert (await browser.http.get(f"{path}/options")).status_code == 404
                await browser.refused(path, 404, credential="{}", passkey_name="x")
