"""Pages at addresses of nothing: odd bytes in each part of the path that a visitor fills in, on every route."""

import asyncio
import re
from collections.abc import Iterator

from fastapi import FastAPI

from tests.pages.test_dashboard import Office
from tests.support.shop import LIST, NOTICE, WEBHOOK, Shop, add_webhook
from tests.web.test_http import unchanged

OFFER, REPRESENTATION = LIST.split("/")
RIGHT = {
    "offer_id": OFFER,
    "representation_id": REPRESENTATION,
    "event_id": "ev_1",
    "user_id": "ada",
    "webhook_id": WEBHOOK,
    "notice_id": NOTICE,
    "kind": "svg",
    "tickets": "1",
}
WRONG = {
    "NUL": "a%00b",
    "slash": "a%2Fb",
    "line break": "a%0D%0Ab",
    "not UTF-8": "%FF",
    "long": "x" * 5000,
}


LEADS_ELSEWHERE = (
    "{anything:path}", "/image", "/{offer_id}/{representation_id}/join", "/{offer_id}/{representation_id}/alert",
    "/events/{event_id}/join",
)  # fmt: skip
"""How the pages end that lead a reload to another page, which then says that there is none."""
ANY_CODE = "mail_code"
"""A code that is cut off or made up leads to the page all the same, so that every fan can unsubscribe."""


def parts(app: FastAPI) -> Iterator[tuple[str, str, str]]:
    """Return the method, the path and a part of it that a caller fills in, of every page and operators' call.

    Those of the API are in web/test_bad_input.py.
    """
    for route in app.routes:
        path, methods = str(getattr(route, "path", "")), getattr(route, "methods", None) or set()
        for method in sorted(methods - {"HEAD"} if not path.startswith("/v1/") else ()):
            yield from ((method, path, part) for part in re.findall(r"{(\w+)(?::path)?}", path))


def address(path: str, part: str, wrong: str) -> str:
    """Return the path with something wrong in one of its parts."""
    return re.sub(r"{(\w+)(?::path)?}", lambda one: wrong if one[1] == part else RIGHT.get(one[1], "x"), path)


async def test_odd_bytes_in_any_part_of_any_address_are_a_refusal_and_never_a_failure(
    app: FastAPI, shop: Shop
) -> None:
    await shop.stock()
    await add_webhook(app.state.service.pool)
    await shop.join("ada")
    office = Office(app, shop)
    organizer, fan = await office.organizer(), office.browser()
    await fan.post("/sign-in/with-token", token=await shop.token("ada"), next="/my-lists")
    await organizer.get("/dashboard/people")
    await fan.get(f"/waiting-lists/{LIST}/place/change")
    assert len({organizer.token, fan.token} - {""}) == 2
    tried, wrongly = 0, []
    async with unchanged(app):
        for method, path, part in parts(app):
            browser = organizer if path.startswith("/dashboard") else fan
            more = {"data": {"form_token": browser.token}} if method == "POST" else {}
            for name, wrong in WRONG.items():
                # A stream that begins for an address of nothing would not end.
                async with asyncio.timeout(20):
                    answer = await browser.http.request(method, address(path, part, wrong), **more)
                led = answer.status_code == 303 and path.endswith(LEADS_ELSEWHERE)
                known = answer.status_code in (200, 303) and part == ANY_CODE
                if answer.status_code not in (404, 405, 422) and not (led or known):
                    wrongly.append((method, path, part, name, answer.status_code))
                assert answer.headers.get("location", "").isprintable()
                tried += 1
    assert wrongly == []
    assert tried > 250
    for one in office.clients:
        await one.aclose()
