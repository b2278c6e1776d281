"""A place that a fan gives to another person by e-mail: offered, seen, taken back, taken."""

import re
from email.message import EmailMessage
from typing import Any

from tests.notifications.test_unverified_addresses import Office, mailbox, office  # noqa: F401 - fixtures
from tests.pages.test_fans import Browser
from tests.support.shop import LIST, ORGANIZATION, problem
from waiting_list.access.email_sign_in import fan_id
from waiting_list.maintenance import Maintenance

ENTRY = f"/waiting-lists/{LIST}/entry"
ADA = {"email": "ada@example.org", "email_verified": True}
BEN = "ben@example.org"


def said(letter: EmailMessage) -> str:
    part = letter.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def link_in(letter: EmailMessage, path: str) -> str:
    found = re.search(rf"https://tickets\.example({path}/\S+)", said(letter))
    assert found is not None, said(letter)
    return found[1]


async def prepared(office: Office) -> str:  # noqa: F811
    """Allow it, and return the private link of ada, who waits."""
    await office.shop.stock()
    await office.shop.made("PATCH", f"/waiting-lists/{LIST}", {"transfer": True})
    assert (await office.fan("POST", ENTRY, {"tickets_wanted": 2}, **ADA)).status_code == 201
    (letter,) = await office.delivered()
    return link_in(letter, "/e")


async def test_a_fan_gives_a_place_to_another_person_who_takes_it_by_the_link_in_a_letter(
    office: Office,  # noqa: F811
) -> None:
    link = await prepared(office)
    ada, ben = Browser(office.shop.http), Browser(office.shop.http)
    assert "Give my place to another person" in (await ada.get(link)).text
    page = await ada.did(f"{link}/transfer", email=BEN)
    assert "You offer this place to ben@example.org. Until they take it, it is yours." in page.text
    (letter,) = await office.delivered()
    assert (letter["To"], letter["Subject"]) == (
        BEN,
        "A place on the waiting list for Jazz Festival is offered to you",
    )
    assert "do not pay for it" in " ".join(said(letter).split())
    offer = link_in(letter, "/transfers")
    page = await ben.get(offer)
    assert "we write to ben@example.org when it is your turn" in page.text
    # A GET changes nothing: scanners of e-mails open links.
    assert "Offer my place" not in (await ada.get(link)).text
    taken = await ben.post(offer)
    assert taken.status_code == 303
    theirs = taken.headers["location"]
    assert theirs.startswith("/e/")
    assert theirs != link
    assert "You are on the waiting list" in (await ben.get(theirs)).text
    # The former link and token lose the place at once, and the offer is used up.
    await ada.get(link, 404)
    problem(await office.fan("GET", ENTRY, **ADA), 404, "not_in_list")
    await ben.get(offer, 404)
    letters = {str(one["To"]): one for one in await office.delivered()}
    assert sorted(letters) == ["ada@example.org", BEN]
    assert letters["ada@example.org"]["Subject"] == "Your place for Jazz Festival belongs to another person now"
    assert link_in(letters[BEN], "/e") == theirs
    # Nobody's address stays with it, and it is not given on again.
    (kept,) = await office.rows("SELECT email, mailbox, locale FROM transfers")
    assert tuple(kept) == (None, None, None)
    assert "Give my place to another person" not in (await ben.get(theirs)).text
    secret = await office.service.signing_keys.derived_secret()
    entry = await office.shop.organizer("GET", "/entries")
    (one,) = entry.json()["items"]
    assert (one["user_id"], one["number"], one["tickets_wanted"]) == (fan_id(secret, ORGANIZATION, BEN), 1, 2)


async def test_who_is_signed_in_with_the_address_keeps_their_user_id(office: Office) -> None:  # noqa: F811
    link = await prepared(office)
    await Browser(office.shop.http).did(f"{link}/transfer", email=BEN)
    (letter,) = await office.delivered()
    offer = link_in(letter, "/transfers")
    async with office.signed_in("u_ben", email="other@example.org", email_verified=True) as stranger:
        await stranger.get(offer)
    async with office.signed_in("u_ben", email=BEN, email_verified=True) as ben:
        await ben.did(offer)
        assert "You are on the waiting list" in (await ben.get(f"/waiting-lists/{LIST}/place")).text
    answer = await office.fan("GET", f"{ENTRY}/transfer", user="u_ben")
    assert answer.json()["transferred_at"] is not None
    assert answer.json()["email"] is None


async def test_an_offer_is_taken_back_refused_or_forgotten(office: Office) -> None:  # noqa: F811
    link = await prepared(office)
    ada = Browser(office.shop.http)
    page = await ada.refused(f"{link}/transfer", 422, email="ben")
    assert "That is not a valid email address." in page.text
    await ada.did(f"{link}/transfer", email=BEN)
    (letter,) = await office.delivered()
    offer = link_in(letter, "/transfers")
    page = await ada.did(f"{link}/transfer/back")
    assert "Give my place to another person" in page.text
    await ada.get(offer, 404)
    assert (await office.rows("SELECT 1 FROM transfers")) == []
    # Who has a place already is told so, and nothing changes.
    assert (await office.fan("POST", ENTRY, {"tickets_wanted": 1}, user="u_ben", email=BEN)).status_code == 201
    await ada.did(f"{link}/transfer", email=BEN)
    offer = next(
        link_in(one, "/transfers") for one in await office.delivered() if "is offered" in str(one["Subject"])
    )
    async with office.signed_in("u_ben", email=BEN, email_verified=True) as ben:
        refused = await ben.refused(offer, 409)
        assert "You already have a place on this waiting list" in refused.text
    # A form of another site takes no place.
    answer = await office.shop.http.post(offer, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    # An offer that nobody accepts leaves no address.
    await office.rows("UPDATE transfers SET expires_at = now() - interval '1 minute' RETURNING 1")
    assert "Offer my place" in (await ada.get(link)).text
    await ada.get(offer, 404)
    await Maintenance(office.service.pool, office.service.engine).work()
    assert (await office.rows("SELECT 1 FROM transfers")) == []
    # Where it is not allowed, no page offers it.
    await office.shop.made("PATCH", f"/waiting-lists/{LIST}", {"transfer": False})
    assert "Offer my place" not in (await ada.get(link)).text
    page = await ada.refused(f"{link}/transfer", 409, email=BEN)
    assert "You cannot give this place to another person" in page.text


async def test_the_calls_offer_show_and_take_back(office: Office) -> None:  # noqa: F811
    await prepared(office)

    async def call(method: str, body: Any = None, status: int = 200, **more: Any) -> dict[str, Any]:
        answer = await office.fan(method, f"{ENTRY}/transfer", body, **ADA | more)
        assert answer.status_code == status, answer.text
        return dict(answer.json())

    nothing = {"email": None, "expires_at": None, "transferred_at": None}
    assert await call("GET") == nothing
    made = await call("POST", {"email": BEN, "locale": "fr"})
    assert (made["email"], made["transferred_at"]) == (BEN, None)
    assert await call("GET") == made
    (letter,) = await office.delivered()
    assert letter["Content-Language"] == "fr"
    assert await call("DELETE") == nothing
    assert await call("DELETE") == nothing
    await office.shop.made("PATCH", f"/waiting-lists/{LIST}", {"transfer": False})
    refused = await call("POST", {"email": BEN}, 409)
    assert refused["code"] == "transfer_not_allowed"
    assert (await call("POST", {"email": "x"}, 422))["code"] == "invalid_request"


async def test_the_history_says_so_and_the_export_of_the_new_fan_begins_there(office: Office) -> None:  # noqa: F811
    link = await prepared(office)
    await office.shop.made(
        "POST", f"/waiting-lists/{LIST}/entries/ada/move", {"to": "last", "reason": "Wheelchair"}
    )
    ada = Browser(office.shop.http)
    await ada.did(f"{link}/transfer", email=BEN)
    offered = (await office.shop.organizer("GET", "/users/ada/export")).json()["transfers"]
    assert [(one["email"], one["number"]) for one in offered] == [(BEN, 1)]
    (letter,) = await office.delivered()
    secret = await office.service.signing_keys.derived_secret()
    ben = fan_id(secret, ORGANIZATION, BEN)
    await ada.did(link_in(letter, "/transfers"))
    export = (await office.shop.organizer("GET", f"/users/{ben}/export")).json()
    assert [one["verb"] for one in export["history"]] == ["transfer"]
    assert "Wheelchair" not in str(export)
    assert "ada" not in str(export)
    gone = (await office.shop.organizer("GET", "/users/ada/export")).json()
    assert (gone["entries"], gone["contacts"], gone["history"]) == ([], [], [])


async def test_who_is_erased_is_offered_nothing_any_more(office: Office) -> None:  # noqa: F811
    link = await prepared(office)
    ada = Browser(office.shop.http)
    await ada.did(f"{link}/transfer", email=BEN)
    (letter,) = await office.delivered()
    assert (await office.fan("POST", ENTRY, {"tickets_wanted": 1}, user="u_ben", email=BEN)).status_code == 201
    exported = (await office.shop.organizer("GET", "/users/u_ben/export")).json()
    assert exported["transfers"] == []  # nobody has shown that the address is theirs
    await office.shop.organizer("DELETE", "/users/u_ben")
    assert await office.rows("SELECT 1 FROM transfers") == []
    await ada.get(link_in(letter, "/transfers"), 404)
    await ada.did(f"{link}/transfer", email=BEN)
    await office.shop.organizer("DELETE", "/users/ada")
    assert await office.rows("SELECT 1 FROM transfers") == []
