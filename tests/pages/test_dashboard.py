"""The dashboard over HTTP: signing in, and the pages that only show data."""

import csv
import io
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from pydantic import SecretStr

from tests.notifications.test_email_rendering import HOSTILE, Parsed
from tests.pages.test_fans import FRENCH, Browser
from tests.support.shop import EVENT, LIST, ORGANIZATION, WEBHOOK, Shop, add_webhook
from tests.web.test_http import unchanged
from waiting_list.access.api_keys import Scope, create_api_key
from waiting_list.app import create_app
from waiting_list.postgres.pool import connection
from waiting_list.settings import Settings

HOME = "/dashboard"
PAGE = f"{HOME}/waiting-lists/{LIST}"
PAGES = [
    HOME,
    PAGE,
    f"{PAGE}/entries/ada",
    f"{PAGE}/history",
    f"{PAGE}/statistics",
    f"{PAGE}/lookalikes",
    f"{PAGE}/settings",
    f"{PAGE}/message",
    f"{HOME}/events",
    f"{HOME}/events/ev_1",
    f"{HOME}/events/ev_1/message",
    f"{HOME}/people",
    f"{HOME}/webhooks",
    f"{HOME}/webhooks/{WEBHOOK}",
    f"{HOME}/webhooks/{WEBHOOK}/delete",
    f"{HOME}/emails",
    f"{HOME}/account",
    f"{HOME}/settings",
    f"{HOME}/settings/team",
    f"{HOME}/settings/api-keys",
    f"{HOME}/events/ev_1/wording",
    f"{HOME}/notices",
]


@dataclass
class Office:
    """A running service, its organization, and whoever looks at its dashboard."""

    app: FastAPI
    shop: Shop
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    def browser(self, **headers: str) -> Browser:
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url="http://service")
        self.clients.append(client)
        return Browser(client, headers=headers)

    async def organizer(self, key: str | None = None, **headers: str) -> Browser:
        """An organizer who has signed in."""
        browser = self.browser(**headers)
        answer = await browser.post(f"{HOME}/sign-in", api_key=key or self.shop.key)
        assert (answer.status_code, answer.headers["location"]) == (303, HOME), answer.text
        await browser.get(HOME)
        return browser

    async def key(self, *scopes: Scope, organization_id: str = ORGANIZATION) -> str:
        pool = self.app.state.service.pool
        created, _ = await create_api_key(pool, organization_id, name="other", scopes=scopes or [Scope.ADMIN])
        return created.key

    async def line(self) -> None:
        """ada is ready with 2 tickets, bob wants 4, cleo 1; one ticket is free."""
        for user_id, wanted in (("ada", 2), ("bob", 4), ("cleo", 1)):
            await self.shop.join(user_id, wanted)
        await self.shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 3})

    async def run(self, statement: str, *arguments: Any) -> Any:
        async with connection(self.app.state.service.pool) as acquired:
            return await acquired.fetch(statement, *arguments)


@pytest_asyncio.fixture
async def office(app: FastAPI, shop: Shop) -> AsyncIterator[Office]:
    await shop.stock()
    opened = Office(app, shop)
    yield opened
    for one in opened.clients:
        await one.aclose()


def rows(page: Parsed) -> list[str]:
    """The addresses of the entries that a page lists, in order."""
    return [href.rpartition("/")[2] for href in page.links if "/entries/" in href]


async def test_whoever_is_not_signed_in_is_asked_to(office: Office) -> None:
    guest = office.browser()
    for path in PAGES:
        answer = await guest.http.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{HOME}/sign-in?next={path}")
    for path in (f"{PAGE}/confirm", f"{PAGE}/do", f"{HOME}/webhooks", f"{HOME}/notices/resend"):
        async with unchanged(office.app):
            answer = await guest.post(path, do="add_stock", quantity="1")
        assert (answer.status_code, answer.headers["location"]) == (303, f"{HOME}/sign-in?next={HOME}")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "Emails to fans link to an address that only this computer can open"),
        ("fr", "Les liens des e-mails"),
    ],
)
async def test_the_first_page_warns_of_dead_links_in_emails(
    dsn: str, shop: Shop, language: str, words: str
) -> None:
    smtp = {"database_url": SecretStr(dsn), "worker": False, "smtp_host": "mail.example"}
    for public_url, warned in (("", True), ("https://tickets.example", False)):
        app = create_app(Settings(**smtp, public_url=public_url))  # type: ignore[arg-type]
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url=public_url or "http://service") as client:
                browser = Browser(client, headers={"Accept-Language": language})
                await browser.post(f"{HOME}/sign-in", api_key=shop.key)
                assert (words in (await browser.get(HOME)).text) is warned
                assert words not in (await browser.get(f"{HOME}/webhooks")).text


async def test_signing_in_leads_to_where_one_wanted_to_go_and_nowhere_else(office: Office) -> None:
    guest = office.browser()
    page = await guest.get(f"{PAGE}/history")
    assert "Sign in to the dashboard" in page.text
    assert ("value", f"{PAGE}/history") in page.attributes
    for wanted, led in ((f"{PAGE}/history", f"{PAGE}/history"), ("//evil.example/", HOME), ("https://evil", HOME)):
        answer = await guest.post(f"{HOME}/sign-in", api_key=f" {office.shop.key} ", next=wanted)
        assert (answer.status_code, answer.headers["location"]) == (303, led)
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert office.shop.key not in cookie


async def test_signing_in_leads_back_to_a_hostile_address_and_its_filters(office: Office) -> None:
    for path in (
        f"{HOME}/waiting-lists/a%2Fb%3Fc/d&e%23?status=left&user_id=a%26b",
        f"{PAGE}/entries/a%2Fb%253F?x=1",
    ):
        guest = office.browser()
        answer = await guest.http.get(path)
        page = await guest.get(answer.headers["location"])
        wanted = [value for name, value in page.attributes if name == "value" and value and path[:20] in value]
        assert wanted == [path]
        # Whoever chooses a language there still gets there.
        here = [value for name, value in page.attributes if name == "value" and value and "/sign-in?" in value]
        assert parse_qs(here[0].partition("?")[2])["next"] == [path]
        answer = await guest.post(f"{HOME}/sign-in", api_key=office.shop.key, next=path)
        assert answer.headers["location"] == path


async def test_a_wrong_key_a_token_of_a_fan_and_a_revoked_key_do_not_sign_in(office: Office) -> None:
    revoked = await office.key()
    for one in (await office.shop.made("GET", "/api-keys"))["items"]:
        if one["name"] == "other":
            await office.shop.made("DELETE", f"/api-keys/{one['key_id']}")
    guest = office.browser()
    for key in ("", "x", "wl_1_2", office.shop.key[:-1], "é\udcff", await office.shop.token("ada"), revoked):
        answer = await guest.post(f"{HOME}/sign-in", api_key=key.encode(errors="replace"))
        assert answer.status_code in (401, 403), key
        assert "set-cookie" not in answer.headers
        assert "That API key isn't valid." in guest.read(answer).text
        assert 'aria-invalid="true" aria-describedby="wrong"' in answer.text


async def test_a_session_ends_with_its_key_its_time_and_on_the_server_when_signing_out(office: Office) -> None:
    organizer, copied = await office.organizer(), office.browser()
    copied.http.cookies = httpx.Cookies(organizer.http.cookies)
    await copied.get(PAGE)
    page = await organizer.did(f"{HOME}/sign-out")
    assert "Sign in to the dashboard" in page.text
    for browser in (organizer, copied):
        assert (await browser.http.get(HOME)).status_code == 303
    organizer = await office.organizer()
    await office.run("UPDATE sessions SET expires_at = now() - interval '1 second'")
    assert (await organizer.http.get(HOME)).status_code == 303
    organizer = await office.organizer()
    await office.run("UPDATE api_keys SET revoked_at = now()")
    assert (await organizer.http.get(HOME)).status_code == 303


async def test_a_read_only_key_sees_everything_and_changes_nothing(office: Office) -> None:
    await office.line()
    await add_webhook(office.app.state.service.pool)
    reader = await office.organizer(await office.key(Scope.READ))
    for path in PAGES[:-3] + PAGES[-1:]:
        page = await reader.get(path)
        assert "read only" in page.text
        # Its forms sign out and choose a language; the settings are shown, but cannot be sent.
        assert "Return tickets" not in page.text
        assert "Preview" not in page.text
        assert not re.search(r"\b(Send|Resend)\b", page.text)
    async with unchanged(office.app):
        for path, form in (
            (f"{PAGE}/confirm", {"do": "add_stock", "quantity": "1"}),
            (f"{PAGE}/do", {"do": "add_stock", "quantity": "1", "once": "1"}),
            (f"{PAGE}/message", {"to_waiting": "on"}),
            (f"{HOME}/events/ev_1/confirm", {"do": "cancel", "representation_id": "rep_1"}),
            (f"{HOME}/events/ev_1/do", {"do": "cancel", "representation_id": "rep_1", "once": "1"}),
            (f"{HOME}/events/ev_1/message", {"to_waiting": "on"}),
            (f"{HOME}/webhooks", {"url": "https://shop.example/"}),
            (f"{HOME}/webhooks/{WEBHOOK}/delete", {}),
            (f"{HOME}/webhooks/{WEBHOOK}/test", {}),
            (f"{HOME}/notices/resend", {}),
        ):
            page = await reader.refused(path, 403, **form)
            assert "Your API key does not allow that." in page.text
    assert "Sign in to the dashboard" in (await reader.did(f"{HOME}/sign-out")).text


async def test_a_form_must_come_from_a_page_of_this_visit(office: Office) -> None:
    await office.line()
    organizer, other = await office.organizer(), await office.organizer()
    assert organizer.token != other.token
    form = {"do": "add_stock", "quantity": "1", "once": "1"}
    async with unchanged(office.app):
        for token in ("", "x", "é", other.token):
            page = await organizer.refused(f"{PAGE}/do", 403, form_token=token, **form)
            assert "This form comes from an earlier visit." in page.text
            await organizer.get(PAGE)
        for header in (
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
        ):
            organizer.headers = header
            await organizer.refused(f"{PAGE}/do", 403, **form)
            organizer.headers = {}
            await organizer.get(PAGE)


async def test_every_page_of_another_organization_is_not_there(office: Office) -> None:
    await office.line()
    await add_webhook(office.app.state.service.pool)
    stranger = await office.organizer(await office.key(organization_id="org_2"))
    assert "Make your first event" in (await stranger.get(HOME)).text
    for path in PAGES[1:-1]:
        own = (
            f"{HOME}/account",
            f"{HOME}/settings",
            f"{HOME}/settings/team",
            f"{HOME}/settings/api-keys",
            f"{HOME}/events",
            f"{HOME}/people",
            f"{HOME}/webhooks",
            f"{HOME}/emails",
        )
        page = await stranger.get(path, 200 if path in own else 404)
        assert "Jazz" not in page.text
        assert "shop.example" not in page.text
    assert (await stranger.http.get(f"{PAGE}/entries.csv")).status_code == 404
    assert (await stranger.http.get(f"{PAGE}/whatever")).status_code == 404
    await stranger.get(HOME)
    async with unchanged(office.app):
        for path, form in (
            (f"{PAGE}/confirm", {"do": "add_stock", "quantity": "1"}),
            (f"{PAGE}/do", {"do": "add_stock", "quantity": "1", "once": "1"}),
            (f"{PAGE}/confirm", {"do": "configure"}),
            (f"{PAGE}/message", {"to_waiting": "on"}),
            (f"{HOME}/events/ev_1/do", {"do": "publish", "once": "1"}),
            (f"{HOME}/events/ev_1/do", {"do": "cancel", "representation_id": "rep_1", "once": "1"}),
            (f"{HOME}/events/ev_1/message", {"to_waiting": "on"}),
            (f"{HOME}/webhooks/{WEBHOOK}/test", {}),
            (f"{HOME}/webhooks/{WEBHOOK}/enable", {}),
            (f"{HOME}/webhooks/{WEBHOOK}/disable", {}),
            (f"{HOME}/webhooks/{WEBHOOK}/rotate-secret", {}),
            (f"{HOME}/webhooks/{WEBHOOK}/redeliver", {}),
            (f"{HOME}/webhooks/{WEBHOOK}/delete", {}),
        ):
            await stranger.refused(path, 404, **form)
            await stranger.get(HOME)
        await stranger.did(f"{HOME}/notices/resend")


async def test_the_overview_says_what_is_wanted_and_what_there_is(office: Office) -> None:
    await office.shop.stock(where="off_1/rep_2", total=8, available=8)
    await office.line()
    organizer = await office.organizer()
    answer = await organizer.http.get(HOME)
    page = organizer.read(answer)
    assert f"{HOME}/waiting-lists/off_1/rep_1" in page.links
    assert f"{HOME}/waiting-lists/off_1/rep_2" in page.links
    # Of rep_1: 2 wait for 5 tickets, 1 is ready with 2 held, 1 of 100 is free; 7 are wanted for 2 released.
    numbers = re.findall(r'class="number[a-z ]*">(\d+)<', answer.text)
    assert numbers[:6] == ["2", "5", "1", "2", "1", "100"]
    assert "3.5 × 7 wanted, 2 released" in page.text


async def test_the_overview_is_filtered_and_paged(office: Office) -> None:
    await office.line()
    for number in range(2, 60):
        await office.shop.made("PUT", f"/representations/rep_{number}", {"event_id": "ev_1", **_dates(number)})
        await office.shop.made("PUT", f"/inventory/off_1/rep_{number}", {"total_stock": 1, "available_stock": 1})
    organizer = await office.organizer()

    async def found(query: str) -> list[str]:
        page = await organizer.get(f"{HOME}?{query}")
        return [href for href in page.links if href.startswith(f"{HOME}/waiting-lists/")]

    assert await found("wanted=on") == [PAGE]
    assert len(await found("text=oLYMp")) == len(await found("text=floor")) == 50
    assert len(await found("")) == 12, "a page for a phone in the night"
    assert await found("text=%25") == await found("text=nothing+like+it") == await found("event_id=ev_2") == []
    assert len(await found("event_id=ev_1")) == 50
    page = await organizer.get(f"{HOME}?event_id=ev_1&text=jazz")
    (more,) = [href for href in page.links if "cursor=" in href]
    assert "event_id=ev_1&text=jazz" in more
    assert len(await found(more.partition("?")[2])) == 9
    await office.run("UPDATE representations SET start_datetime = now() - interval '1 day'")
    assert await found("") == []
    assert len(await found("past=on")) == 50


async def test_the_entries_of_a_list_are_filtered_and_exported_alike(office: Office) -> None:
    await office.line()
    await office.shop.user("cleo", "DELETE")
    await office.shop.join("dan", 3)
    organizer = await office.organizer()

    async def found(query: str) -> list[str]:
        listed = rows(await organizer.get(f"{PAGE}?{query}"))
        answer = await organizer.http.get(f"{PAGE}/entries.csv?{query}")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["cache-control"] == "private, no-store"
        exported = [row["User ID"] for row in csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")))]
        assert exported == listed
        return listed

    assert {*await found("")} == {"ada", "bob", "dan"}
    assert await found("status=ready") == ["ada"]
    assert await found("status=waiting") == ["bob", "dan"]
    await office.shop.made("POST", f"/waiting-lists/{LIST}/entries/dan/pause")
    assert await found("status=paused") == rows(await organizer.get(f"{PAGE}?status=paused&text=dan")) == ["dan"]
    assert rows(await organizer.get(f"{PAGE}?status=paused&text=bob")) == []
    assert await found("status=left") == await found("left_reason=cancelled") == ["cleo"]
    assert len(await found("status=all")) == 4
    assert await found("user_id=cleo") == ["cleo"]
    assert await found("user_id=cle") == await found("left_reason=bought") == []
    assert await found("joined_before=2020-01-01T00:00") == await found("joined_after=2090-01-01T00:00") == []
    assert len(await found("joined_after=2020-01-01T00:00&joined_before=2090-01-01T00:00")) == 3
    page = await organizer.get(f"{PAGE}?status=left&user_id=cleo&done=add_stock")
    (export,) = [href for href in page.links if "entries.csv" in href]
    assert export.startswith(f"{PAGE}/entries.csv?status=left&user_id=cleo")


async def test_the_organizer_sees_who_is_skipped_because_nobody_can_be_offered_so_many(office: Office) -> None:
    await office.shop.stock()
    await office.shop.join("ada", 4)
    await office.shop.join("bob", 4, tickets_minimum=1)
    organizer = await office.organizer()
    assert "skipped" not in (await organizer.get(PAGE)).text
    offer = {"event_id": "ev_1", "name": "Floor", "max_quantity_per_order": 3}
    await office.shop.made("PUT", "/offers/off_1", offer)
    page = await organizer.get(PAGE)
    assert "1 waiting fan accepts only more tickets than anybody can be offered, which is 3." in page.text
    assert "ada waiting skipped 1" in page.text
    assert "bob waiting 2" in page.text
    entry = await organizer.get(f"{PAGE}/entries/ada")
    assert "At most 3 tickets can be offered to one fan at the moment" in entry.text
    assert "accepts no fewer than 4" in entry.text
    assert "can be offered to one fan" not in (await organizer.get(f"{PAGE}/entries/bob")).text
    assert "One order may have at most 3 tickets." in (await organizer.get(f"{PAGE}/history")).text


async def test_the_entries_of_a_long_list_come_in_pages(office: Office) -> None:
    await office.shop.join("first")
    await office.run(
        "INSERT INTO entries (list_id, number, rank, user_id, status, tickets_wanted, tickets_minimum, joined_at,"
        " left_at, left_reason) SELECT list_id, 1 + n, rank + 1000000 * n, 'fan-' || n, 'left', 1, 1, joined_at,"
        " joined_at, 'cancelled' FROM entries, generate_series(1, 150) n"
    )
    organizer = await office.organizer()
    page = await organizer.get(f"{PAGE}?status=all")
    (more,) = [href for href in page.links if "cursor=" in href]
    following = await organizer.get(more)
    assert len(rows(page)) == 100
    assert len(rows(following)) == 51
    assert not {*rows(page)} & {*rows(following)}


async def test_bad_filters_are_refused_in_words(office: Office) -> None:
    organizer = await office.organizer()
    for path in (
        f"{PAGE}?status=x",
        f"{PAGE}?left_reason=x",
        f"{PAGE}?joined_after=x",
        f"{PAGE}?joined_before=0001-01-01T00:00",
        f"{PAGE}?joined_before=9999-12-31T23:59",
        f"{PAGE}?cursor=x",
        f"{PAGE}/history?cursor=x",
        f"{PAGE}/statistics?period=year",
        f"{PAGE}/statistics?range=year",
        f"{HOME}/statistics?range=year",
        f"{HOME}?cursor=x",
        f"{HOME}/notices?status=x",
        f"{HOME}/notices?channel=x",
        f"{HOME}/notices?cursor=x",
        f"{HOME}/webhooks/x%20y",
    ):
        page = await organizer.get(path, 404 if "%20" in path else 422)
        assert "Something went wrong" in page.text


@pytest.mark.parametrize(
    "text", [*HOSTILE[:9], "<script>alert(1)</script>", "'\"><img src=x>", "a/b", "../x", "\x00"]
)
async def test_whatever_a_query_says_is_no_failure(office: Office, text: str) -> None:
    await office.line()
    organizer = await office.organizer()
    said = quote(text.encode(errors="replace"))
    for path in (
        f"{HOME}?text={said}&event_id={said}&wanted={said}",
        f"{PAGE}?user_id={said}&done={said}",
        f"{PAGE}/entries.csv?user_id={said}",
        f"{PAGE}/history?verb={said}",
        f"{PAGE}/statistics?period={said}",
        f"{PAGE}/statistics?release={said}",
        f"{HOME}/statistics?range={said}",
        f"{PAGE}/entries/{quote(text.encode(errors='replace'), safe='')}",
        f"{HOME}/notices?status={said}",
    ):
        answer = await organizer.http.get(path)
        assert answer.status_code < 500, path
        assert "<script>alert" not in answer.text
        assert "<img src=x" not in answer.text


@pytest.mark.parametrize(
    "user_id", ["a/b", "<script>alert(1)</script>", "=1+1", "a?b#c%2F&d", "\u202eada", "é 太 🎷"]
)
async def test_ids_and_titles_are_text_whatever_they_are(office: Office, user_id: str) -> None:
    await office.shop.made("PUT", "/events/ev_1", EVENT | {"title": "</title><script>alert('t')</script>"})
    await office.shop.join(user_id)
    organizer = await office.organizer()
    page = await organizer.get(PAGE)
    (address,) = [href for href in page.links if "/entries/" in href]
    assert address == f"{PAGE}/entries/{quote(user_id, safe='')}"
    for path in (HOME, PAGE, address, f"{PAGE}/history", f"{PAGE}/statistics", f"{PAGE}/settings"):
        answer = await organizer.http.get(path)
        assert organizer.read(answer).tags.count("script") == 2, path
    assert " ".join(user_id.split()) in (await organizer.get(address)).text
    shown = await organizer.refused(f"{PAGE}/confirm", 200, do="remove", user_id=user_id)
    assert shown.tags.count("script") == 2
    exported = (await organizer.http.get(f"{PAGE}/entries.csv")).text
    assert ("'=1+1" in exported) == (user_id == "=1+1")


async def test_an_entry_is_told_with_its_own_story_and_without_its_link(office: Office) -> None:
    await office.line()
    organizer = await office.organizer()
    page = await organizer.get(f"{PAGE}/entries/ada")
    assert "ada joined as number 1 and asked for 2 tickets." in page.text
    assert "ada was offered 2 tickets." in page.text
    assert "Record a purchase" in page.text
    assert "bob" not in page.text
    assert not [href for href in page.links if href.startswith("/e/")]
    page = await organizer.get(f"{PAGE}/entries/bob")
    assert "Move in line" in page.text
    assert "Place 1" in page.text
    await office.shop.user("bob", "DELETE")
    page = await organizer.get(f"{PAGE}/entries/bob")
    assert "left the list" in page.text
    assert "Give tickets now" in page.text
    assert "Move in line" not in page.text
    assert "This fan is not on this list." in (await organizer.get(f"{PAGE}/entries/eve", 404)).text


async def test_the_history_tells_every_change_and_forgets_who_was_erased(office: Office) -> None:
    await office.line()
    for user_id, method, path, body in (
        ("bob", "PATCH", f"/waiting-lists/{LIST}/entry", {"tickets_wanted": 5}),
        ("bob", "PATCH", f"/waiting-lists/{LIST}/entry", {"tickets_minimum": 3}),
    ):
        assert (await office.shop.user(user_id, method, path, body)).is_success
    await office.shop.join("dan", 6)
    made = office.shop.made
    await made("POST", f"/waiting-lists/{LIST}/entries/dan/move", {"to": "first", "reason": "Asked to"})
    await made("POST", f"/waiting-lists/{LIST}/entries/ada/purchase", {"quantity": 1})
    await made("PATCH", f"/waiting-lists/{LIST}", {"policy": "skip", "hold_minutes": 5})
    await made("POST", f"/inventory/{LIST}/remove-stock", {"quantity": 2, "revoke_holds": True})
    await made("POST", f"/inventory/{LIST}/add-total-stock", {"quantity": 14})
    await made("POST", f"/inventory/{LIST}/remove-total-stock", {"quantity": 1})
    await made("PUT", f"/inventory/{LIST}", {"total_stock": 112, "available_stock": 13})
    await made("DELETE", f"/waiting-lists/{LIST}/entries/bob")
    await made("DELETE", "/users/ada")
    organizer = await office.organizer()
    answer = await organizer.http.get(f"{PAGE}/history")
    page = organizer.read(answer)
    for told in (
        "The waiting list was created, with 0 of 100 tickets available.",
        "Fan 1 (erased) joined as number 1 and asked for 2 tickets.",
        "bob joined as number 2 and asked for 4 tickets.",
        "3 tickets were returned; 3 are available.",
        "Fan 1 (erased) was offered 2 tickets.",
        "bob asked for more tickets and went to the end of the line.",
        "bob would now accept as few as 3.",
        "dan was moved in line.",
        "Reason: Asked to",
        "Fan 1 (erased) bought 1 ticket.",
        "Settings were changed: ",
        "The capacity changed from 100 to 114;",
        "The capacity changed from 114 to 113;",
        "The ticketing system set the stock.",
        "bob was removed from the list.",
        "The personal data of fan 1 was erased; the number stays.",
    ):
        assert told in page.text, told
    assert not re.search(r"\bada\b", answer.text)
    numbers = [int(value) for value in re.findall(r'<li value="(\d+)">', answer.text)]
    assert numbers == sorted(numbers, reverse=True)
    kinds = await organizer.get(f"{PAGE}/history?verb=move&verb=remove")
    assert "dan was moved in line." in kinds.text
    assert "joined as number" not in kinds.text


async def test_a_long_history_comes_in_pages(office: Office) -> None:
    for n in range(60):
        await office.shop.join(f"fan-{n}")
        await office.shop.user(f"fan-{n}", "DELETE")
    organizer = await office.organizer()
    page = await organizer.get(f"{PAGE}/history?verb=join&verb=leave")
    (more,) = [href for href in page.links if "cursor=" in href]
    assert "joined as number 60" in page.text
    assert "joined as number 1 " not in page.text
    assert "joined as number 1 " in (await organizer.get(more)).text
    oldest = await organizer.get(f"{PAGE}/history?order=oldest&verb=join")
    assert oldest.text.index("joined as number 1 ") < oldest.text.index("joined as number 2 ")


async def test_the_dashboard_speaks_french(office: Office) -> None:
    await office.line()
    await add_webhook(office.app.state.service.pool)
    organizer = await office.organizer(**FRENCH)
    for path, said in (
        (HOME, "Listes d'attente"),
        (PAGE, "Remettre des billets en stock"),
        (f"{PAGE}/history", "numéro 3"),
        (f"{PAGE}/settings", "Réglages"),
        (f"{HOME}/notices", "échec"),
    ):
        page = await organizer.get(path)
        assert ("lang", "fr") in page.attributes
        assert said in page.text, page.text


async def test_an_outage_of_the_database_is_a_page_of_the_dashboard(office: Office) -> None:
    organizer = await office.organizer()
    await office.app.state.service.pool.close()
    for path in (HOME, PAGE):
        answer = await organizer.http.get(path)
        assert answer.status_code == 503
        assert "Please try again in a moment" in answer.text


def _dates(days: int) -> dict[str, str]:
    at = datetime.now(UTC) + timedelta(days=40 + days)
    return {"start_datetime": at.isoformat(), "end_datetime": (at + timedelta(hours=3)).isoformat()}
