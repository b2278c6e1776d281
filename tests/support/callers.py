"""List all kinds of callers and the paths of all routes, for tests that walk all routes."""

import re

from fastapi.routing import APIRoute

from tests.support.attacked import Scene
from tests.support.shop import LIST, NOTICE, WEBHOOK
from waiting_list.pages.page import FAN_COOKIE, ORGANIZER_COOKIE


async def credentials(scene: Scene) -> dict[str, dict[str, str]]:
    """Return the headers of each kind of caller."""
    token = await scene.shop.token("ada")
    form = {"api_key": scene.shop.key, "next": "/dashboard"}
    signed_in = await scene.http.post("/dashboard/sign-in", data=form)
    session = signed_in.cookies[ORGANIZER_COOKIE]
    scene.http.cookies.clear()
    return {
        "nobody": {},
        "a fan": {"Authorization": f"Bearer {token}"},
        "an organizer": {"Authorization": f"Bearer {scene.shop.key}"},
        "a fan's browser": {"Cookie": f"{FAN_COOKIE}={token}"},
        "an organizer's browser": {"Cookie": f"{ORGANIZER_COOKIE}={session}"},
        "a forger": {"Authorization": "Bearer wl_forged", "Cookie": f"{FAN_COOKIE}=x; {ORGANIZER_COOKIE}=x"},
    }


def path_of(route: APIRoute, link: str) -> str:
    """Return a path of a route about existing objects. `link` is the token of a private link."""
    offer_id, representation_id = LIST.split("/")
    given = {
        "offer_id": offer_id, "representation_id": representation_id, "event_id": "ev_1", "user_id": "bob",
        "webhook_id": WEBHOOK, "notice_id": NOTICE, "delivery_id": NOTICE, "name": "style.css", "token": link,
        "tile:parts": "0/000.p/1", "sequence": "1",
    }  # fmt: skip
    path = route.path
    for name, value in given.items():
        path = path.replace(f"{{{name}}}", value)
    return re.sub(r"[{}]", "x", path)
