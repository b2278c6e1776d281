"""The dashboard page of the organization's API keys. Only owners, and keys with all scopes, see it."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Response
from pydantic import TypeAdapter, ValidationError

from waiting_list import page_addresses as to
from waiting_list.access import api_keys
from waiting_list.access.scopes import Scope
from waiting_list.fields import Title
from waiting_list.pages.dashboard.page import DashboardRoute, dashboard_page, idempotency_of, next_page
from waiting_list.pages.page import PageRequest, go_to
from waiting_list.web.parameters import path_id

_SHOWN = 100
_LIFETIMES = ("30", "90", "365", "")
"""The days after which a key can expire; empty: never."""
_OVERLAP = timedelta(days=1)
_NAME: TypeAdapter[str] = TypeAdapter(Title)


class KeysRoute(DashboardRoute):
    """A page about API keys."""

    reading = Scope.ADMIN


router = APIRouter(route_class=KeysRoute, include_in_schema=False)


@router.get(to.API_KEYS)
async def show_api_keys(call: PageRequest) -> Response:
    """List the API keys, the oldest first."""
    return await _page(call)


@router.post(to.API_KEYS)
async def create_api_key(call: PageRequest) -> Response:
    """Create an API key, and show it on this page only. A repeated form shows the same key."""
    form = call.sent
    scopes = [scope for scope in Scope if f"scope_{scope}" in form]
    name, days = form.get("name", "").strip(), form.get("expires_days", "")
    errors = {} if scopes else {"scopes": ""}
    try:
        _NAME.validate_python(name)
    except ValidationError:
        errors["name"] = ""
    if days not in _LIFETIMES:
        errors["expires_days"] = ""
    if errors:
        return await _page(call, status=422, errors=errors, form=form)
    lifetime, idempotency = timedelta(days=int(days)) if days else None, idempotency_of(call)
    created, _ = await api_keys.create_api_key(
        call.pool, call.organization_id, name=name, scopes=scopes, lifetime=lifetime, idempotency=idempotency
    )
    return await _page(call, created=created)


@router.post(to.API_KEY_ROTATE)
async def rotate_api_key(call: PageRequest) -> Response:
    """Replace an API key, and show the new one on this page only. The old one works for another day."""
    key_id, idempotency = path_id(call, "key_id"), idempotency_of(call)
    created, _ = await api_keys.rotate_api_key(
        call.pool, call.organization_id, key_id, overlap=_OVERLAP, idempotency=idempotency
    )
    return await _page(call, created=created, replaced=key_id)


@router.post(to.API_KEY_REVOKE)
async def revoke_api_key(call: PageRequest) -> Response:
    """Revoke an API key at once."""
    await api_keys.revoke_api_key(call.pool, call.organization_id, path_id(call, "key_id"))
    return go_to(f"{to.API_KEYS}?done=revoked")


@router.get(to.API_KEYS + to.ANYTHING_ELSE)
async def show_api_keys_again(call: PageRequest) -> Response:  # noqa: ARG001 - the signature of a handler
    """Redirect a reload of the answer to a form to the page of all keys."""
    return go_to(to.API_KEYS)


async def _page(call: PageRequest, *, status: int = 200, **shown: Any) -> Response:
    cursor = call.query_params.get("cursor") or None
    found = await api_keys.api_keys(call.pool, call.organization_id, limit=_SHOWN, cursor=cursor)
    return dashboard_page(
        call,
        "dashboard_api_keys.html",
        status=status,
        keys=found.items,
        more=next_page(call, found.next_cursor),
        scopes=list(Scope),
        lifetimes=_LIFETIMES,
        now=datetime.now(UTC),
        once=secrets.token_urlsafe(16),
        done=call.query_params.get("done") if call.method == "GET" else None,
        **{"errors": {}, "form": {}, "created": None, "replaced": None} | shown,
    )
