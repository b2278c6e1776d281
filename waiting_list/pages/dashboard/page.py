"""What all pages of the dashboard share: the check of the session, and the facts that each page shows."""

import json
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from fastapi import Response

from waiting_list import page_addresses as to
from waiting_list.access.dashboard_sessions import organizer_of
from waiting_list.access.scopes import Scope
from waiting_list.fields import INT32_MAX
from waiting_list.lists.idempotency import Idempotency
from waiting_list.lists.models import ListKey
from waiting_list.lists.queries import lists as list_queries
from waiting_list.lists.queries.people import NO_PEOPLE
from waiting_list.pages.forms import sign_forms
from waiting_list.pages.page import ORGANIZER_COOKIE, PageRequest, PageRoute, go_to, page
from waiting_list.problems import Problem


class DashboardRoute(PageRoute):
    """A page for a signed-in organizer. All other visitors are sent to the sign-in page.

    A session may do only what its API key or the role of its member may do.
    """

    reading: ClassVar[Scope] = Scope.READ
    """The scope that the page itself needs."""

    def required_scope(self, call: PageRequest) -> Scope:  # noqa: ARG002 - some forms differ
        """Return the scope that a sent form needs."""
        return Scope.ADMIN

    async def admit(self, call: PageRequest) -> Response | None:
        session = call.cookie(ORGANIZER_COOKIE)
        organizer = await organizer_of(call.pool, session) if session else None
        if organizer is None:
            return _sign_in_first(call)
        call.who = organizer
        call.count()
        await sign_forms(call, session)
        if call.page != to.DASHBOARD_SIGN_OUT:
            organizer.demand(self.required_scope(call) if call.method == "POST" else self.reading)
        return None

    async def refused(self, call: PageRequest, problem: Problem) -> Response:
        """Show the refusal on a page of the dashboard."""
        if call.who is None:
            return await super().refused(call, problem)
        return dashboard_page(call, "dashboard_refused.html", status=problem.status, problem=problem)


def dashboard_page(call: PageRequest, template: str, *, status: int = 200, **shown: Any) -> Response:
    """Render a page of the dashboard.

    Its template also gets `organizer`, and in `addresses_hidden` whether a proxy hides the addresses of fans. It
    names no fan unless `shown` has `people`.
    """
    always = {"organizer": call.who, "addresses_hidden": bool(call.service.peers.warnings), "people": NO_PEOPLE}
    return page(call, template, status=status, **always | shown)


async def list_facts(call: PageRequest, key: ListKey) -> dict[str, Any]:
    """Return the facts that every page of a list shows. Raises InventoryNotFound."""
    show, rules, stock = await list_queries.organizers_list(call.pool, key, organization_id=call.organization_id)
    return {
        "show": show,
        "rules": rules,
        "stock": stock,
        "timezone": show.timezone,
        "now": datetime.now(UTC),
        "list_page": to.of_list(to.DASHBOARD_LIST, key),
        "most": INT32_MAX,
        "most_held": min(rules.max_quantity_per_order, stock.total_stock),
    }


def next_page(call: PageRequest, cursor: str | None) -> str | None:
    """Return the address of the next page of a listing; None at the end."""
    if cursor is None:
        return None
    asked = [(name, value) for name, value in call.query_params.multi_items() if name not in ("cursor", "done")]
    return f"{call.page}?{urlencode([*asked, ('cursor', cursor)])}"


def idempotency_of(call: PageRequest) -> Idempotency | None:
    """Return the key of a sent form, so that pressing a button twice acts once; None without a key in the form."""
    name = call.sent.get("once")
    if not name:
        return None
    # The page and the notice are part of the key, because all buttons of a page share one value of `once`.
    which = f"{name}\x00{call.page}\x00{call.sent.get('notice_id', '')}"
    sent = {field: value for field, value in sorted(call.sent.items()) if field != "form_token"}
    return Idempotency.of(caller=f"{call.organization_id}\x00dashboard", key=which, request=json.dumps(sent))


def _sign_in_first(call: PageRequest) -> Response:
    # Only a GET is repeated after the sign-in, because the form would be lost.
    reads = call.method in ("GET", "HEAD")
    after = call.page if reads else to.DASHBOARD
    if reads and call.url.query:
        after += f"?{call.url.query}"
    return go_to(f"{to.DASHBOARD_SIGN_IN}?next={quote(after)}")
