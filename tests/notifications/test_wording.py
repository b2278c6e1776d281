"""The organizer's own words in the e-mails about an event: subject and opening, with a few facts and no code."""

from dataclasses import replace
from email.message import EmailMessage
from typing import Any, get_args

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from tests.notifications.test_email_rendering import HOSTILE, NOTICE, Parsed, text_of
from tests.notifications.test_unverified_addresses import Office as Sending
from tests.notifications.test_unverified_addresses import mailbox  # noqa: F401 - a fixture
from tests.notifications.test_unverified_addresses import office as sending  # noqa: F401 - a fixture
from tests.pages.test_dashboard import Office as Dashboard
from tests.pages.test_dashboard import office  # noqa: F401 - a fixture
from tests.support.shop import EVENT, LIST, Shop, problem
from tests.web.test_http import unchanged
from waiting_list.access.api_keys import Scope
from waiting_list.lists.notice_kinds import EmailKind
from waiting_list.notifications.email_examples import example_context
from waiting_list.notifications.email_rendering import EmailRenderer
from waiting_list.notifications.placeholders import PLACEHOLDERS, check_placeholders, filled
from waiting_list.notifications.wording import MOST_WORDINGS, WordedKind, words_for
from waiting_list.settings import Settings

WORDING = "/events/ev_1/wording"
READY: dict[str, Any] = {
    "kind": "ready",
    "locale": "en",
    "subject": "{tickets} × {event}: your turn!",
    "opening": "Wonderful news from {venue}.\nThe {ticket_type} waits for you.",
}
KINDS = get_args(WordedKind)
PAGE = "/dashboard/events/ev_1/wording"


def rendered(kind: EmailKind, locale: str = "en", **changes: Any) -> EmailMessage:
    context = replace(example_context(kind, locale=locale, organization_id="org_1"), **changes)
    return EmailRenderer(Settings()).render(kind, context, notice_id=NOTICE)


@pytest.mark.parametrize("kind", KINDS)
def test_all_that_an_e_mail_must_say_stays_beside_the_organizers_words(kind: EmailKind) -> None:
    ours = rendered(kind)
    words = {"own_subject": "News of {event}, {date}", "own_opening": "Dear friends of {venue},\n{tickets} <3"}
    theirs = rendered(kind, **words)
    date = "Friday, 29 November 2030 at 20:30 (Paris time)"
    assert str(theirs["Subject"]).replace("\u202f", " ") == f"News of Jazz on the Quay, {date}"
    tickets = 2 if kind in (EmailKind.READY, EmailKind.REMINDER, EmailKind.EXTENDED) else 4
    text = text_of(theirs)
    said = f"Dear friends of Le Quai Couvert,\n{tickets} <3\n\n"
    # After the greeting, and nothing else is missing or moved.
    assert text.replace(said, "") == text_of(ours)
    greeting, _, rest = text.partition("\n")
    assert greeting.startswith("Hello")
    assert rest.lstrip("\n").startswith(said)
    page, before = Parsed(text_of(theirs, "html")), Parsed(text_of(ours, "html"))
    assert f"Dear friends of Le Quai Couvert,{tickets} <3" in page.text
    assert page.links == before.links


def test_nobody_reads_past_a_cancellation_for_the_words_of_an_end() -> None:
    words = {"own_subject": "Thank you for waiting!", "own_opening": "It was a great night."}
    cancelled = rendered(EmailKind.ENDED, cancelled=True, cancelled_reason="The singer is ill.", **words)
    assert cancelled["Subject"] == "Cancelled: Jazz on the Quay"
    assert "great night" not in text_of(cancelled)
    assert rendered(EmailKind.ENDED, **words)["Subject"] == "Thank you for waiting!"


@pytest.mark.parametrize("title", HOSTILE)
def test_no_fact_becomes_a_header_a_tag_or_a_placeholder(title: str) -> None:
    changes = {"own_subject": "{event}", "own_opening": "{event} {venue}", "venue_name": "{tickets}"}
    letter = rendered(EmailKind.READY, event_title=title, **changes)
    assert letter.keys() == rendered(EmailKind.READY).keys()
    assert "\n" not in letter["Subject"]
    assert "{tickets}" in text_of(letter)
    assert "evil.example" not in [*Parsed(text_of(letter, "html")).links]


def test_a_subject_whose_facts_are_all_empty_is_ours() -> None:
    letter = rendered(EmailKind.READY, own_subject=" {venue} ", venue_name="")
    assert letter["Subject"] == "It is your turn: 2 tickets for Jazz on the Quay"


@given(st.text(alphabet="ab{}_ $%\n", max_size=20))
def test_an_accepted_text_has_braces_only_in_placeholders(text: str) -> None:
    try:
        check_placeholders(text)
    except ValueError:
        assert "{" in text or "}" in text
    else:
        assert "{" not in text
        assert filled(text, {}) == text
    assert filled("".join(f"{{{name}}}" for name in PLACEHOLDERS), dict.fromkeys(PLACEHOLDERS, "{x}")) == "{x}" * 5


def test_words_go_to_fans_of_a_language_and_to_those_whose_e_mail_is_in_it() -> None:
    def words(locale: str, kind: str = "ready") -> dict[str, Any]:
        return {"kind": kind, "locale": locale, "subject": locale, "opening": None}

    stored = [words("en"), words("fr-CA"), words("de"), words("fr", "joined")]
    chosen = {
        tag: words_for(stored, EmailKind.READY, tag).get("own_subject")
        for tag in ("en-GB", "fr-ca", "fr-FR", "de-AT", "nl", None)
    }
    assert chosen == {"en-GB": "en", "fr-ca": "fr-CA", "fr-FR": "fr-CA", "de-AT": "de", "nl": "en", None: "en"}
    # The e-mail is in French, and an English subject would not fit.
    assert words_for(stored[:1], EmailKind.READY, "fr") == words_for(stored, EmailKind.ENDED, "en") == {}


async def test_fans_of_the_event_get_the_words_that_hold_when_the_e_mail_is_sent(sending: Sending) -> None:  # noqa: F811
    shop = sending.shop
    empty = {"event_id": "ev_1", "placeholders": list(PLACEHOLDERS), "emails": []}
    assert await shop.made("GET", WORDING) == empty
    for user_id, locale in (("ada", "en"), ("bob", "fr")):
        fan = {"user_id": user_id, "tickets_wanted": 1, "email": f"{user_id}@example.org", "locale": locale}
        await shop.made("POST", f"/waiting-lists/{LIST}/entries", fan | {"email_verified": True})
    await sending.delivered()
    await shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 2})
    changed = await shop.made("PATCH", WORDING, {"emails": [READY]})
    assert changed == empty | {"emails": [READY]}
    ada, bob = sorted(await sending.delivered(), key=lambda letter: str(letter["To"]))
    assert ada["Subject"] == "1 × Jazz Festival: your turn!"
    assert "Hello,\n\nWonderful news from Olympia.\nThe Floor waits for you.\n\n1 ticket is held" in text_of(ada)
    assert bob["Subject"].startswith("C’est votre tour")
    # A PUT of the event keeps the words, and so does the wording of another kind.
    await shop.made("PUT", "/events/ev_1", EVENT | {"title": "Jazz"})
    joined = {"kind": "joined", "locale": "FR", "subject": None, "opening": "Bienvenue !"}
    assert (await shop.made("PATCH", WORDING, {"emails": [joined]}))["emails"] == [joined, READY]
    back = {"kind": "joined", "locale": "fr"}
    assert (await shop.made("PATCH", WORDING, {"emails": [back]}))["emails"] == [READY]
    assert await shop.made("DELETE", WORDING) == empty
    assert await shop.made("GET", WORDING) == empty


async def test_a_preview_shows_the_event_with_given_or_stored_words_and_changes_nothing(
    app: FastAPI, shop: Shop
) -> None:
    await shop.stock()
    await shop.made("PATCH", WORDING, {"emails": [READY]})
    await shop.made("PATCH", "/organization", {"contact": "the box office"})
    which = {"kind": "ready", "locale": "en"}
    async with unchanged(app):
        stored = await shop.made("POST", f"{WORDING}/preview", which)
        other = await shop.made("POST", f"{WORDING}/preview", which | {"subject": None, "opening": "Hooray."})
        french = await shop.made("POST", f"{WORDING}/preview", which | {"locale": "fr", "opening": "Bravo !"})
    assert stored["subject"] == "2 × Jazz Festival: your turn!"
    assert "Wonderful news from Olympia." in stored["text"]
    assert "the box office" in stored["html"]
    assert other["subject"] == "It is your turn: 2 tickets for Jazz Festival"
    assert "Hooray." in other["text"]
    assert "Wonderful" not in other["text"]
    assert "Bonjour Ada,\n\nBravo !" in french["text"].replace("\u202f", " ").replace("\xa0", " ")


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"subject": "Dear {name}"}, "subject"),
        ({"subject": "{event"}, "subject"),
        ({"opening": "{{ 7 * 7 }}"}, "opening"),
        ({"opening": "{event.__class__}"}, "opening"),
        ({"opening": "{% if x %}"}, "opening"),
        ({"subject": "two\nlines"}, "subject"),
        ({"subject": "x" * 201}, "subject"),
        ({"subject": " "}, "subject"),
        ({"opening": "<b>Hurry</b>"}, "opening"),
        ({"opening": "x" * 1001}, "opening"),
        ({"opening": "\x1b[31mHurry"}, "opening"),
        ({"kind": "message"}, "kind"),
        ({"locale": "not a tag"}, "locale"),
        ({"html": "x"}, "html"),
    ],
)
async def test_words_that_are_no_plain_text_with_known_placeholders_are_refused(
    app: FastAPI, shop: Shop, words: dict[str, Any], field: str
) -> None:
    await shop.stock()
    async with unchanged(app):
        for path, body in (("", {"emails": [READY | words]}), ("/preview", READY | words)):
            method = "POST" if path else "PATCH"
            refused = problem(await shop.organizer(method, WORDING + path, body), 422, "invalid_request")
            (wrong,) = refused["errors"]
            assert wrong["field"].endswith(f".{field}"), refused


async def test_an_event_has_bounded_words_and_each_once(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    tags = [f"x{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(MOST_WORDINGS)]
    many = [{"kind": "ready", "locale": tag, "subject": "x"} for tag in tags]
    for start in range(0, MOST_WORDINGS, 50):
        await shop.made("PATCH", WORDING, {"emails": many[start : start + 50]})
    async with unchanged(app):
        for emails in ([READY], [READY, READY | {"locale": "EN"}], []):
            answer = await shop.organizer("PATCH", WORDING, {"emails": emails})
            problem(answer, 422, "invalid_request")
        for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/preview")):
            body = {"PATCH": {"emails": [READY]}, "POST": READY}.get(method)
            answer = await shop.organizer(method, f"/events/none/wording{path}", body)
            problem(answer, 404, "event_not_found")


async def test_the_dashboard_words_previews_and_resets_an_e_mail(office: Dashboard) -> None:  # noqa: F811
    shop, organizer = office.shop, await office.organizer()
    page = await organizer.get("/dashboard/emails")
    assert page.links[PAGE] == "Jazz Festival"
    which = {"kind": "reminder", "locale": "en"}
    page = await organizer.get(f"{PAGE}?kind=reminder&locale=en")
    assert "Your time to buy ends soon: Jazz Festival" in page.text
    words = {"subject": "Hurry, {tickets} left", "opening": "Friends,\r\nit is late."}
    answer = await organizer.post(PAGE, **which, **words, do="preview")
    page = organizer.read(answer)
    assert "Hurry, 2 left" in page.text
    assert "Friends, it is late." in page.text
    assert (await shop.made("GET", WORDING))["emails"] == []
    page = await organizer.did(PAGE, **which, **words, do="save")
    assert "Saved. It holds for every email from now on." in page.text
    assert "Use our words again" in page.text
    kept = (await shop.made("GET", WORDING))["emails"]
    assert kept == [
        {
            "kind": "reminder",
            "locale": "en",
            "subject": "Hurry, {tickets} left",
            "opening": "Friends,\nit is late.",
        }
    ]
    for do in ("save", "preview"):
        page = await organizer.refused(PAGE, 422, **which, subject="{name}", opening="<b>", do=do)
        assert page.text.count("with braces only in the placeholders named below") == 2
        assert "Your time to buy ends soon" in page.text or "Hurry" in page.text
    assert (await shop.made("GET", WORDING))["emails"] == kept
    await organizer.did(PAGE, **which, **words, do="reset")
    assert (await shop.made("GET", WORDING))["emails"] == []
    await organizer.refused(PAGE.replace("ev_1", "none"), 404, **which, **words, do="save")
    reader = await office.organizer(await office.key(Scope.READ))
    assert "Save" not in (await reader.get(PAGE)).text.split("Your words in emails")[1].split("English")[0]
    await reader.refused(PAGE, 403, **which, **words, do="save")
    stranger = await office.organizer(await office.key(organization_id="org_2"))
    await stranger.get(PAGE, 404)
