"""An address that failed, on the pages of the fan and of the organizer, in listings and in exports."""

import csv
import io

import pytest

from tests.pages.test_dashboard import PAGE, Office, office  # noqa: F401 - a fixture
from tests.pages.test_fans import FRENCH
from tests.support.shop import LIST
from waiting_list.lists import verbs
from waiting_list.lists.engine import SERVICE
from waiting_list.lists.models import ListKey

KEY = ListKey(*LIST.split("/"))
FAN = {"tickets_wanted": 1, "email": "ada@example.org", "email_verified": True}


async def fail(office: Office) -> None:  # noqa: F811 - the fixture
    """Ada and Bob wait, and e-mails to Ada come back."""
    for user in ("ada", "bob"):
        await office.shop.made("POST", f"/waiting-lists/{LIST}/entries", FAN | {"user_id": user})
    failed = [verbs.AddressReport(1, "ada@example.org", "550 5.1.1 No such user")]
    await office.app.state.service.engine.run(KEY, SERVICE, verbs.fail_address, failed=failed)


@pytest.mark.parametrize("skips", [False, True])
async def test_organizers_see_whose_address_failed_why_and_since_when(
    office: Office,  # noqa: F811 - the fixture
    skips: bool,
) -> None:
    await fail(office)
    await office.shop.made("PATCH", f"/waiting-lists/{LIST}", {"skip_failed_addresses": skips})
    (summary,) = (await office.shop.made("GET", "/waiting-lists"))["items"]
    assert summary["address_failed"] == 1
    found = (await office.shop.made("GET", "/entries"))["items"]
    assert [(one["user_id"], one["address_failed"]) for one in found] == [("ada", True), ("bob", False)]
    assert (await office.shop.entry("ada"))["address_failed"] is True
    answer = await office.shop.organizer("GET", "/entries.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(one["user_id"], one["address_failed"]) for one in rows] == [("ada", "True"), ("bob", "False")]
    organizer = await office.organizer()
    page = await organizer.get(PAGE)
    assert "The address of 1 fan failed" in page.text
    assert ("are skipped until they give another address" in page.text) is skips
    assert page.text.count("address failed") == 1
    entry = await organizer.get(f"{PAGE}/entries/ada")
    assert "The address of this fan has failed since" in entry.text
    assert "550 5.1.1 No such user" in entry.text
    assert ("is skipped until the fan gives another address" in entry.text) is skips
    assert "has failed" not in (await organizer.get(f"{PAGE}/entries/bob")).text
    french = await office.organizer(**FRENCH)
    assert "adresse de 1 fan est en échec" in (await french.get(PAGE)).text


async def test_a_fan_whose_address_failed_is_asked_for_another(office: Office) -> None:  # noqa: F811 - the fixture
    await fail(office)
    link = (await office.shop.made("POST", f"/waiting-lists/{LIST}/entries/ada/link"))["url"]
    path = "/" + link.split("/", 3)[3]
    page = await office.browser().get(path)
    assert "come back. Please give another address where you joined" in page.text
    assert "skip you" not in page.text
    own = (await office.shop.user("ada", "GET")).json()
    assert own["why"]["code"] == "nothing_free"
    await office.shop.made("PATCH", f"/waiting-lists/{LIST}", {"skip_failed_addresses": True})
    page = await office.browser().get(path)
    assert "Our emails to you come back, so we have to skip you until you give another address." in page.text
    own = (await office.shop.user("ada", "GET")).json()
    assert own["why"]["code"] == "address_failed"
    shown = (await office.shop.http.get(f"/v1/user/waiting-lists/{LIST}")).json()
    assert shown["skip_failed_addresses"] is True
    assert (
        "If our emails to you come back, you keep your place"
        in (await office.browser().get(f"/waiting-lists/{LIST}")).text
    )
