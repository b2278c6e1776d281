"""A second private link of a place, for a person whom the fan trusts: made, seen once, used, ended."""

import re
from datetime import timedelta
from typing import Any

import pytest

from tests.notifications.test_unverified_addresses import Office, mailbox, office  # noqa: F401 - fixtures
from tests.pages.test_fans import Browser, Venue
from tests.pages.test_fans import venue as venue  # noqa: PLC0414 - the fixture
from tests.pages.test_join_by_email import join
from tests.pages.test_transfers import link_in
from tests.pages.test_wishes import ALL, EVENT, three_lists, wished
from tests.support.shop import LIST, ORGANIZATION
from waiting_list.access.private_links import find, link_hash
from waiting_list.lists import verbs
from waiting_list.lists.engine import Caller
from waiting_list.lists.models import FAN, ListKey
from waiting_list.problems import NotFound
from waiting_list.web.server_sent_events import EntryStream

ENTRY = f"/waiting-lists/{LIST}/entry"
ADA: dict[str, Any] = {"email": "ada@example.org", "name": "Ada Lovelace", "email_verified": True}
FORMS = (
    "share", "share/end", "transfer", "transfer/back", "send-again", "phone", "phone/code", "phone/stop", "push",
    "push/stop", "subscribe", "unsubscribe", "leave/all", "verify/x", "verify/x/not-me", "unsubscribe/x",
    "subscribe/x",
)  # fmt: skip
"""Every form of a place that a shared link does not have."""


async def joined(office: Office, **contact: Any) -> str:  # noqa: F811
    """Return the private link of ada, who waits and may give her place away."""
    await office.shop.stock()
    await office.shop.made("PATCH", f"/waiting-lists/{LIST}", {"transfer": True})
    body = {"tickets_wanted": 2, "tickets_minimum": 2}
    assert (await office.fan("POST", ENTRY, body, **ADA | contact)).status_code == 201
    (letter,) = await office.delivered()
    return link_in(letter, "/e")


async def made(browser: Browser, link: str) -> str:
    """Make the shared link on the page of the place, and return it."""
    await browser.get(link)
    answer = await browser.post(f"{link}/share")
    assert answer.status_code == 200, answer.text
    assert "we show it only this once" in browser.read(answer).text
    found = re.search(r'<p class="pass">https?://[^/]+(/e/[\w-]{54})</p>', answer.text)
    assert found is not None
    return found[1]


async def told_by(office: Office, path: str) -> str:  # noqa: F811
    """What a stream begins with. httpx would wait for its end."""
    sent: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "https",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": [(b"host", b"service")], "client": ("127.0.0.1", 1), "server": ("service", 443),
    }  # fmt: skip
    await office.app(scope, receive, send)
    return b"".join(sent).decode()


async def test_who_has_the_link_sees_and_acts_and_reaches_nothing_else(office: Office) -> None:  # noqa: F811
    link = await joined(office)
    ada, ben = Browser(office.shop.http), Browser(office.shop.http)
    assert "Share this place with a person you trust" in (await ada.get(link)).text
    shared = await made(ada, link)
    assert shared != link
    (row,) = await office.rows("SELECT link_hash, used_at FROM shared_links")
    assert (row["link_hash"], row["used_at"]) == (link_hash(shared.removeprefix("/e/")), None)
    page = await ada.get(link)
    assert "It has not been used yet." in page.text
    assert shared not in (await office.shop.http.get(link)).text

    answer = await office.shop.http.get(shared)
    assert "This is the place of another person" in ben.read(answer).text
    assert "Pause my place" in answer.text
    for hidden in ("ada", "Ada", "example.org", "/share", "/transfer", "/push", "/phone", "subscribe", link):
        assert hidden not in answer.text.replace(shared, ""), hidden
    for form in FORMS:
        # What is asked for by GET alone is also none for the reader.
        for method in ("GET", "POST"):
            sent = {"email": "eve@example.org"} if method == "POST" else None
            refused = await office.shop.http.request(method, f"{shared}/{form}", data=sent)
            assert refused.status_code == 404, form
    assert await office.rows("SELECT 1 FROM transfers") == []
    assert "It was last used on" in (await ada.get(link)).text

    (first,) = await office.rows("SELECT used_at FROM shared_links")
    await ben.get(shared)
    assert await office.rows("SELECT used_at FROM shared_links") == [first]  # not at each look
    earlier = first["used_at"] - timedelta(minutes=2)
    await office.rows("UPDATE shared_links SET used_at = $1 RETURNING 1", earlier)
    await ben.get(shared)
    (later,) = await office.rows("SELECT used_at FROM shared_links")
    assert later["used_at"] >= first["used_at"]

    await ben.did(f"{shared}/pause")
    assert (await office.shop.entry("ada"))["paused_at"] is not None
    await ben.did(f"{shared}/resume")
    await ben.did(f"{shared}/change", tickets_wanted="1")
    await office.shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 1})
    bought = await ben.get(shared)
    assert "It is your turn" in bought.text
    held = (await office.shop.http.get(f"{shared}")).text
    purchase_pass = re.search(r'<p class="pass">([^<]+)</p>', held)
    assert purchase_pass is not None
    await office.shop.made("POST", "/purchases", {"purchase_pass": purchase_pass[1]})
    assert "You have bought your tickets" in (await ben.get(shared)).text
    # What has ended can still be ended.
    assert "End their link" in (await ada.get(link)).text
    await ada.did(f"{link}/share/end")
    await ben.get(shared, 404)


async def test_it_leaves_and_is_dead_once_it_is_ended_or_another_is_made(office: Office) -> None:  # noqa: F811
    link = await joined(office)
    ada, ben = Browser(office.shop.http), Browser(office.shop.http)
    first = await made(ada, link)
    second = await made(ada, link)
    await ben.get(first, 404)
    await ben.get(second)
    page = await ada.did(f"{link}/share/end")
    assert "Make a link for them" in page.text
    for path in ("", "/live", "/leave"):
        assert (await office.shop.http.get(second + path)).status_code == 404
    assert (await office.shop.http.post(f"{second}/leave", data={"shown": "1 waiting"})).status_code == 404
    assert (await office.shop.entry("ada"))["status"] == "waiting"
    third = await made(ada, link)
    await ben.did(f"{third}/leave")
    assert "No longer on" not in (await ben.get(third)).text
    assert (await office.shop.organizer("GET", "/entries")).json()["items"][0]["status"] == "left"
    # A place that is over has no new link.
    answer = await ada.post(f"{link}/share")
    assert answer.status_code == 409


async def test_the_end_of_all_links_and_a_transfer_end_it(office: Office) -> None:  # noqa: F811
    link = await joined(office)
    ada, ben = Browser(office.shop.http), Browser(office.shop.http)
    shared = await made(ada, link)
    # The fan's own change of address keeps it.
    put = await office.fan("PUT", f"{ENTRY}/contact", {"email": "new@example.org"}, **ADA)
    assert put.is_success, put.text
    await ben.get(shared)
    await office.shop.organizer("DELETE", f"/waiting-lists/{LIST}/entries/ada/link")
    await ben.get(shared, 404)
    link = (await office.shop.made("POST", f"/waiting-lists/{LIST}/entries/ada/link"))["url"].partition("/e/")[2]
    shared = await made(ada, f"/e/{link}")
    await office.delivered()
    await office.rows("UPDATE contacts SET verified_at = now() RETURNING 1")
    await office.rows("UPDATE entries SET unverified = false RETURNING 1")
    await ada.did(f"/e/{link}/transfer", email="ben@example.org")
    offer = next(
        link_in(one, "/transfers") for one in await office.delivered() if "is offered" in str(one["Subject"])
    )
    await ben.get(shared)
    assert (await ben.post(offer)).status_code == 303
    await ben.get(shared, 404)
    assert await office.rows("SELECT 1 FROM shared_links") == []


async def test_an_erasure_deletes_it_and_the_export_says_that_there_is_one(office: Office) -> None:  # noqa: F811
    link = await joined(office)
    shared = await made(Browser(office.shop.http), link)
    export = (await office.shop.organizer("GET", "/users/ada/export")).json()["shared_links"]
    assert [(one["number"], one["used_at"]) for one in export] == [(1, None)]
    await office.shop.organizer("DELETE", "/users/ada")
    assert await office.rows("SELECT 1 FROM shared_links") == []
    await Browser(office.shop.http).get(shared, 404)


async def test_who_is_signed_in_makes_it_too_and_no_other_site_does(office: Office) -> None:  # noqa: F811
    await joined(office)
    place = f"/waiting-lists/{LIST}/place"
    async with office.signed_in("ada", email="ada@example.org", email_verified=True) as ada:
        await ada.get(place)
        await ada.refused(f"{place}/share", 403, form_token="forged")
        assert await office.rows("SELECT 1 FROM shared_links") == []
        shared = await made(ada, place)
        assert "End their link" in (await ada.get(place)).text
    assert "You are on the waiting list" in (await Browser(office.shop.http).get(shared)).text


async def test_a_live_page_tells_no_user_and_nothing_after_the_end(office: Office) -> None:  # noqa: F811
    link = await joined(office)
    shared = await made(Browser(office.shop.http), link)
    page = (await office.shop.http.get(shared)).text
    told = await told_by(office, f"{shared}/live")
    assert '"user_id":null' in told
    event = re.search("id: (.+)", told)
    assert event is not None
    assert f'data-seen="{event[1]}"' in page  # so that the page does not load itself again
    assert '"user_id":"ada"' in await told_by(office, f"{link}/live")

    valid = True

    async def admits() -> bool:
        return valid

    service, key = office.service, ListKey(*LIST.split("/"))
    for valid in (True, False):
        watcher = await service.live.watch(key, "ada", organization_id=ORGANIZATION)
        stream = EntryStream(service.streams, watcher, last_event_id=None, admits=admits)
        assert (await stream.news() is not None) is valid
        stream.leave()


async def test_a_corrected_address_ends_it(venue: Venue) -> None:
    fan = venue.browser()
    link = await join(fan, "ada@mail.exampel")
    shared = await made(fan, link)
    assert "exampel" not in (await venue.browser().get(shared)).text
    answer = await fan.post(f"{link}/send-again", email="ada@mail.exampel")
    assert answer.headers["location"] == link
    await venue.browser().get(shared)  # the same address: nothing has changed
    await fan.post(f"{link}/send-again", email="ada@mail.example")
    await venue.browser().get(shared, 404)


async def test_the_other_places_of_a_wish_stay_the_fans(venue: Venue) -> None:
    await three_lists(venue)
    fan = venue.browser()
    await fan.get(EVENT)
    link = (await wished(fan, **ALL)).partition("?")[0]
    assert "your other places" in (await fan.get(link)).text
    shared = await made(fan, link)
    answer = await venue.browser().http.get(shared)
    assert "your other places" not in answer.text
    assert set(re.findall(r"/e/[\w-]{54}", answer.text)) == {shared}


async def test_a_link_that_has_ended_meanwhile_makes_none(office: Office) -> None:  # noqa: F811
    """A request that was admitted before `revoke_link` must leave no link behind."""
    link = await joined(office)
    ada = Browser(office.shop.http)
    await ada.get(link)
    token = link.removeprefix("/e/")
    assert await find(office.service.pool, token)

    key = ListKey(*LIST.split("/"))
    await office.shop.organizer("DELETE", f"/waiting-lists/{LIST}/entries/ada/link")
    with pytest.raises(NotFound):
        await office.service.engine.run(
            key,
            Caller(ORGANIZATION, FAN),
            verbs.share,
            user_id="ada",
            number=1,
            link_hash=b"x",
            by_link=link_hash(token),
        )
    assert await office.rows("SELECT 1 FROM shared_links") == []
