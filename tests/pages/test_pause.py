"""A paused place on the pages of its fan and of its organizer."""

import csv
import io

from tests.pages.test_dashboard import PAGE, Office, office  # noqa: F401 - the fixture
from tests.support.shop import LIST, problem


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


async def test_a_fan_undoes_a_change_with_one_press(office: Office) -> None:  # noqa: F811 - the fixture
    for user in ("ada", "bob"):
        await office.shop.join(user, 1)
    link = (await office.shop.made("POST", f"/waiting-lists/{LIST}/entries/ada/link"))["url"]
    path = "/" + link.split("/", 3)[3]
    fan = office.browser()
    asked = await fan.post(f"{path}/change", tickets_wanted="3", tickets_minimum="2")
    assert "You can undo this for one minute at most. After that, you cannot get place 1 back." in asked.text
    shown = asked.text.split('name="shown" value="')[1].split('"')[0]
    wish = {"tickets_wanted": "3", "tickets_minimum": "2", "shown": shown}
    led = (await fan.post(f"{path}/change", **wish)).headers["location"]
    assert "Changed. You can undo this for one minute." in (await fan.get(led)).text
    undo = led.split("?undo=")[1]
    assert [(await office.shop.entry(one))["position"] for one in ("ada", "bob")] == [2, 1]
    back = await fan.did(f"{path}/undo", undo=undo)
    assert "Changed." not in back.text
    own = await office.shop.entry("ada")
    assert (own["position"], own["tickets_wanted"], own["tickets_minimum"]) == (1, 1, 1)
    # The page of the change, reloaded, offers it no more, and an earlier copy of it is refused.
    for late in (undo, "x"):
        assert "Changed." not in (await fan.get(f"{path}?undo={late}")).text
    refused = await fan.refused(f"{path}/undo", 422, undo=undo)
    assert "This can no longer be undone exactly" in refused.text
    organizer = await office.organizer()
    assert "ada took a change back." in (await organizer.get(f"{PAGE}/history")).text


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


async def test_an_organizer_may_give_the_reason_of_a_pause(office: Office) -> None:  # noqa: F811
    await office.shop.join("ada", 1)
    entry = f"/waiting-lists/{LIST}/entries/ada"
    await office.shop.made("POST", f"{entry}/pause", {"reason": "On holiday"})
    await office.shop.made("POST", f"{entry}/resume", {"reason": "Back"})
    await office.shop.made("POST", f"{entry}/pause", {})
    await office.shop.made("POST", f"{entry}/resume")
    for path in ("pause", "resume"):
        for body in ({"why": "x"}, {"reason": ""}, ["x"]):
            problem(await office.shop.organizer("POST", f"{entry}/{path}", body), 422, "invalid_request")
    history = (await office.shop.made("GET", f"/waiting-lists/{LIST}/history"))["items"]
    assert [(one["verb"], one["reason"]) for one in history[-4:]] == [
        ("pause", "On holiday"),
        ("unpause", "Back"),
        ("pause", None),
        ("unpause", None),
    ]
