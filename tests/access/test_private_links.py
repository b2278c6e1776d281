"""Private links over HTTP: the page in each state, its forms, and links that lead nowhere."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from pydantic import SecretStr

from tests.notifications.test_email_rendering import HOSTILE, Parsed, shown_by
from tests.support.shop import EVENT, LIST, Shop, problem
from tests.web.test_http import unchanged
from waiting_list.access import private_links
from waiting_list.access.private_links import link_token, verification_code
from waiting_list.app import create_app
from waiting_list.lists import verbs
from waiting_list.lists.engine import SERVICE
from waiting_list.lists.models import ListKey
from waiting_list.page_addresses import buy_link
from waiting_list.postgres.pool import connection
from waiting_list.settings import Settings

KEY = ListKey("off_1", "rep_1")
ENTRIES = f"/waiting-lists/{LIST}/entries"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PATHS = ("", "/change", "/subscribe", "/leave", "/unsubscribe", "/verify/x")
POSTS = ("/change", "/leave", "/unsubscribe", "/subscribe", "/verify/x")
HEADERS = {
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "private, no-store",
    "x-robots-tag": "noindex",
    "x-content-type-options": "nosniff",
}
ONE_CLICK = "List-Unsubscribe=One-Click"
MULTIPART = '--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'


@dataclass
class Pages:
    """Fans in a list, and their pages."""

    app: FastAPI
    shop: Shop

    async def join(self, user_id: str, wanted: int = 2, minimum: int | None = None, **contact: Any) -> str:
        """Join a fan; return the path of their page."""
        body = {"user_id": user_id, "tickets_wanted": wanted, "tickets_minimum": minimum or wanted} | contact
        await self.shop.made("POST", ENTRIES, body)
        return await self.link(user_id)

    async def link(self, user_id: str) -> str:
        url: str = (await self.shop.made("POST", f"{ENTRIES}/{user_id}/link"))["url"]
        return url.removeprefix("http://127.0.0.1:8000")

    async def configure(self, **settings: Any) -> None:
        await self.shop.made("PATCH", f"/waiting-lists/{LIST}", settings)

    async def add_stock(self, quantity: int) -> None:
        await self.shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": quantity})

    async def run(self, statement: str, *arguments: Any) -> None:
        async with connection(self.app.state.service.pool) as acquired:
            await acquired.execute(statement, *arguments)

    async def get(self, path: str, status: int = 200, **headers: str) -> Parsed:
        answer = await self.shop.http.get(path, headers=headers)
        assert answer.status_code == status, answer.text
        return page_of(answer)

    async def post(self, path: str, form: Any = None, **headers: str) -> httpx.Response:
        content = (
            None
            if form is None
            else form
            if isinstance(form, str | bytes)
            else "&".join(f"{name}={quote(str(value))}" for name, value in form.items())
        )
        given = FORM if form is not None else {}
        return await self.shop.http.post(path, content=content, headers=given | headers)

    async def did(self, path: str, form: Any = None) -> Parsed:
        """Send a form, which must be accepted; return the page after it."""
        if path.endswith("/leave"):
            form = {"shown": shown_by(await self.get(path))}
        answer = await self.post(path, form)
        assert answer.status_code == 303, answer.text
        assert answer.headers.items() >= HEADERS.items()
        assert path.startswith(answer.headers["location"].partition("?")[0])
        return await self.get(answer.headers["location"])

    async def code(self, number: int, email: str) -> str:
        secret = await self.app.state.service.signing_keys.derived_secret()
        return verification_code(secret, KEY.list_id, number, email)


def page_of(answer: httpx.Response) -> Parsed:
    """Check that an answer is a valid page with all headers, and return it."""
    assert answer.headers["content-type"] == "text/html; charset=utf-8", answer.text
    assert answer.headers.items() >= HEADERS.items()
    assert "set-cookie" not in answer.headers
    page = Parsed(answer.text)
    assert set(page.tags) <= {
        "html", "head", "meta", "title", "link", "script", "body", "header", "nav", "main", "footer", "section",
        "h1", "h2", "p", "a", "form", "label", "input", "button", "details", "summary", "ul", "li", "dl", "div",
        "dt", "dd", "span", "noscript", "img", "time",
    }  # fmt: skip
    scripts = re.findall(r'<script type="module" src="/static/(\w+)\.js\?', answer.text)
    assert scripts in (["page"], ["page", "live"])
    assert page.tags.count("script") == len(scripts)
    assert "live" in scripts or "data-live" not in answer.text
    assert page.tags.count("h1") == page.tags.count("main") == page.tags.count("title") == 1
    page.text = " ".join(page.text.split()).replace("\u2019", "'")
    return page


@pytest_asyncio.fixture
async def pages(app: FastAPI, shop: Shop) -> Pages:
    await shop.stock()
    return Pages(app, shop)


async def _waiting(pages: Pages, **contact: Any) -> str:
    await pages.join("zoe", 3)
    return await pages.join("ada", 4, 2, **contact)


async def _next(pages: Pages, **contact: Any) -> str:
    return await pages.join("ada", 1, **contact)


async def _unverified(pages: Pages, **contact: Any) -> str:
    await pages.configure(verify_email=True)
    return await pages.join("ada", email="ada@example.org", **contact)


async def _ready(pages: Pages, **contact: Any) -> str:
    path = await pages.join("ada", 4, 2, **contact)
    await pages.add_stock(3)
    return path


async def _cancelled(pages: Pages, **contact: Any) -> str:
    path = await pages.join("ada", **contact)
    await pages.shop.user("ada", "DELETE")
    return path


async def _removed(pages: Pages, **contact: Any) -> str:
    path = await pages.join("ada", **contact)
    await pages.shop.made("DELETE", f"{ENTRIES}/ada")
    return path


async def _bought(pages: Pages, **contact: Any) -> str:
    path = await _ready(pages, **contact)
    await pages.shop.made("POST", f"{ENTRIES}/ada/purchase", {})
    return path


async def _lapsed(pages: Pages, **contact: Any) -> str:
    """Maintenance has not run yet."""
    path = await _ready(pages, **contact)
    await pages.run("UPDATE entries SET ready_until = now() - interval '1 second' WHERE status = 'ready'")
    return path


async def _expired(pages: Pages, **contact: Any) -> str:
    path = await _ready(pages, **contact)
    await pages.app.state.service.engine.at(datetime.now(UTC) + timedelta(days=2)).run(KEY, SERVICE, verbs.expire)
    return path


async def _requeued(pages: Pages, **contact: Any) -> str:
    await pages.configure(after_expiry="requeue")
    return await _expired(pages, **contact)


async def _over(pages: Pages, **contact: Any) -> str:
    """Maintenance has not run yet."""
    path = await pages.join("ada", **contact)
    await pages.run("UPDATE representations SET start_datetime = now() - interval '1 minute'")
    return path


async def _ended(pages: Pages, **contact: Any) -> str:
    path = await _over(pages, **contact)
    await pages.app.state.service.engine.run(KEY, SERVICE, verbs.end)
    return path


async def _unsubscribed(pages: Pages, **contact: Any) -> str:
    path = await pages.join("ada", email="ada@example.org", **contact)
    await pages.post(path + "/unsubscribe")
    return path


STATES = {
    "waiting": (_waiting, ("Your place in line 2 Tickets wanted ahead of you 3 Your number 2",
                           "1 fan ahead of you wants 3 tickets. No tickets are available right now.",
                           "You asked for 4 tickets and would accept as few as 2."),
                ("Votre place dans la file 2 Billets demandés avant vous 3 Votre numéro 2",
                 "1 personne devant vous demande 3 billets")),
    "next": (_next, ("You are next in line. No tickets are available right now.", "You asked for 1 ticket."),
             ("demandé 1 billet.",)),
    "unverified": (_unverified, ("Please confirm your address first", "a…@example.org"), ("Confirmez d'abord",)),
    "ready": (_ready, ("It is your turn", "3 tickets are held for you until", "(Paris time)",
                       "You asked for 4 and said fewer would do: 3 are available.",
                       "You have 23 hours 59 minutes left."), ("C'est votre tour", "Il vous reste 23 heures")),
    "left": (_cancelled, ("You have left the waiting list.", "you can join again at the end of the line."),
             ("Vous avez quitté la liste d'attente.", "à la fin de la file")),
    "removed": (_removed, ("The organizer has removed you",), ("L'organisateur vous a retiré",)),
    "bought": (_bought, ("You have your tickets",), ("Vous avez vos billets",)),
    "lapsed": (_lapsed, ("Your time to buy has run out", "you can join again"), ("à temps",)),
    "expired": (_expired, ("Your time to buy has run out", "you can join again"), ("à temps",)),
    "requeued": (_requeued, ("Your time to buy has run out", "which has its own page"), ("sa propre page",)),
    "over": (_over, ("The waiting list has ended",), ("La liste d'attente est terminée",)),
    "ended": (_ended, ("The waiting list has ended",), ("La liste d'attente est terminée",)),
    "unsubscribed": (_unsubscribed, ("You get no emails about this waiting list.", "Send me emails again"),
                     ("Vous ne recevez plus d'e-mails", "Recevoir de nouveau les e-mails")),
}  # fmt: skip
OVER = ("left", "removed", "bought", "lapsed", "expired", "requeued", "over", "ended")


@pytest.mark.parametrize("locale", ["en", "fr"])
@pytest.mark.parametrize("state", STATES)
async def test_the_page_says_how_the_place_stands(pages: Pages, state: str, locale: str) -> None:
    make, english, french = STATES[state]
    path = await make(pages, locale=locale)
    page = await pages.get(path)
    assert ("lang", locale) in page.attributes
    for phrase in english if locale == "en" else french:
        assert phrase in page.text, page.text
    for always in ("Jazz Festival", "Floor", "Olympia", "48 Rue de l'olympia"):
        assert always in page.text
    assert re.search(r"\(Paris time\)|\(heure locale, Paris\)", page.text)
    # Where nothing can come of it any more, nothing is offered: neither leaving nor buying, nor other numbers.
    offers = {f"{path}/leave", f"{path}/change"} & {value for _, value in page.attributes}
    assert bool(offers) != (state in OVER)
    assert ("eyJ" in page.text) == (state == "ready")


@pytest.mark.parametrize("state", STATES)
async def test_no_get_changes_anything_and_every_answer_has_the_headers(pages: Pages, state: str) -> None:
    make, _, _ = STATES[state]
    path = await make(pages)
    code = await pages.code(1, "ada@example.org")
    async with unchanged(pages.app):
        for below in (*PATHS, f"/verify/{code}", "/nothing", "/verify", "/leave/x", "/"):
            page_of(await pages.shop.http.get(path + below))
            page_of(await pages.shop.http.get(path + below, params={"utm_source": "mail", "limit": "\x00"}))


async def test_the_language_is_the_fans_then_the_browsers_then_english(pages: Pages) -> None:
    own, other = await pages.join("ada", locale="fr"), await pages.join("bob")
    assert ("lang", "fr") in (await pages.get(own, **{"Accept-Language": "en"})).attributes
    assert ("lang", "fr") in (await pages.get(other, **{"Accept-Language": "nl, fr-CH;q=0.9"})).attributes
    assert ("lang", "en") in (await pages.get(other, **{"Accept-Language": "de"})).attributes
    assert ("lang", "fr") in (await pages.get("/e/x", 404, **{"Accept-Language": "fr"})).attributes


async def test_the_rules_of_the_list_are_told_in_plain_words(pages: Pages) -> None:
    path = await pages.join("ada", locale="en")
    page = await pages.get(path)
    assert "the list waits for more." in page.text
    assert "we hold your tickets for 1 day." in page.text
    assert "If you do not buy in time, you lose your place." in page.text
    assert "You can ask for at most 6 tickets." in page.text
    steps = [{"days_before": 0, "hold_minutes": 45}, {"days_before": 3, "hold_minutes": 240}]
    await pages.configure(
        policy="skip", skip_limit=3, hold_minutes=None, hold_steps=steps, quiet_from="22:00", quiet_until="08:30",
        after_expiry="requeue", verify_email=True, automatic=False,
    )  # fmt: skip
    page = await pages.get(path)
    for said in (
        "Once 3 fans have gone ahead this way, the list waits until there are enough for the first.",
        "The organizer decides when to offer returned tickets.",
        "we hold your tickets until the waiting list ends. From 3 days before the event, we hold them "
        "for 4 hours. On the day of the event, we hold them for 45 minutes.",
        "never ends between 22:00 and 08:30, local time of the event. A deadline in those hours moves to 08:30",
        "you go to the end of the line, with a new number.",
        "we skip you until you confirm it.",
    ):
        assert " ".join(said.split()) in page.text, page.text


async def test_where_there_is_a_shop_the_pass_goes_there_and_else_it_is_shown(pages: Pages) -> None:
    path = await _ready(pages)
    purchase_pass = (await pages.shop.entry("ada"))["purchase_pass"]
    assert purchase_pass in (await pages.get(path)).text
    await pages.configure(purchase_url="https://shop.example/buy?a=1&pass={pass}#{pass}")
    page = await pages.get(path)
    quoted = quote(purchase_pass, safe="")
    assert page.links[f"https://shop.example/buy?a=1&pass={quoted}#{quoted}"] == "Buy 3 tickets"
    assert purchase_pass not in page.text


def test_a_pass_is_quoted_where_it_is_put_into_an_address() -> None:
    assert buy_link("https://s.example/{pass}", 'a&b="/', 2) == "https://s.example/a%26b%3D%22%2F"
    assert buy_link("https://s.example/?n={tickets}&p={pass}", "{tickets}", 2) == (
        "https://s.example/?n=2&p=%7Btickets%7D"
    )
    assert buy_link(None, "a", 2) is buy_link("https://s.example/{pass}", None, 2) is None


@pytest.mark.parametrize(
    ("form", "becomes", "position"),
    [
        ({"tickets_wanted": 1, "tickets_minimum": 1}, (1, 1), 1),
        ({"tickets_wanted": 1, "tickets_minimum": 2}, (1, 1), 1),
        ({"tickets_wanted": 4, "tickets_minimum": ""}, (4, 4), 1),
        ({"tickets_wanted": " 3 "}, (3, 3), 1),
        ({"tickets_wanted": 3, "tickets_minimum": 1}, (3, 1), 1),
        ({"tickets_wanted": 5, "tickets_minimum": 2, "shown": "1 waiting 4"}, (5, 2), 2),
    ],
    ids=str,
)
async def test_fewer_tickets_keep_the_place_and_more_go_last(
    pages: Pages, form: dict[str, Any], becomes: tuple[int, int], position: int
) -> None:
    path = await pages.join("ada", 4, 2)
    await pages.join("bob")
    assert "If you ask for more, you go to the end of the line: " in (await pages.get(path)).text
    await pages.did(path + "/change", form)
    entry = await pages.shop.entry("ada")
    assert (entry["tickets_wanted"], entry["tickets_minimum"], entry["position"]) == (*becomes, position)


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ("", "Please enter how many tickets you want"),
        ("x", "That form is not valid."),
        ("tickets_wanted=", "Please enter how many tickets you want"),
        ("tickets_wanted=0", "Please enter how many tickets you want"),
        ("tickets_wanted=-1", "Please enter how many tickets you want"),
        ("tickets_wanted=1.5", "Please enter how many tickets you want"),
        ("tickets_wanted=1e1", "Please enter how many tickets you want"),
        ("tickets_wanted=%EF%BC%91", "Please enter how many tickets you want"),
        ("tickets_wanted=" + "9" * 5000, "Please enter how many tickets you want"),
        ("tickets_wanted=%00", "Please enter how many tickets you want"),
        ("tickets_wanted=%FF", "That form is not valid."),
        (b"tickets_wanted=\xff", "That form is not valid."),
        ("tickets_wanted=1&tickets_wanted=2", "That form is not valid."),
        ("&".join(f"a{n}=1" for n in range(1000)), "That form is not valid."),
        ("tickets_wanted=7", "You can ask for at most 6 tickets."),
        ("tickets_wanted=2147483648", "Please enter how many tickets you want"),
        ("tickets_wanted=999999999", "You can ask for at most 6 tickets."),
        ("tickets_wanted=2&tickets_minimum=3", "The fewest tickets you'd accept"),
        ("tickets_wanted=2&tickets_minimum=0", "The fewest tickets you'd accept"),
        ("tickets_wanted=2&tickets_minimum=x", "The fewest tickets you'd accept"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_form_that_cannot_be_is_refused_with_a_sentence(pages: Pages, form: Any, sentence: str) -> None:
    path = await pages.join("ada", 4)
    async with unchanged(pages.app):
        answer = await pages.post(path + "/change", form)
        assert answer.status_code == 422
        page = page_of(answer)
    assert sentence in page.text
    assert "You asked for 4 tickets." in page.text


async def test_a_refusal_is_in_the_readers_language(pages: Pages) -> None:
    path = await pages.join("ada", 4, locale="fr")
    answer = await pages.post(path + "/change", {"tickets_wanted": 7})
    assert "Vous pouvez demander 6 billets au maximum. Rien n'a été modifié." in page_of(answer).text


async def test_a_fan_leaves_after_being_asked(pages: Pages) -> None:
    path = await _waiting(pages)
    page = await pages.get(path + "/leave")
    assert "You will lose place 2." in page.text
    assert ("action", f"{path}/leave") in page.attributes
    assert (await pages.shop.entry("ada"))["status"] == "waiting"
    assert "You have left the waiting list." in (await pages.did(path + "/leave")).text
    history = await pages.shop.made("GET", f"/waiting-lists/{LIST}/history?verb=leave")
    assert [one["actor"] for one in history["items"]] == ["user"]


async def test_a_fan_declines_what_is_held_and_the_next_gets_it(pages: Pages) -> None:
    path = await _ready(pages)
    await pages.join("bob", 3)
    page = await pages.get(path + "/leave")
    assert "3 tickets are held for you. If you release them, they go straight to the next fan in line" in page.text
    await pages.did(path + "/leave")
    assert (await pages.shop.entry("bob"))["status"] == "ready"


async def test_a_ready_fan_stops_waiting_for_the_rest_and_keeps_what_is_held(pages: Pages) -> None:
    path = await pages.join("ada", 4, 1, keep_waiting_for_rest=True)
    await pages.shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 1})
    page = await pages.get(path)
    assert "You keep your place in line for 3 more" in page.text
    assert ("action", f"{path}/change") in page.attributes
    assert "You keep your place" not in (await pages.did(path + "/change")).text
    entry = await pages.shop.entry("ada")
    assert (entry["status"], entry["tickets_held"], entry["position"]) == ("ready", 1, None)


@pytest.mark.parametrize(
    ("state", "below", "status", "sentence"),
    [
        ("ready", "/change", 409, "it is your turn, and your tickets are held"),
        ("left", "/change", 409, "you are no longer on this waiting list"),
        ("left", "/leave", 409, "you are no longer on this waiting list"),
        ("ended", "/leave", 409, "you are no longer on this waiting list"),
        ("over", "/change", 409, "the waiting list has ended"),
        ("waiting", "/verify/x", 422, "This confirmation link is for an earlier address."),
        ("unverified", "/verify/%FF", 422, "This confirmation link is for an earlier address."),
        ("unverified", "/verify/%ED%B0%AF", 422, "This confirmation link is for an earlier address."),
    ],
)
async def test_what_the_state_does_not_allow_is_refused_with_a_sentence(
    pages: Pages, state: str, below: str, status: int, sentence: str
) -> None:
    path = await STATES[state][0](pages)
    async with unchanged(pages.app):
        answer = await pages.post(path + below, {"tickets_wanted": 1})
        assert answer.status_code == status
        assert sentence in page_of(answer).text


async def test_an_address_is_verified_by_a_button_and_then_it_is_the_fans_turn(pages: Pages) -> None:
    path = await _unverified(pages)
    await pages.add_stock(2)
    assert (await pages.shop.entry("ada"))["status"] == "waiting"
    verify = f"{path}/verify/{await pages.code(1, 'ada@example.org')}"
    page = await pages.get(verify)
    assert "Is ada@example.org your address" in page.text
    assert ("action", verify) in page.attributes
    assert (await pages.shop.entry("ada"))["status"] == "waiting"
    assert "It is your turn" in (await pages.did(verify)).text
    assert (await pages.shop.user("ada", "GET", f"/waiting-lists/{LIST}/entry/contact")).json()["email_verified"]
    async with unchanged(pages.app):
        assert "It is your turn" in (await pages.get(verify)).text
        await pages.did(verify)


async def test_a_code_is_for_one_address_of_one_entry(pages: Pages) -> None:
    path = await _unverified(pages)
    other = await pages.join("bob", email="ada@example.org")
    code = await pages.code(1, "ada@example.org")
    async with unchanged(pages.app):
        assert (await pages.post(f"{other}/verify/{code}")).status_code == 422
    await pages.shop.user("ada", "PUT", f"/waiting-lists/{LIST}/entry/contact", {"email": "new@example.org"})
    assert (await pages.shop.http.get(path)).status_code == 404
    path = await pages.link("ada")
    async with unchanged(pages.app):
        for method in ("GET", "POST"):
            answer = await pages.shop.http.request(method, f"{path}/verify/{code}")
            assert answer.status_code == 422
            assert "use the link in our latest email" in page_of(answer).text


async def test_a_fan_unsubscribes_by_a_button_and_subscribes_again(pages: Pages) -> None:
    path = await pages.join("ada", email="ada@example.org")
    assert "We email you at a…@example.org." in (await pages.get(path)).text
    assert ("action", f"{path}/unsubscribe") in (await pages.get(path + "/unsubscribe")).attributes
    assert await _subscribed(pages)
    for _ in range(2):
        assert "You get no emails about this waiting list." in (await pages.did(path + "/unsubscribe")).text
        assert not await _subscribed(pages)
    assert "We email you at" in (await pages.did(path + "/subscribe")).text
    assert await _subscribed(pages)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (ONE_CLICK, "application/x-www-form-urlencoded"),
        (ONE_CLICK, "Application/X-WWW-Form-Urlencoded; charset=utf-8"),
        (MULTIPART, "multipart/form-data; boundary=b"),
    ],
)
async def test_one_click_ends_the_mails_without_a_question_or_redirect(pages: Pages, body: str, kind: str) -> None:
    path = await pages.join("ada", email="ada@example.org")
    for _ in range(2):
        answer = await pages.post(path + "/unsubscribe", body, **{"Content-Type": kind})
        assert answer.status_code == 200
        assert "You get no emails about this waiting list." in page_of(answer).text
        assert not await _subscribed(pages)
    nowhere = await pages.post("/e/x/unsubscribe", body, **{"Content-Type": kind})
    assert nowhere.status_code == 404


async def _subscribed(pages: Pages) -> bool:
    contact = await pages.shop.user("ada", "GET", f"/waiting-lists/{LIST}/entry/contact")
    return bool(contact.json()["subscribed"])


@pytest.mark.parametrize("now", ["waiting", "ready"])
async def test_a_link_never_touches_a_later_place_of_the_same_fan(pages: Pages, now: str) -> None:
    first = await _cancelled(pages, email="ada@example.org")
    second = await pages.join("ada", 3, email="ada@example.org")
    if now == "ready":
        await pages.add_stock(3)
    assert first != second
    code = await pages.code(1, "ada@example.org")
    async with unchanged(pages.app):
        page = await pages.get(first)
        assert "Your number was 1." in page.text
        assert "You are back in line with a new entry" in page.text
        assert second.removeprefix("/e/") not in str(page.attributes)
        for below in ("/change", "/leave", f"/verify/{code}"):
            answer = await pages.post(first + below, {"tickets_wanted": 1})
            assert answer.status_code == 409
            assert "you are no longer on this waiting list" in page_of(answer).text
    await pages.did(first + "/unsubscribe")
    assert await _subscribed(pages)
    await pages.did(second + "/leave")
    assert (await pages.shop.entry("ada"))["number"] == 2


async def test_every_link_that_leads_nowhere_is_the_same_page(pages: Pages) -> None:
    good = await pages.join("ada", email="ada@example.org")
    await pages.shop.stock(where="off_1/rep_2")
    gone, revoked = await pages.join("bob"), await pages.join("cleo")
    await pages.shop.made("DELETE", "/users/bob")
    await pages.shop.made("DELETE", f"{ENTRIES}/cleo/link")
    token = good.removeprefix("/e/")
    secret = await pages.app.state.service.signing_keys.derived_secret()
    elsewhere = ListKey("off_1", "rep_2").list_id
    nowhere = {
        "erased": gone,
        "revoked": revoked,
        "never made": "/e/" + link_token(secret, KEY.list_id, 1, 2),
        "no such entry": "/e/" + link_token(secret, KEY.list_id, 9, 1),
        "of another list": "/e/" + link_token(secret, elsewhere, 1, 1),
        "of no list": "/e/" + link_token(secret, UUID(int=7), 1, 1),
        "of another secret": "/e/" + link_token(b"x" * 32, KEY.list_id, 1, 1),
        "cut off": good[:-1],
        "longer": good + "A",
        "padded": good + "==",
        "escaped padding": good + "%3D%3D",
        "lower case": good.lower(),
        "another spelling of its bits": good[:-1] + chr(ord(good[-1]) + 1),
        "the alphabet of base64": "/e/" + token.replace("-", "+").replace("_", "/"),
        "empty": "/e/",
        "spaces": "/e/%20",
        "a slash": f"/e/{token[:20]}%2F{token[20:]}",
        "NUL": "/e/%00",
        "not UTF-8": "/e/%FF",
        "a surrogate": "/e/%ED%B0%AF",
        "an emoji": "/e/%F0%9F%98%80",
        "markup": "/e/%3Cscript%3Ealert(1)%3C/script%3E",
        "long": "/e/" + "A" * 10_000,
        "below": good + "/nothing",
    }
    same = (await pages.shop.http.get("/e/x")).text
    assert "/e/" not in same
    async with unchanged(pages.app):
        for what, path in nowhere.items():
            if path == good:
                continue  # the letters happen to be the same in both alphabets
            for below in PATHS:
                answer = await pages.shop.http.get(path + below)
                assert (answer.status_code, answer.text) == (404, same), (what, below)
                page_of(answer)
            for below in POSTS:
                answer = await pages.post(path + below, ONE_CLICK)
                assert (answer.status_code, answer.text) == (404, same), (what, below)
    assert "Your number 1" in (await pages.get(good)).text


async def test_a_revoked_link_is_dead_at_once_and_the_next_one_another(pages: Pages) -> None:
    first = await pages.join("ada", email="ada@example.org")
    await pages.get(first)
    await pages.shop.made("DELETE", f"{ENTRIES}/ada/link")
    await pages.get(first, 404)
    assert (await pages.post(first + "/leave")).status_code == 404
    second = await pages.link("ada")
    assert second != first
    await pages.get(second)
    await pages.get(first, 404)
    assert (await pages.get(second)).text.count("a…@example.org") == 1


async def test_a_link_made_for_an_erased_person_is_dead(pages: Pages) -> None:
    await pages.join("ada")
    service = pages.app.state.service
    await pages.shop.made("DELETE", "/users/ada")
    path = await private_links.make_link(service.pool, await service.signing_keys.derived_secret(), KEY, 1)
    await pages.get(path, 404)
    async with connection(service.pool) as acquired:
        assert await acquired.fetchval("SELECT count(*) FROM contacts") == 0


async def test_what_people_wrote_is_shown_and_nothing_more(pages: Pages) -> None:
    nasty = '<script>alert("x")</script><img src=x onerror=alert(1)>&amp;\'" {{ 7 * 7 }} %(num)s'
    event = EVENT | {"title": nasty, "venue_name": nasty + "\n<b>", "venue_address": nasty}
    await pages.shop.made("PUT", "/events/ev_1", event)
    offer = {"event_id": "ev_1", "name": nasty, "max_quantity_per_order": 6}
    await pages.shop.made("PUT", "/offers/off_1", offer)
    path = await pages.join("<script>", email="a'b@example.org", name=nasty)
    code = await pages.code(1, "a'b@example.org")
    for below in ("", "/leave", "/unsubscribe", f"/verify/{code}"):
        page = await pages.get(path + below)
        assert page.text.count(nasty) >= 4
        assert not {"img", "b"} & set(page.tags)
        assert not [
            name
            for name, value in page.attributes
            if name.startswith("on") or (name == "src" and not value.startswith("/static/"))
        ]
    for title in HOSTILE:
        shown = re.sub(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", "", title)[:500]
        await pages.shop.made("PUT", "/events/ev_1", EVENT | {"title": shown})
        assert " ".join(shown.split()) in (await pages.get(path)).text


async def test_pages_take_forms_and_nothing_else_and_calls_take_no_forms(pages: Pages) -> None:
    path = await pages.join("ada")
    async with unchanged(pages.app):
        for kind in ("application/json", "text/plain", ""):
            answer = await pages.post(path + "/change", b'{"tickets_wanted": 1}', **{"Content-Type": kind})
            problem(answer, 415, "unsupported_media_type")
        answer = await pages.post(path + "/change", b"a=" + b"1" * 65_536)
        problem(answer, 413, "body_too_large")
        for where in ("/v1/user/e/x", "/v1/organizer/purchases"):
            problem(await pages.post(where, ONE_CLICK), 415, "unsupported_media_type")
        for where in ("/e", "//e/x", "/E/x"):
            problem(await pages.post(where, ONE_CLICK), 404, "not_found")


async def test_a_database_out_of_reach_is_a_page_that_says_to_try_again() -> None:
    away = create_app(Settings(database_url=SecretStr("postgresql://nobody@127.0.0.1:1/none"), worker=False))
    async with _client(away) as http:
        token = link_token(b"x" * 32, KEY.list_id, 1, 1)
        for answer in (await http.get(f"/e/{token}"), await http.post(f"/e/{token}/leave")):
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert "Please try again in a moment" in page_of(answer).text


async def test_a_defect_is_a_page_without_a_word_of_it(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    path = await pages.join("ada")

    async def broken(*_: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(private_links, "find", broken)
    answer = await pages.shop.http.get(path)
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "Please try again in a moment" in page_of(answer).text


@asynccontextmanager
async def _client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://service") as client,
    ):
        yield client


async def test_an_address_whose_mailbox_has_a_place_is_not_verified_and_the_page_says_so(pages: Pages) -> None:
    await pages.configure(one_place_per_address=True)
    await pages.join("ada", email="ada@gmail.com", email_verified=True)
    path = await pages.join("eve", email="a.da+jazz@googlemail.com")
    answer = await pages.post(f"{path}/verify/{await pages.code(2, 'a.da+jazz@googlemail.com')}")
    assert answer.status_code == 409
    assert "This email address, or an alias of it, is already on this waiting list" in answer.text
    entry = await pages.shop.entry("eve")
    assert (entry["status"], entry["position"]) == ("waiting", 2)
