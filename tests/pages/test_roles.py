"""Who may open and send what on the dashboard: roles, and API keys of each scope, by every route.

A new route needs a row in TABLE. For forms with several actions, each action has a row.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from fastapi import FastAPI

from tests.pages.test_fans import Browser
from tests.pages.test_first_key import visitor
from tests.pages.test_members import member, signed_in
from tests.support.shop import LIST, ORGANIZATION, Shop
from waiting_list.access.api_keys import create_api_key
from waiting_list.access.roles import Role
from waiting_list.access.scopes import Scope
from waiting_list.app import ROUTERS
from waiting_list.pages.dashboard.changes import ACTIONS
from waiting_list.pages.dashboard.page import DashboardRoute

ALL = "owner manager box_office viewer"
ENTRIES = "owner manager box_office"
STOCK = "owner manager"
OWNER = "owner"
_LIST = "/dashboard/waiting-lists/{offer_id}/{representation_id}"
_EVENT = "/dashboard/events/{event_id}"
_HOOK = "/dashboard/webhooks/{webhook_id}"
TABLE: dict[str, str] = {
    "GET /dashboard": ALL,
    "GET /dashboard/{anything:path}": ALL,
    "GET /dashboard/account": ALL,
    "POST /dashboard/account": ALL,
    "POST /dashboard/account/sessions": ALL,
    "GET /dashboard/account/passkeys/options": ALL,
    "POST /dashboard/account/passkeys": ALL,
    "POST /dashboard/account/passkeys/{passkey_id}/remove": ALL,
    "GET /dashboard/settings": ALL,
    "POST /dashboard/settings": OWNER,
    "GET /dashboard/settings/logo": ALL,
    "POST /dashboard/settings/logo": OWNER,
    "GET /dashboard/settings/team": ALL,
    "POST /dashboard/settings/team": OWNER,
    "POST /dashboard/settings/team/{member_id}": OWNER,
    "POST /dashboard/settings/team/{member_id}/invite": OWNER,
    "POST /dashboard/settings/team/{member_id}/remove": OWNER,
    "POST /dashboard/settings/sessions": OWNER,
    "GET /dashboard/settings/api-keys": OWNER,
    "POST /dashboard/settings/api-keys": OWNER,
    "POST /dashboard/settings/api-keys/{key_id}/rotate": OWNER,
    "POST /dashboard/settings/api-keys/{key_id}/revoke": OWNER,
    "GET /dashboard/settings/api-keys/{anything:path}": OWNER,
    "GET /dashboard/people": ALL,
    "GET /dashboard/people/import": ENTRIES,
    f"GET {_LIST}/add-fan": ALL,
    f"GET {_LIST}/entries/{{user_id}}/contact": ALL,
    f"POST {_LIST}/add-fan": ENTRIES,
    f"GET {_LIST}/import": ENTRIES,
    f"POST {_LIST}/import": ENTRIES,
    f"POST {_LIST}/entries/{{user_id}}/contact": ENTRIES,
    f"POST {_LIST}/entries/{{user_id}}/link": ENTRIES,
    f"POST {_LIST}/entries/{{user_id}}/resend": ENTRIES,
    "GET /dashboard/webhooks": ALL,
    f"GET {_HOOK}": ALL,
    f"GET {_HOOK}/delete": ALL,
    f"GET {_HOOK}/{{anything:path}}": ALL,
    "GET /dashboard/notices": ALL,
    "GET /dashboard/notices/gateway": ALL,
    "GET /dashboard/notices/gateway/test": ALL,
    "GET /dashboard/emails": ALL,
    f"GET {_LIST}": ALL,
    f"GET {_LIST}/entries.csv": ALL,
    f"GET {_LIST}/entries/{{user_id}}": ALL,
    f"GET {_LIST}/settings": ALL,
    f"GET {_LIST}/history": ALL,
    f"GET {_LIST}/statistics": ALL,
    f"GET {_LIST}/statistics.csv": ALL,
    f"GET {_LIST}/lookalikes": ALL,
    f"GET {_LIST}/changes": ALL,
    "GET /dashboard/changes": ALL,
    f"GET {_LIST}/message": ALL,
    f"GET {_LIST}/{{anything:path}}": ALL,
    "GET /dashboard/events": ALL,
    "GET /dashboard/events/new": STOCK,
    "POST /dashboard/events/new": STOCK,
    "GET /dashboard/events/import": STOCK,
    "POST /dashboard/events/import": STOCK,
    f"POST {_EVENT}/duplicate": STOCK,
    **{
        f"{method} {_EVENT}/{page}": ALL if method == "GET" else STOCK
        for method in ("GET", "POST")
        for page in (
            "details",
            "image",
            "dates",
            "dates/{representation_id}",
            "ticket-types",
            "ticket-types/{offer_id}",
            "tickets",
        )
    },
    **{
        f"GET {_EVENT}/{page}": ALL
        for page in (
            "share",
            "poster",
            "qr.{kind}",
        )
    },
    f"GET {_EVENT}": ALL,
    f"GET {_EVENT}/message": ALL,
    f"GET {_EVENT}/statistics": ALL,
    f"GET {_EVENT}/statistics.csv": ALL,
    "GET /dashboard/statistics": ALL,
    "GET /dashboard/statistics.csv": ALL,
    f"GET {_EVENT}/wording": ALL,
    f"GET {_EVENT}/{{anything:path}}": ALL,
    "POST /dashboard/sign-out": ALL,
    "POST /dashboard/webhooks": OWNER,
    f"POST {_HOOK}/test": OWNER,
    f"POST {_HOOK}/enable": OWNER,
    f"POST {_HOOK}/disable": OWNER,
    f"POST {_HOOK}/rotate-secret": OWNER,
    f"POST {_HOOK}/delete": OWNER,
    f"POST {_HOOK}/redeliver": OWNER,
    "POST /dashboard/notices/resend": OWNER,
    "POST /dashboard/notices/gateway": OWNER,
    "POST /dashboard/notices/gateway/test": OWNER,
    "POST /dashboard/notices/gateway/delete": OWNER,
    f"POST {_LIST}/message": ENTRIES,
    f"POST {_EVENT}/message": ENTRIES,
    f"POST {_EVENT}/wording": ENTRIES,
    f"POST {_EVENT}/confirm": STOCK,
    f"POST {_EVENT}/do": STOCK,
    **{
        f"POST {_LIST}/{step} {action}": who
        for step in ("confirm", "do")
        for who, actions in (
            (STOCK, "add_stock remove_stock add_total_stock remove_total_stock promote grant+add_stock"),
            (
                ENTRIES,
                "move move_several remove remove_several remove_lookalikes restore take_back extend_several "
                "buy give_back change extend extend_all grant pause unpause draw configure",
            ),
        )
        for action in actions.split()
    },
}
"""The roles that may use each route of the dashboard. All others get 403, and visitors the sign-in page."""
_CONDITIONAL = {"grant+add_stock"}
"""Actions that need another scope with a further field."""
OF_SCOPES = {"admin": "owner", "read": "viewer", "read entries": "box_office", "read stock entries": "manager"}
"""The scopes of API keys that may do exactly what a role may."""


class Row(NamedTuple):
    """A route of the dashboard, with one of its actions if it has several."""

    method: str
    path: str
    action: str

    @property
    def form(self) -> dict[str, str]:
        """A form that no handler accepts, so that an accepted caller changes nothing either."""
        name, _, field = self.action.partition("+")
        return {name: "" for name in [field] if name} | ({"do": name} if name else {})

    @property
    def address(self) -> str:
        """An address of the route."""
        offer, representation = LIST.split("/")
        known = {"offer_id": offer, "representation_id": representation, "event_id": "ev_1"}
        return re.sub(r"{(\w+)(?::path)?}", lambda found: known.get(found[1], "none"), self.path)


def routes() -> Iterator[tuple[str, str]]:
    """Return the method and the path of every page for signed-in organizers."""
    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, DashboardRoute):
                yield from ((method, route.path) for method in sorted(route.methods))


def rows() -> Iterator[Row]:
    """Return the rows of the table, the sign-out last because it ends the session."""
    for name in sorted(TABLE, key=lambda one: one.endswith("sign-out")):
        method, path, *action = name.split(" ")
        yield Row(method, path, *(action or [""]))


async def _check(browser: Browser, who: str) -> None:
    wrong = []
    for row in rows():
        name = " ".join(filter(None, row))
        if row.method == "GET":
            # A stream would not end.
            ask = browser.http.head if row.path.endswith("/changes") else browser.http.get
            answer = await ask(row.address)
        else:
            answer = await browser.post(row.address, **row.form)
        if (answer.status_code != 403) is not (who in TABLE[name].split()):
            wrong.append((name, answer.status_code))
        assert "/sign-in?next=" not in answer.headers.get("location", ""), name
    assert wrong == [], who


@pytest.mark.parametrize("role", Role)
async def test_a_member_may_do_what_the_table_says_of_the_role(app: FastAPI, shop: Shop, role: Role) -> None:
    await shop.stock()
    browser = await signed_in(app, await member(app, role))
    await browser.get("/dashboard")
    await _check(browser, role)


@pytest.mark.parametrize("scopes", OF_SCOPES)
async def test_a_session_of_an_api_key_may_do_what_its_scopes_say(app: FastAPI, shop: Shop, scopes: str) -> None:
    await shop.stock()
    created, _ = await create_api_key(
        app.state.service.pool, ORGANIZATION, name="x", scopes=[*map(Scope, scopes.split())]
    )
    browser = visitor(app)
    await browser.did("/dashboard/sign-in", api_key=created.key)
    await _check(browser, OF_SCOPES[scopes])


async def test_a_visitor_gets_no_page_of_the_dashboard(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    guest = visitor(app)
    for row in rows():
        answer = await (
            guest.http.get(row.address) if row.method == "GET" else guest.post(row.address, **row.form)
        )
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/dashboard/sign-in")


def test_every_route_and_every_action_of_the_dashboard_has_a_row() -> None:
    assert {(row.method, row.path) for row in rows()} == {*routes()}
    for step in ("confirm", "do"):
        named = {row.action for row in rows() if row.path == f"{_LIST}/{step}"}
        assert named - _CONDITIONAL == {*ACTIONS}
