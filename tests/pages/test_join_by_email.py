"""Joining on the page of a list with an e-mail address alone: confirmed, corrected or disowned later."""

import html
import json
import re
from urllib.parse import urlsplit

import pytest

from tests.lists.test_challenges import solved
from tests.pages.test_fans import FRENCH, PAGE, PLACE, Browser, Venue
from tests.pages.test_fans import venue as venue  # noqa: PLC0414 - the fixture
from tests.support.shop import ORGANIZATION
from tests.support.until import until

ADA = "ada@mail.example"


async def join(browser: Browser, email: str = ADA, **form: str) -> str:
    """Join with one press; return the path of the private link that this leads to."""
    answer = await browser.post(f"{PAGE}/join", **({"email": email, "tickets_wanted": "1"} | form))
    assert answer.status_code == 303, answer.text
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in answer.headers
    link: str = answer.headers["location"]
    assert re.fullmatch(r"/e/[\w-]{54}", link)
    return link


async def letter(venue: Venue, pattern: str, number: int = 1) -> str:
    """What the newest of so many e-mails matches, in the e-mail itself."""
    found: list[str] = []

    async def is_there() -> bool:
        found.clear()
        for path in sorted(venue.folder.glob("[!.]*.eml")):
            found.extend(re.findall(pattern, path.read_text().replace("=\n", "").replace("=3D", "=")))
        return len(found) >= number

    await until(is_there)
    return found[-1]


async def test_one_press_gives_the_place_in_this_browser_and_a_letter(venue: Venue) -> None:
    await venue.shop.join("bob", 2)
    browser = venue.browser()
    page = await browser.get(PAGE)
    assert "Your place is yours at once" in page.text
    link = await join(browser, tickets_wanted="2")
    page = await browser.get(link)
    for said in ("Your place in line 2", "You asked for 2 tickets.", f"open the link that we email to {ADA}"):
        assert said in page.text
    mailed = await letter(venue, r"http://[^/]+(/e/[\w-]{54}/verify/[\w-]+)")
    assert mailed.startswith(f"{link}/verify/")
    confirmed = await venue.browser().did(mailed)
    assert "open the link that we email" not in confirmed.text
    assert "open the link that we email" not in (await browser.get(link)).text
    assert (await venue.run("SELECT verified_at IS NOT NULL AS yes FROM contacts"))[0]["yes"]
    (contact,) = await venue.run("SELECT locale, joined_from FROM contacts")
    assert tuple(contact) == ("en", None)


async def test_the_page_in_french_writes_in_french(venue: Venue) -> None:
    browser = venue.browser(**FRENCH)
    await browser.get(PAGE)
    page = await browser.get(await join(browser, name="Ada", tickets_wanted="3", tickets_minimum="1"))
    assert "Votre place dans la file" in page.text
    (contact,) = await venue.run("SELECT locale, name FROM contacts")
    assert tuple(contact) == ("fr", "Ada")


async def test_what_is_wrong_stays_in_the_form_and_is_marked(venue: Venue) -> None:
    browser = venue.browser()
    page = await browser.refused(f"{PAGE}/join", 422, email="ada", tickets_wanted="3", name="Ada")
    assert "That is not a valid email address" in page.text
    answer = await browser.post(f"{PAGE}/join", email="ada", tickets_wanted="3", name="Ada")
    assert 'value="ada" aria-invalid="true" aria-describedby="wrong-email"' in answer.text
    assert 'value="3"' in answer.text
    assert "<details open>" in answer.text
    await browser.refused(f"{PAGE}/join", 422, email=ADA, tickets_wanted="x")
    page = await browser.refused(f"{PAGE}/join", 422, email=ADA, tickets_wanted="9")
    assert "You can ask for at most 6 tickets" in page.text
    await browser.refused(f"{PAGE}/join", 422, email=ADA, tickets_wanted="1", name="x\x00y")
    assert not await venue.run("SELECT FROM entries")


async def test_an_address_on_the_list_is_told_by_letter_alone_and_the_link_leads_to_its_place(
    venue: Venue,
) -> None:
    await join(venue.browser())
    await venue.run("DELETE FROM allowances")
    stranger = venue.browser()
    answer = await stranger.post(f"{PAGE}/join", email=ADA, tickets_wanted="4")
    page = stranger.read(answer)
    assert "We have sent the link to your place to ada@mail.example." in page.text
    assert "/e/" not in answer.text
    assert "set-cookie" not in answer.headers
    owner = venue.browser()
    signed_in = await owner.post(await venue.link(ADA))
    place = await owner.get(signed_in.headers["location"])
    assert "This place was taken with your address, ada@mail.example." in place.text
    confirm = next(one for one, words in place.links.items() if words == "Confirm my address")
    await owner.get(confirm)
    assert "This place was taken" not in (await owner.did(confirm)).text


async def test_beyond_the_networks_places_the_letter_brings_the_wish_back(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(venue.app.state.service.email_joins, "_most_unverified", 0.1)
    await join(venue.browser(), "bob@mail.example")
    browser = venue.browser()
    answer = await browser.post(
        f"{PAGE}/join", email=ADA, tickets_wanted="4", tickets_minimum="2", keep_waiting_for_rest="yes"
    )
    assert "We have sent the link to your place" in browser.read(answer).text
    signed_in = await browser.post(await venue.link(ADA))
    form = (await browser.http.get(signed_in.headers["location"])).text
    assert 'name="tickets_wanted" inputmode="numeric" min="1" max="6" required value="4"' in form
    assert 'value="yes" checked' in form
    await browser.get(signed_in.headers["location"])
    place = await browser.did(f"{PAGE}/join", tickets_wanted="4", tickets_minimum="2")
    assert "Your place in line 2" in place.text
    assert "we email to" not in place.text


async def test_a_second_press_finds_the_place_that_the_first_has_made(venue: Venue) -> None:
    browser = venue.browser()
    link = await join(browser, once="0123456789abcdef")
    assert await join(browser, once="0123456789abcdef") == link
    # Another page's number, another wish, or a repeat after the owner has confirmed finds nothing.
    for form in ({"once": "0123456789abcdee"}, {"once": "0123456789abcdef", "tickets_wanted": "2"}, {}):
        answer = await browser.post(f"{PAGE}/join", **({"email": ADA, "tickets_wanted": "1"} | form))
        assert (answer.status_code, "/e/" in answer.text) == (200, False)
    await venue.browser().did(await letter(venue, r"http://[^/]+(/e/[\w-]{54}/verify/[\w-]+)"))
    answer = await browser.post(f"{PAGE}/join", email=ADA, tickets_wanted="1", once="0123456789abcdef")
    assert (answer.status_code, "/e/" in answer.text) == (200, False)
    assert len(await venue.run("SELECT FROM entries")) == 1


async def test_a_challenge_keeps_the_whole_form(venue: Venue) -> None:
    await venue.shop.made("PATCH", PAGE, {"join_challenge": "always"})
    browser = venue.browser()
    answer = await browser.post(f"{PAGE}/join", email=ADA, tickets_wanted="2", name="Ada")
    assert answer.status_code == 403
    for kept in (f'value="{ADA}"', 'required value="2"', 'value="Ada"', "data-checking"):
        assert kept in answer.text
    found = re.search(r'data-challenge="([^"]+)"', answer.text)
    assert found is not None
    challenge = json.loads(html.unescape(found[1]))
    solution = solved(challenge)
    await join(
        browser,
        tickets_wanted="2",
        challenge_token=solution["token"],
        challenge_solution=".".join(map(str, solution["solution"])),
    )


async def test_a_mistyped_address_is_corrected_and_the_place_stays(venue: Venue) -> None:
    browser = venue.browser()
    wrong = await join(browser, "ada@mail.exampel")
    await venue.shop.join("bob")
    page = await browser.refused(f"{wrong}/send-again", 422, email="ada")
    assert "That is not a valid email address" in page.text
    answer = await browser.post(f"{wrong}/send-again", email=ADA)
    right = answer.headers["location"]
    assert (answer.status_code, right == wrong) == (303, False)
    page = await browser.get(right)
    assert "Your place in line 1" in page.text
    assert f"we email to {ADA}" in page.text
    # Who reads the mistyped mailbox has neither the link nor the place.
    await venue.browser().get(wrong, 404)
    stranger = venue.browser()
    await stranger.post("/sign-in", email="ada@mail.exampel", next=PLACE, organization_id=ORGANIZATION)
    await stranger.post(await venue.link("ada@mail.exampel"))
    assert "Join the waiting list" in (await stranger.get(PLACE)).text
    # The owner of the right one has both.
    assert (await letter(venue, r"http://[^/]+(/e/[\w-]{54})/verify", 2)) == right
    owner = venue.browser()
    await owner.post("/sign-in", email=ADA, next=PLACE, organization_id=ORGANIZATION)
    await owner.post(await venue.link(ADA))
    assert "Your place in line 1" in (await owner.get(PLACE)).text
    history = await venue.run("SELECT before, after FROM history WHERE number = 1")
    assert "fan_" not in str(history)


async def test_the_letter_is_sent_again_to_the_same_address(venue: Venue) -> None:
    browser = venue.browser()
    link = await join(browser)
    answer = await browser.post(f"{link}/send-again", email=ADA)
    assert answer.headers["location"] == link
    await letter(venue, rf"{link}/verify/[\w-]+", 2)
    await venue.browser().did(await letter(venue, r"http://[^/]+(/e/[\w-]{54}/verify/[\w-]+)"))
    await browser.refused(f"{link}/send-again", 422, email="eve@mail.example")


async def test_nobody_is_given_the_place_of_another_by_a_corrected_address(venue: Venue) -> None:
    await join(venue.browser(), "bob@mail.example")
    browser = venue.browser()
    link = await join(browser)
    page = await browser.refused(f"{link}/send-again", 409, email="bob@mail.example")
    assert "Your place in line 2" in page.text
    (entries,) = await venue.run("SELECT count(DISTINCT user_id) AS n FROM entries")
    assert entries["n"] == 2


@pytest.mark.parametrize("choice", ["leave", "keep"])
async def test_who_did_not_join_ends_the_link_and_the_token_of_who_did(venue: Venue, choice: str) -> None:
    somebody = venue.browser()
    wish = {"email": ADA, "tickets_wanted": 1}
    joined = (await somebody.http.post(f"/v1/user{PAGE}/join-by-email", json=wish)).json()
    link = urlsplit(joined["link"]).path

    async def with_token() -> int:
        headers = {"Authorization": f"Bearer {joined['token']}"}
        return (await somebody.http.get(f"/v1/user{PAGE}/entry", headers=headers)).status_code

    assert await with_token() == 200
    mailed = await letter(venue, r"http://[^/]+(/e/[\w-]{54}/verify/[\w-]+)")
    owner = venue.browser()
    assert "It was not me who joined" in (await owner.get(mailed)).text
    page = await owner.did(f"{mailed}/not-me", do=choice)
    await somebody.get(link, 404)
    assert await with_token() == 401
    if choice == "leave":
        assert "You have left the waiting list." in page.text
    else:
        assert "Your place in line 1" in page.text
        assert "we email to" not in page.text
    # The code comes with the e-mail alone.
    other = await join(somebody, "eve@mail.example")
    await somebody.refused(f"{other}/verify/nonsense/not-me", 422, do="leave")
