"""The pages of fans over HTTP: events, joining, the fan's entry and lists, and signing in."""

import asyncio
import email
import email.policy
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
import pytest_asyncio
from fastapi import FastAPI
from pydantic import SecretStr

from tests.lists.test_challenges import solve
from tests.notifications.test_email_rendering import HOSTILE, Parsed, shown_by
from tests.support.shop import EVENT, LIST, ORGANIZATION, Shop, listening, problem
from tests.support.until import until
from tests.web.test_http import unchanged
from waiting_list.access.api_keys import Scope, create_api_key
from waiting_list.app import create_app
from waiting_list.lists.join_limit import MOST_JOINS
from waiting_list.lists.queries import entries as entry_queries
from waiting_list.lists.queries import lists as list_queries
from waiting_list.pages.static_files import static
from waiting_list.postgres.pool import connection
from waiting_list.postgres.statements import sql
from waiting_list.settings import Settings

PAGE = f"/waiting-lists/{LIST}"
PLACE = f"{PAGE}/place"
POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
FRENCH = {"Accept-Language": "fr-FR,fr;q=0.9,en;q=0.5"}


@dataclass
class Browser:
    """Somebody who looks at pages: keeps cookies, follows where forms lead, sends the token that a page gave."""

    http: httpx.AsyncClient
    token: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, status: int = 200, **headers: str) -> Parsed:
        """A page, after all redirects."""
        answer = await self.http.get(path, headers=self.headers | headers, follow_redirects=True)
        assert answer.status_code == status, answer.text
        return self.read(answer)

    async def post(self, path: str, *, form_token: str | None = None, **form: Any) -> httpx.Response:
        """A form as the page before it would send it."""
        sent = form | {"form_token": self.token if form_token is None else form_token}
        return await self.http.post(path, data=sent, headers=self.headers)

    async def did(self, path: str, **form: Any) -> Parsed:
        """What a form leads to, which must be accepted."""
        if path.endswith("/leave") and "shown" not in form:
            form["shown"] = shown_by(await self.get(path))
        answer = await self.post(path, **form)
        assert answer.status_code == 303, answer.text
        return await self.get(answer.headers["location"])

    async def refused(self, path: str, status: int, **form: Any) -> Parsed:
        """The page of a form that is refused."""
        answer = await self.post(path, **form)
        assert answer.status_code == status, answer.text
        return self.read(answer)

    def read(self, answer: httpx.Response) -> Parsed:
        """The page that an answer must be, sound and with all headers."""
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["x-frame-options"] == "DENY"
        assert "access-control-allow-origin" not in answer.headers
        page = Parsed(answer.text)
        assert page.tags.count("h1") == page.tags.count("main") == 1
        assert re.sub(r"<svg.*?</svg>", "", answer.text, flags=re.DOTALL).count("<title>") == 1
        bare = re.sub(r'"[^"]*"', '""', answer.text)  # the text of a value is no attribute
        assert not re.search(r"<[^>]+ (style|on\w+)=|<style", bare)
        assert "javascript:" not in answer.text
        page.text = " ".join(page.text.split()).replace("\u2019", "'").replace("\xa0", " ")
        found = re.search(r'name="form_token" value="([^"]+)"', answer.text)
        self.token = found[1] if found else ""
        return page


@dataclass
class Venue:
    """A running service with a mail folder, its organization, and whoever looks at its pages."""

    app: FastAPI
    shop: Shop
    folder: Path
    clients: list[httpx.AsyncClient]

    def browser(self, **headers: str) -> Browser:
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url="http://service")
        self.clients.append(client)
        return Browser(client, headers=headers)

    async def fan(self, user_id: str, **claims: str) -> Browser:
        """A fan who has come from the shop, with a token."""
        browser = self.browser()
        body = {"user_id": user_id} | claims
        token = (await self.shop.made("POST", "/user-tokens", body))["token"]
        answer = await browser.post("/sign-in/with-token", token=token, next=PAGE)
        assert (answer.status_code, answer.headers["location"]) == (303, PAGE), answer.text
        await browser.get(PAGE)
        return browser

    async def link(self, address: str) -> str:
        """The newest link to sign in that was sent to an address."""

        found: list[str] = []

        async def is_there() -> bool:
            for path in sorted(self.folder.glob("[!.]*.eml")):
                mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
                body = mail.get_body(("plain",))
                if address in mail["To"] and body is not None:
                    found.extend(re.findall(r"http://[^/]+(/sign-in/\S+)", body.get_content()))
            return bool(found)

        await until(is_there)
        return found[-1]

    async def run(self, statement: str, *arguments: Any) -> Any:
        async with connection(self.app.state.service.pool) as acquired:
            return await acquired.fetch(statement, *arguments)


@pytest_asyncio.fixture
async def venue(dsn: str, tmp_path: Path) -> AsyncIterator[Venue]:
    started = create_app(Settings(database_url=SecretStr(dsn), mail_folder=tmp_path))
    clients: list[httpx.AsyncClient] = []
    async with started.router.lifespan_context(started):
        created, _ = await create_api_key(
            started.state.service.pool, ORGANIZATION, name="tests", scopes=[Scope.ADMIN]
        )
        transport = httpx.ASGITransport(app=started, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            shop = Shop(client, created.key)
            await shop.stock()
            yield Venue(started, shop, tmp_path, clients)
        for one in clients:
            await one.aclose()


async def test_events_show_what_is_sold_out_and_how_long_each_list_is(venue: Venue) -> None:
    await venue.shop.stock(total=50, available=7, where="off_2/rep_1")
    await venue.shop.join("ada", 2)
    page = await venue.browser().get("/")
    for said in (
        "Jazz Festival",
        "Olympia",
        "Waiting list open · 1 fan waits",
        "7 tickets on sale",
        "(Paris time)",
    ):
        assert said in page.text
    assert PAGE in page.links
    french = await venue.browser(**FRENCH).get("/")
    assert "Liste d'attente ouverte · 1 personne attend" in french.text
    assert "7 billets en vente" in french.text


async def test_events_can_be_those_of_one_organization_page_by_page(venue: Venue) -> None:
    for number in range(25):
        where = f"more_{number}/more_{number}"
        await venue.shop.made("PUT", f"/events/more_{number}", EVENT | {"title": f"Show {number}"})
        dates = {"start_datetime": f"2031-01-{number + 1:02}T20:00:00Z", "end_datetime": "2031-02-28T20:00:00Z"}
        await venue.shop.made("PUT", f"/representations/more_{number}", {"event_id": f"more_{number}"} | dates)
        offer = {"event_id": f"more_{number}", "name": "Seat", "max_quantity_per_order": 4}
        await venue.shop.made("PUT", f"/offers/more_{number}", offer)
        await venue.shop.made("PUT", f"/inventory/{where}", {"total_stock": 5, "available_stock": 0})
    browser = venue.browser()
    first = await browser.get(f"/?organization_id={ORGANIZATION}")
    more = next(link for link, words in first.links.items() if words == "More events")
    second = await browser.get(more.replace("&amp;", "&"))
    shown = [set(re.findall(r"Show \d+", page.text)) for page in (first, second)]
    assert shown[0] & shown[1] == set()
    assert len(shown[0] | shown[1]) == 25
    assert "There are no upcoming events." in (await browser.get("/?organization_id=nobody")).text
    await browser.get("/?cursor=nonsense", 422)


async def test_who_is_not_signed_in_sees_the_list_its_rules_and_how_to_join(venue: Venue) -> None:
    page = await venue.browser().get(PAGE)
    for said in (
        "The waiting list is open.",
        "Join the waiting list",
        "Already on this list? Sign in",
        "When it is your turn, we hold your tickets for 1 day.",
        "If you do not buy in time, you lose your place.",
        "You can ask for at most 6 tickets.",
    ):
        assert said in page.text


@pytest.mark.parametrize(
    ("settings", "stock", "said"),
    [
        ({}, 5, "Tickets are still on sale. The waiting list opens when they are sold out."),
        ({"open": False}, 0, "The organizer has closed the waiting list to new fans."),
        ({"max_waiting": 1}, 0, "The waiting list is full."),
        ({"closes_at": "2026-01-01T00:00:00Z", "end_lists": True}, 0, "The waiting list has ended."),
    ],
)
async def test_a_list_that_cannot_be_joined_says_why(
    venue: Venue, settings: dict[str, Any], stock: int, said: str
) -> None:
    where = "off_2/rep_1"
    await venue.shop.stock(available=stock, where=where)
    if settings:
        await venue.shop.made("POST", f"/waiting-lists/{where}/entries", {"user_id": "zoe", "tickets_wanted": 1})
        await venue.shop.made("PATCH", f"/waiting-lists/{where}", settings)
    if "closes_at" in settings:
        await until(lambda: _has_ended(venue))  # which the worker does by itself
    fan = await venue.fan("ada")
    page = await fan.get(f"/waiting-lists/{where}")
    assert said in page.text
    assert ("name", "tickets_wanted") not in page.attributes
    async with unchanged(venue.app):
        answer = await fan.refused(f"/waiting-lists/{where}/join", 409, tickets_wanted="1")
    assert "You cannot" in answer.text


async def test_a_fan_joins_sees_the_place_changes_and_leaves(venue: Venue) -> None:
    await venue.shop.join("zoe", 3)
    fan = await venue.fan("ada", email="ada@example.org")
    page = await fan.did(f"{PAGE}/join", tickets_wanted="4", tickets_minimum="2")
    assert "Your place in line 2 Tickets wanted ahead of you 3 Your number 2" in page.text
    assert "1 fan ahead of you wants 3 tickets. No tickets are available right now." in page.text
    # Pressed twice, or seen in another window: the same place.
    assert (await fan.post(f"{PAGE}/join", tickets_wanted="4")).headers["location"] == PLACE
    assert "Your place in line 2" in (await fan.get(PAGE)).text
    changed = await fan.did(f"{PLACE}/change", tickets_wanted="3", tickets_minimum="")
    assert "You asked for 3 tickets." in changed.text
    await fan.refused(f"{PLACE}/change", 422, tickets_wanted="7")
    assert "You will lose place 2." in (await fan.get(f"{PLACE}/leave")).text
    gone = await fan.did(f"{PLACE}/leave")
    assert "You have left the waiting list." in gone.text
    assert PAGE in gone.links
    again = await fan.get(PAGE)
    assert "You have been on this list before." in again.text
    assert "Your number 3" in (await fan.did(f"{PAGE}/join", tickets_wanted="1")).text


async def test_free_tickets_are_no_queue(venue: Venue) -> None:
    await venue.shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 3})
    fan = await venue.fan("ada")
    said = "3 tickets are free now. Join, and yours are held for you at once."
    assert said in (await fan.get(PAGE)).text
    assert "3 tickets free now" in (await fan.get("/")).text
    for setting in ({"automatic": False}, {"automatic": True, "verify_email": True}):
        await venue.shop.made("PATCH", f"/waiting-lists/{LIST}", setting)
        assert said not in (await fan.get(PAGE)).text
    await venue.shop.made("PATCH", f"/waiting-lists/{LIST}", {"verify_email": False})
    assert "3 tickets are held for you" in (await fan.did(f"{PAGE}/join", tickets_wanted="3")).text


async def test_a_fan_sees_the_own_place_among_all_lists(venue: Venue) -> None:
    await venue.shop.join("zoe", 1)
    fan = await venue.fan("ada")
    await fan.did(f"{PAGE}/join", tickets_wanted="2")
    for path in ("/", "/events/ev_1"):
        page = await fan.get(path)
        assert "You are on this list, at place 2 See my place" in page.text
        assert "You are on this list" not in (await (await venue.fan("bob")).get(path)).text
    await venue.shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 3})
    assert "It is your turn 2 tickets are held for you until" in (await fan.get("/")).text
    await fan.did(f"{PLACE}/leave")
    assert "See my place" not in (await fan.get("/")).text


async def test_a_wish_that_costs_the_place_is_asked_about_with_both_places(venue: Venue) -> None:
    fan = await venue.fan("ada")
    await fan.did(f"{PAGE}/join", tickets_wanted="1")
    await venue.shop.join("bob", 1)
    await venue.shop.join("cleo", 1)
    async with unchanged(venue.app):
        asked = fan.read(await fan.post(f"{PLACE}/change", tickets_wanted="2", tickets_minimum="1"))
    assert "You would go from place 1 to place 3, the end of the line." in asked.text
    assert "Keep 1 ticket, at place 1" in asked.text
    assert "Ask for 2 tickets, at place 3" in asked.text
    agreed = {"tickets_wanted": "2", "tickets_minimum": "1"}
    # A form for another wish of the fan asks again: what it showed is no longer what would happen.
    await fan.did(f"{PLACE}/change", tickets_wanted="1", tickets_minimum="1", keep_waiting_for_rest="yes")
    again = fan.read(await fan.post(f"{PLACE}/change", shown="1 waiting 2", **agreed))
    assert "Ask for 2 tickets?" in again.text
    changed = await fan.did(f"{PLACE}/change", shown="1 waiting 1", **agreed)
    assert "Your place in line 3" in changed.text
    # Last in line, there is no place to lose.
    assert "You asked for 4 tickets." in (await fan.did(f"{PLACE}/change", tickets_wanted="4")).text


async def test_a_fan_who_accepts_only_more_than_there_is_sees_why_it_is_never_the_turn(venue: Venue) -> None:
    fan = await venue.fan("ada")
    await fan.did(f"{PAGE}/join", tickets_wanted="4")
    await venue.shop.made("PUT", f"/inventory/{LIST}", {"total_stock": 3, "available_stock": 0})
    page = await fan.get(PLACE)
    assert (
        "At most 3 tickets can be offered to one fan at the moment, but the fewest you'd accept is 4." in page.text
    )
    assert "You keep your place, but we have to skip you until there are more." in page.text
    changed = await fan.did(f"{PLACE}/change", tickets_wanted="4", tickets_minimum="3")
    assert "can be offered to one fan" not in changed.text
    assert "You are next in line." in changed.text
    other = await venue.fan("bob")
    answer = await other.post(f"{PAGE}/join", tickets_wanted="4")
    assert answer.status_code == 422
    assert "You can ask for at most 3 tickets." in other.read(answer).text


async def test_a_fan_whose_turn_it_is_sees_until_when_and_where_to_buy(venue: Venue) -> None:
    await venue.shop.made(
        "PATCH", f"/waiting-lists/{LIST}", {"purchase_url": "https://shop.example/buy?pass={pass}"}
    )
    fan = await venue.fan("ada")
    await fan.did(f"{PAGE}/join", tickets_wanted="2")
    await venue.shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 2})
    page = await fan.get(PLACE)
    assert "It is your turn" in page.text
    assert "2 tickets are held for you until" in page.text
    assert any(link.startswith("https://shop.example/buy?pass=ey") for link in page.links)
    assert "It is your turn 2 tickets are held for you until" in (await fan.get("/my-lists")).text
    declined = await fan.did(f"{PLACE}/leave")
    assert "You have left the waiting list." in declined.text


async def test_a_fan_gives_back_tickets_of_a_hold_once_asked(venue: Venue) -> None:
    fan = await venue.fan("ada")
    await fan.did(f"{PAGE}/join", tickets_wanted="4")
    await venue.shop.join("bob", 2)
    await venue.shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 4})
    page = await fan.get(PLACE)
    assert f"{PLACE}/give-back/3" in page.links
    assert f"{PLACE}/give-back/4" not in page.links
    asked = await fan.get(f"{PLACE}/give-back/2")
    assert "Release 2 tickets?" in asked.text
    assert "We keep holding 2 tickets for you." in asked.text
    # A form for another hold asks again, and gives nothing back.
    stale = await fan.post(f"{PLACE}/give-back/2", shown="1 ready 3")
    assert stale.status_code == 200
    assert "Release 2 tickets?" in fan.read(stale).text
    page = await fan.did(f"{PLACE}/give-back/2", shown=shown_by(asked))
    assert "2 tickets are held for you until" in page.text
    assert (await venue.shop.made("GET", f"/waiting-lists/{LIST}/entries/bob"))["status"] == "ready"
    again = await fan.post(f"{PLACE}/give-back/2", shown=shown_by(asked))
    assert again.status_code == 200
    assert "2 tickets are held for you until" in fan.read(again).text
    assert "Please" not in (await fan.get(f"{PLACE}/give-back/9")).text
    await fan.refused(f"{PLACE}/give-back/x", 422)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({}, "Please enter how many tickets you want"),
        ({"tickets_wanted": ""}, "Please enter how many tickets you want"),
        ({"tickets_wanted": "0"}, "Please enter how many tickets you want"),
        ({"tickets_wanted": "-1"}, "Please enter how many tickets you want"),
        ({"tickets_wanted": "two"}, "Please enter how many tickets you want"),
        ({"tickets_wanted": "7"}, "You can ask for at most 6 tickets."),
        ({"tickets_wanted": "2", "tickets_minimum": "3"}, "The fewest tickets you'd accept"),
        ({"tickets_wanted": "2", "tickets_minimum": "0"}, "The fewest tickets you'd accept"),
    ],
)
async def test_a_wish_that_cannot_be_is_refused_in_words_and_kept_in_the_form(
    venue: Venue, form: dict[str, str], said: str
) -> None:
    fan = await venue.fan("ada")
    async with unchanged(venue.app):
        answer = await fan.post(f"{PAGE}/join", **form)
    assert answer.status_code == 422
    assert said in fan.read(answer).text
    if form.get("tickets_wanted", "").isdigit():
        assert (
            f'name="tickets_wanted" inputmode="numeric" min="1" max="6" required value="{form["tickets_wanted"]}"'
            in (answer.text)
        )


async def test_my_lists_shows_every_place_and_how_it_ended(venue: Venue) -> None:
    fan = await venue.fan("ada")
    assert "You are not on a waiting list yet." in (await fan.get("/my-lists")).text
    await fan.did(f"{PAGE}/join", tickets_wanted="2")
    await venue.shop.stock(where="off_2/rep_1")
    await fan.did("/waiting-lists/off_2/rep_1/join", tickets_wanted="1")
    await fan.did("/waiting-lists/off_2/rep_1/place/leave")
    page = await fan.get("/my-lists")
    assert "Place 1 Tickets wanted ahead of you: 0." in page.text
    assert "You are no longer on the waiting list" in page.text
    assert PLACE in page.links


async def test_my_lists_asks_once_what_all_of_them_are_about(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    fan, asked = await venue.fan("ada"), []
    for offer in ("off_1", "off_2"):
        await venue.shop.stock(where=f"{offer}/rep_1")
        await fan.did(f"/waiting-lists/{offer}/rep_1/join", tickets_wanted="1")

    def noted(name: str) -> str:
        asked.append(name)
        return sql(name)

    for queries in (entry_queries, list_queries):
        monkeypatch.setattr(queries, "sql", noted)
    page = await fan.get("/my-lists")
    assert [link for link in page.links if link.endswith("/place")] == [
        f"/waiting-lists/{offer}/rep_1/place" for offer in ("off_2", "off_1")
    ]
    assert asked == ["read_entries_of_caller", "read_shows"]


async def test_who_is_not_signed_in_is_led_to_the_list_or_to_sign_in(venue: Venue) -> None:
    await venue.shop.join("ada")
    browser = venue.browser()
    for path, leads_to in (
        (PLACE, PAGE),
        (f"{PLACE}/leave", PAGE),
        (f"{PLACE}/live", PAGE),
        ("/my-lists", "/sign-in?next=/my-lists"),
    ):
        answer = await browser.http.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, leads_to)
    async with unchanged(venue.app):
        for path in (f"{PAGE}/join", f"{PLACE}/leave", f"{PLACE}/change"):
            answer = await browser.http.post(path, data={"tickets_wanted": "1"})
            assert (answer.status_code, answer.headers["location"]) == (303, PAGE)


async def test_a_fan_signs_in_with_a_link_that_is_sent(venue: Venue) -> None:
    browser = venue.browser(**FRENCH)
    await browser.get(PAGE)
    sent = await browser.post("/sign-in", email="Ada@Example.org", next=PAGE, organization_id=ORGANIZATION)
    assert sent.status_code == 200
    link = await venue.link("Ada@example.org")
    # Whoever scans e-mails fetches the link, often twice: it is not used up by that.
    for _ in range(2):
        page = await venue.browser().get(link)
        assert "Vous vous connectez en tant que Ada@example.org." in page.text
    answer = await browser.post(link)
    assert (answer.status_code, answer.headers["location"]) == (303, PAGE)
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    await browser.get(PAGE)
    place = await browser.did(f"{PAGE}/join", tickets_wanted="1")
    assert "Votre numéro 1" in place.text
    (entry,) = await venue.run("SELECT user_id FROM entries")
    assert re.fullmatch(r"fan_[\w-]{20}", entry["user_id"])
    (contact,) = await venue.run("SELECT email, locale, verified_at IS NOT NULL AS verified FROM contacts")
    assert tuple(contact) == ("Ada@example.org", "fr", True)
    # Once.
    assert "This link has expired" in (await venue.browser().get(link, 404)).text
    assert (await venue.browser().post(link)).status_code == 404


async def test_the_same_address_is_the_same_fan_and_another_organizations_another(venue: Venue) -> None:
    found = set()
    for address, organization in (
        ("ada@example.org", ORGANIZATION),
        ("Ada@example.org", ORGANIZATION),
        ("ada@example.org", "org_2"),
    ):
        if organization == "org_2":
            other, _ = await create_api_key(
                venue.app.state.service.pool, "org_2", name="tests", scopes=[Scope.ADMIN]
            )
            await venue.shop.made("PUT", "/events/ev_2", EVENT, key=other.key)
            dates = {"start_datetime": "2031-01-01T20:00:00Z", "end_datetime": "2031-01-01T22:00:00Z"}
            body = {"event_id": "ev_2"} | dates
            await venue.shop.made("PUT", "/representations/rep_2", body, key=other.key)
        browser = venue.browser()
        await venue.run("DELETE FROM sign_ins")
        await venue.run("DELETE FROM allowances")
        for path in venue.folder.glob("[!.]*.eml"):
            path.unlink()
        await browser.post("/sign-in", email=address, organization_id=organization)
        answer = await browser.post(await venue.link(address))
        claims = jwt.decode(answer.cookies["waiting_list_fan"], options={"verify_signature": False})
        assert claims["org"] == organization
        assert claims["email_verified"] is True
        found.add(claims["sub"])
    assert len(found) == 2


async def test_a_link_is_sent_once_a_minute_and_no_answer_tells_whether_it_was(venue: Venue) -> None:
    browser = venue.browser()
    answers = [
        (await browser.post("/sign-in", email=address, organization_id=ORGANIZATION)).text.replace(address, "")
        for address in ("ada@example.org", "Ada@example.org", "bob@example.org")
    ]
    assert len(set(answers)) == 1
    rows = await venue.run("SELECT email FROM sign_ins ORDER BY email")
    assert [row["email"] for row in rows] == ["ada@example.org", "bob@example.org"]
    await venue.run("UPDATE allowances SET full_at = full_at - interval '61 seconds'")
    await browser.post("/sign-in", email="ada@example.org", organization_id=ORGANIZATION)
    assert len(await venue.run("SELECT FROM sign_ins")) == 3


@pytest.mark.parametrize(
    "token",
    ["x", "A" * 46, "%00", "%FF", "A" * 5000, "with-token", "%3Cscript%3E", "..", "é"],
)
async def test_a_link_that_was_never_sent_signs_nobody_in(venue: Venue, token: str) -> None:
    async with unchanged(venue.app):
        for answer in (await venue.browser().http.get(f"/sign-in/{token}"),):
            assert answer.status_code in (404, 422, 200 if token == ".." else 404)
            assert "set-cookie" not in answer.headers
        answer = await venue.browser().http.post(f"/sign-in/{token}")
        assert answer.status_code in (401, 404, 405, 422)
        assert "set-cookie" not in answer.headers


async def test_a_link_is_dead_after_half_an_hour_and_is_then_not_sent_either(venue: Venue) -> None:
    browser = venue.browser()
    await browser.post("/sign-in", email="ada@example.org", organization_id=ORGANIZATION)
    link = await venue.link("ada@example.org")
    await venue.run("UPDATE sign_ins SET expires_at = clock_timestamp()")
    assert (await browser.post(link)).status_code == 404
    await until(lambda: _all_are(venue, "sent"))
    await venue.run("UPDATE outbox SET status = 'pending', ended_at = NULL, due_at = now() WHERE type = 'sign_in'")
    await until(lambda: _all_are(venue, "dropped"))


@pytest.mark.parametrize(
    "address", ["", "ada", "ada@", "a b@example.org", "ada@example.org\r\nBcc: x@y.example", "<b>@x"]
)
async def test_what_is_no_address_is_refused_in_words(venue: Venue, address: str) -> None:
    async with unchanged(venue.app):
        page = await venue.browser().refused("/sign-in", 422, email=address, organization_id=ORGANIZATION)
    assert "That is not a valid email address" in page.text


async def test_a_platform_token_signs_in_and_a_bad_one_does_not(venue: Venue) -> None:
    fan = await venue.fan("ada")
    assert "Sign out" in (await fan.get(PAGE)).text
    for token in ("", "x", venue.shop.key, jwt.encode({"sub": "ada", "org": ORGANIZATION}, "x" * 32, "HS256")):
        browser = venue.browser()
        answer = await browser.post("/sign-in/with-token", token=token, next=PAGE)
        assert answer.status_code in (401, 403)
        assert "set-cookie" not in answer.headers


async def test_who_signs_out_is_unknown_again(venue: Venue) -> None:
    fan = await venue.fan("ada")
    await fan.did("/sign-out")
    assert fan.http.cookies.get("waiting_list_fan") is None
    assert "Sign out" not in (await fan.get(PAGE)).text


async def test_to_sign_out_on_a_page_ends_the_tokens_on_all_screens(venue: Venue) -> None:
    phone, other = await venue.fan("ada"), await venue.fan("ada")
    token = await venue.shop.token("ada")
    stolen = str(phone.http.cookies["waiting_list_fan"])
    await phone.did("/sign-out")
    assert "Sign out" not in (await other.get(PAGE)).text
    assert (await venue.browser().post("/sign-in/with-token", token=stolen, next=PAGE)).status_code == 401
    answer = await venue.shop.http.get("/v1/user/entries", headers={"Authorization": f"Bearer {token}"})
    problem(answer, 401, "unauthenticated")
    assert "Sign out" in (await (await venue.fan("ada")).get(PAGE)).text


async def test_who_joins_too_often_is_told_so_on_the_page_and_by_the_api(venue: Venue) -> None:
    for _ in range(MOST_JOINS):
        await venue.shop.join("ada")
        await venue.shop.user("ada", "DELETE")
    fan = await venue.fan("ada")
    await fan.get(PAGE)
    async with unchanged(venue.app):
        page = await fan.refused(f"{PAGE}/join", 429, tickets_wanted="1")
        assert "Too many attempts." in page.text
        answer = await venue.shop.user("ada", "POST", body={"tickets_wanted": 1})
    problem(answer, 429, "rate_limited")
    assert 86_000 < int(answer.headers["Retry-After"]) <= 86_400


async def test_a_form_needs_the_token_of_its_own_visit(venue: Venue) -> None:
    ada, bob = await venue.fan("ada"), await venue.fan("bob")
    async with unchanged(venue.app):
        for token in ("", "x", bob.token, "é"):
            page = await ada.refused(f"{PAGE}/join", 403, form_token=token, tickets_wanted="1")
            assert "This form comes from an earlier visit." in page.text
            await ada.get(PAGE)
        for sent_by in (
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Origin": "https://evil.example"},
        ):
            ada.headers = sent_by
            await ada.refused(f"{PAGE}/join", 403, tickets_wanted="1")
            await ada.refused("/sign-out", 403)
            await ada.get(PAGE)
            await venue.browser(**sent_by).refused("/sign-in", 403, email="x@example.org")
    ada.headers = {"Origin": "http://service"}
    await ada.did(f"{PAGE}/join", tickets_wanted="1")


async def test_a_fan_of_another_organization_is_nobody_here(venue: Venue) -> None:
    other, _ = await create_api_key(venue.app.state.service.pool, "org_2", name="tests", scopes=[Scope.ADMIN])
    await venue.shop.join("ada")
    browser = venue.browser()
    token = await venue.shop.token("ada", key=other.key)
    await browser.post("/sign-in/with-token", token=token, next="/")
    page = await browser.get(PAGE)
    assert "Already on this list? Sign in" in page.text
    async with unchanged(venue.app):
        await browser.refused(f"{PAGE}/join", 404, tickets_wanted="1")
        await browser.get(PLACE, 404)
        await browser.refused(f"{PLACE}/leave", 404)


@pytest.mark.parametrize(
    "leads_to",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x", "", "/a b", "/\r\nX: y"],
)
async def test_no_form_leads_out_of_the_service(venue: Venue, leads_to: str) -> None:
    browser = venue.browser()
    token = await venue.shop.token("ada")
    for path, form in (("/language", {"locale": "fr"}), ("/sign-in/with-token", {"token": token})):
        answer = await browser.http.post(path, data=form | {"next": leads_to})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "evil" not in (await venue.browser().http.get("/sign-in", params={"next": leads_to})).text


async def test_the_language_is_what_the_reader_chose_before_what_the_browser_asks_for(venue: Venue) -> None:
    browser = venue.browser(**FRENCH)
    assert "Listes d'attente" in (await browser.get("/")).text
    answer = await browser.post("/language", locale="en", next=PAGE)
    assert answer.headers["location"] == PAGE
    assert "The waiting list is open." in (await browser.get(PAGE)).text
    await browser.post("/language", locale="xx", next=PAGE)
    assert "The waiting list is open." in (await browser.get(PAGE)).text


async def test_caches_are_told_what_everybody_may_see(venue: Venue) -> None:
    browser = venue.browser()
    for path in ("/", PAGE):
        answer = await browser.http.get(path)
        assert answer.headers["cache-control"] == "public, max-age=2"
        assert answer.headers["vary"] == "Accept-Encoding, Accept-Language, Cookie"
    fan = await venue.fan("ada")
    for path in ("/", PAGE, "/my-lists", "/sign-in"):
        answer = await fan.http.get(path)
        assert answer.headers["cache-control"] == "private, no-store", path


async def test_cookies_are_bound_to_the_host_where_the_service_is_behind_tls(dsn: str) -> None:
    secure = create_app(Settings(database_url=SecretStr(dsn), public_url="https://wait.example", worker=False))
    async with secure.router.lifespan_context(secure):
        transport = httpx.ASGITransport(app=secure)
        async with httpx.AsyncClient(transport=transport, base_url="https://wait.example") as client:
            answer = await client.post("/language", data={"locale": "fr", "next": "/"})
            cookie = answer.headers["set-cookie"]
            assert cookie.startswith("__Host-waiting_list_language=fr;")
            assert "Secure" in cookie
            assert "Path=/" in cookie
            assert "Listes" in (await client.get("/")).text


async def test_hostile_names_are_text_on_every_page(venue: Venue) -> None:
    nasty = '<script>alert("x")</script><img src=x onerror=alert(1)>&amp;\'" {{ 7 * 7 }} %(num)s </title>'
    for title in (nasty, *(text for text in HOSTILE if not re.search("[\\ud800-\\udfff]", text))):
        put = await venue.shop.organizer(
            "PUT", "/events/ev_1", EVENT | {"title": title[:500], "venue_name": title}
        )
        if put.is_error:
            continue
        fan = await venue.fan("ada")
        for path in ("/", PAGE, "/my-lists"):
            page = await fan.get(path)
            assert page.tags.count("img") == 1  # our mark
            assert "b" not in page.tags
            assert page.tags.count("script") == 1
    offer = {"event_id": "ev_1", "name": nasty, "max_quantity_per_order": 4}
    await venue.shop.made("PUT", "/offers/off_1", offer)
    fan = await venue.fan('"><script>')
    page = await fan.did(f"{PAGE}/join", tickets_wanted="1")
    assert page.tags.count("script") == 2  # page.js and live.js
    assert " ".join(nasty.split()) in page.text


async def test_ids_with_slashes_and_signs_have_pages(venue: Venue) -> None:
    where = "off%2F1%20%3F&%22/rep%2F%23%C3%A9"
    await venue.shop.made("PUT", "/representations/rep%2F%23%C3%A9", {"event_id": "ev_1"} | _dates())
    offer = {"event_id": "ev_1", "name": "Floor", "max_quantity_per_order": 4}
    await venue.shop.made("PUT", "/offers/off%2F1%20%3F&%22", offer)
    await venue.shop.made("PUT", f"/inventory/{where}", {"total_stock": 5, "available_stock": 0})
    fan = await venue.fan("ada")
    events = await fan.get("/")
    (address,) = [link for link in events.links if "%C3%A9" in link]
    await fan.get(address)
    page = await fan.did(f"{address}/join", tickets_wanted="1")
    assert "Your number 1" in page.text
    assert (await fan.did(f"{address}/place/leave")).text


@pytest.mark.parametrize(
    "path", ["/waiting-lists/off_1/nothing", "/waiting-lists/x%00/rep_1", "/waiting-lists/off_1/" + "x" * 201]
)
async def test_a_list_that_does_not_exist_is_a_page_that_says_so(venue: Venue, path: str) -> None:
    fan = await venue.fan("ada")
    for below in ("", "/place", "/place/leave", "/place/live"):
        assert "Page not found" in (await fan.get(path + below, 404)).text
    for below in ("/join", "/place/leave", "/place/change"):
        await fan.get(PAGE)
        await fan.refused(path + below, 404, tickets_wanted="1")


async def test_forms_that_are_none_are_refused(venue: Venue) -> None:
    fan = await venue.fan("ada")
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    async with unchanged(venue.app):
        for body in (b"x", b"a=1&a=2", b"tickets_wanted=%FF", b"\xff", b"&" * 9, b"a" + b"&b=1" * 200):
            answer = await fan.http.post(f"{PAGE}/join", content=body, headers=kind)
            assert answer.status_code in (403, 422), body
        answer = await fan.http.post(f"{PAGE}/join", json={"tickets_wanted": 1})
        assert answer.status_code == 415


async def test_a_place_is_live_for_who_is_signed_in(venue: Venue) -> None:
    fan = await venue.fan("ada")
    await fan.did(f"{PAGE}/join", tickets_wanted="1")
    answer = await fan.http.get(PLACE)
    seen = re.search(r'data-seen="(\w+)"', answer.text)
    assert seen is not None
    service = venue.app.state.service
    cookies = "; ".join(f"{name}={value}" for name, value in fan.http.cookies.items())
    async with listening(venue.app) as url, httpx.AsyncClient(headers={"Cookie": cookies}) as browser:
        watching = asyncio.create_task(browser.get(f"{url}{PLACE}/live"))
        await until(lambda: _has_watcher(service.live))
        service.live.close()
        streamed = await asyncio.wait_for(watching, 5)
    assert streamed.headers["content-type"].startswith("text/event-stream")
    # The page knows by the id that it shows what the stream tells first.
    assert f"id: {seen[1]}\n" in streamed.text


async def test_an_outage_of_the_database_is_a_page(venue: Venue) -> None:
    fan = await venue.fan("ada")
    await venue.app.state.service.pool.close()
    for path in ("/", PAGE, PLACE, "/my-lists", "/sign-in"):
        answer = await fan.http.get(path)
        assert answer.status_code == 503, path
        assert "Please try again in a moment" in answer.text


async def _all_are(venue: Venue, status: str) -> bool:
    return {row["status"] for row in await venue.run("SELECT status FROM outbox")} == {status}


async def _has_ended(venue: Venue) -> bool:
    return bool(await venue.run("SELECT FROM inventory WHERE ended_at IS NOT NULL"))


async def _has_watcher(live: Any) -> bool:
    return bool(live._watchers)


def _dates() -> dict[str, str]:
    return {"start_datetime": "2031-01-01T20:00:00Z", "end_datetime": "2031-01-01T22:00:00Z"}


async def test_a_form_is_sent_again_with_the_solution_of_the_challenge_that_its_page_carries(
    venue: Venue, easy: None
) -> None:
    await venue.shop.stock()
    await venue.shop.made("PATCH", PAGE, {"join_challenge": "always"})
    browser = await venue.fan("ada")
    assert "your browser runs a check for a few seconds" in (await browser.get(PAGE)).text
    wish = {"tickets_wanted": 2, "tickets_minimum": 1}
    for wrong in ({}, {"challenge_token": "x", "challenge_solution": "1"}, {"challenge_solution": ""}):
        async with unchanged(venue.app):
            page = await browser.refused(f"{PAGE}/join", 403, **wish, **wrong)
        # One that has failed with a solution waits for its fan: it would else send itself for ever.
        assert ("data-by-hand" in dict(page.attributes)) == ("challenge_solution" in wrong)
        assert "ask the organizer to add you to the list" in page.text
        shown = dict(page.attributes)
    assert shown["data-solver"] == static("challenge.js")
    challenge = json.loads(shown["data-challenge"] or "")
    numbers = ".".join(map(str, solve(challenge["token"], challenge["bits"])))
    sent = {"challenge_token": challenge["token"], "challenge_solution": numbers}
    page = await browser.did(f"{PAGE}/join", **wish, **sent)
    assert "You asked for 2 tickets" in page.text
    # Another fan's is not good for this one.
    await (await venue.fan("bob")).refused(f"{PAGE}/join", 403, **wish, **sent)


async def test_who_asks_for_a_link_solves_a_challenge_for_each_mailbox_where_the_service_asks(
    venue: Venue, easy: None
) -> None:
    await venue.shop.stock()
    gate = venue.app.state.service.gate
    gate._sign_in = "always"
    browser = venue.browser()
    await browser.get("/sign-in")
    wish = {"email": "Ada@example.org", "next": PAGE, "organization_id": ORGANIZATION}
    async with unchanged(venue.app):
        page = await browser.refused("/sign-in", 403, **wish)
    assert {"Ada@example.org", PAGE} <= {value for name, value in page.attributes if name == "value"}
    challenge = json.loads(dict(page.attributes)["data-challenge"] or "")
    numbers = ".".join(map(str, solve(challenge["token"], challenge["bits"])))
    solved = {"challenge_token": challenge["token"], "challenge_solution": numbers}
    await browser.refused("/sign-in", 403, **wish | {"email": "bob@example.org"}, **solved)
    sent = await browser.post("/sign-in", **wish | {"email": "ada@example.org"}, **solved)
    assert sent.status_code == 200
    assert "Check your email" in browser.read(sent).text
    # In calm, an adaptive service asks for nothing; and so does one that is not configured to.
    for asks in ("adaptive", "off"):
        gate._sign_in = asks
        answer = await browser.post("/sign-in", **wish | {"email": f"{asks}@example.org"})
        assert answer.status_code == 200


@pytest.mark.parametrize(("tag", "stored"), [("fr-CA", "fr-CA"), ("nl", "fr")])
async def test_a_fan_whose_language_is_not_there_is_written_to_in_that_of_the_page(
    venue: Venue, tag: str, stored: str
) -> None:
    browser = await venue.fan("ada", locale=tag, email="ada@example.org")
    browser.headers = FRENCH
    await browser.did(f"{PAGE}/join", tickets_wanted="1")
    (contact,) = await venue.run("SELECT locale FROM contacts")
    assert contact["locale"] == stored
