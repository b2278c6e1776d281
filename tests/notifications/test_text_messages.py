"""Text messages: from a number that a fan gives to the gateway of the organization, and what the number costs."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from pydantic import SecretStr
from standardwebhooks import Webhook as Referee

from tests.support.receivers import Receiver, receiving, status
from tests.support.shop import LIST, ORGANIZATION, Shop, problem
from tests.support.until import until
from waiting_list.access.api_keys import Scope, create_api_key
from waiting_list.app import create_app
from waiting_list.fields import Locale
from waiting_list.i18n import LOCALES
from waiting_list.lists.models import ListKey
from waiting_list.notifications import sms_text
from waiting_list.notifications.phones import UNVERIFIED_KEPT, normalized, phone_code
from waiting_list.notifications.sms_text import code_text, is_plain, length, plain, turn_text
from waiting_list.postgres.pool import connection
from waiting_list.postgres.statements import sql
from waiting_list.problems import InvalidRequest
from waiting_list.settings import Settings

GUIDE = Path(__file__).parents[2] / "docs/how-to/send-text-messages.md"
PHONE = f"/waiting-lists/{LIST}/entry/phone"
CODE = f"{PHONE}/code"
ADA, BOB = "+33612345678", "+33687654321"
LIST_ID = ListKey(*LIST.split("/")).list_id


@dataclass
class Texts:
    """A service that sends text messages."""

    app: FastAPI
    shop: Shop

    async def gateway(self, receiver: Receiver, **more: Any) -> dict[str, Any]:
        body = {"url": f"http://127.0.0.1:{receiver.port}/sms", "prefixes": ["+33", "+49"]}
        return await self.shop.made("PUT", "/sms-gateway", body | more)

    async def gives(self, user_id: str, phone: str = ADA, **more: Any) -> dict[str, Any]:
        answer = await self.shop.user(user_id, "PUT", PHONE, {"phone": phone} | more)
        assert answer.status_code == 200, answer.text
        state: dict[str, Any] = answer.json()
        return state

    async def code(self, number: int, phone: str = ADA, codes: int = 1) -> str:
        secret = await self.app.state.service.signing_keys.derived_secret()
        return phone_code(secret, LIST_ID, number, phone, codes)

    async def verified(self, user_id: str, number: int, phone: str = ADA, **more: Any) -> None:
        """Have a fan give a number and its code."""
        await self.gives(user_id, phone, **more)
        answer = await self.shop.user(user_id, "PUT", CODE, {"code": await self.code(number, phone)})
        assert answer.json()["verified"], answer.text

    async def hold(self, quantity: int = 1) -> None:
        await self.shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": quantity})

    async def notices(self, type_: str = "", channel: str = "sms") -> list[dict[str, Any]]:
        query = f"channel={channel}" + (f"&type={type_}" if type_ else "")
        found: list[dict[str, Any]] = (await self.shop.made("GET", f"/notices?{query}"))["items"]
        return found

    async def ended(self, type_: str, count: int = 1) -> list[dict[str, Any]]:
        async def have() -> bool:
            return len([one for one in await self.notices(type_) if one["ended_at"]]) >= count

        await until(have, seconds=20)
        return await self.notices(type_)

    async def run(self, statement: str) -> list[Any]:
        async with connection(self.app.state.service.pool) as acquired:
            return list(await acquired.fetch(statement))


@asynccontextmanager
async def opened(dsn: str, tmp_path: Path, **settings: Any) -> AsyncIterator[Texts]:
    given = {"database_url": SecretStr(dsn), "mail_folder": tmp_path, "webhook_private_addresses": True} | settings
    app = create_app(Settings(**given))
    async with app.router.lifespan_context(app):
        key, _ = await create_api_key(app.state.service.pool, ORGANIZATION, name="tests", scopes=[Scope.ADMIN])
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as http:
            shop = Shop(http, key.key)
            await shop.stock()
            yield Texts(app, shop)


@pytest_asyncio.fixture
async def texts(dsn: str, tmp_path: Path) -> AsyncIterator[Texts]:
    async with opened(dsn, tmp_path) as one:
        yield one


@pytest_asyncio.fixture
async def quiet(dsn: str, tmp_path: Path) -> AsyncIterator[Texts]:
    """The same without a worker, so that no text message goes out."""
    async with opened(dsn, tmp_path, worker=False) as one:
        yield one


def said(receiver: Receiver) -> list[dict[str, Any]]:
    return [json.loads(body) for _, body in receiver.requests]


async def test_a_number_gets_a_code_and_then_the_turn_and_its_last_call_signed(texts: Texts) -> None:
    await texts.shop.made("PATCH", f"/waiting-lists/{LIST}", {"hold_minutes": 120, "reminder_minutes": 20})
    await texts.shop.join("ada")
    async with receiving(status(200)) as gateway:
        made = await texts.gateway(gateway)
        assert made["secret"].startswith("whsec_")
        assert "secret" not in await texts.shop.made("GET", "/sms-gateway")
        # A number of the country, as fans write it.
        state = await texts.gives("ada", "06 12 34 56 78", locale="fr")
        assert (state["phone"], state["verified"]) == (ADA, False)
        await texts.ended("phone_code")
        code = await texts.code(1)
        (first,) = said(gateway)
        assert first["text"] == f"Jazz Festival: {code} est votre code. Il est valable 10 minutes."
        assert (first["type"], first["kind"], first["to"], first["locale"]) == ("sms", "phone_code", ADA, "fr")
        head, body = gateway.requests[0]
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        Referee(made["secret"]).verify(body, headers)
        assert headers["webhook-id"] == first["notice_id"]
        assert (await texts.shop.user("ada", "PUT", CODE, {"code": f" {code[:3]} {code[3:]} "})).json()["verified"]
        await texts.hold()
        await texts.ended("ready")
        turn = said(gateway)[1]
        assert turn["text"].startswith("Jazz Festival: 1 billet réservé jusqu'au ")
        assert "http://127.0.0.1:8000/e/" in turn["text"]
        assert length(turn["text"]) <= 160
        link = turn["text"].rpartition(" ")[2].removeprefix("http://127.0.0.1:8000")
        assert (await texts.shop.http.get(link)).status_code == 200
        # The last call is planned as a notice of its own, can be sent again, and says why it was not sent.
        (reminder,) = await texts.notices("reminder")
        assert (reminder["status"], reminder["channel"], reminder["webhook_id"]) == ("pending", "sms", None)
        await texts.run("UPDATE entries SET ready_until = now() + interval '10 min' WHERE number = 1 RETURNING 1")
        await texts.shop.made("POST", f"/notices/{reminder['notice_id']}/resend")
        await texts.ended("reminder")
        assert said(gateway)[2]["kind"] == "reminder"
        await texts.run("UPDATE entries SET ready_until = now() RETURNING 1")
        await texts.shop.made("POST", f"/notices/{reminder['notice_id']}/resend")
        (dropped,) = await texts.ended("reminder")
        assert (dropped["status"], dropped["answer"]) == ("dropped", "the hold is over")
    assert len(gateway.requests) == 3
    # Each other channel has its own.
    assert not await texts.notices(channel="push")
    assert not await texts.notices("ready", channel="webhook")


async def test_no_text_goes_to_a_number_that_nobody_verified_or_that_was_taken_back(texts: Texts) -> None:
    for user_id in ("ada", "bob", "cleo"):
        await texts.shop.join(user_id)
    async with receiving(status(200)) as gateway:
        await texts.gateway(gateway)
        await texts.gives("ada")
        await texts.verified("bob", 2, BOB)
        state = (await texts.shop.user("bob", "DELETE", PHONE)).json()
        assert (state["phone"], state["verified"]) == (None, False)
        await texts.hold(3)
        await texts.ended("phone_code", 2)
    assert await texts.notices("ready") == []
    assert {one["to"] for one in said(gateway)} <= {ADA, BOB}


async def test_a_number_that_fails_for_good_gets_no_more_and_the_fan_sees_it(texts: Texts) -> None:
    await texts.shop.join("ada")
    async with receiving(status(200)) as gateway:
        await texts.gateway(gateway)
        await texts.verified("ada", 1)
        await texts.ended("phone_code")
    async with receiving(status(410, f"{ADA} has opted out")) as gateway:
        await texts.gateway(gateway)
        await texts.hold()
        (dead,) = await texts.ended("ready")
    assert (dead["status"], dead["answer_status"], dead["answer"]) == ("dead", 410, "… has opted out")
    state = (await texts.shop.user("ada", "GET", PHONE)).json()
    assert (state["phone"], state["failed"]) == (ADA, True)
    async with receiving(status(200)) as gateway:
        await texts.gateway(gateway)
        await texts.shop.made("POST", f"/notices/{dead['notice_id']}/resend")
        (dropped,) = await texts.ended("ready")
        assert dropped["status"] == "dropped"
        assert gateway.requests == []
        # The same number again gets a code again.
        assert not (await texts.gives("ada"))["failed"]
        await texts.ended("phone_code", 2)
        assert len(gateway.requests) == 1


async def test_a_gateway_that_fails_is_tried_again_and_one_that_refuses_is_not(texts: Texts) -> None:
    await texts.shop.join("ada")
    async with receiving(status(503, "later")) as gateway:
        await texts.gateway(gateway)
        await texts.gives("ada")

        async def tried() -> bool:
            return any(one["answer_status"] == 503 for one in await texts.notices("phone_code"))

        await until(tried, seconds=20)
        (pending,) = await texts.notices("phone_code")
        assert (pending["status"], pending["tries"], pending["answer"]) == ("pending", 1, "later")
    async with receiving(status(422, "no such country")) as gateway:
        await texts.gateway(gateway)
        await texts.shop.made("POST", f"/notices/{pending['notice_id']}/resend")
        (dead,) = await texts.ended("phone_code")
        assert (dead["status"], dead["answer"]) == ("dead", "no such country")
    await texts.shop.made("DELETE", "/sms-gateway")
    problem(await texts.shop.organizer("GET", "/sms-gateway"), 404, "gateway_not_found")
    await texts.shop.made("POST", f"/notices/{pending['notice_id']}/resend")
    (given_up,) = await texts.ended("phone_code")
    assert "no longer sends text messages" in given_up["answer"]


async def test_a_claim_of_a_killed_process_is_sent_again_under_the_same_id(
    quiet: Texts, dsn: str, tmp_path: Path
) -> None:
    await quiet.shop.join("ada")
    async with receiving(status(200)) as gateway:
        made = await quiet.gateway(gateway)
        await quiet.gives("ada")
        async with connection(quiet.app.state.service.pool) as acquired:
            claim = (LIST_ID, made["gateway_id"], 32, timedelta(seconds=90))
            (claimed,) = await acquired.fetch(sql("claim_notices"), *claim)
            # It is another's until the lease is over.
            assert await acquired.fetch(sql("claim_notices"), *claim) == []
        await quiet.run("UPDATE outbox SET due_at = now() RETURNING 1")
        async with opened(dsn, tmp_path) as other:
            (sent,) = await other.ended("phone_code")
            assert (sent["status"], sent["tries"]) == ("sent", 2)
    assert [one["notice_id"] for one in said(gateway)] == [sent["notice_id"]] == [str(claimed["notice_id"])]


async def test_an_organizer_tests_the_gateway_with_a_number_of_their_own(texts: Texts) -> None:
    missing = await texts.shop.organizer("POST", "/sms-gateway/test", {"phone": ADA})
    problem(missing, 404, "gateway_not_found")
    async with receiving(status(200)) as gateway:
        secret = (await texts.gateway(gateway))["secret"]
        wrong = await texts.shop.organizer("POST", "/sms-gateway/test", {"phone": "+15551234567"})
        problem(wrong, 422, "invalid_request")
        once = {"Idempotency-Key": "k1"}
        asked = {"phone": "06 12 34 56 78", "locale": "fr"}
        made = [await texts.shop.made("POST", "/sms-gateway/test", asked, headers=once) for _ in range(2)]
        assert made[0] == made[1]
        (sent,) = await texts.ended("sms_test")
        assert (sent["status"], sent["answer_status"], sent["notice_id"]) == ("sent", 200, made[0]["notice_id"])
        ((_, body),) = gateway.requests
        text = Referee(secret).verify(body.decode(), gateway.headers)
        assert (text["kind"], text["to"], text["locale"]) == ("sms_test", ADA, "fr")
        assert text["text"].startswith("Un essai")
        assert ADA not in json.dumps(await texts.notices())
    async with receiving(status(410, f"{ADA} has opted out")) as gateway:
        await texts.gateway(gateway)
        await texts.shop.made("POST", "/sms-gateway/test", {"phone": ADA})
        assert {one["answer"] for one in await texts.ended("sms_test", 2)} == {"", "… has opted out"}
        # Both requests with the key count, so this is the fourth.
        limited = await texts.shop.organizer("POST", "/sms-gateway/test", {"phone": ADA})
        problem(limited, 429, "rate_limited")


async def test_quiet_hours_hold_for_text_messages_but_not_for_a_code(texts: Texts) -> None:
    now = datetime.now(UTC)
    zone = {"timezone": "UTC", "title": "Jazz Festival"}
    await texts.shop.made("PUT", "/events/ev_1", zone)
    hours = {"quiet_from": f"{now - timedelta(hours=1):%H:%M}", "quiet_until": f"{now + timedelta(hours=2):%H:%M}"}
    await texts.shop.made("PATCH", f"/waiting-lists/{LIST}", hours | {"hold_minutes": 1440})
    await texts.shop.join("ada")
    async with receiving(status(200)) as gateway:
        await texts.gateway(gateway)
        await texts.gives("ada")
        await texts.ended("phone_code")
        await texts.shop.user("ada", "PUT", CODE, {"code": await texts.code(1)})
        await texts.hold()

        async def waits() -> bool:
            (one,) = await texts.notices("ready")
            return bool(datetime.fromisoformat(one["due_at"]) > now + timedelta(hours=1, minutes=58))

        await until(waits, seconds=20)
        assert len(gateway.requests) == 1
        # What would cost the tickets does not wait.
        await texts.run("UPDATE entries SET ready_until = now() + interval '150 min' WHERE number = 1 RETURNING 1")
        (one,) = await texts.notices("ready")
        assert (one["status"], one["tries"]) == ("pending", 0)
        await texts.shop.made("POST", f"/notices/{one['notice_id']}/resend")
        await texts.ended("ready")
        assert len(gateway.requests) == 2


async def test_a_code_is_guessed_five_times_and_then_another_one_is_needed(quiet: Texts) -> None:
    await quiet.shop.join("ada")
    async with receiving(status(200)) as gateway:
        await quiet.gateway(gateway)
    await quiet.gives("ada")
    right = await quiet.code(1)
    wrong = f"{(int(right) + 1) % 10**6:06}"
    guesses = [quiet.shop.user("ada", "PUT", CODE, {"code": wrong}) for _ in range(8)]
    answers = await asyncio.gather(*guesses)
    for one in answers:
        problem(one, 422, "invalid_request")
    assert (await quiet.run("SELECT tries FROM phones"))[0]["tries"] == 5
    late = problem(await quiet.shop.user("ada", "PUT", CODE, {"code": right}), 422, "invalid_request")
    assert "another code" in late["errors"][0]["message"]
    await quiet.gives("ada")
    assert await quiet.code(1, codes=2) != right
    problem(await quiet.shop.user("ada", "PUT", CODE, {"code": right}), 422, "invalid_request")
    await quiet.run("UPDATE phones SET asked_at = now() - interval '11 min' RETURNING 1")
    old = await quiet.shop.user("ada", "PUT", CODE, {"code": await quiet.code(1, codes=2)})
    assert "another code" in problem(old, 422, "invalid_request")["errors"][0]["message"]
    await quiet.run("UPDATE phones SET asked_at = now() RETURNING 1")
    for _ in range(2):  # safe to repeat
        answer = await quiet.shop.user("ada", "PUT", CODE, {"code": await quiet.code(1, codes=2)})
        assert answer.json()["verified"]
    # A verified number gets no further code.
    await quiet.gives("ada")
    assert len(await quiet.notices("phone_code")) == 2


async def test_codes_are_few_for_a_number_and_for_an_entry(quiet: Texts) -> None:
    async with receiving(status(200)) as gateway:
        await quiet.gateway(gateway)
    for number in range(4):
        await quiet.shop.join(f"u{number}")
    for number in range(3):
        await quiet.gives(f"u{number}")
    # A number that many give.
    limited = await quiet.shop.user("u3", "PUT", PHONE, {"phone": ADA})
    assert "phone-codes" in problem(limited, 429, "rate_limited")["detail"]
    assert int(limited.headers["retry-after"]) > 0
    # An entry that gives many numbers.
    for number in range(5):
        await quiet.gives("u3", f"+3361234560{number}")
    limited = await quiet.shop.user("u3", "PUT", PHONE, {"phone": BOB})
    assert "place-codes" in problem(limited, 429, "rate_limited")["detail"]
    assert len(await quiet.notices("phone_code")) == 8


@pytest.mark.parametrize(
    "phone",
    [
        "",
        "x",
        "0612",
        "+44 7911 123456",
        "+33 1 42 68 53 00",
        "+33 899 123 456",
        "+33612345678\x00",
        "6" * 41,
        "+",
    ],
)
async def test_a_number_that_takes_no_text_message_is_refused(quiet: Texts, phone: str) -> None:
    await quiet.shop.join("ada")
    async with receiving(status(200)) as gateway:
        await quiet.gateway(gateway)
    problem(await quiet.shop.user("ada", "PUT", PHONE, {"phone": phone}), 422, "invalid_request")
    assert await quiet.run("SELECT 1 FROM phones") == []
    assert await quiet.notices() == []


def test_a_number_without_its_country_has_the_first_prefix() -> None:
    assert normalized("06 12 34 56 78", ["+33"]) == ADA
    assert normalized("0033612345678", ["+33"]) == ADA
    assert normalized("0151 23456789", ["+49", "+33"]) == "+4915123456789"
    assert normalized("(212) 555-0123", ["+1"]) == "+12125550123"
    with pytest.raises(InvalidRequest, match=r"\+33 or \+49"):
        normalized("+12125550123", ["+33", "+49"])


async def test_without_a_gateway_there_is_nothing_to_give_a_number_for(quiet: Texts) -> None:
    await quiet.shop.join("ada")
    state = (await quiet.shop.user("ada", "GET", PHONE)).json()
    assert state == {"prefixes": [], "phone": None, "verified": False, "failed": False, "code_until": None}
    refused = problem(await quiet.shop.user("ada", "PUT", PHONE, {"phone": ADA}), 422, "invalid_request")
    assert "sends no text messages" in refused["errors"][0]["message"]
    problem(await quiet.shop.user("ada", "PUT", CODE, {"code": "123456"}), 422, "invalid_request")
    problem(await quiet.shop.organizer("DELETE", "/sms-gateway"), 404, "gateway_not_found")


@pytest.mark.parametrize(
    "body",
    [
        {"url": "http://sms.example/", "prefixes": ["+33"]},
        {"url": "https://127.0.0.1/", "prefixes": ["+33"]},
        {"url": "https://db.internal/", "prefixes": ["+33"]},
        {"url": "json://sms.example/{to}", "prefixes": ["+33"]},
        {"url": "sms.example", "prefixes": ["+33"]},
        {"url": "https://sms.example/ x", "prefixes": ["+33"]},
        {"url": "https://sms.example/", "prefixes": []},
        {"url": "https://sms.example/", "prefixes": ["33"]},
        {"url": "https://sms.example/", "prefixes": ["+"]},
        {"url": "https://sms.example/"},
    ],
)
async def test_a_gateway_that_text_messages_would_not_reach_is_refused(
    dsn: str, tmp_path: Path, body: dict[str, Any]
) -> None:
    async with opened(dsn, tmp_path, worker=False, webhook_private_addresses=False) as texts:
        problem(await texts.shop.organizer("PUT", "/sms-gateway", body), 422, "invalid_request")
        problem(await texts.shop.organizer("GET", "/sms-gateway"), 404, "gateway_not_found")


async def test_a_number_is_exported_and_goes_with_its_entry_its_link_and_its_person(quiet: Texts) -> None:
    async with receiving(status(200)) as gateway:
        await quiet.gateway(gateway)
    for number, user_id in enumerate(("ada", "bob", "cleo"), 1):
        await quiet.shop.join(user_id)
        await quiet.verified(user_id, number, f"+3361234567{number}")
    (kept,) = (await quiet.shop.made("GET", "/users/ada/export"))["phones"]
    assert (kept["phone"], kept["number"]) == ("+33612345671", 1)
    assert kept["verified_at"]
    left = "SELECT number FROM phones ORDER BY number"
    await quiet.shop.made("DELETE", "/users/ada")
    assert [one["number"] for one in await quiet.run(left)] == [2, 3]
    # Of the API, not of the link.
    await quiet.shop.made("POST", f"/waiting-lists/{LIST}/entries/bob/link")
    await quiet.shop.made("DELETE", f"/waiting-lists/{LIST}/entries/bob/link")
    assert [one["number"] for one in await quiet.run(left)] == [2, 3]
    await quiet.run("UPDATE phones SET by_link = true WHERE number = 2 RETURNING 1")
    await quiet.shop.made("DELETE", f"/waiting-lists/{LIST}/entries/bob/link")
    assert [one["number"] for one in await quiet.run(left)] == [3]
    await quiet.shop.user("cleo", "DELETE")
    problem(await quiet.shop.user("cleo", "PUT", PHONE, {"phone": ADA}), 409, "already_left")
    await quiet.shop.join("dora")
    await quiet.gives("dora", BOB)
    await quiet.run("UPDATE phones SET asked_at = now() - interval '25 h' WHERE number = 4 RETURNING 1")
    async with connection(quiet.app.state.service.pool) as acquired:
        await acquired.execute(sql("delete_left_phones"), datetime.now(UTC) - UNVERIFIED_KEPT)
    assert await quiet.run(left) == []


async def test_the_gateway_of_the_page_gives_a_text_message_to_the_provider_once(texts: Texts) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    await texts.shop.join("ada")
    async with receiving(status(201)) as provider, receiving(status(200)) as nobody:
        secret = (await texts.gateway(nobody))["secret"]
        given = {"PROVIDER_URL": f"http://127.0.0.1:{provider.port}/Messages.json", "SENDER": "+15551234567"}
        program = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            code,
            env=os.environ | given | {"GATEWAY_SECRET": secret, "PROVIDER_LOGIN": "AC1:token", "PORT": "0"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            assert program.stdout is not None
            line = await asyncio.wait_for(program.stdout.readline(), 60)
            url = f"http://127.0.0.1:{int(line.split()[-1])}/"
            await texts.shop.made("PUT", "/sms-gateway", {"url": url, "prefixes": ["+33"]})
            await texts.gives("ada")
            (sent,) = await texts.ended("phone_code")
            assert sent["status"] == "sent"
            form = parse_qs(provider.requests[0][1].decode())
            assert (form["To"], form["From"]) == ([ADA], ["+15551234567"])
            assert await texts.code(1) in form["Body"][0]
            assert provider.headers["authorization"] == "Basic QUMxOnRva2Vu"
            await texts.shop.made("POST", f"/notices/{sent['notice_id']}/resend")
            await texts.ended("phone_code")
            assert len(provider.requests) == 1
        finally:
            program.kill()
            await program.wait()


FACTS: dict[str, Any] = {
    "event_title": "Fête de la Musique: Les Nuits de Fourvière – Élodie & l’Orchestre national (complet)",
    "timezone": "Europe/Paris", "locale": None, "languages": None, "tickets_held": 2,
    "ready_until": datetime(2031, 12, 28, 20, 30, tzinfo=UTC), "organization_id": "o", "offer_id": "o",
    "representation_id": "r", "event_id": "e", "user_id": "u", "status": "ready", "left_reason": None,
    "tickets_wanted": 2, "tickets_minimum": 2, "number": 1, "rank": 1, "position": None, "tickets_ahead": None,
    "wish_id": None, "set_aside_at": None,
    "joined_at": datetime(2031, 1, 1, tzinfo=UTC), "ready_at": datetime(2031, 1, 1, tzinfo=UTC), "left_at": None,
    "keep_waiting_for_rest": False, "paused_at": None,
}  # fmt: skip


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("title", ["Jazz Festival", FACTS["event_title"], "€[x]" * 60])
def test_a_text_message_is_one_message_in_every_language(locale: Locale, title: str) -> None:
    link = "https://tickets.example.org/e/" + "x" * 54
    about = FACTS | {"event_title": title}
    codes, test = code_text(about, locale, code="123456"), sms_text.test_text(locale)
    for text in (turn_text(about, locale, link=link), codes, test):
        assert is_plain(text), text
        assert length(text) <= 160, text
    assert turn_text(about, locale, link=link).endswith(link)
    assert "2 " in turn_text(about, locale, link=link)
    assert "123456" in code_text(about, locale, code="123456")


def test_letters_that_a_text_message_lacks_lose_their_accents_and_another_script_stays() -> None:
    assert plain("Fête – l’œuvre à Zürich, ñ, ç, Ł") == "Fete - l'oeuvre à Zürich, ñ, c, L"
    assert plain("Кино") == "Кино"
    assert not is_plain("Кино")
    assert (length("€uro"), length("Euro")) == (5, 4)


async def test_an_apprise_url_sends_where_the_operator_allows_its_scheme(dsn: str, tmp_path: Path) -> None:
    async with opened(dsn, tmp_path, apprise_schemes="json, twilio") as texts:
        await texts.shop.join("ada")
        async with receiving(status(200)) as provider:
            url = f"json://secret:word@127.0.0.1:{provider.port}/{{to}}"
            made = await texts.shop.made("PUT", "/sms-gateway", {"url": url, "prefixes": ["+33"]})
            assert (made["url"], made["secret"]) == ("json://…", None)
            assert "word" not in str(await texts.shop.made("GET", "/sms-gateway"))
            await texts.verified("ada", 1)
            await texts.hold()
            (sent,) = await texts.ended("ready")
            assert (sent["status"], sent["channel"]) == ("sent", "sms")
            head, body = provider.requests[-1]
            assert head.startswith("POST /+33612345678")
            assert json.loads(body)["message"].startswith("Jazz Festival: 1 ticket held until ")
        # It says why not, without the number and the password.
        async with receiving(status(500)) as provider:
            url = f"json://secret:word@127.0.0.1:{provider.port}/{{to}}"
            await texts.shop.made("PUT", "/sms-gateway", {"url": url, "prefixes": ["+33"]})
            await texts.shop.made("POST", f"/notices/{sent['notice_id']}/resend")

            async def tried() -> bool:
                (one,) = await texts.notices("ready")
                return bool(one["answer"])

            await until(tried, seconds=20)
        (pending,) = await texts.notices("ready")
        assert pending["status"] == "pending"
        assert "500" in pending["answer"]
        assert not re.search("word|612345678", pending["answer"])


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("discord://a/b/{to}", "must begin with https://, or json://"),
        ("json://127.0.0.1/x", "must have {to}"),
        ("json://{to}", "is not an address that Apprise understands"),
    ],
)
async def test_an_apprise_url_that_cannot_be_used_is_refused(dsn: str, tmp_path: Path, url: str, why: str) -> None:
    async with opened(dsn, tmp_path, apprise_schemes="json", worker=False) as texts:
        body = {"url": url, "prefixes": ["+33"]}
        refused = problem(await texts.shop.organizer("PUT", "/sms-gateway", body), 422, "invalid_request")
        assert why in refused["errors"][0]["message"]


async def test_without_apprise_its_url_is_refused_and_an_old_one_fails_with_the_reason(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(dsn, tmp_path, apprise_schemes="json") as texts:
        body = {"url": "json://127.0.0.1:9/{to}", "prefixes": ["+33"]}
        await texts.shop.made("PUT", "/sms-gateway", body)
        monkeypatch.setitem(sys.modules, "apprise", None)
        monkeypatch.setattr("waiting_list.notifications.apprise_client.find_spec", lambda _: None)
        refused = problem(await texts.shop.organizer("PUT", "/sms-gateway", body), 422, "invalid_request")
        assert "not installed" in refused["errors"][0]["message"]
        await texts.shop.join("ada")
        await texts.gives("ada")

        async def tried() -> bool:
            return any("not installed" in (one["answer"] or "") for one in await texts.notices())

        await until(tried, seconds=20)
