"""One letter when a list takes fans: who asked for it gets it once, and is forgotten."""

import asyncio
from email.message import EmailMessage
from typing import Any

import httpx
import pytest

from tests.notifications.test_unverified_addresses import Office, mailbox, office  # noqa: F401 - fixtures
from tests.pages.test_fans import Browser
from tests.support.shop import LIST, ORGANIZATION, problem
from waiting_list.access.email_limits import MailLimits
from waiting_list.access.email_sign_in import fan_id
from waiting_list.lists import verbs
from waiting_list.lists.engine import SERVICE
from waiting_list.lists.models import ListKey
from waiting_list.maintenance import Maintenance
from waiting_list.notifications.suppressions import mailbox_hash

SALE = "off_2/rep_1"
"""A list whose tickets are still on sale."""
KEY = ListKey(*SALE.split("/"))
ALERTS = f"/v1/user/waiting-lists/{SALE}/alerts"


@pytest.fixture
async def sale(office: Office) -> Office:  # noqa: F811 - the fixture
    """A service with a list whose last ticket is on sale."""
    await office.shop.stock(total=10, available=1, where=SALE)
    return office


async def ask(office: Office, email: str = "ada@example.org", **more: Any) -> str:  # noqa: F811
    answer = await office.shop.http.post(ALERTS, json={"email": email} | more)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["alert_id"])


async def sell_out(office: Office, available: int = 0) -> None:  # noqa: F811
    await office.shop.made("PUT", f"/inventory/{SALE}", {"total_stock": 10, "available_stock": available})


async def told(office: Office) -> list[EmailMessage]:  # noqa: F811
    """The letters that go out, after the worker has looked."""
    await Maintenance(office.service.pool, office.service.engine).work()
    return await office.delivered()


async def left(office: Office) -> list[str]:  # noqa: F811
    return [one["email"] for one in await office.rows("SELECT email FROM alerts ORDER BY number")]


async def test_who_asked_gets_one_letter_when_the_list_opens_and_is_forgotten(sale: Office) -> None:
    answers = [await ask(sale, "Ada@example.org", locale="fr-CA"), await ask(sale, "bob@example.org")]
    answers.append(await ask(sale, "ADA+x@example.org"))  # the same mailbox
    assert len(set(answers)) == 3
    assert await told(sale) == []
    await sell_out(sale)
    letters = {str(one["To"]): one for one in await told(sale)}
    assert sorted(letters) == ["Ada@example.org", "bob@example.org"]
    assert letters["Ada@example.org"]["Content-Language"] == "fr"
    said = letters["bob@example.org"].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert letters["bob@example.org"]["Subject"] == "You can now join the waiting list for Jazz Festival"
    assert f"https://tickets.example/waiting-lists/{SALE}" in said.split()
    assert await left(sale) == []
    await sell_out(sale, 1)
    await sale.shop.made("PATCH", f"/waiting-lists/{SALE}", {"open": False})
    await sale.shop.made("PATCH", f"/waiting-lists/{SALE}", {"open": True})
    assert await told(sale) == []
    assert await sale.rows("SELECT 1 FROM openings") == []


async def test_each_way_to_open_tells_and_no_other_change_costs_a_statement(sale: Office) -> None:
    rules = f"/waiting-lists/{SALE}"
    await sell_out(sale)
    await sale.shop.made("PATCH", rules, {"open": False})
    await ask(sale)
    await sale.shop.made("PATCH", rules, {"open": True})
    assert len(await told(sale)) == 1
    # A full list opens again when a place is free.
    await sale.shop.made("PATCH", rules, {"max_waiting": 1})
    await sale.shop.user("u1", "POST", f"{rules}/entry", {"tickets_wanted": 1})
    await ask(sale)
    assert await sale.rows("SELECT 1 FROM openings") == []
    await sale.shop.user("u1", "DELETE", f"{rules}/entry")
    assert len(await sale.rows("SELECT 1 FROM openings")) == 1
    assert len(await told(sale)) == 1


async def test_a_letter_that_comes_too_late_waits_for_the_next_opening(sale: Office) -> None:
    await ask(sale)
    await sell_out(sale)
    await Maintenance(sale.service.pool, sale.service.engine).work()
    await sale.shop.made("PATCH", f"/waiting-lists/{SALE}", {"open": False})
    assert await sale.delivered() == []
    assert await left(sale) == ["ada@example.org"]
    await sale.shop.made("PATCH", f"/waiting-lists/{SALE}", {"open": True})
    assert len(await told(sale)) == 1
    assert await left(sale) == []


async def test_a_list_that_closes_before_its_letters_are_written_tells_nobody_yet(sale: Office) -> None:
    await ask(sale)
    await sell_out(sale)
    await sale.shop.made("PATCH", f"/waiting-lists/{SALE}", {"open": False})
    assert await told(sale) == []
    assert await left(sale) == ["ada@example.org"]


async def test_who_asks_while_the_list_opens_is_told(sale: Office) -> None:
    answers = await asyncio.gather(
        *(sale.shop.http.post(ALERTS, json={"email": f"fan{n}@example.org"}) for n in range(10)), sell_out(sale)
    )
    asked = [one for one in answers if isinstance(one, httpx.Response)]
    assert {one.status_code for one in asked} <= {202, 409}
    assert len(await told(sale)) == sum(one.status_code == 202 for one in asked)
    assert await left(sale) == []


async def test_a_crowd_is_told_in_parts_in_the_order_of_asking(sale: Office) -> None:
    for n in range(5):
        await ask(sale, f"fan{n}@example.org")
    await sell_out(sale)
    engine, parts = sale.service.engine, []
    for _ in range(3):
        await engine.run(KEY, SERVICE, verbs.tell_alerts, at_most=2)
        rows = await sale.rows("SELECT email FROM alerts WHERE told_at IS NOT NULL ORDER BY number")
        parts.append([one["email"][3] for one in rows])
    assert parts == [["0", "1"], ["0", "1", "2", "3"], ["0", "1", "2", "3", "4"]]
    assert await sale.rows("SELECT 1 FROM openings") == []
    assert len(await sale.delivered()) == 5


async def test_an_open_an_ended_and_a_draft_list_take_no_alert(sale: Office) -> None:
    open_list = f"/v1/user/waiting-lists/{LIST}/alerts"
    ada = {"email": "ada@example.org"}
    problem(await sale.shop.http.post(open_list, json=ada), 409, "waiting_list_open")
    nothing = "/v1/user/waiting-lists/off_9/rep_9/alerts"
    problem(await sale.shop.http.post(nothing, json=ada), 404, "inventory_not_found")
    problem(await sale.shop.http.post(ALERTS, json={"email": "nobody"}), 422, "invalid_request")
    event = await sale.shop.made("GET", "/events/ev_1")
    kept = ("title", "timezone", "venue_name")
    draft = {name: event[name] for name in kept} | {"draft": True}
    await sale.shop.made("PUT", "/events/ev_1", draft)
    problem(await sale.shop.http.post(ALERTS, json=ada), 409, "waiting_list_not_open")
    await sale.shop.made("PUT", "/events/ev_1", draft | {"draft": False})
    await ask(sale)
    await sale.shop.made("POST", "/representations/rep_1/cancel", {"reason": "Ill"})
    problem(await sale.shop.http.post(ALERTS, json=ada), 409, "waiting_list_ended")
    await told(sale)
    assert await left(sale) == []


async def test_an_alert_is_taken_back_by_its_id_alone_and_a_repeat_gets_the_same_id(sale: Office) -> None:
    once = {"Idempotency-Key": "k1"}
    first, second = [
        await sale.shop.http.post(ALERTS, json={"email": "ada@example.org"}, headers=once) for _ in range(2)
    ]
    assert first.json() == second.json()
    other = await ask(sale)
    assert (await sale.shop.http.delete(f"{ALERTS}/{other}")).status_code == 200
    assert await left(sale) == ["ada@example.org"]
    gone = await sale.shop.http.delete(f"{ALERTS}/{first.json()['alert_id']}")
    assert gone.headers["access-control-allow-origin"] == "*"
    assert await left(sale) == []


async def test_one_mailbox_and_one_network_ask_for_so_many(sale: Office) -> None:
    limits = MailLimits(
        sale.service.pool,
        sale.service.settings.model_copy(update={"mailbox_mails_per_hour": 2, "address_mails_per_hour": 3}),
        sale.service.signing_keys,
    )
    sale.app.state.service.__dict__["mail_limits"] = limits
    for _ in range(2):
        await ask(sale)
    refused = problem(await sale.shop.http.post(ALERTS, json={"email": "ada@example.org"}), 429, "rate_limited")
    assert "mailbox-mails" in refused["detail"]


async def test_the_letter_has_a_link_that_stops_all_and_who_stopped_gets_none(sale: Office) -> None:
    await ask(sale)
    await sell_out(sale)
    (letter,) = await told(sale)
    link = letter["List-Unsubscribe"].strip("<>").removeprefix("https://tickets.example")
    browser = Browser(sale.shop.http)
    asked = await browser.get(link)
    assert "Stop the emails" in asked.text
    assert await sale.rows("SELECT 1 FROM suppressions") == []
    one_click = await sale.shop.http.post(link, data={"List-Unsubscribe": "One-Click"})
    assert one_click.status_code == 200
    assert "The emails have stopped" in browser.read(one_click).text
    (kept,) = await sale.rows("SELECT mailbox_hash FROM suppressions")
    secret = await sale.service.signing_keys.derived_secret()
    assert kept["mailbox_hash"] == mailbox_hash(secret, ORGANIZATION, "ada@example.org")
    await browser.get(link[:-3] + "abc", 404)
    await sale.shop.made("PATCH", f"/waiting-lists/{SALE}", {"open": False})
    await ask(sale)
    await sale.shop.made("PATCH", f"/waiting-lists/{SALE}", {"open": True})
    assert await told(sale) == []
    assert await left(sale) == []


async def test_a_persons_alerts_are_exported_and_erased_by_address(sale: Office) -> None:
    await ask(sale)
    await ask(sale, "bob@example.org")
    user = fan_id(await sale.service.signing_keys.derived_secret(), ORGANIZATION, "ada@example.org")
    exported = await sale.shop.made("GET", f"/users/{user}/export")
    assert [(one["email"], one["offer_id"]) for one in exported["alerts"]] == [("ada@example.org", "off_2")]
    await sale.shop.made("DELETE", f"/users/{user}")
    assert await left(sale) == ["bob@example.org"]
    # A fan of the shop whose address an entry has.
    bob = {"user_id": "bob", "tickets_wanted": 1, "email": "bob@example.org", "email_verified": True}
    await sale.shop.made("POST", f"/waiting-lists/{LIST}/entries", bob)
    assert len((await sale.shop.made("GET", "/users/bob/export"))["alerts"]) == 1
    await sale.shop.made("DELETE", "/users/bob")
    assert await left(sale) == []


async def test_a_fan_asks_on_the_page_of_a_list_on_sale(sale: Office) -> None:
    page = f"/waiting-lists/{SALE}"
    shop = "https://shop.example/buy?show=1&tickets={tickets}&pass={pass}"
    await sale.shop.made("PATCH", page, {"purchase_url": shop})
    browser = Browser(sale.shop.http)
    shown = await browser.get(page)
    assert "Tickets are still on sale." in shown.text
    assert shown.links["https://shop.example/buy?show=1"] == "Buy tickets"
    assert "Tell me when they are sold out" in shown.text
    wrong = await browser.refused(f"{page}/alert", 422, email="ada")
    assert "That is not a valid email address." in wrong.text
    assert await left(sale) == []
    done = await browser.did(f"{page}/alert", email="ada@example.org")
    assert "Done: you get one email when this waiting list takes fans." in done.text
    assert await left(sale) == ["ada@example.org"]
    async with sale.signed_in("zoe", email="zoe@example.org", email_verified=True) as fan:
        shown = await fan.get(page)
        assert "It goes to zoe@example.org." in shown.text
        await fan.did(f"{page}/alert")
    assert await left(sale) == ["ada@example.org", "zoe@example.org"]
    await sell_out(sale)
    joined = await browser.did(f"{page}/alert", email="late@example.org")
    assert "The waiting list is open." in joined.text
