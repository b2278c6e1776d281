"""Joining several lists with one press, the places of the wish on each page, and one letter for all of them."""

import email
import email.policy
import re
from datetime import timedelta

from tests.pages.test_fans import FRENCH, Browser, Venue
from tests.pages.test_fans import venue as venue  # noqa: PLC0414 - the fixture
from tests.pages.test_join_by_email import ADA
from tests.support.until import until
from waiting_list.lists.models import ListKey
from waiting_list.page_addresses import list_field

MAY, JUNE, SEATS = ("off_1", "rep_1"), ("off_1", "rep_2"), ("off_2", "rep_2")
EVENT = "/events/ev_1"
TICK = {one: {list_field(ListKey(*one).list_id): "yes"} for one in (MAY, JUNE, SEATS)}
ALL = TICK[MAY] | TICK[JUNE] | TICK[SEATS]


async def three_lists(venue: Venue) -> None:
    await venue.shop.stock(where="off_1/rep_2", starts_in=timedelta(days=31))
    await venue.shop.stock(where="off_2/rep_2", starts_in=timedelta(days=31))


async def give(venue: Venue, where: tuple[str, str], quantity: int = 1) -> None:
    await venue.shop.made("POST", f"/inventory/{'/'.join(where)}/add-stock", {"quantity": quantity})


async def all_left(venue: Venue) -> None:
    """The worker has told every list what became of the wish."""

    async def is_done() -> bool:
        return not await venue.run("SELECT FROM entries WHERE status <> 'left'")

    await until(is_done)


async def wished(browser: Browser, where: str = f"{EVENT}/join", email: str = ADA, **form: str) -> str:
    """Join the ticked lists with one press; return the address that this leads to."""
    answer = await browser.post(where, **({"email": email, "tickets_wanted": "1"} | form))
    assert answer.status_code == 303, answer.text
    address: str = answer.headers["location"]
    return address


async def letters(venue: Venue, number: int = 1, saying: str = "") -> list[str]:
    """The texts of the e-mails that say this, once there are so many."""
    found: list[str] = []

    async def is_there() -> bool:
        found.clear()
        for path in sorted(venue.folder.glob("[!.]*.eml")):
            body = email.message_from_bytes(path.read_bytes(), policy=email.policy.default).get_body(("plain",))
            assert body is not None
            if saying in (text := body.get_content()):
                found.append(text)
        return len(found) >= number

    await until(is_there)
    return found


async def now_due(venue: Venue) -> None:
    """The letters that wait for the other joins are due."""
    await venue.run("UPDATE outbox SET due_at = now() WHERE status = 'pending'")
    venue.app.state.service.engine.wake.set()


async def test_one_press_on_the_event_page_gives_a_place_in_each_list(venue: Venue) -> None:
    await three_lists(venue)
    await venue.shop.join("bob", 2)
    browser = venue.browser()
    page = await browser.get(EVENT)
    assert "Would several of these do?" in page.text
    link = await wished(browser, **ALL)
    assert re.fullmatch(r"/e/[\w-]{54}", link)
    page = await browser.get(link)
    for said in (
        "Your place in line 2",
        "Place 1",
        "When you buy, you leave the other lists.",
        "Leave all 3 lists",
    ):
        assert said in page.text, said
    others = [one for one in page.links if re.fullmatch(r"/e/[\w-]{54}", one) and one != link]
    assert len(set(others)) == 2
    page = await browser.get(others[0])
    assert "Your place in line 1" in page.text
    assert link in page.links


async def test_one_letter_names_all_places_and_its_link_confirms_all(venue: Venue) -> None:
    await three_lists(venue)
    await wished(venue.browser(), **ALL)
    await now_due(venue)
    (letter,) = await letters(venue)
    assert "You also have a place in these lists:" in letter
    assert letter.count("Place 1") == 2
    found = re.search(r"http://[^/]+(/e/[\w-]{54}/verify/[\w-]+)", letter)
    assert found
    await venue.browser().did(found[1])
    assert len(await venue.run("SELECT FROM contacts WHERE verified_at IS NOT NULL")) == 3
    kept = {
        one["reason"] for one in await venue.run("SELECT answer AS reason FROM outbox WHERE status = 'dropped'")
    }
    assert kept == {"the e-mail of another place of the wish names this one"}
    assert len(await letters(venue)) == 1


async def test_while_tickets_are_held_the_other_places_say_so_and_leave_once_they_are_bought(venue: Venue) -> None:
    await three_lists(venue)
    browser = venue.browser()
    may = await wished(browser, **ALL)
    places = [one for one in (await browser.get(may)).links if re.fullmatch(r"/e/[\w-]{54}", one)]
    june = next(one for one in places if one != may)
    await give(venue, JUNE)
    await give(venue, MAY)
    page = await browser.get(may)
    assert "Tickets are held for you:" in page.text
    assert "This place waits and keeps its rank." in page.text
    assert "Your place in line 1" in page.text
    page = await browser.get(june)
    assert "While tickets are held for you, your other places wait and keep their rank." in page.text
    page = await browser.get(f"{june}/leave")
    assert "Your places in 2 other lists count again." in page.text
    await now_due(venue)
    (ready,) = await letters(venue, saying="held for you until")
    assert "When you buy, you leave the other lists." in ready
    user = (await venue.run("SELECT DISTINCT user_id FROM entries"))[0]["user_id"]
    await venue.shop.made("POST", f"/waiting-lists/{'/'.join(JUNE)}/entries/{user}/purchase", {})
    await all_left(venue)
    page = await browser.get(may)
    assert "so you left this list, as you chose." in page.text
    assert "You have your tickets" in page.text


async def test_who_leaves_the_whole_wish_sees_first_what_that_costs(venue: Venue) -> None:
    await three_lists(venue)
    browser = venue.browser()
    link = await wished(browser, **ALL)
    page = await browser.get(f"{link}/leave/all")
    assert "Leave all 3 waiting lists?" in page.text
    assert page.text.count("Place 1") == 3
    await give(venue, MAY)
    # The question was for places without tickets: it is asked again.
    before = re.search(r'name="shown" value="([^"]+)"', (await browser.http.get(f"{link}/leave/all")).text)
    assert before
    await venue.shop.made(
        "POST", f"/inventory/{'/'.join(MAY)}/remove-stock", {"quantity": 1, "revoke_holds": True}
    )
    again = await browser.post(f"{link}/leave/all", shown=before[1])
    assert again.status_code == 200
    assert len(await venue.run("SELECT FROM entries WHERE status <> 'left'")) == 3
    shown = re.search(r'name="shown" value="([^"]+)"', again.text)
    assert shown
    page = await browser.did(f"{link}/leave/all", shown=shown[1])
    assert "You have left the waiting list." in page.text
    assert await venue.run("SELECT FROM entries WHERE status <> 'left'") == []


async def test_the_list_page_takes_other_dates_along(venue: Venue) -> None:
    await three_lists(venue)
    browser = venue.browser()
    page = await browser.get("/waiting-lists/off_1/rep_2")
    assert "Other dates or ticket types would do, too" in page.text
    link = await wished(browser, "/waiting-lists/off_1/rep_2/join", choice="withdraw_when_held", **TICK[MAY])
    page = await browser.get(link)
    assert "As soon as tickets are held in one list, you leave the others." in page.text
    (wish,) = await venue.run("SELECT choice, lists FROM wishes")
    assert (wish["choice"], len(wish["lists"])) == ("withdraw_when_held", 2)
    # The list of the page is the first choice.
    assert wish["lists"][0] == ListKey(*JUNE).list_id


async def test_what_is_wrong_stays_in_the_form_of_the_event(venue: Venue) -> None:
    await three_lists(venue)
    browser = venue.browser()
    await browser.get(EVENT)
    page = await browser.refused(f"{EVENT}/join", 422, email=ADA, tickets_wanted="2")
    assert "Please tick at least one." in page.text
    answer = await browser.post(
        f"{EVENT}/join", email="ada", tickets_wanted="3", choice="keep_until_bought", **TICK[MAY], **TICK[JUNE]
    )
    assert answer.status_code == 422
    assert 'value="ada" aria-invalid="true"' in answer.text
    for field in (*TICK[MAY], *TICK[JUNE]):
        assert f'name="{field}" value="yes" checked' in answer.text
    assert 'value="keep_until_bought" checked' in answer.text
    await browser.refused(f"{EVENT}/join", 422, email=ADA, tickets_wanted="9", **ALL)
    assert await venue.run("SELECT FROM entries") == []
    assert await venue.run("SELECT FROM wishes") == []
    # One box is a plain join.
    await wished(browser, **TICK[MAY])
    assert [one["wish_id"] for one in await venue.run("SELECT wish_id FROM entries")] == [None]


async def test_a_list_that_takes_nobody_is_said_on_the_first_place(venue: Venue) -> None:
    await three_lists(venue)
    browser = venue.browser()
    await browser.get(EVENT)
    await venue.shop.made("PATCH", "/waiting-lists/off_2/rep_2", {"open": False})
    link = await wished(browser, **ALL)
    assert link.endswith("?left_out=1")
    page = await browser.get(link)
    assert "1 list that you ticked takes no fans now. You have no place there." in page.text


async def test_an_address_that_has_a_place_shows_a_visitor_nothing_of_it(venue: Venue) -> None:
    await three_lists(venue)
    await wished(venue.browser(), **TICK[MAY])
    stranger = venue.browser()
    link = await wished(stranger, **ALL)
    assert link.endswith("?hidden=1")
    page = await stranger.get(link)
    assert "1 list that you ticked is not shown here." in page.text
    assert page.text.count("Place 1") == 1
    wishes = await venue.run("SELECT wish_id FROM entries ORDER BY wish_id NULLS FIRST")
    assert wishes[0]["wish_id"] is None
    # With a place in every list, there is only the letter.
    answer = await stranger.post(f"{EVENT}/join", email=ADA, tickets_wanted="1", **ALL)
    assert answer.status_code == 200
    assert "We have sent the link to your place" in stranger.read(answer).text
    assert len(await venue.run("SELECT FROM entries")) == 3
    assert len(await venue.run("SELECT FROM wishes")) == 1


async def test_a_signed_in_fan_wishes_without_an_address_and_sees_wishes_together(venue: Venue) -> None:
    await three_lists(venue)
    fan = await venue.fan("ada", email=ADA)
    page = await fan.get(EVENT)
    assert "Would several of these do?" in page.text
    answer = await fan.post(f"{EVENT}/join", tickets_wanted="2", **ALL)
    assert (answer.status_code, answer.headers["location"]) == (303, "/waiting-lists/off_1/rep_1/place")
    page = await fan.get("/waiting-lists/off_1/rep_1/place")
    assert "/waiting-lists/off_1/rep_2/place" in page.links
    page = await fan.get("/my-lists")
    assert "Any of these" in page.text
    # A second press finds the places of the first.
    answer = await fan.post(f"{EVENT}/join", tickets_wanted="2", **ALL)
    assert answer.status_code == 303
    assert len(await venue.run("SELECT FROM entries")) == 3
    page = await fan.get(EVENT)
    assert "Would several of these do?" not in page.text


async def test_a_corrected_address_takes_all_places_along(venue: Venue) -> None:
    await three_lists(venue)
    browser = venue.browser()
    link = await wished(browser, email="aad@mail.example", **ALL)
    await browser.get(link)
    page = await browser.did(f"{link}/send-again", email=ADA)
    assert f"open the link that we email to {ADA}" in page.text
    assert page.text.count("Place 1") == 2
    assert len(await venue.run("SELECT DISTINCT user_id FROM entries")) == 1
    (same,) = await venue.run("SELECT w.user_id = e.user_id AS same FROM wishes w, entries e LIMIT 1")
    assert same["same"]
    assert [one["email"] for one in await venue.run("SELECT DISTINCT email FROM contacts")] == [ADA]
    await browser.get(link, 404)


async def test_who_did_not_join_ends_all_places_and_links_of_who_did(venue: Venue) -> None:
    await three_lists(venue)
    browser = venue.browser()
    link = await wished(browser, **ALL)
    others = {one for one in (await browser.get(link)).links if one.startswith("/e/")} - {link}
    await now_due(venue)
    (letter,) = await letters(venue)
    found = re.search(r"http://[^/]+(/e/[\w-]{54}/verify/[\w-]+)", letter)
    assert found
    owner = venue.browser()
    await owner.get(found[1])
    answer = await owner.post(f"{found[1]}/not-me", do="leave")
    assert answer.status_code == 303
    assert await venue.run("SELECT FROM entries WHERE status <> 'left'") == []
    for one in (link, *(other for other in others if re.fullmatch(r"/e/[\w-]{54}", other))):
        await browser.get(one, 404)


async def test_french(venue: Venue) -> None:
    await three_lists(venue)
    browser = venue.browser(**FRENCH)
    page = await browser.get(EVENT)
    assert "Would several" not in page.text
    link = await wished(browser, **ALL)
    page = await browser.get(link)
    assert "leave the other lists" not in page.text
