"""The dashboard pages to write to the fans of a list, or of all lists of an event.

A form is shown again with a preview: how many e-mails there are, who gets none, and how they look. The button of
the preview sends them, once.
"""

import secrets
from collections.abc import Sequence, Set
from typing import Any

from fastapi import APIRouter, Response
from pydantic import ValidationError

from waiting_list import page_addresses as to
from waiting_list.access.scopes import Scope
from waiting_list.fields import Locale
from waiting_list.i18n import LOCALES, spoken_of
from waiting_list.lists.engine import Caller
from waiting_list.lists.models import EmailCounts, ListKey, Status
from waiting_list.lists.verbs.lookalikes import AT_MOST
from waiting_list.notifications import messages, organizations
from waiting_list.notifications.email_rendering import EmailRenderer
from waiting_list.notifications.messages import MessageFields
from waiting_list.pages.dashboard.events import event_facts, event_of
from waiting_list.pages.dashboard.page import DashboardRoute, dashboard_page, idempotency_of, list_facts
from waiting_list.pages.page import PageRequest, go_to
from waiting_list.problems import Problem, TooManyMessages
from waiting_list.web.parameters import path_key

_TO = (Status.WAITING, Status.READY)
_LEFT_OUT = ("same_person", "without_address", "unverified", "unsubscribed")
"""Why an entry gets no e-mail of a message, as `EmailCounts` names it."""


class MessageRoute(DashboardRoute):
    """The page of a message."""

    def required_scope(self, call: PageRequest) -> Scope:  # noqa: ARG002 - the same for all forms
        return Scope.ENTRIES


router = APIRouter(route_class=MessageRoute, include_in_schema=False)


@router.get(to.DASHBOARD_MESSAGE)
async def write_message(call: PageRequest) -> Response:
    """Show the form of a message to the fans of a list, or to those whose numbers the query has."""
    return await _page(call, await list_facts(call, path_key(call)))


@router.post(to.DASHBOARD_MESSAGE)
async def send_message(call: PageRequest) -> Response:
    """Preview a message to the fans of a list, or send it."""
    key = path_key(call)
    return await _answer(call, await list_facts(call, key), [key])


@router.get(to.DASHBOARD_EVENT_MESSAGE)
async def write_event_message(call: PageRequest) -> Response:
    """Show the form of a message to the fans of an event."""
    return await _page(call, event_facts(await event_of(call)))


@router.post(to.DASHBOARD_EVENT_MESSAGE)
async def send_event_message(call: PageRequest) -> Response:
    """Preview a message to the fans of an event, or send it."""
    event = await event_of(call)
    keys = await messages.lists_of_event(call.pool, call.organization_id, event.event_id)
    return await _answer(call, event_facts(event), keys)


async def _answer(call: PageRequest, about: dict[str, Any], keys: list[ListKey]) -> Response:
    content, errors = _content(call)
    if content is None:
        return await _page(call, about, status=422, errors=errors)
    sends = "once" in call.sent
    asked = content.model_copy(update={"preview": not sends})
    caller = Caller(call.organization_id, call.caller.actor, idempotency_of(call))
    secret = await call.service.signing_keys.derived_secret()
    most = call.service.settings.messages_per_day
    try:
        done, _ = await messages.send(
            call.engine,
            call.pool,
            secret,
            keys,
            caller,
            asked,
            most=most,
            numbers=_numbers(call.sent.get("numbers")),
        )
    except TooManyMessages as problem:
        return await _page(call, about, status=problem.status, problem=problem)
    if sends:
        call.engine.wake.set()
        return go_to(f"{call.page}?done={done.emails}")
    renderer = EmailRenderer(call.service.settings)
    examples = await messages.examples(call.pool, renderer, keys[0], asked) if keys else ()
    left_out = {name: sum(getattr(one, name) for one in done.lists) for name in _LEFT_OUT}
    return await _page(
        call,
        about,
        preview=EmailCounts(emails=done.emails, **left_out),
        lists=len(keys),
        examples=examples,
        message=content.model_dump_json(exclude={"preview"}),
        once=secrets.token_urlsafe(16),
    )


def _content(call: PageRequest) -> tuple[MessageFields | None, Set[str]]:
    """Return the message that the form has, or the names of the fields that are not right."""
    form = call.sent
    try:
        if "message" in form:  # the form of a preview
            return MessageFields.model_validate_json(form["message"]), set()
        given = [
            one for one in LOCALES if form.get(f"subject_{one}", "").strip() or form.get(f"text_{one}", "").strip()
        ]
        return MessageFields.model_validate(
            {
                "to": [one for one in _TO if f"to_{one}" in form],
                "subject": {one: form.get(f"subject_{one}", "").strip() for one in given},
                "text": {one: form.get(f"text_{one}", "").strip() for one in given},
                "reason": form.get("reason", "").strip() or None,
            }
        ), set()
    except ValidationError as error:
        return None, {"_".join(str(part) for part in one["loc"] if part != "[key]") for one in error.errors()}


def _numbers(text: str | None) -> list[int] | None:
    """Return the numbers of the entries that a message is for; None if it is for all."""
    if not text:
        return None
    numbers = text.split(",")[:AT_MOST]
    return [int(one) for one in numbers if one.isascii() and one.isdecimal() and len(one) < 19]


def _languages(call: PageRequest, offered: Sequence[str] | None) -> dict[str, list[Locale]]:
    """Return the languages to write in: the organization's choice, else the reader's own, and those that
    have text; and all others that it offers."""
    theirs, form = spoken_of(offered), call.sent if call.method == "POST" else {}
    first = call.locale() if call.locale() in theirs else theirs[0]
    shown = [
        one for one in theirs if offered or one == first or form.get(f"subject_{one}") or form.get(f"text_{one}")
    ]
    return {"shown": shown, "more": [one for one in theirs if one not in shown]}


async def _page(
    call: PageRequest,
    about: dict[str, Any],
    *,
    status: int = 200,
    errors: Set[str] = frozenset(),
    problem: Problem | None = None,
    **shown: Any,
) -> Response:
    done = call.query_params.get("done", "")
    organization = await organizations.organization(call.pool, call.organization_id)
    return dashboard_page(
        call,
        "dashboard_message.html",
        status=status,
        headers=problem.headers if problem else None,
        **about,
        form=getattr(call, "sent", {}),
        selected=_numbers(call.sent.get("numbers") if call.method == "POST" else call.query_params.get("numbers")),
        errors=errors,
        refusal=problem,
        languages=_languages(call, organization.languages),
        most_messages=call.service.settings.messages_per_day,
        done=int(done) if done.isascii() and done.isdecimal() and len(done) < 10 else None,
        **{"preview": None} | shown,
    )
