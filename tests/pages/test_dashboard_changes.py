"""Changes on the dashboard over HTTP: first a preview, then the change, once."""

import asyncio
import html
import json
import re
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from tests.notifications.test_email_rendering import Parsed
from tests.pages.test_dashboard import PAGE, Office
from tests.pages.test_fans import FRENCH, Browser
from tests.support.shop import LIST, Shop
from tests.web.test_http import unchanged
from waiting_list.lists.settings_models import SettingsChange
from waiting_list.pages.dashboard.presets import PRESETS

SETTINGS = {
    "do": "configure",
    "open": "on",
    "automatic": "on",
    "order": "arrival",
    "policy": "strict",
    "skip_limit": "10",
    "hold_minutes": "1440",
    "hold_grace_seconds": "900",
    "after_expiry": "leave",
    "requeue_limit": "1",
    "reminder_minutes": "60",
    "join_challenge": "off",
    "ignore_address_tags": "on",
    "public_ledger": "on",
}
"""The form as it is when nothing was touched."""


@pytest_asyncio.fixture
async def office(app: FastAPI, shop: Shop) -> Any:
    await shop.stock()
    opened = Office(app, shop)
    yield opened
    for one in opened.clients:
        await one.aclose()


def hidden(answer: httpx.Response) -> dict[str, str]:
    """What the form of a confirmation page would send."""
    form = answer.text.partition('/do" class="choice">')[2].partition("</form>")[0]
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))


async def asked(browser: Browser, **form: str) -> tuple[Parsed, dict[str, str]]:
    """The confirmation page, and what its form sends."""
    answer = await browser.post(f"{PAGE}/confirm", **form)
    assert answer.status_code == 200, answer.text
    page = browser.read(answer)
    page.text = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())
    sent = hidden(answer)
    return page, {name: html.unescape(value) for name, value in sent.items() if name != "form_token"}


@pytest.mark.parametrize(
    ("form", "shown", "done"),
    [
        (
            {"do": "add_stock", "quantity": "4"},
            "Return 4 tickets? | Available 3 7 | Held 2 7 | This makes 2 fans ready: bob: 4 tickets",
            {"available_stock": 7, "held": 7},
        ),
        (
            {"do": "add_total_stock", "quantity": "1"},
            "Raise the capacity by 1? | Total 100 101 | Available 3 4",
            {"total_stock": 101},
        ),
        (
            {"do": "remove_stock", "quantity": "2", "revoke_holds": "on"},
            "Remove 2 tickets from the stock? | Available 3 1 | Held 2 0 | 1 fan loses the held tickets",
            {"available_stock": 1, "held": 0},
        ),
        (
            {"do": "remove", "user_id": "ada"},
            "Remove ada from the list? | 2 tickets held for this fan become free.",
            {"held": 0},
        ),
        (
            {"do": "buy", "user_id": "ada", "quantity": "1"},
            "Record 1 ticket bought by ada? | 1 held ticket becomes free.",
            {"held": 0},
        ),
        (
            {"do": "grant", "user_id": "cleo", "tickets": "1", "reason": "Press"},
            "Give cleo 1 ticket now? | goes ahead of everyone in line | No further fans become ready.",
            {"held": 3},
        ),
        (
            {"do": "grant", "user_id": "cleo", "tickets": "3", "add_stock": "on", "reason": ""},
            "Give cleo 3 tickets now? | The capacity grows by 2 tickets.",
            {"held": 5, "total_stock": 102},
        ),
        (
            {"do": "extend", "user_id": "ada", "until": "{until}", "reason": "By phone"},
            "Hold the tickets of ada until | The fans are notified.",
            {},
        ),
        (
            {"do": "extend_all", "until": "{until}", "reason": ""},
            "Give 1 ready fan more time?",
            {},
        ),
        (
            {"do": "give_back", "user_id": "ada", "quantity": "1"},
            "Release 1 ticket held for ada? | No further fans become ready.",
            {"held": 1},
        ),
        (
            {"do": "change", "user_id": "bob", "tickets_wanted": "1", "tickets_minimum": "", "reason": "By phone"},
            "Change the tickets wanted by bob to 1? | This makes 1 fan ready: bob: 1 ticket",
            {"held": 3},
        ),
        (
            {"do": "pause", "user_id": "bob", "reason": "By phone"},
            "Pause the place of bob? | The fan keeps place 1, and is skipped until the fan or you end the pause. "
            "| This makes 1 fan ready: cleo: 1 ticket",
            {"held": 3},
        ),
        ({"do": "move", "user_id": "dan", "to": "first"}, "Move dan? | This makes 1 fan ready: dan: 1 ticket", {}),
        (
            {"do": "move", "user_id": "dan", "to": "before", "before": "cleo", "reason": "VIP"},
            "Move dan ahead of cleo? | From place 3 to place 2. | No further fans become ready.",
            {},
        ),
    ],
    ids=lambda value: value["do"] if isinstance(value, dict) and "do" in value else "",
)
async def test_what_is_shown_is_what_is_then_done_and_once(
    office: Office, form: dict[str, str], shown: str, done: dict[str, int]
) -> None:
    await office.line()
    await office.shop.join("dan", 1)
    organizer = await office.organizer()
    start = (await office.shop.made("GET", "/representations/rep_1"))["start_datetime"]
    form = {name: value.replace("{until}", f"{start[:10]}T00:30") for name, value in form.items()}
    async with unchanged(office.app):
        page, sent = await asked(organizer, **form)
    for fact in shown.split(" | "):
        assert fact in page.text, page.text
    ready = set(re.findall(r"(\w+): \d+ tickets?, until", page.text))
    before = {entry["user_id"] for entry in await _entries(office, "ready")}
    answers = await asyncio.gather(*(organizer.post(f"{PAGE}/do", **sent) for _ in range(3)))
    ((status, location),) = {(one.status_code, one.headers["location"]) for one in answers}
    assert (status, location.partition("&")[0]) == (303, f"{PAGE}?done={form['do']}")
    assert 'role="status" data-once' in (await organizer.http.get(location)).text
    stock = await office.shop.made("GET", f"/inventory/{LIST}")
    assert stock | done == stock
    after = {entry["user_id"] for entry in await _entries(office, "ready")}
    assert after - before == ready
    assert len(await _changes(office, form["do"].removesuffix("_all"))) == 1


async def test_a_fan_who_wants_more_than_comes_back_is_not_made_ready(office: Office) -> None:
    await office.shop.join("ada", 4)
    organizer = await office.organizer()
    page, _ = await asked(organizer, do="add_stock", quantity="3")
    assert "No further fans become ready." in page.text
    page, _ = await asked(organizer, do="add_stock", quantity="4")
    assert "This makes 1 fan ready: ada: 4 tickets" in page.text


async def test_tickets_are_given_out_by_hand(office: Office) -> None:
    await office.shop.made("PATCH", f"/waiting-lists/{LIST}", {"automatic": False})
    await office.line()
    organizer = await office.organizer()
    assert "Offer free tickets" in (await organizer.get(PAGE)).text
    page, sent = await asked(organizer, do="promote", tickets="2")
    assert "Offer 2 tickets?" in page.text
    assert "This makes 1 fan ready: ada: 2 tickets" in page.text
    await organizer.did(f"{PAGE}/do", **sent)
    assert [entry["user_id"] for entry in await _entries(office, "ready")] == ["ada"]


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        ({"do": "add_stock", "quantity": "98"}, 409, "You can return at most 97 tickets"),
        ({"do": "remove_stock", "quantity": "4"}, 409, "Only 3 tickets are available."),
        ({"do": "remove_stock", "quantity": "2"}, 409, "Only 1 ticket is free"),
        ({"do": "remove_total_stock", "quantity": "2"}, 409, "Only 1 ticket is free"),
        ({"do": "buy", "user_id": "ada", "quantity": "3"}, 422, "Only 2 tickets are held for this fan."),
        ({"do": "buy", "user_id": "bob", "quantity": "1"}, 409, "It is not this fan's turn yet."),
        ({"do": "grant", "user_id": "bob", "tickets": "2"}, 409, "Only 1 ticket is free"),
        ({"do": "grant", "user_id": "bob", "tickets": "7", "add_stock": "on"}, 422, "at most 6 tickets"),
        ({"do": "extend", "user_id": "ada", "until": ""}, 422, "Enter a date and time later than"),
        ({"do": "extend", "user_id": "ada", "until": "2020-01-01T00:00"}, 422, "Enter a date and time later than"),
        ({"do": "extend", "user_id": "bob", "until": "2030-01-01T00:00"}, 409, "It is not this fan's turn yet."),
        ({"do": "extend_all", "until": "2020-01-01T00:00"}, 422, "Enter a date and time later than"),
        ({"do": "give_back", "user_id": "ada", "quantity": "3"}, 422, "Only 2 tickets are held for this fan."),
        ({"do": "give_back", "user_id": "bob", "quantity": "1"}, 409, "It is not this fan's turn yet."),
        ({"do": "change", "user_id": "ada", "tickets_wanted": "1"}, 409, "It is this fan's turn"),
        ({"do": "change", "user_id": "bob", "tickets_wanted": "7"}, 422, "at most 6 tickets"),
        ({"do": "move", "user_id": "ada", "to": "first"}, 409, "Only waiting fans can be moved"),
        ({"do": "move", "user_id": "bob", "to": "before", "before": "ada"}, 409, "Only waiting fans can be moved"),
        ({"do": "move", "user_id": "bob", "to": "before", "before": "bob"}, 422, "another waiting fan."),
        (
            {"do": "move", "user_id": "bob", "to": "first", "reason": "a" * 501},
            422,
            "Enter at most 500 characters",
        ),
        ({"do": "remove", "user_id": "eve"}, 404, "This fan is not on this list."),
        ({"do": "remove", "user_id": "left"}, 409, "The fan has left this list."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_cannot_be_done_is_said_in_words(
    office: Office, form: dict[str, str], status: int, said: str
) -> None:
    await office.shop.join("left")
    await office.shop.user("left", "DELETE")
    await office.line()
    organizer = await office.organizer()
    async with unchanged(office.app):
        for step in ("confirm", "do"):
            page = await organizer.refused(f"{PAGE}/{step}", status, once="1", **form)
            assert "This is not possible" in page.text
            assert said in page.text
            assert "invalid_request" not in page.text
            await organizer.get(PAGE)


@pytest.mark.parametrize("number", ["", "0", "-1", "1.5", "x", "1e3", "99999999999", "\u0661", "1\x00", " "])
async def test_a_number_of_tickets_that_is_none_is_refused(office: Office, number: str) -> None:
    await office.line()
    organizer = await office.organizer()
    for form in (
        {"do": "add_stock", "quantity": number},
        {"do": "remove_stock", "quantity": number, "revoke_holds": "on"},
        {"do": "add_total_stock", "quantity": number},
        {"do": "remove_total_stock", "quantity": number},
        {"do": "promote", "tickets": number},
        {"do": "buy", "user_id": "ada", "quantity": number},
        {"do": "give_back", "user_id": "ada", "quantity": number},
        {"do": "change", "user_id": "bob", "tickets_wanted": number},
    ):
        async with unchanged(office.app):
            page = await organizer.refused(f"{PAGE}/confirm", 422, **form)
            assert "Enter a whole number, 1 or more." in page.text
            await organizer.get(PAGE)
            await organizer.refused(f"{PAGE}/do", 422, once="1", **form)
            await organizer.get(PAGE)


@pytest.mark.parametrize("user_id", ["", "\x00", "a\x00b", "x" * 5000, "\ud83c\udfb7"])
async def test_forms_about_nobody_are_refused(office: Office, user_id: str) -> None:
    await office.line()
    organizer = await office.organizer()
    async with unchanged(office.app):
        for form in (
            {"do": "remove", "user_id": user_id},
            {"do": "buy", "user_id": user_id, "quantity": "1"},
            {"do": "give_back", "user_id": user_id, "quantity": "1"},
            {"do": "move", "user_id": user_id, "to": "last"},
            {"do": "move", "user_id": "bob", "to": "before", "before": user_id},
            {"do": "move", "user_id": "bob", "to": user_id},
            {"do": user_id},
        ):
            for step in ("confirm", "do"):
                sent = {
                    name: value.encode("utf-16", "surrogatepass").decode("utf-16") for name, value in form.items()
                }
                answer = await organizer.post(f"{PAGE}/{step}", once="1", **sent)
                assert answer.status_code in (404, 409, 422), answer.text
                await organizer.get(PAGE)


async def test_a_form_that_no_page_has_shown_does_nothing(office: Office) -> None:
    await office.line()
    organizer = await office.organizer()
    async with unchanged(office.app):
        await organizer.refused(f"{PAGE}/do", 422, do="add_stock", quantity="1")
    _, sent = await asked(organizer, do="add_stock", quantity="1")
    await organizer.did(f"{PAGE}/do", **sent)
    async with unchanged(office.app):
        page = await organizer.refused(f"{PAGE}/do", 422, **sent | {"quantity": "2"})
    assert "This form was already sent with different values." in page.text


async def test_what_changed_since_it_was_shown_is_refused_in_words(office: Office) -> None:
    await office.line()
    organizer = await office.organizer()
    _, sent = await asked(organizer, do="buy", user_id="ada", quantity="2")
    await office.shop.user("ada", "DELETE")
    async with unchanged(office.app):
        page = await organizer.refused(f"{PAGE}/do", 409, **sent)
    assert "The fan has left this list." in page.text


async def test_the_reason_of_a_move_stands_in_the_history_with_who_did_it(office: Office) -> None:
    await office.line()
    await office.shop.join("dan")
    organizer = await office.organizer()
    _, sent = await asked(organizer, do="move", user_id="dan", to="first", reason="  Wrong <date> sold  ")
    await organizer.did(f"{PAGE}/do", **sent)
    (change,) = await _changes(office, "move")
    assert change["reason"] == "Wrong <date> sold"
    assert change["actor"].startswith("organizer:")
    assert "Reason: Wrong <date> sold" in (await organizer.get(f"{PAGE}/entries/dan")).text
    for do, text in (("pause", "paused."), ("unpause", "is no longer paused.")):
        _, sent = await asked(organizer, do=do, user_id="cleo", reason=f"By phone: {do}")
        await organizer.did(f"{PAGE}/do", **sent)
        shown = (await organizer.get(f"{PAGE}/entries/cleo")).text
        assert text in shown
        assert f"Reason: By phone: {do}" in shown


async def test_reloading_what_a_form_answered_leads_back_to_the_list(office: Office) -> None:
    organizer = await office.organizer()
    for path in ("confirm", "do", "nothing"):
        answer = await organizer.http.get(f"{PAGE}/{path}")
        assert (answer.status_code, answer.headers["location"]) == (303, PAGE)


async def test_settings_are_shown_changed_and_shown_again(office: Office) -> None:
    organizer = await office.organizer()
    start = (await office.shop.made("GET", "/representations/rep_1"))["start_datetime"]
    answer = await organizer.http.get(f"{PAGE}/settings")
    organizer.read(answer)
    assert 'name="hold_minutes" inputmode="numeric" min="1" max="2147483647" value="1"' in answer.text
    assert re.search(
        r'<select name="hold_minutes_in"[^>]*>.*?<option value="days" selected>', answer.text, re.DOTALL
    )
    wanted = SETTINGS | {
        "policy": "skip",
        "skip_limit": "3",
        "hold_minutes": "",
        "max_waiting": "500",
        "closes_at": f"{start[:10]}T00:30",
        "verify_email": "on",
        "quiet_from": "23:00",
        "quiet_until": "08:00",
        "after_expiry": "requeue",
        "reminder_minutes": "",
        "join_challenge": "adaptive",
        "purchase_url": "https://shop.example/?p={pass}",
        "days_before_2": "0",
        "hold_minutes_2": "30",
        "days_before_1": "2",
        "hold_minutes_1": "90",
    }
    del wanted["automatic"]
    async with unchanged(office.app):
        page, sent = await asked(organizer, **wanted)
    for said in (
        "Change the settings?",
        "If the first in line wants more tickets than are free wait for more tickets (strict) offer",
        "Hold tickets for 1 day until the list ends",
        "Maximum number of waiting fans no limit 500",
        "from 2 days before the show: 1 hour 30 minutes; on the day of the show: 30 minutes",
        "Offer tickets automatically yes no",
        "Reminder before the deadline 1 hour never",
        "Quiet hours from",
        "Bot check when joining never when many fans join at once",
        "00:30 (Paris time)",
    ):
        assert said in page.text, page.text
    assert "Open to new fans" not in page.text
    await organizer.did(f"{PAGE}/do", **sent)
    kept = await office.shop.made("GET", f"/waiting-lists/{LIST}")
    assert (kept["policy"], kept["skip_limit"], kept["hold_minutes"], kept["max_waiting"]) == (
        "skip",
        3,
        None,
        500,
    )
    assert (kept["automatic"], kept["open"], kept["reminder_minutes"]) == (False, True, None)
    assert kept["hold_steps"] == [{"days_before": 2, "hold_minutes": 90}, {"days_before": 0, "hold_minutes": 30}]
    answer = await organizer.http.get(f"{PAGE}/settings")
    organizer.read(answer)
    assert f'value="{start[:10]}T00:30"' in answer.text
    assert 'name="days_before_2" inputmode="numeric" min="0" max="3650" value="0"' in answer.text
    assert "Settings were changed: " in (await organizer.get(f"{PAGE}/history")).text
    # What the page then sends changes nothing.
    page = await organizer.refused(f"{PAGE}/confirm", 422, **wanted)
    assert "You have not changed anything." in page.text


async def test_durations_are_typed_in_any_unit_and_kept_in_the_unit_of_the_api(office: Office) -> None:
    organizer = await office.organizer()
    wanted = SETTINGS | {
        **{"hold_minutes": "3", "hold_minutes_in": "days"},
        **{"reminder_minutes": "2", "reminder_minutes_in": "hours"},
        **{"hold_grace_seconds": "10", "hold_grace_seconds_in": "minutes"},
        **{"idle_minutes": "90", "idle_minutes_in": "minutes"},
        **{"days_before_1": "0", "hold_minutes_1": "2", "hold_minutes_1_in": "hours"},
    }
    page, sent = await asked(organizer, **wanted)
    assert "Hold tickets for 1 day 3 days" in page.text
    assert "More time for a payment 15 minutes 10 minutes" in page.text
    await organizer.did(f"{PAGE}/do", **sent)
    kept = await office.shop.made("GET", f"/waiting-lists/{LIST}")
    assert (kept["hold_minutes"], kept["reminder_minutes"], kept["hold_grace_seconds"]) == (4320, 120, 600)
    assert (kept["idle_minutes"], kept["hold_steps"]) == (90, [{"days_before": 0, "hold_minutes": 120}])
    text = (await organizer.http.get(f"{PAGE}/settings")).text
    shown = dict(re.findall(r'name="([a-z_0-9]+)" inputmode="numeric"[^>]* value="(\d+)"', text))
    selects = re.findall(r'<select name="([a-z_0-9]+)_in"(.*?)</select>', text, re.DOTALL)
    units = {name: found[1] for name, options in selects if (found := re.search(r'"([a-z]+)" selected', options))}
    typed = {name: wanted[name] for name in units}
    assert ({name: shown[name] for name in units}, units) == (
        typed,
        {name: wanted[f"{name}_in"] for name in units},
    )
    assert set(units) == {
        "hold_minutes",
        "hold_minutes_1",
        "reminder_minutes",
        "hold_grace_seconds",
        "idle_minutes",
    }
    wrong = {"hold_minutes_in": "weeks", "reminder_minutes": "2000000", "reminder_minutes_in": "days"}
    answer = await organizer.post(f"{PAGE}/confirm", **wanted | wrong | {"hold_grace_seconds": "16"})
    assert answer.status_code == 422
    marked = set(re.findall(r'aria-invalid="true" aria-describedby="wrong-([^"]+)"', answer.text))
    assert marked == {"hold_minutes", "reminder_minutes", "hold_grace_seconds"}
    assert "Enter a whole number, 15 minutes at most." in organizer.read(answer).text


def rules_in(text: str) -> set[str]:
    """The rules for fans that a page shows."""
    lists = re.findall(r'<ul class="rules[^"]*">(.*?)</ul>', text, re.DOTALL)
    items = re.findall(r"<li>(.*?)</li>", "".join(lists), re.DOTALL)
    return {" ".join(html.unescape(re.sub(r"<span.*?</span>|<[^>]*>", "", one)).split()) for one in items}


@pytest.mark.parametrize("name", PRESETS)
async def test_a_preset_says_what_changes_and_why_and_changes_only_that(office: Office, name: str) -> None:
    own = {"max_waiting": 70, "purchase_url": "https://shop.example/?p={pass}"}
    await office.shop.made("PATCH", f"/waiting-lists/{LIST}", own)
    before = await office.shop.made("GET", f"/waiting-lists/{LIST}")
    read_before = rules_in((await office.shop.http.get(f"/waiting-lists/{LIST}")).text)
    organizer = await office.organizer()
    shown = (await organizer.http.get(f"{PAGE}/settings")).text
    assert "In use" not in shown
    assert rules_in(shown) == read_before
    async with unchanged(office.app):
        page, sent = await asked(organizer, do="configure", preset=name)
    preset = PRESETS[name]
    for setting, (value, reason) in preset.rules.items():
        as_kept = json.loads(SettingsChange.model_validate({setting: value}).model_dump_json())[setting]
        assert (reason in page.text) == (before[setting] != as_kept), setting
    changed = rules_in((await organizer.post(f"{PAGE}/confirm", do="configure", preset=name)).text)
    await organizer.did(f"{PAGE}/do", **sent)
    kept = await office.shop.made("GET", f"/waiting-lists/{LIST}")
    for setting in SettingsChange.model_fields:
        implied = setting in ("email_required", "one_place_per_address")  # by verify_email
        if setting not in preset.rules and not implied:
            assert kept[setting] == before[setting], setting
    read_after = rules_in((await office.shop.http.get(f"/waiting-lists/{LIST}")).text)
    assert changed == read_before ^ read_after
    assert changed
    assert (await organizer.http.get(f"{PAGE}/settings")).text.count("In use") == 1
    page = await organizer.refused(f"{PAGE}/confirm", 422, do="configure", preset=name)
    assert "You have not changed anything." in page.text


async def test_settings_that_make_fans_ready_say_whom(office: Office) -> None:
    await office.shop.join("ada", 4)
    await office.shop.join("bob", 1)
    await office.shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 3})
    organizer = await office.organizer()
    page, sent = await asked(organizer, **SETTINGS | {"policy": "skip"})
    assert "This makes 1 fan ready: bob: 1 ticket" in page.text
    assert sent["settings"] == '{"policy":"skip"}'
    await organizer.did(f"{PAGE}/do", **sent)
    assert [entry["user_id"] for entry in await _entries(office, "ready")] == ["bob"]


async def test_every_wrong_setting_is_said_beside_its_field_and_nothing_typed_is_lost(office: Office) -> None:
    await office.line()
    organizer = await office.organizer()
    wrong = {
        "max_waiting": "many",
        "closes_at": "soon",
        "skip_limit": "-1",
        "hold_minutes": "0",
        "days_before_3": "5000",
        "hold_minutes_3": "1.5",
        "days_before_4": "7",
        "quiet_from": "25:00",
        "reminder_minutes": "0",
        "purchase_url": 'https://shop.example/"><b>',
    }
    async with unchanged(office.app):
        answer = await organizer.post(f"{PAGE}/confirm", **SETTINGS | wrong)
    assert answer.status_code == 422
    page = organizer.read(answer)
    assert "Nothing was saved yet." in page.text
    marked = set(re.findall(r'aria-invalid="true" aria-describedby="wrong-([^"]+)"', answer.text))
    assert marked == ({*wrong} - {"days_before_4"}) | {"hold_minutes_4"}
    assert marked == set(re.findall(r'class="wrong" id="wrong-([^"]+)"', answer.text))
    for name in ("max_waiting", "skip_limit", "hold_minutes_3", "days_before_4", "closes_at"):
        assert re.search(rf'name="{name}"[^>]* value="{wrong[name]}"', answer.text), name
    assert "<b>" not in answer.text


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"quiet_from": "22:00"}, "quiet_from"),
        ({"quiet_from": "22:00", "quiet_until": "22:00"}, "quiet_until"),
        ({"closes_at": "2099-01-01T00:00"}, "closes_at"),
        ({"days_before_1": "1", "hold_minutes_1": "5", "days_before_2": "1", "hold_minutes_2": "6"}, "hold_steps"),
        ({"policy": "best"}, "policy"),
        ({"after_expiry": ""}, "after_expiry"),
        ({"skip_limit": ""}, "skip_limit"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_settings_that_do_not_fit_together_are_marked(
    office: Office, wrong: dict[str, str], field: str
) -> None:
    organizer = await office.organizer()
    answer = await organizer.post(f"{PAGE}/confirm", **SETTINGS | wrong)
    assert answer.status_code == 422
    organizer.read(answer)
    assert f'id="wrong-{field}"' in answer.text


async def test_an_unopened_list_is_not_closed_by_hand_when_something_else_is_changed(office: Office) -> None:
    await office.shop.stock(where="off_1/rep_2", available=100)
    organizer = await office.organizer()
    there = PAGE.replace("rep_1", "rep_2")
    form = {name: value for name, value in SETTINGS.items() if name != "open"} | {"hold_minutes": "60"}
    answer = await organizer.post(f"{there}/confirm", **form)
    organizer.read(answer)
    sent = {name: html.unescape(value) for name, value in hidden(answer).items() if name != "form_token"}
    assert (await organizer.post(f"{there}/do", **sent)).status_code == 303
    shown = await office.shop.made("GET", "/waiting-lists/off_1/rep_2")
    assert shown["hold_minutes"] == 60
    assert "Tickets are still on sale." in (await organizer.get(there)).text


async def test_forged_settings_are_refused(office: Office) -> None:
    organizer = await office.organizer()
    async with unchanged(office.app):
        for settings in ("", "{", "{}", '{"organization_id": "x"}', '{"hold_minutes": 0}', "[" * 5000):
            page = await organizer.refused(f"{PAGE}/do", 422, do="configure", once="1", settings=settings)
            assert "That form is not valid." in page.text
            await organizer.get(PAGE)


async def test_effects_and_refusals_are_french_too(office: Office) -> None:
    await office.line()
    organizer = await office.organizer(**FRENCH)
    page, _ = await asked(organizer, do="add_stock", quantity="4")
    assert "Return" not in page.text
    assert "Cancel" not in page.text
    page = await organizer.refused(f"{PAGE}/confirm", 422, **SETTINGS | {"hold_minutes": "x"})
    assert "whole number" not in page.text


async def _entries(office: Office, status: str) -> list[dict[str, Any]]:
    return (await office.shop.made("GET", f"/entries?status={status}"))["items"]  # type: ignore[no-any-return]


async def _changes(office: Office, verb: str) -> list[dict[str, Any]]:
    found = await office.shop.made("GET", f"/waiting-lists/{LIST}/history?limit=500")
    return [one for one in found["items"] if one["verb"] == verb and one["sequence"] > 6]


async def test_one_place_for_each_mailbox_is_what_the_form_says_also_where_it_would_follow(office: Office) -> None:
    organizer = await office.organizer()
    _, sent = await asked(organizer, **SETTINGS, verify_email="on")
    await organizer.did(f"{PAGE}/do", **sent)
    kept = await office.shop.made("GET", f"/waiting-lists/{LIST}")
    assert (kept["verify_email"], kept["one_place_per_address"]) == (True, False)
    page, sent = await asked(organizer, **SETTINGS, verify_email="on", one_place_per_address="on")
    assert "One entry per confirmed email address no yes" in page.text
    await organizer.did(f"{PAGE}/do", **sent)
    kept = await office.shop.made("GET", f"/waiting-lists/{LIST}")
    assert (kept["verify_email"], kept["one_place_per_address"]) == (True, True)
    unticked = {name: value for name, value in SETTINGS.items() if name != "ignore_address_tags"}
    page, _ = await asked(organizer, **unticked, verify_email="on")
    assert "Tags in email addresses ignored yes no" in page.text


async def test_an_end_in_the_past_is_confirmed_with_a_tick_beside_the_counts(office: Office) -> None:
    await office.line()
    entries = {name: len(await _entries(office, name)) for name in ("waiting", "ready")}
    organizer = await office.organizer()
    async with unchanged(office.app):
        page, sent = await asked(organizer, **SETTINGS | {"closes_at": "2020-01-31T20:00"})
        assert "The waiting list ends at once." in page.text
        assert f"{entries['waiting']} waiting fan" in page.text
        assert f"{entries['ready']} fan" in page.text
        assert "end_lists" not in sent
        refused = await organizer.refused(f"{PAGE}/do", 409, **sent)
    assert "while fans are in it" in refused.text
    _, sent = await asked(organizer, **SETTINGS | {"closes_at": "2020-01-31T20:00"})
    await organizer.did(f"{PAGE}/do", **sent, end_lists="on")
    assert (await office.shop.made("GET", f"/waiting-lists/{LIST}"))["closes_at"]


async def test_an_address_stays_required_as_the_form_says_once_none_has_to_be_confirmed(office: Office) -> None:
    async def required(**form: str) -> bool:
        _, sent = await asked(organizer, **SETTINGS, **form)
        await organizer.did(f"{PAGE}/do", **sent)
        return bool((await office.shop.made("GET", f"/waiting-lists/{LIST}"))["email_required"])

    organizer = await office.organizer()
    assert await required(verify_email="on")
    assert not await required(one_place_per_address="on")
    assert await required(verify_email="on")
    assert await required(email_required="on")
