"""The pages of text messages: a fan gives a number at the place, an organizer the gateway on the dashboard."""

import re
from typing import Any

import pytest

from tests.pages.test_dashboard import HOME, Office
from tests.pages.test_dashboard_notices import office
from tests.pages.test_fans import FRENCH, PAGE, PLACE, Browser, Venue, venue
from tests.support.shop import LIST
from waiting_list.i18n import LOCALES
from waiting_list.lists.models import ListKey
from waiting_list.notifications.phones import phone_code

__all__ = ["office", "venue"]
NOTICES = f"{HOME}/notices"
GATEWAY = f"{NOTICES}/gateway"
SENDS = {"url": "https://sms.example/send", "prefixes": ["+33", "+49"]}
ADA = "+33612345678"


async def linked(office: Office, **contact: Any) -> tuple[Browser, str]:
    """A fan at the page of their private link."""
    await office.shop.made("PUT", "/sms-gateway", SENDS)
    body = {"user_id": "ada", "tickets_wanted": 1} | contact
    await office.shop.made("POST", f"/waiting-lists/{LIST}/entries", body)
    url: str = (await office.shop.made("POST", f"/waiting-lists/{LIST}/entries/ada/link"))["url"]
    return office.browser(), url.removeprefix("http://127.0.0.1:8000")


async def code_of(office: Office | Venue, codes: int = 1) -> str:
    secret = await office.app.state.service.signing_keys.derived_secret()
    return phone_code(secret, ListKey(*LIST.split("/")).list_id, 1, ADA, codes)


async def test_a_fan_gives_a_number_confirms_it_and_takes_it_back(office: Office) -> None:
    fan, link = await linked(office)
    assert "Text me when it is my turn" in (await fan.get(link)).text
    answer = await fan.post(f"{link}/phone", phone="06 12 34 56 78")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{link}#texts")
    page = await fan.get(link)
    assert "Enter the code that we text to +336…78." in page.text
    assert "612345678" not in (await fan.http.get(link)).text
    page = await fan.did(f"{link}/phone/code", code=await code_of(office))
    assert "We text you at +336…78 when it is your turn." in page.text
    assert "Text me when" not in page.text
    await office.run("UPDATE phones SET failed_at = now()")
    assert "Our text messages to +336…78 fail." in (await fan.get(link)).text
    page = await fan.did(f"{link}/phone/stop")
    assert "Text me when it is my turn" in page.text
    # Revoked, the link has no number any longer.
    await fan.did(f"{link}/phone", phone=ADA)
    await office.shop.made("DELETE", f"/waiting-lists/{LIST}/entries/ada/link")
    assert (await office.run("SELECT count(*) FROM phones"))[0][0] == 0


async def test_a_refusal_keeps_what_was_typed_and_marks_the_field(office: Office) -> None:
    fan, link = await linked(office)
    answer = await fan.post(f"{link}/phone", phone="+44 20 <b>")
    page = fan.read(answer)
    assert "We cannot send text messages to this number." in page.text
    assert "Enter a mobile number that begins with +33 / +49." in page.text
    assert 'value="+44 20 &lt;b&gt;"' in answer.text
    assert 'aria-invalid="true" aria-describedby="wrong-phone"' in answer.text
    await fan.did(f"{link}/phone", phone=ADA)
    answer = await fan.post(f"{link}/phone/code", code="x")
    page = fan.read(answer)
    assert "That is not the code that we sent." in page.text
    await office.run("UPDATE phones SET tries = 5")
    answer = await fan.post(f"{link}/phone/code", code=await code_of(office))
    page = fan.read(answer)
    assert "This code is no longer valid. Ask for another one." in page.text
    assert re.search(r'<details class="after" open>\s*<summary>No text message', answer.text)
    for path in ("phone", "phone/code", "phone/stop"):
        assert (await fan.http.get(f"{link}/{path}")).status_code == 200


async def test_without_a_gateway_no_page_asks_for_a_number(office: Office) -> None:
    fan, link = await linked(office)
    await office.shop.made("DELETE", "/sms-gateway")
    assert 'id="texts"' not in (await fan.http.get(link)).text
    answer = await fan.post(f"{link}/phone", phone=ADA)
    page = fan.read(answer)
    assert "We cannot send text messages to this number." in page.text


async def test_a_signed_in_fan_has_the_same_forms(venue: Venue) -> None:
    await venue.shop.made("PUT", "/sms-gateway", SENDS)
    fan = await venue.fan("ada")
    await fan.did(f"{PAGE}/join", tickets_wanted="1")
    answer = await fan.post(f"{PLACE}/phone", phone=ADA)
    assert answer.headers["location"] == f"{PLACE}#texts"
    page = await fan.did(f"{PLACE}/phone/code", code=await code_of(venue))
    assert "We text you at" in page.text
    # While tickets are held, the number is shown and can go; another one would come too late.
    await venue.shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 1})
    page = await fan.get(PLACE)
    assert "We text you at" in page.text
    assert "Forget my number" in page.text
    await fan.did(f"{PLACE}/phone/stop")
    assert 'id="texts"' not in (await fan.http.get(PLACE)).text


@pytest.mark.parametrize("locale", LOCALES)
async def test_the_forms_are_in_every_language(office: Office, locale: str) -> None:
    fan, link = await linked(office, locale=locale)
    said = (await fan.get(link)).text
    assert ("Text me when it is my turn" in said) is (locale == "en")
    await fan.did(f"{link}/phone", phone=ADA)
    assert ("Enter the code" in (await fan.get(link)).text) is (locale == "en")
    (kept,) = await office.run("SELECT locale FROM phones")
    assert kept["locale"] == locale


async def test_an_organizer_sets_the_gateway_and_sees_its_secret_this_once(office: Office) -> None:
    organizer = await office.organizer()
    assert "You give the address of a gateway" in (await organizer.get(NOTICES)).text
    answer = await organizer.post(GATEWAY, url="http://x", prefixes="+33")
    page = organizer.read(answer)
    assert "Enter an https:// address" in page.text
    assert 'value="http://x" placeholder="https://" aria-invalid="true"' in answer.text
    answer = await organizer.post(GATEWAY, url="https://sms.example/", prefixes="33")
    page = organizer.read(answer)
    assert "Enter beginnings such as +33" in page.text
    answer = await organizer.post(GATEWAY, url="twilio://x/{to}", prefixes="+33")
    page = organizer.read(answer)
    assert "Other kinds must be allowed by the operator." in page.text
    answer = await organizer.post(GATEWAY, url=" https://sms.example/send ", prefixes="+33, + 49;")
    assert answer.status_code == 200
    assert re.search(r"whsec_[A-Za-z0-9+/=]+", answer.text)
    # Before the notices, of which there may be many.
    assert answer.text.index("whsec_") < answer.text.index('name="channel"')
    assert (await office.shop.made("GET", "/sms-gateway"))["prefixes"] == ["+33", "+49"]
    answer = await organizer.http.get(f"{NOTICES}?channel=sms")
    assert "Text messages go to https://sms.example/send, for numbers that begin with +33, +49." in answer.text
    assert "whsec_" not in answer.text
    assert (await organizer.http.get(GATEWAY)).headers["location"] == f"{NOTICES}#gateway"
    answer = await organizer.post(f"{GATEWAY}/test", test_phone="12")
    assert "Enter a mobile number that begins with +33 / +49." in organizer.read(answer).text
    assert 'value="12" placeholder="+33" aria-invalid="true"' in answer.text
    assert "Change the gateway" in answer.text
    page = await organizer.did(f"{GATEWAY}/test", test_phone=ADA)
    assert "The test is on its way." in page.text
    assert "sms_test" in page.text
    for _ in range(2):
        await organizer.did(f"{GATEWAY}/test", test_phone=ADA)
    answer = await organizer.post(f"{GATEWAY}/test", test_phone=ADA)
    assert "There have been too many tests." in organizer.read(answer).text
    for _ in range(2):  # pressed twice
        page = await organizer.did(f"{GATEWAY}/delete")
    assert "You give the address of a gateway" in page.text
    assert "SMS" in (await (await office.organizer(**FRENCH)).get(NOTICES)).text
