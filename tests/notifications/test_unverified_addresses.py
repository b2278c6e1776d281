"""E-mails to unverified addresses: without words of the fan, few, and none after the owner has unsubscribed."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from pydantic import SecretStr

from tests.notifications.test_email_rendering import text_of
from tests.pages.test_fans import Browser
from tests.support.shop import LIST, ORGANIZATION, Shop, declared_answers, problem
from tests.support.sinks import Mailbox, mail_server
from tests.support.until import until, working
from waiting_list.access.api_keys import Scope, create_api_key
from waiting_list.access.email_sign_in import SignIn, ask_to_sign_in
from waiting_list.access.user_tokens import User
from waiting_list.api.user.entries import Changing, Joining
from waiting_list.app import create_app
from waiting_list.i18n import LOCALES
from waiting_list.lists import verbs
from waiting_list.lists.contact import Contact, ContactFields
from waiting_list.lists.engine import Caller
from waiting_list.lists.events import EmailKind
from waiting_list.lists.models import ListKey
from waiting_list.notifications.dispatcher import Dispatcher
from waiting_list.notifications.email_composer import EmailComposer
from waiting_list.notifications.email_examples import example_context
from waiting_list.notifications.email_rendering import EmailContext, EmailRenderer, has_web_address
from waiting_list.notifications.suppressions import code_hash, mailbox_hash, unsubscribe_code
from waiting_list.postgres.pool import connection
from waiting_list.settings import Settings
from waiting_list.web.request import Services

MARK = "Kx7quoz"
KEY = ListKey(*LIST.split("/"))
ENTRY = f"/waiting-lists/{LIST}/entry"
CONTACT = f"{ENTRY}/contact"
# Letters about a transfer have no word of a fan's at all.
OTHERS = {EmailKind.SIGN_IN, EmailKind.WEBHOOK_DISABLED, EmailKind.TRANSFER_OFFERED, EmailKind.TRANSFERRED}
ABOUT_ENTRIES = [one for one in EmailKind if one not in OTHERS]
NOTHING_BEFORE = '{"before": {}, "ready_until_before": null}'
"""What a letter about a change keeps of the time before it."""
NOT_KEPT = {"challenge"}
"""Fields that the service does not store, so that no e-mail can have them."""
WITH_WEB_ADDRESSES = [
    "win.example/x", "https://win.example", "www win", "go to win.example now", "win。example", "win．example",
    "win․example", "win.\u200bexample", "win.\u0301example", "выиграй.рф", "win.网", "evil .com", "93.184.216.34",
    "a@win.example", "javascript:x", "WIN.EXAMPLE", "ｗｉｎ．ｅｘａｍｐｌｅ", "win\\example", "win·example",
]  # fmt: skip
NAMES = [
    "Ada", "Ada Lovelace", "J. R. R. Tolkien", "J.R.R. Tolkien", "St. John", "O’Brien-Smith", "太鼓の夜", "Zoë 🎷",
    "Ada, Countess", "Sammy Davis Jr.", "Müller", "عائشة", "अदिति",
]  # fmt: skip


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as served:
        yield served


class Office:
    """A service whose e-mails go to a mail server, and a client of it."""

    def __init__(self, app: FastAPI, shop: Shop, mailbox: Mailbox) -> None:
        self.app, self.shop, self.mailbox = app, shop, mailbox
        service: Services = app.state.service
        self.service = service
        self.composer = EmailComposer(service.pool, service.settings, service.signing_keys)

    async def rows(self, statement: str, *arguments: Any) -> list[Any]:
        async with connection(self.service.pool) as acquired:
            return list(await acquired.fetch(statement, *arguments))

    async def fan(
        self, method: str, path: str, body: Any = None, *, user: str = "ada", **said: Any
    ) -> httpx.Response:
        """A call of a fan, with a token that says this of them."""
        token, _ = await self.service.user_tokens.mint(User(user, ORGANIZATION, Contact(**said)), expires_in=600)
        headers = {"Authorization": f"Bearer {token}"}
        return await self.shop.http.request(method, f"/v1/user{path}", headers=headers, json=body)

    @asynccontextmanager
    async def signed_in(self, user: str, **said: Any) -> AsyncIterator[Browser]:
        """A browser of a fan, whose token says this of them."""
        token, _ = await self.service.user_tokens.mint(User(user, ORGANIZATION, Contact(**said)), expires_in=600)
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="https://service") as http:
            await http.post("/sign-in/with-token", data={"token": token})
            yield Browser(http)

    async def delivered(self) -> list[EmailMessage]:
        """Return the e-mails that are sent until none is due, and forget them."""

        async def is_settled() -> bool:
            (record,) = await self.rows(
                "SELECT count(*) AS many FROM outbox"
                " WHERE status = 'pending' AND due_at < now() + interval '90 seconds'"
            )
            return bool(record["many"] == 0)

        service = self.service
        async with working(Dispatcher(service.pool, service.settings, service.signing_keys, service.engine)):
            await until(is_settled, seconds=20)
        sent, self.mailbox.messages = self.mailbox.messages, []
        return sent


@pytest_asyncio.fixture
async def office(dsn: str, mailbox: Mailbox) -> AsyncIterator[Office]:
    settings = Settings(
        database_url=SecretStr(dsn),
        worker=False,
        smtp_host="127.0.0.1",
        smtp_port=mailbox.port,
        smtp_security="none",
        public_url="https://tickets.example",
    )
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        created, _ = await create_api_key(app.state.service.pool, ORGANIZATION, name="tests", scopes=[Scope.ADMIN])
        hooks = {"response": [declared_answers(app)]}
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://service", event_hooks=hooks) as http:
            shop = Shop(http, created.key)
            await shop.stock()
            yield Office(app, shop, mailbox)


def written(message: EmailMessage) -> str:
    """Return all that a reader or a mail program sees of a message, except the address of the recipient."""
    to = message["To"].addresses[0]
    headers = "\n".join(f"{name}: {value}" for name, value in message.items() if name != "To")
    return "\n".join([headers, to.display_name, text_of(message), text_of(message, "html")])


def everything_a_fan_can_say(text: str) -> dict[str, Any]:
    """Return a join with this text in every field for free text.

    It fails for a field of an unknown kind, so that each new field needs a decision here.
    """
    said: dict[str, Any] = {"tickets_wanted": 2}
    for model in (Joining, Changing, ContactFields):
        for name, schema in model.model_json_schema()["properties"].items():
            if name in NOT_KEPT:
                continue
            kinds = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
            if all(one.get("type") in ("integer", "boolean") or "enum" in one for one in kinds):
                continue
            assert [one.get("type") for one in kinds] == ["string"], f"{model.__name__}.{name} is of a new kind"
            said[name] = f"{text}@example.org" if kinds[0].get("format") == "email" else text
    said["locale"] = f"fr-{text}"  # a language tag: its later parts are free text
    return said


async def test_before_the_address_is_verified_no_letter_has_a_word_of_the_fans(office: Office) -> None:
    said = everything_a_fan_can_say(MARK)
    assert said.keys() >= {"name", "email"}
    answer = await office.fan("POST", ENTRY, said, user=f"fan-{MARK}")
    assert answer.status_code == 201, answer.text
    about = dict((await office.composer.read_entries(KEY.list_id, [1]))[1])
    assert (about["name"], about["email"]) == (MARK, f"{MARK}@example.org")
    await ask_to_sign_in(office.service.pool, SignIn(ORGANIZATION, f"{MARK}@example.org", "en", f"/{MARK}"))
    (asked,) = await office.rows("SELECT notice_id FROM outbox WHERE type = 'sign_in'")
    for locale in LOCALES:
        for letter in ABOUT_ENTRIES:
            notice: Any = {"type": letter, "notice_id": uuid4(), "body": NOTHING_BEFORE}
            message = await office.composer.compose(notice, about | {"locale": locale})  # type: ignore[arg-type]
            assert MARK not in written(message), letter
            verified = about | {"locale": locale, "email_verified": True}
            assert MARK in written(await office.composer.compose(notice, verified)), letter  # type: ignore[arg-type]
        await office.rows("UPDATE sign_ins SET locale = $1", locale)
        sign_in = await office.composer.compose_sign_in(asked)
        assert sign_in is not None
        assert MARK not in written(sign_in)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("letter", ABOUT_ENTRIES)
def test_no_letter_has_a_name_with_a_web_address(letter: EmailKind, locale: str) -> None:
    renderer = EmailRenderer(Settings())
    for name in WITH_WEB_ADDRESSES:
        context = example_context(letter, locale=locale)
        plain = renderer.render(letter, _named(context, None), notice_id=uuid4())
        message = renderer.render(letter, _named(context, name), notice_id=uuid4())
        assert text_of(message) == text_of(plain)
        assert text_of(message, "html") == text_of(plain, "html")
        assert message["To"] == plain["To"] == "ada@example.org"
    assert "Ada" in text_of(renderer.render(letter, _named(context, "Ada"), notice_id=uuid4()))


def _named(context: EmailContext, name: str | None) -> EmailContext:
    return replace(context, name=name, email_verified=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_name(name: str) -> None:
    assert not has_web_address(name)


@pytest.mark.parametrize("locale", LOCALES)
def test_a_template_of_an_organizers_sees_no_word_of_the_fans_before_the_address_is_verified(
    tmp_path: Path, locale: str
) -> None:
    folder = tmp_path / "acme" / "mail"
    folder.mkdir(parents=True)
    (folder / "ready.txt").write_text("Subject: {{ name }}{{ email }}!\n\n-{{ name or 'friend' }}-{{ email }}-")
    (folder / "ready.html").write_text("{{ name }}{{ email }}")
    renderer = EmailRenderer(Settings(template_folder=tmp_path))
    context = example_context(EmailKind.READY, locale=locale, organization_id="acme")
    message = renderer.render(EmailKind.READY, context, notice_id=uuid4())
    assert text_of(message) == "-Ada-ada@example.org-\n"
    message = renderer.render(EmailKind.READY, replace(context, email_verified=False), notice_id=uuid4())
    assert (message["Subject"], text_of(message)) == ("!", "-friend--\n")
    assert text_of(message, "html").strip() == ""


async def test_of_all_addresses_that_a_fan_has_tried_only_the_newest_is_asked_to_verify(office: Office) -> None:
    await office.fan("POST", ENTRY, {"tickets_wanted": 1})
    await office.shop.made("PATCH", f"/waiting-lists/{LIST}", {"verify_email": True})
    for number in range(5):
        answer = await office.fan("PUT", CONTACT, {"email": f"stranger{number}@example.org"})
        assert answer.status_code == 200, answer.text
    assert [message["To"] for message in await office.delivered()] == ["stranger4@example.org"]
    statuses = await office.rows("SELECT status, count(*) AS many FROM outbox GROUP BY status")
    assert {one["status"]: one["many"] for one in statuses} == {"sent": 1, "dropped": 4}
    # An older one that is sent again by hand leads to no mail either.
    await office.rows(
        "UPDATE outbox SET status = 'pending', ended_at = NULL, due_at = now() WHERE status = 'dropped'"
    )
    assert await office.delivered() == []


async def test_a_change_of_address_beyond_the_limit_is_refused_and_changes_nothing(office: Office) -> None:
    await office.fan("POST", ENTRY, {"tickets_wanted": 1})
    await office.shop.made("PATCH", f"/waiting-lists/{LIST}", {"verify_email": True})
    answers = [await office.fan("PUT", CONTACT, {"email": f"stranger{n}@example.org"}) for n in range(25)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429] * 5
    problem(answers[-1], 429, "rate_limited")
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 180
    assert (await office.fan("GET", CONTACT)).json()["email"] == "stranger19@example.org"
    # Changes that send no e-mail to a stranger are not refused: a name, a verified address.
    (entry,) = await office.rows("SELECT number FROM entries")
    await office.service.engine.run(
        KEY,
        Caller(ORGANIZATION, "user"),
        verbs.verify,
        user_id="ada",
        number=entry["number"],
        email="stranger19@example.org",
    )
    same = {"email": "stranger19@example.org", "name": "Ada"}
    assert (await office.fan("PUT", CONTACT, same)).status_code == 200
    vouched = {"email": "ada@example.org", "email_verified": True}
    answer = await office.fan("PUT", CONTACT, {"email": "ada@example.org"}, **vouched)
    assert (answer.status_code, answer.json()["email_verified"]) == (200, True)


async def test_a_fan_who_joins_and_leaves_all_the_time_has_few_letters_sent_and_keeps_every_place(
    office: Office,
) -> None:
    await office.shop.stock(total=9, available=5)
    await office.shop.made("PATCH", f"/waiting-lists/{LIST}", {"open": True, "reminder_minutes": None})
    statuses = []
    for number in range(30):
        body = {"tickets_wanted": 1, "email": f"stranger+{number}@example.org"}
        answer = await office.fan("POST", ENTRY, body, user=f"u{number % 3}")
        statuses.append((answer.status_code, answer.json()["status"]))
        if number < 29:
            await office.fan("DELETE", ENTRY, user=f"u{number % 3}")
    assert statuses == [(201, "ready")] * 30
    written = await office.rows("SELECT type, count(*) AS many FROM outbox GROUP BY type")
    assert {one["type"]: one["many"] for one in written} == {"joined": 20, "ready": 20}
    # The place is complete: its fan gets e-mails about it later.
    await office.delivered()
    await office.shop.made("POST", f"/inventory/{LIST}/remove-stock", {"quantity": 5, "revoke_holds": True})
    assert [message["To"] for message in await office.delivered()] == ["stranger+29@example.org"]


async def test_a_fan_whose_address_is_verified_is_told_of_every_join(office: Office) -> None:
    vouched = {"email": "ada@example.org", "email_verified": True}
    for number in range(25):
        # Two accounts with one mailbox, since each may join a list so often in a day.
        user = f"ada{number % 2}"
        assert (await office.fan("POST", ENTRY, {"tickets_wanted": 1}, user=user, **vouched)).status_code == 201
        assert (await office.fan("DELETE", ENTRY, user=user)).status_code == 200
    (written,) = await office.rows("SELECT count(*) AS many FROM outbox WHERE type = 'joined'")
    assert written["many"] == 25


async def test_a_hundred_who_ask_to_sign_in_with_one_mailbox_have_one_letter_sent(office: Office) -> None:
    answers = [
        await office.shop.http.post(
            "/sign-in", data={"organization_id": ORGANIZATION, "email": f"a.d.a+{number}@gmail.com"}
        )
        for number in range(100)
    ]
    assert {answer.status_code for answer in answers} == {200}
    assert len({re.sub(r"a\.d\.a\+\d+", "", answer.text) for answer in answers}) == 1
    assert len(await office.delivered()) == 1


VOUCHED = {"email": "a.d.a+jazz@gmail.com", "email_verified": True}


async def a_second_list(office: Office) -> str:
    """Another list of the same organization."""
    await office.shop.stock(where="off_2/rep_1")
    return "/waiting-lists/off_2/rep_1/entry"


def unsubscribe_path(message: EmailMessage) -> str:
    """Return the path of the link in the header of an e-mail; the link at its end is the same."""
    link = str(message["List-Unsubscribe"]).strip("<>")
    assert link in text_of(message)
    return link.removeprefix("https://tickets.example")


async def subscribed(office: Office, entry: str = ENTRY, *, user: str = "ada") -> bool:
    """Return whether the fan's page says that there will be e-mails."""
    return bool((await office.fan("GET", f"{entry}/contact", user=user)).json()["subscribed"])


@pytest.mark.parametrize("said", [VOUCHED, {"email": "a.d.a+jazz@gmail.com"}], ids=["verified", "unverified"])
async def test_who_unsubscribes_by_a_letter_gets_none_of_any_later_entry_until_they_say_so(
    office: Office, said: dict[str, Any]
) -> None:
    other = await a_second_list(office)
    await office.fan("POST", ENTRY, {"tickets_wanted": 1}, **said)
    (message,) = await office.delivered()
    path = unsubscribe_path(message)
    one_click = await office.shop.http.post(path, data={"List-Unsubscribe": "One-Click"})
    assert one_click.status_code == 200
    # The same list again, another one, another spelling, another account: none of them is written to.
    await office.fan("DELETE", ENTRY)
    await office.fan("POST", ENTRY, {"tickets_wanted": 1}, **said)
    await office.fan("POST", other, {"tickets_wanted": 1}, **said | {"email": "ada@googlemail.com"}, user="bob")
    await office.shop.made("POST", "/inventory/off_2/rep_1/add-stock", {"quantity": 1})
    assert await office.delivered() == []
    assert not await subscribed(office)
    assert not await subscribed(office, other, user="bob")
    # Of another mailbox, they are.
    await office.fan("POST", other, {"tickets_wanted": 1}, email="cleo@example.org", user="cleo")
    assert [one["To"] for one in await office.delivered()] == ["cleo@example.org"]
    again = await office.shop.http.post(path.replace("/unsubscribe/", "/subscribe/"))
    assert again.status_code == 303
    assert await subscribed(office, other, user="bob")
    await office.shop.made("POST", "/inventory/off_2/rep_1/remove-stock", {"quantity": 1, "revoke_holds": True})
    assert [one["To"] for one in await office.delivered()] == ["ada@googlemail.com"]


async def test_a_verified_fan_unsubscribes_and_subscribes_on_the_page_for_all_lists(office: Office) -> None:
    other = await a_second_list(office)
    page = f"/waiting-lists/{LIST}/place"
    for entry in (ENTRY, other):
        await office.fan("POST", entry, {"tickets_wanted": 1}, **VOUCHED)
    async with office.signed_in("ada", **VOUCHED) as browser:
        await browser.get(page)
        await browser.did(f"{page}/unsubscribe")
        assert "You get no emails" in (await browser.get(page.replace("off_1", "off_2"))).text
        assert not await subscribed(office, other)
        await browser.did(f"{page.replace('off_1', 'off_2')}/subscribe")
        assert await subscribed(office, other)


async def test_only_who_reads_a_mailbox_can_silence_it_or_have_it_written_to_again(office: Office) -> None:
    other = await a_second_list(office)
    # Eve has an e-mail with her private link; then she gives Ada's address.
    await office.fan("POST", ENTRY, {"tickets_wanted": 1}, email="eve@example.org", user="eve")
    (message,) = await office.delivered()
    of_eve = unsubscribe_path(message)
    await office.fan("PUT", CONTACT, {"email": "ada@example.org"}, user="eve")
    page = of_eve.partition("/unsubscribe/")[0]
    # Her link has ended with her address, and the new one is with Ada.
    for path in (f"{page}/unsubscribe", f"{page}/unsubscribe/{'A' * 64}", of_eve, f"{page}/subscribe"):
        assert (await office.shop.http.post(path)).status_code == 404
    (message,) = await office.delivered()
    assert message["To"] == "ada@example.org"
    ada = {"email": "ada@example.org", "email_verified": True}
    await office.fan("POST", other, {"tickets_wanted": 1}, **ada)
    (message,) = await office.delivered()
    assert message["To"] == "ada@example.org"
    # Ada silences the organization; Eve cannot undo it, not even with a link from the shop.
    await office.shop.http.post(unsubscribe_path(message))
    link = (await office.shop.made("POST", f"/waiting-lists/{LIST}/entries/eve/link"))["url"]
    page = urlsplit(link).path
    refused = await office.shop.http.post(f"{page}/subscribe")
    assert refused.status_code == 422
    assert "This address has stopped the emails from this organizer." in refused.text
    of_eve = f"{page}/unsubscribe/{of_eve.rpartition('/')[2]}"
    assert (await office.shop.http.post(of_eve.replace("/unsubscribe/", "/subscribe/"))).status_code == 303
    assert not await subscribed(office, other)
    (row,) = await office.rows("SELECT organization_id, length(mailbox_hash) AS bytes FROM suppressions")
    assert tuple(row) == (ORGANIZATION, 32)


async def test_a_code_is_good_for_its_organization_and_mailbox_alone(office: Office) -> None:
    secret = await office.service.signing_keys.derived_secret()
    code = unsubscribe_code(secret, "org_1", "a.d.a+x@gmail.com")
    assert (len(code), quote(code, safe="")) == (64, code)
    assert code_hash(secret, "org_1", code) == mailbox_hash(secret, "org_1", "ada@googlemail.com")
    others = [code[:-4] + "AAAA", "AAAA" + code[4:], code[:60], code + "AAAA", "", "é" * 64, "A" * 64]
    assert {code_hash(secret, "org_1", other) for other in others} == {None}
    assert code_hash(secret, "org_2", code) is None
    assert code_hash(b"another deployment's", "org_1", code) is None


async def test_who_has_unsubscribed_can_still_sign_in(office: Office) -> None:
    await office.fan("POST", ENTRY, {"tickets_wanted": 1}, **VOUCHED)
    (message,) = await office.delivered()
    await office.shop.http.post(unsubscribe_path(message))
    form = {"organization_id": ORGANIZATION, "email": VOUCHED["email"]}
    await office.shop.http.post("/sign-in", data=form)
    assert [one["Subject"] for one in await office.delivered()] == ["Your sign-in link"]


async def test_that_a_mailbox_wants_no_letters_is_exported_and_outlives_an_erasure(office: Office) -> None:
    await office.fan("POST", ENTRY, {"tickets_wanted": 1}, **VOUCHED)
    (message,) = await office.delivered()
    await office.shop.http.post(unsubscribe_path(message))
    export = await office.shop.made("GET", "/users/ada/export")
    assert [one["email"] for one in export["suppressions"]] == [VOUCHED["email"]]
    assert [one["subscribed"] for one in export["contacts"]] == [False]
    await office.shop.made("DELETE", "/users/ada")
    await office.fan("POST", ENTRY, {"tickets_wanted": 1}, **VOUCHED)
    assert await office.delivered() == []
    kept = [str(value) for row in await office.rows("SELECT * FROM suppressions") for value in row.values()]
    assert not any("ada" in value or "a.d.a" in value or "gmail" in value for value in kept)
