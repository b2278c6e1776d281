"""Timezones: IANA names only, whichever the machine has, and the nearest right name for a wrong one."""

from zoneinfo import ZoneInfo

import pytest
from fastapi import FastAPI

from tests.support.shop import Shop, problem
from waiting_list.timezones import TIMEZONES, check_timezone


def test_every_name_is_a_timezone_here() -> None:
    assert len(TIMEZONES) > 500
    for name in TIMEZONES:
        ZoneInfo(name)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("CEST", "Europe/Berlin or Europe/Paris"),
        ("EDT", "America/New_York"),
        ("paris", "Europe/Paris"),
        ("New York", "America/New_York"),
        ("europe/oslo", "Europe/Oslo"),
        (" Europe/Oslo", "Europe/Oslo"),
        ("Europe/Pariss", "Europe/Paris"),
    ],
)
def test_a_wrong_name_is_refused_with_the_nearest_right_one(name: str, nearest: str) -> None:
    with pytest.raises(ValueError, match=f"Nearest: {nearest}"):
        check_timezone(name)


@pytest.mark.parametrize("name", ["localtime", "Factory", "posixrules", "", "x" * 60_000, "../../etc/passwd"])
def test_a_name_that_is_no_place_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"^must be an IANA timezone, such as Europe/Paris$"):
        check_timezone(name)


async def test_an_event_with_an_unknown_zone_is_refused_at_the_door(shop: Shop) -> None:
    for name in ("localtime", "CEST", "Factory"):
        answer = await shop.organizer("PUT", "/events/x", {"title": "Jazz", "timezone": name})
        assert "must be an IANA timezone" in problem(answer, 422, "invalid_request")["detail"]


async def test_an_event_whose_zone_was_stored_before_is_still_shown(shop: Shop, app: FastAPI) -> None:
    await shop.stock()
    pool = app.state.service.pool
    async with pool.acquire() as acquired:
        await acquired.execute("UPDATE events SET timezone = 'Factory'")
    assert (await shop.made("GET", "/events"))["items"][0]["timezone"] == "Factory"
