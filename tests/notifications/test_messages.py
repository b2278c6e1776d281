"""Messages of organizers to the fans of a list or an event: one letter for each person, few a day."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from tests.notifications.test_unverified_addresses import (  # noqa: F401 - fixtures
    Office,
    a_second_list,
    mailbox,
    office,
    unsubscribe_path,
)
from tests.support.shop import LIST, Shop, problem
from tests.web.test_http import unchanged
from waiting_list.i18n import in_language
from waiting_list.lists.engine import Engine
from waiting_list.lists.models import ListKey
from waiting_list.postgres.pool import connection
from waiting_list.problems import Unavailable

MESSAGES = f"/waiting-lists/{LIST}/messages"
SUBJECT = {"en": "Doors open earlier", "fr": "Ouverture avancée"}
TEXT = {"en": "Doors open at 19:00.\n\nSee you there!", "fr": "Ouverture des portes à 19 h."}
MESSAGE: dict[str, Any] = {"to": ["waiting", "ready"], "subject": SUBJECT, "text": TEXT}


async def add(shop: Shop, user_id: str, path: str = LIST, **contact: Any) -> None:
    vouched = {"email_verified": True} if "email" in contact else {}
    body = {"user_id": user_id, "tickets_wanted": 1} | vouched | contact
    await shop.made("POST", f"/waiting-lists/{path}/entries", body)


def counts(answer: dict[str, Any]) -> dict[str, int]:
    (one,) = answer["lists"]
    return {name: count for name, count in one.items() if isinstance(count, int) and count}


async def test_a_message_is_one_letter_for_each_person_in_their_language(office: Office) -> None:  # noqa: F811
    shop = office.shop
    await add(shop, "ada", email="ada@example.org", locale="fr-CA")
    await add(shop, "bob", email="bob@example.org", locale="de")
    await add(shop, "bobby", email="BOB+x@example.org")
    await add(shop, "cleo")
    await add(shop, "dan", email="dan@example.org")
    await shop.user("dan", "DELETE", f"/waiting-lists/{LIST}/entry")
    await office.delivered()
    preview = await shop.made("POST", MESSAGES, MESSAGE | {"preview": True})
    assert counts(preview) == {"emails": 2, "same_person": 1, "without_address": 1}
    assert (preview["message_id"], preview["preview"], preview["emails"]) == (None, True, 2)
    assert [(one["locale"], one["subject"]) for one in preview["examples"]] == [*SUBJECT.items()]
    assert "Doors open at 19:00." in preview["examples"][0]["text"]
    assert await office.delivered() == []
    sent = await shop.made("POST", MESSAGES, MESSAGE | {"reason": "The venue asked for it."})
    assert (counts(sent), sent["examples"]) == (counts(preview), [])
    letters = {message["To"]: message for message in await office.delivered()}
    assert {to: letter["Subject"] for to, letter in letters.items()} == {
        "ada@example.org": SUBJECT["fr"], "bob@example.org": SUBJECT["en"],
    }  # fmt: skip
    plain = letters["bob@example.org"].get_body(("plain",)).get_content()
    assert "Doors open at 19:00." in plain
    assert "See you there!" in plain
    assert letters["bob@example.org"]["List-Unsubscribe"]
    history = (await shop.made("GET", f"/waiting-lists/{LIST}/history?verb=message"))["items"]
    assert [(one["after"], one["reason"], one["number"]) for one in history] == [
        (
            {"to": ["waiting", "ready"], "emails": 2, "subject": SUBJECT["en"]},
            "The venue asked for it.",
            None,
        )
    ]


async def test_who_has_unsubscribed_or_waits_for_verification_gets_no_message(office: Office) -> None:  # noqa: F811
    await add(office.shop, "ada", email="ada@example.org")
    (joined,) = await office.delivered()
    await office.shop.http.post(unsubscribe_path(joined))
    await office.shop.made("PATCH", f"/waiting-lists/{LIST}", {"verify_email": True})
    await add(office.shop, "eve", email="eve@example.org", email_verified=False)
    sent = await office.shop.made("POST", MESSAGES, MESSAGE)
    assert counts(sent) == {"unsubscribed": 1, "unverified": 1}
    # Nothing was sent, so nothing counts for the limit of the day, and nothing is in the history.
    assert (await office.shop.made("GET", f"/waiting-lists/{LIST}/history?verb=message"))["items"] == []


async def test_a_message_goes_to_those_in_the_states_that_it_names(office: Office) -> None:  # noqa: F811
    for name in ("ada", "bob"):
        await add(office.shop, name, email=f"{name}@example.org")
    await office.shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 1})
    await office.delivered()
    for to, name in (("ready", "ada"), ("waiting", "bob")):
        await office.shop.made("POST", MESSAGES, MESSAGE | {"to": [to]})
        assert [message["To"] for message in await office.delivered()] == [f"{name}@example.org"]


async def test_a_list_takes_few_messages_within_a_day(app: FastAPI, office: Office) -> None:  # noqa: F811
    await add(office.shop, "ada", email="ada@example.org")
    for _ in range(3):
        await office.shop.made("POST", MESSAGES, MESSAGE)
    async with unchanged(office.app):
        for body in (MESSAGE, MESSAGE | {"preview": True}):
            refused = await office.shop.organizer("POST", MESSAGES, body)
            problem(refused, 429, "too_many_messages")
            assert 86_000 < int(refused.headers["Retry-After"]) <= 86_400
        problem(await office.shop.organizer("POST", "/events/ev_1/messages", MESSAGE), 429, "too_many_messages")
    await office.rows("UPDATE messages SET created_at = $1", datetime.now(UTC) - timedelta(hours=25))
    await office.shop.made("POST", MESSAGES, MESSAGE)


@pytest.mark.parametrize(
    "wrong",
    [
        {"to": []}, {"to": ["left"]}, {"to": "waiting"}, {"subject": {}}, {"subject": {"en": ""}},
        {"subject": {"en": "a\nb", "fr": "b"}}, {"text": {"en": ""}}, {"text": {"en": "only this"}},
        {"preview": 1},
        {"subject": {"e n": "a", "fr": "b"}}, {"more": 1}, {"reason": ""}, {"text": None},
    ],
)  # fmt: skip
async def test_a_message_that_cannot_be_is_refused(app: FastAPI, shop: Shop, wrong: dict[str, Any]) -> None:
    await shop.stock()
    await add(shop, "ada", email="ada@example.org")
    async with unchanged(app):
        problem(await shop.organizer("POST", MESSAGES, MESSAGE | wrong), 422, "invalid_request")
        unknown = await shop.organizer("POST", "/waiting-lists/off_1/rep_9/messages", MESSAGE)
        problem(unknown, 404, "inventory_not_found")
        problem(await shop.organizer("POST", "/events/ev_9/messages", MESSAGE), 404, "event_not_found")


async def test_a_person_on_several_lists_of_an_event_gets_one_letter(office: Office) -> None:  # noqa: F811
    shop = office.shop
    await a_second_list(office)
    other = LIST.replace("off_1", "off_2")
    for path in (LIST, other):
        await add(shop, "ada", path, email="ada@example.org")
    await add(shop, "bob", other, email="bob@example.org")
    await office.delivered()
    sent = await shop.made("POST", "/events/ev_1/messages", MESSAGE)
    assert (sent["emails"], sum(one["same_person"] for one in sent["lists"])) == (2, 1)
    assert sorted(message["To"] for message in await office.delivered()) == ["ada@example.org", "bob@example.org"]


async def test_a_repeated_message_is_sent_once_also_after_an_interruption(
    office: Office,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = office.shop
    await a_second_list(office)
    other = LIST.replace("off_1", "off_2")
    for path, name in ((LIST, "ada"), (other, "ada"), (other, "bob"), (LIST, "cleo")):
        await add(shop, name, path, email=f"{name}@example.org")
    await office.delivered()
    run, keys = Engine.run, []

    async def interrupted(engine: Engine, key: ListKey, *arguments: Any, **more: Any) -> Any:
        keys.append(key)
        if len(keys) == 4:  # the check of two lists, the first list, and now the second
            raise Unavailable("killed")
        return await run(engine, key, *arguments, **more)

    monkeypatch.setattr(Engine, "run", interrupted)
    headers = {"Idempotency-Key": "one"}
    first = await shop.organizer("POST", "/events/ev_1/messages", MESSAGE, headers=headers)
    assert first.status_code == 503
    answers = [await shop.organizer("POST", "/events/ev_1/messages", MESSAGE, headers=headers) for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 200]
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["emails"] == 3
    told = sorted(message["To"] for message in await office.delivered())
    assert told == ["ada@example.org", "bob@example.org", "cleo@example.org"]
    other_body = MESSAGE | {"to": ["ready"]}
    reused = await shop.organizer("POST", "/events/ev_1/messages", other_body, headers=headers)
    problem(reused, 422, "idempotency_key_reused")
    async with connection(office.service.pool) as acquired:
        keys_of_all = [ListKey(*one.split("/")) for one in (LIST, other)]
        assert await acquired.fetchval("SELECT count(*) FROM messages") == len(keys_of_all)


def test_a_text_is_in_the_language_of_the_fan_or_the_nearest_that_there_is() -> None:
    texts = {"de": "d", "fr-CA": "fc", "en": "e"}
    said = {tag: in_language(texts, tag) for tag in ("fr", "FR-ca", "de-AT", "en-GB", "it", None, "")}
    assert said == {"fr": "fc", "FR-ca": "fc", "de-AT": "d", "en-GB": "e", "it": "e", None: "e", "": "e"}
    assert in_language({"nl": "n"}, "fr") == "n"
