"""Configuring a list over HTTP: the organizer sets its rules of holds and notices, and fans see them."""

from typing import Any

import pytest
from fastapi import FastAPI

from tests.support.shop import LIST, Shop, problem
from tests.web.test_http import unchanged

PATH = f"/waiting-lists/{LIST}"
RULES: dict[str, Any] = {
    "hold_minutes": 1440,
    "hold_steps": [{"days_before": 3, "hold_minutes": 120}, {"days_before": 0, "hold_minutes": 30}],
    "quiet_from": "22:00",
    "quiet_until": "08:00",
    "verify_email": True,
    "reminder_minutes": 15,
    "purchase_url": "https://shop.example/checkout?pass={pass}&tickets={tickets}",
}


async def test_the_rules_of_holds_are_set_by_the_organizer_and_shown_to_fans_before_they_join(shop: Shop) -> None:
    await shop.stock()
    changed = await shop.made("PATCH", PATH, RULES | {"hold_steps": RULES["hold_steps"][::-1]})
    assert {name: changed[name] for name in RULES} == RULES
    shown = (await shop.http.get(f"/v1/user{PATH}")).json()
    for name in ("hold_minutes", "hold_steps", "quiet_from", "quiet_until", "verify_email"):
        assert shown[name] == RULES[name]
    assert shown["timezone"] == "Europe/Paris"
    assert not shown.keys() & {"purchase_url", "reminder_minutes"}
    assert (await shop.made("GET", PATH)) | {"promoted": []} == changed
    cleared = await shop.made(
        "PATCH", PATH, {"hold_steps": [], "quiet_from": None, "quiet_until": None, "purchase_url": None}
    )
    assert (cleared["hold_steps"], cleared["quiet_from"], cleared["purchase_url"]) == ([], None, None)
    history = await shop.made("GET", f"{PATH}/history?verb=configure")
    assert history["items"][0]["after"]["hold_steps"] == [[3, 120], [0, 30]]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"quiet_from": "22:00"}, "quiet_from"),
        ({"quiet_until": None, "quiet_from": "22:00"}, "quiet_from"),
        ({"quiet_from": "22:00", "quiet_until": "22:00"}, "quiet_until"),
        ({"quiet_from": "24:00", "quiet_until": "08:00"}, "body.quiet_from"),
        ({"quiet_from": "8:00", "quiet_until": "09:00"}, "body.quiet_from"),
        ({"hold_steps": [{"days_before": 1, "hold_minutes": 5}, {"days_before": 1, "hold_minutes": 6}]}, "body"),
        ({"hold_steps": [{"days_before": -1, "hold_minutes": 5}]}, "body.hold_steps.0.days_before"),
        ({"hold_steps": [{"days_before": 1, "hold_minutes": 0}]}, "body.hold_steps.0.hold_minutes"),
        ({"hold_steps": [{"days_before": 1}]}, "body.hold_steps.0.hold_minutes"),
        ({"hold_steps": [[1, 5]]}, "body.hold_steps.0"),
        ({"hold_steps": None}, "body.hold_steps"),
        ({"hold_steps": [{"days_before": n, "hold_minutes": 5} for n in range(21)]}, "body.hold_steps"),
        ({"reminder_minutes": 0}, "body.reminder_minutes"),
        ({"verify_email": "yes"}, "body.verify_email"),
        ({"purchase_url": "https://shop.example/checkout"}, "body.purchase_url"),
        ({"purchase_url": "https://shop.example/checkout?tickets={tickets}"}, "body.purchase_url"),
        ({"purchase_url": "javascript:alert('{pass}')"}, "body.purchase_url"),
        ({"purchase_url": "https://user:secret@shop.example/{pass}"}, "body.purchase_url"),
        ({"purchase_url": "https://shop.example/ {pass}"}, "body.purchase_url"),
        ({"purchase_url": "//shop.example/{pass}"}, "body.purchase_url"),
    ],
)
async def test_rules_that_make_no_sense_are_malformed(app: FastAPI, shop: Shop, body: Any, field: str) -> None:
    await shop.stock()
    async with unchanged(app):
        refused = problem(await shop.organizer("PATCH", PATH, body), 422, "invalid_request")
    assert refused["errors"][0]["field"].removeprefix("body.") == field.removeprefix("body.")
