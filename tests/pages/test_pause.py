"""A paused place on the pages of its fan and of its organizer."""

import csv
import io

from tests.pages.test_dashboard import PAGE, Office, office  # noqa: F401 - the fixture
from tests.support.shop import LIST


async def test_a_fan_pauses_and_resumes_with_one_press_each(office: Office) -> None:  # noqa: F811 - the fixture
    await office.shop.join("ada", 1)
    await office.shop.join("bob", 1)
    link = (await office.shop.made("POST", f"/waiting-lists/{LIST}/entries/ada/link"))["url"]
    path = "/" + link.split("/", 3)[3]
    fan = office.browser()
    page = await fan.get(path)
    assert "Pause my place" in page.text
    pace = "to estimate the wait"
    assert pace in page.text
    page = await fan.did(f"{path}/pause")
    assert "Paused: you keep place 1 but get no tickets until you resume." in page.text
    assert "You paused your place, so we skip you until you resume." in page.text
    assert "Pause my place" not in page.text
    assert pace not in page.text  # no turn comes at any pace
    # An earlier copy of the page pauses again, and changes nothing.
    paused = (await office.shop.entry("ada"))["paused_at"]
    await fan.did(f"{path}/pause")
    own = await office.shop.entry("ada")
    assert (own["paused_at"], own["position"], own["why"]["code"]) == (paused, 1, "paused")

    organizer = await office.organizer()
    assert "paused" in (await organizer.get(PAGE)).text
    assert "Paused since" in (await organizer.get(f"{PAGE}/entries/ada")).text
    assert "Paused since" not in (await organizer.get(f"{PAGE}/entries/bob")).text
    story = await organizer.get(f"{PAGE}/history")
    assert "The place of ada was paused." in story.text
    rows = list(csv.DictReader(io.StringIO((await office.shop.organizer("GET", "/entries.csv")).text)))
    assert [bool(one["paused_at"]) for one in rows] == [True, False]

    await office.shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 2})
    assert (await office.shop.entry("bob"))["status"] == "ready"
    page = await fan.did(f"{path}/resume")
    assert "It is your turn" in page.text
    # Too late to pause: the page says so, and the hold stays.
    refused = await fan.refused(f"{path}/pause", 409)
    assert "It is your turn" in refused.text


async def test_the_calls_of_fan_and_organizer_repeat_under_one_key(office: Office) -> None:  # noqa: F811
    await office.shop.join("ada", 1)
    for path, is_paused in (("pause", True), ("resume", False)):
        answers = [
            await office.shop.user(
                "ada", "POST", f"/waiting-lists/{LIST}/entry/{path}", headers={"Idempotency-Key": path}
            )
            for _ in range(2)
        ]
        assert [one.status_code for one in answers] == [200, 200]
        assert [one.headers.get("Idempotent-Replayed") for one in answers] == [None, "true"]
        assert (answers[1].json()["paused_at"] is not None) is is_paused
        for_user = await office.shop.made("POST", f"/waiting-lists/{LIST}/entries/ada/{path}")
        assert (for_user["paused_at"] is not None) is is_paused
