"""Whose e-mails they are: sender, reply address, contact and footer, in e-mails and on pages."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from fastapi import FastAPI

from tests.notifications.test_email_rendering import HOSTILE, NOTICE, TO_FANS, Parsed, text_of
from tests.notifications.test_unverified_addresses import Office as Sending
from tests.notifications.test_unverified_addresses import mailbox  # noqa: F401 - a fixture
from tests.notifications.test_unverified_addresses import office as sending  # noqa: F401 - a fixture
from tests.pages.test_dashboard import Office as Dashboard
from tests.pages.test_dashboard import office  # noqa: F401 - a fixture
from tests.support.shop import LIST, ORGANIZATION, Shop, problem
from tests.web.test_http import unchanged
from waiting_list.email_addresses import link_to
from waiting_list.i18n import LOCALES
from waiting_list.lists.notice_kinds import EmailKind
from waiting_list.notifications.email_examples import example_context
from waiting_list.notifications.email_rendering import EmailRenderer
from waiting_list.settings import Settings

SENDER = {
    "sender_name": "Le Quai Tickets",
    "reply_to": "tickets@lequai.example",
    "contact": "https://lequai.example/help",
    "footer": {"en": "Le Quai\n12 quai des Tanneurs, Paris", "fr": "Le Quai, théâtre municipal"},
}
ASK = "Questions? Ask the organizer: https://lequai.example/help"


def rendered(kind: EmailKind, locale: str, **sender: Any) -> EmailMessage:
    renderer = EmailRenderer(Settings(mail_from="The Quay <tickets@quay.example>"))
    known = {"organizer_contact" if name == "contact" else name: one for name, one in sender.items()}
    context = replace(example_context(kind, locale=locale, organization_id="org_1"), **known)
    return renderer.render(kind, context, notice_id=NOTICE)


@pytest.mark.parametrize("kind", TO_FANS)
def test_every_e_mail_to_fans_names_its_organization(kind: EmailKind) -> None:
    letter = rendered(kind, "en", **SENDER)
    assert str(letter["From"]) == "Le Quai Tickets <tickets@quay.example>"
    assert str(letter["Reply-To"]) == "tickets@lequai.example"
    text = text_of(letter)
    assert ASK in text
    assert text.rstrip().endswith("Le Quai\n12 quai des Tanneurs, Paris")
    page = Parsed(text_of(letter, "html"))
    assert page.links["https://lequai.example/help"] == "https://lequai.example/help"
    assert "12 quai des Tanneurs, Paris" in page.text
    french = text_of(rendered(kind, "fr-CA", **SENDER))
    assert "Une question ? Contactez l’organisateur : https://lequai.example/help" in french
    assert french.rstrip().endswith("Le Quai, théâtre municipal")
    plain = rendered(kind, "en")
    assert str(plain["From"]) == "The Quay <tickets@quay.example>"
    assert plain["Reply-To"] is None
    assert "Questions?" not in text_of(plain) + text_of(plain, "html")


@pytest.mark.parametrize("text", HOSTILE)
def test_no_stored_text_of_an_organization_becomes_a_header_or_a_tag(text: str) -> None:
    letter = rendered(EmailKind.READY, "en", sender_name=text, contact=text, footer={"en": text})
    assert letter.keys() == rendered(EmailKind.READY, "en").keys()
    assert letter["From"].addresses[0].addr_spec == "tickets@quay.example"
    travelled = message_from_bytes(letter.as_bytes(), policy=default)
    assert (len(travelled["From"].addresses), travelled["Bcc"]) == (1, None)
    tags = Parsed(text_of(letter, "html")).tags
    assert {*tags} <= {*Parsed(text_of(rendered(EmailKind.READY, "en", **SENDER), "html")).tags}


async def test_a_worker_sends_what_the_organization_says_at_that_moment(sending: Sending) -> None:  # noqa: F811
    shop = sending.shop
    nothing = await shop.made("GET", "/organization")
    empty = {
        "sender_name": None, "reply_to": None, "contact": None, "footer": {}, "personal_data_kept_days": None,
        "accent": None, "logo_url": None, "languages": None,
    }  # fmt: skip
    assert nothing == {"organization_id": ORGANIZATION} | empty
    ada = {"user_id": "ada", "tickets_wanted": 1, "email": "ada@example.org", "email_verified": True}
    await shop.made("POST", f"/waiting-lists/{LIST}/entries", ada)
    assert await shop.made("PATCH", "/organization", SENDER) == nothing | SENDER
    (joined,) = await sending.delivered()
    assert joined["From"].startswith("Le Quai Tickets <")
    assert joined["Reply-To"] == "tickets@lequai.example"
    assert ASK in text_of(joined)
    # What is not given stays; null takes away.
    changed = await shop.made("PATCH", "/organization", {"sender_name": None, "contact": "the box office"})
    assert changed == nothing | SENDER | {"sender_name": None, "contact": "the box office"}
    message = {"to": ["waiting"], "subject": {"en": "Doors"}, "text": {"en": "At 19:00."}}
    preview = await shop.made("POST", f"/waiting-lists/{LIST}/messages", message | {"preview": True})
    await shop.made("POST", f"/waiting-lists/{LIST}/messages", message)
    (letter,) = await sending.delivered()
    assert not letter["From"].startswith("Le Quai")
    for text in (text_of(letter), preview["examples"][0]["text"]):
        assert "Questions? Ask the organizer: the box office" in text
        assert text.rstrip().endswith("12 quai des Tanneurs, Paris")
    assert (await shop.made("PATCH", "/organization", {"footer": {}}))["footer"] == {}
    asked = await shop.http.post("/sign-in", data={"email": "bob@example.org", "organization_id": ORGANIZATION})
    assert asked.is_success
    (sign_in,) = await sending.delivered()
    assert (sign_in["Reply-To"], "the box office" in text_of(sign_in)) == ("tickets@lequai.example", True)
    # A letter comes in a language that the organization offers, else in its first.
    await shop.made("PATCH", "/organization", {"languages": ["fr", "en"]})
    for locale, expected in (("en", "en"), ("nl", "fr"), (None, "fr")):
        eve = {
            "user_id": f"eve-{locale}",
            "tickets_wanted": 1,
            "email": f"eve-{locale}@example.org",
            "locale": locale,
        }
        await shop.made("POST", f"/waiting-lists/{LIST}/entries", eve | {"email_verified": True})
        (letter,) = await sending.delivered()
        assert letter["Content-Language"] == expected


async def test_fans_see_the_contact_on_the_pages_of_a_list_and_of_their_place(shop: Shop) -> None:
    await shop.stock()
    await shop.join("ada")
    link = (await shop.made("POST", f"/waiting-lists/{LIST}/entries/ada/link"))["url"]
    pages = (f"/waiting-lists/{LIST}", "/e/" + link.rpartition("/")[2])
    for page in pages:
        assert "Questions?" not in (await shop.http.get(page)).text
    for contact, href in {"help@lequai.example": "mailto:help@lequai.example", "box office, 1 < 2": None}.items():
        await shop.made("PATCH", "/organization", {"contact": contact})
        for page in pages:
            shown = Parsed((await shop.http.get(page)).text)
            assert "Questions? Ask the organizer:" in shown.text
            assert contact in shown.text
            assert href is None or shown.links[href] == contact


@pytest.mark.parametrize(
    ("contact", "href"),
    [
        ("https://lequai.example/help?a=b", "https://lequai.example/help?a=b"),
        ("ada+x@example.org", "mailto:ada%2Bx@example.org"),
        ("javascript:alert(1)", None),
        ("https://lequai.example and more", None),
        ("+33 1 23 45 67 89", None),
    ],
)
def test_only_a_web_or_e_mail_address_becomes_a_link(contact: str, href: str | None) -> None:
    assert link_to(contact) == href


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"sender_name": "Ada\r\nBcc: eve@example.org"}, "sender_name"),
        ({"sender_name": "support@bank.example"}, "sender_name"),
        ({"sender_name": "Quai <b>"}, "sender_name"),
        ({"sender_name": "\u202eiauQ"}, "sender_name"),
        ({"sender_name": " "}, "sender_name"),
        ({"sender_name": "x" * 101}, "sender_name"),
        ({"reply_to": "tickets@"}, "reply_to"),
        ({"reply_to": "tickets@lequai.example\nBcc: eve@example.org"}, "reply_to"),
        ({"contact": "<a href=x>us</a>"}, "contact"),
        ({"contact": "two\nlines"}, "contact"),
        ({"contact": "x" * 201}, "contact"),
        ({"footer": {"en": "<script>"}}, "footer.en"),
        ({"footer": {"en": "x" * 1001}}, "footer.en"),
        ({"footer": {"en": "Le Quai\x07"}}, "footer.en"),
        ({"footer": {"not a tag": "x"}}, "footer"),
        ({"footer": None}, "footer"),
        ({"personal_data_kept_days": 0}, "personal_data_kept_days"),
        ({"personal_data_kept_days": 1.5}, "personal_data_kept_days"),
        ({"personal_data_kept_days": 36_501}, "personal_data_kept_days"),
        ({"name": "Le Quai"}, "name"),
        ({}, "body"),
    ],
)
async def test_what_could_forge_a_header_or_is_no_plain_text_is_refused(
    app: FastAPI, shop: Shop, body: dict[str, Any], field: str
) -> None:
    async with unchanged(app):
        refused = problem(await shop.organizer("PATCH", "/organization", body), 422, "invalid_request")
    assert any(one["field"].removeprefix("body.").startswith(field) for one in refused["errors"]), refused


async def test_changes_of_several_fields_at_once_lose_none(shop: Shop) -> None:
    fields = ({"sender_name": "Le Quai"}, {"contact": "the box office"}, {"footer": {"en": "Paris"}})
    await asyncio.gather(*(shop.made("PATCH", "/organization", one) for one in fields))
    found = await shop.made("GET", "/organization")
    assert (found["sender_name"], found["contact"], found["footer"]) == (
        "Le Quai",
        "the box office",
        {"en": "Paris"},
    )


async def test_the_dashboard_changes_what_an_organization_says_of_itself(office: Dashboard) -> None:  # noqa: F811
    shop, organizer = office.shop, await office.organizer()
    await shop.made("PATCH", "/organization", {"footer": {"nl": "Am Kai", "en": "x"}})
    page = await organizer.get("/dashboard/settings")
    assert "Whom to ask:" in page.text
    form = {name: one for name, one in SENDER.items() if name != "footer"}
    footers = {"footer_en": "Le Quai\r\nParis", "footer_fr": ""}
    page = await organizer.did("/dashboard/settings", **form, **footers)
    assert "Saved. It holds for your pages and every email from now on." in page.text
    found = await shop.made("GET", "/organization")
    assert {name: found[name] for name in form} == form
    assert found["footer"] == {"nl": "Am Kai", "en": "Le Quai\nParis"}
    wrong = {"sender_name": "a@b", "reply_to": "x", "contact": "<b>", "footer_en": "<b>", "footer_fr": "x"}
    page = await organizer.refused("/dashboard/settings", 422, **wrong)
    for said in ("a name of at most", "an email address, such as", "one line of at most", "1,000 characters"):
        assert said in page.text
    assert [name for name, _ in page.attributes].count("aria-invalid") == 4
    assert await shop.made("GET", "/organization") == found
    page = await organizer.did("/dashboard/settings", **dict.fromkeys((*form, *footers), ""))
    found = await shop.made("GET", "/organization")
    assert (found["sender_name"], found["contact"], found["footer"]) == (None, None, {"nl": "Am Kai"})


async def test_an_organization_keeps_fans_as_long_as_the_deployment_or_shorter(
    office: Dashboard,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop, organizer = office.shop, await office.organizer()
    settings = "/dashboard/settings"
    assert "Now: never by themselves" in (await organizer.get(settings)).text
    assert (await shop.made("PATCH", "/organization", {"personal_data_kept_days": 400}))["sender_name"] is None
    assert "Now: 400 days after the end of a list" in (await organizer.get(settings)).text
    monkeypatch.setattr(Settings, "personal_data_kept", timedelta(days=90))
    page = await organizer.get(settings)
    assert "Now: 90 days after the end of a list" in page.text, "the deployment's is shorter now"
    assert "allows 90 days at most" in page.text
    async with unchanged(office.app):
        told = problem(
            await shop.organizer("PATCH", "/organization", {"personal_data_kept_days": 91}), 422, "invalid_request"
        )
        assert told["errors"] == [
            {"field": "body.personal_data_kept_days", "message": "must be at most 90, the days of the deployment"}
        ]
        for wrong in ("91", "0", "soon"):
            page = await organizer.refused(settings, 422, sender_name="Le Quai", personal_data_kept_days=wrong)
            assert "from 1 to the most that the operator allows" in page.text
            assert [name for name, _ in page.attributes].count("aria-invalid") == 1
            assert ("value", "Le Quai") in page.attributes
    page = await organizer.did(settings, personal_data_kept_days="90")
    assert (await shop.made("GET", "/organization"))["personal_data_kept_days"] == 90
    page = await organizer.did(settings, personal_data_kept_days="")
    assert (await shop.made("GET", "/organization"))["personal_data_kept_days"] is None


async def test_fans_meet_only_the_languages_that_the_organization_offers(
    office: Dashboard,  # noqa: F811
) -> None:
    shop = office.shop
    await shop.stock()
    fan = office.browser()
    french = {"Accept-Language": "fr"}
    assert '<html lang="fr">' in (await fan.http.get(f"/waiting-lists/{LIST}", headers=french)).text
    await shop.made("PATCH", "/organization", {"languages": ["en"]})
    page = (await fan.http.get(f"/waiting-lists/{LIST}", headers=french)).text
    assert '<html lang="en">' in page
    assert 'value="fr"' not in page
    listed = (await fan.http.get(f"/v1/user/waiting-lists/{LIST}")).json()
    assert listed["organizer"]["languages"] == ["en"]
    for wrong in ([], ["nl"], ["fr", "fr"], "fr", [None]):
        answer = await shop.organizer("PATCH", "/organization", {"languages": wrong})
        problem(answer, 422, "invalid_request")
    organizer = await office.organizer()
    await organizer.get("/dashboard/settings")
    sent = {"sender_name": "", "reply_to": "", "contact": "", "footer_en": "", "footer_fr": ""}
    await organizer.did("/dashboard/settings", language_fr="yes", language_en="yes", first_language="fr", **sent)
    assert (await shop.made("GET", "/organization"))["languages"] == ["fr", "en"]
    dutch = await fan.http.get(f"/waiting-lists/{LIST}", headers={"Accept-Language": "nl"})
    assert '<html lang="fr">' in dutch.text
    # The dashboard itself has all languages, whatever fans are offered.
    await shop.made("PATCH", "/organization", {"languages": ["fr"]})
    own = await organizer.http.get("/dashboard/settings", headers={"Accept-Language": "en"})
    assert '<html lang="en">' in own.text
    every = {f"language_{one}": "yes" for one in LOCALES}
    await organizer.did("/dashboard/settings", first_language="en", **every, **sent)
    assert (await shop.made("GET", "/organization"))["languages"] is None
