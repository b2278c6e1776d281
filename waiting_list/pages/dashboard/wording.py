"""The dashboard page of the organizer's own words in the e-mails about an event, with a preview."""

from collections.abc import Mapping
from typing import get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Response
from pydantic import ValidationError

from waiting_list import page_addresses as to
from waiting_list.access.scopes import Scope
from waiting_list.i18n import LOCALES
from waiting_list.notifications import wording
from waiting_list.notifications.email_rendering import EmailRenderer
from waiting_list.notifications.wording import WordedKind, Wording
from waiting_list.pages.dashboard.events import event_facts, event_of
from waiting_list.pages.dashboard.page import DashboardRoute, dashboard_page
from waiting_list.pages.page import PageRequest, go_to

_KINDS: tuple[str, ...] = get_args(WordedKind)
_WORDS = ("subject", "opening")


class WordingRoute(DashboardRoute):
    """The page of the organizer's own words."""

    def required_scope(self, call: PageRequest) -> Scope:  # noqa: ARG002 - the same for all forms
        return Scope.ENTRIES


router = APIRouter(route_class=WordingRoute, include_in_schema=False)


@router.get(to.DASHBOARD_EVENT_WORDING)
async def show_wording(call: PageRequest) -> Response:
    """Show an e-mail about an event as fans get it, with the form for the organizer's own words."""
    return await _page(call, call.query_params)


@router.post(to.DASHBOARD_EVENT_WORDING)
async def change_wording(call: PageRequest) -> Response:
    """Preview, store or reset the words of one kind of e-mail in one language."""
    form = call.sent
    if form.get("do") == "preview":
        return await _page(call, form)
    event, asked = await event_of(call), _asked(form)
    try:
        given = Wording.model_validate(asked | ({} if form.get("do") == "reset" else _words(form)))
    except ValidationError:
        return await _page(call, form)
    await wording.change(call.pool, call.organization_id, event.event_id, [given])
    return go_to(f"{call.page}?{urlencode(asked | {'done': 'wording'})}")


async def _page(call: PageRequest, sent: Mapping[str, str]) -> Response:
    event, asked = await event_of(call), _asked(sent)
    stored = await wording.wording(call.pool, call.organization_id, event.event_id)
    words = next((one for one in stored.emails if one.key == (asked["kind"], asked["locale"])), None)
    given = _words(sent) if call.method == "POST" else {name: getattr(words, name, None) for name in _WORDS}
    errors: dict[str, str] = {}
    try:
        email = Wording.model_validate(asked | given)
    except ValidationError as error:
        errors = {str(one["loc"][0]): one["msg"] for one in error.errors()}
        email = Wording.model_validate(asked)
    renderer = EmailRenderer(call.service.settings)
    return dashboard_page(
        call,
        "dashboard_wording.html",
        status=422 if errors else 200,
        **event_facts(event),
        asked=asked,
        form={name: text or "" for name, text in given.items()},
        errors=errors,
        done="done" in call.query_params and call.method == "GET",
        kinds=_KINDS,
        locales=LOCALES,
        placeholders=stored.placeholders,
        has_own=words is not None,
        email=await wording.preview(call.pool, renderer, call.organization_id, event.event_id, email),
    )


def _asked(sent: Mapping[str, str]) -> dict[str, str]:
    """Return the kind and language that a page is about; the first ones in place of unknown ones."""
    kind, locale = sent.get("kind", ""), sent.get("locale", "")
    return {"kind": kind if kind in _KINDS else _KINDS[0], "locale": locale if locale in LOCALES else LOCALES[0]}


def _words(form: Mapping[str, str]) -> dict[str, str | None]:
    return {name: form.get(name, "").strip().replace("\r\n", "\n") or None for name in _WORDS}
