"""The pages of a private link: a fan's place, and what they can do about it, in their language, without scripts.

A link is a credential that stands in the address, so nothing else does: no cookie, hence no token against forged
forms, since whoever could forge one would have to know the address; no referrer, no copy in a cache. A GET changes
nothing, whoever fetches the links of an e-mail. Every verb is told the number of the link's own entry: it never
touches a later one of the same user. Whatever is refused is a page, too.
"""

import hmac
import re
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute

from waiting_list import links
from waiting_list.calls import Call
from waiting_list.engine import Caller
from waiting_list.i18n import environment, preferred, spoken
from waiting_list.keys import verification_code
from waiting_list.links import PREFIX, Linked, buy_link
from waiting_list.models import LeftReason, Status
from waiting_list.problems import InternalError, InvalidRequest, NotFound, Problem

log = structlog.get_logger(__name__)

PAGE = PREFIX + "{token}"
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")


class PageRoute(APIRoute):
    """A page for whoever has its link. Handlers take no parameters but the call, so that nothing is refused before
    them; a query, which mail programs like to add to, is not looked at."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, whose refusals are pages."""
        handler = super().get_route_handler()

        async def shown(request: Request) -> Response:
            call = Call(request)
            try:
                return await handler(call)
            except Problem as problem:
                return await _refused(call, problem)
            except Exception:
                log.exception("page_failed")
                return await _refused(call, InternalError("Something went wrong on our side."))

        return shown


router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get(PAGE)
@router.get(PAGE + "/change")
@router.get(PAGE + "/subscribe")
async def show(call: Call) -> Response:
    """The place as it is now; also for who reloads what a refused form has answered."""
    return await _page(call, await _linked(call))


@router.post(PAGE + "/change")
async def change(call: Call) -> Response:
    """Asks for more or fewer tickets."""
    linked = await _linked(call)
    form = await _form(call)
    wanted = _number("tickets_wanted", form.get("tickets_wanted", ""))
    # Left empty: all or nothing.
    minimum = _number("tickets_minimum", form["tickets_minimum"]) if form.get("tickets_minimum") else wanted
    before = linked.entry
    if wanted < minimum == before.tickets_minimum < before.tickets_wanted:
        minimum = wanted  # as the form had it: who asks for fewer need not change both fields
    await call.engine.change(
        linked.key,
        _caller(linked),
        user_id=linked.user_id,
        number=before.number,
        tickets_wanted=wanted,
        tickets_minimum=minimum,
    )
    return _back(call)


@router.get(PAGE + "/leave")
async def ask_to_leave(call: Call) -> Response:
    """Asks whether the place, or what is held, is really to be given up."""
    linked = await _linked(call)
    return await _page(call, linked, "link.html" if _why_it_is_over(linked) else "leave.html")


@router.post(PAGE + "/leave")
async def leave(call: Call) -> Response:
    """Gives up the place, or what is held."""
    linked = await _linked(call)
    await call.engine.leave(linked.key, _caller(linked), user_id=linked.user_id, number=linked.entry.number)
    return _back(call)


@router.get(PAGE + "/verify/{code}")
async def ask_to_verify(call: Call) -> Response:
    """A button: what scans e-mails fetches links, and must not verify anything."""
    linked = await _linked(call)
    await _check_code(call, linked)
    asked = linked.entry.status is not Status.LEFT and not linked.contact.email_verified
    return await _page(call, linked, "verify.html" if asked else "link.html", code=call.path_params["code"])


@router.post(PAGE + "/verify/{code}")
async def verify(call: Call) -> Response:
    """The address is the fan's: they got this link there."""
    linked = await _linked(call)
    email = await _check_code(call, linked)
    await call.engine.verify(
        linked.key, _caller(linked), user_id=linked.user_id, number=linked.entry.number, email=email
    )
    return _back(call)


@router.get(PAGE + "/unsubscribe")
async def ask_to_unsubscribe(call: Call) -> Response:
    """A button, as for all that changes something."""
    linked = await _linked(call)
    return await _page(call, linked, "unsubscribe.html" if linked.contact.subscribed else "link.html")


@router.post(PAGE + "/unsubscribe")
async def unsubscribe(call: Call) -> Response:
    """No more e-mails. A mail program that does so with one click (RFC 8058) sends a body, in either form, and
    must not be redirected; our own button sends none."""
    linked = await _subscribe(call, subscribed=False)
    return await _page(call, linked) if await call.body() else _back(call)


@router.post(PAGE + "/subscribe")
async def subscribe(call: Call) -> Response:
    """E-mails again."""
    await _subscribe(call, subscribed=True)
    return _back(call)


@router.api_route(PREFIX + "{anything:path}", methods=["GET", "POST"])
async def show_nothing(call: Call) -> Response:  # noqa: ARG001 - a handler is given its call
    """What is left: an address that was cut off, or has more than there is."""
    raise NotFound("There is no such page.")


async def _linked(call: Call) -> Linked:
    linked = await links.find(call.pool, call.path_params["token"])
    if linked is None:
        raise NotFound("There is no such page.")
    return linked


async def _subscribe(call: Call, *, subscribed: bool) -> Linked:
    linked = await _linked(call)
    await links.set_subscribed(call.pool, linked.key, linked.entry.number, subscribed=subscribed, now=linked.now)
    return await _linked(call)


def _caller(linked: Linked) -> Caller:
    return Caller(linked.organization_id, "user")


async def _check_code(call: Call, linked: Linked) -> str:
    """The address that the link's code is for. Raises InvalidRequest if that is not the entry's by now."""
    email = linked.contact.email
    if email is not None:
        secret = await call.service.authority.derived_secret()
        code = verification_code(secret, linked.key.list_id, linked.entry.number, email)
        if hmac.compare_digest(code.encode(), call.path_params["code"].encode(errors="replace")):
            return email
    raise InvalidRequest.of("code", "is not for the address of this entry")


async def _form(call: Call) -> dict[str, str]:
    """The fields of a form (WHATWG URL, application/x-www-form-urlencoded), each there once. Raises
    InvalidRequest."""
    try:
        fields = parse_qsl(
            (await call.body()).decode(),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=20,
        )
    except ValueError as error:
        raise InvalidRequest.of("body", "is not a form") from error
    form = dict(fields)
    if len(form) < len(fields):
        raise InvalidRequest.of("body", "names a field twice")
    return form


def _number(field: str, text: str) -> int:
    if not _WHOLE_NUMBER.fullmatch(text.strip()):
        raise InvalidRequest.of(field, "must be a whole number")
    return int(text)


def _back(call: Call) -> Response:
    """To the page itself, by a GET: what is reloaded there does nothing twice."""
    return RedirectResponse(PREFIX + call.path_params["token"], 303, _HEADERS)


async def _refused(call: Call, problem: Problem) -> Response:
    """The place as it is now, with what was refused above it; where there is none, a page of its own."""
    try:
        linked = None if isinstance(problem, NotFound | InternalError) else await _linked(call)
    except Problem as other:
        problem, linked = other, None
    if linked is not None:
        return await _page(call, linked, refusal=problem)
    templates = environment(preferred(call.headers.get("accept-language")))
    html = templates.get_template("pages/sorry.html").render(unknown=isinstance(problem, NotFound))
    return HTMLResponse(html, problem.status, _HEADERS | problem.headers)


async def _page(
    call: Call,
    linked: Linked,
    template: str = "link.html",
    *,
    refusal: Problem | None = None,
    code: str | None = None,
) -> Response:
    entry = await call.with_pass(linked.entry)
    why = _why_it_is_over(linked)
    rules = linked.settings
    shown = {
        "linked": linked,
        "entry": entry,
        "contact": linked.contact,
        "rules": rules,
        "timezone": linked.timezone,
        "page": PREFIX + call.path_params["token"],
        "why": why,
        "requeued": linked.rejoined
        or (why is LeftReason.EXPIRED and entry.status is Status.READY and rules.after_expiry == "requeue"),
        "address": _masked(linked.contact.email),
        "buy_link": buy_link(rules.purchase_url, entry.purchase_pass),
        "hold": None if rules.hold_minutes is None else timedelta(minutes=rules.hold_minutes),
        "steps": [
            (step.days_before, timedelta(minutes=step.hold_minutes))
            for step in sorted(rules.hold_steps, key=lambda step: -step.days_before)
        ],
        "refusal": refusal,
        "code": code,
    }
    templates = environment(spoken(linked.contact.locale) or preferred(call.headers.get("accept-language")))
    html = templates.get_template(f"pages/{template}").render(shown)
    status, headers = (refusal.status, refusal.headers) if refusal else (200, {})
    return HTMLResponse(html, status, _HEADERS | headers)


def _why_it_is_over(linked: Linked) -> LeftReason | None:
    """Why nothing can come of this place any more, whether or not the worker has noticed; None while it can."""
    entry = linked.entry
    if entry.status is Status.LEFT:
        return entry.left_reason
    if linked.now >= linked.ends_at:
        return LeftReason.ENDED
    if entry.ready_until is not None and linked.now >= entry.ready_until:
        return LeftReason.EXPIRED
    return None


def _masked(email: str | None) -> str | None:
    """Enough to know one's own address by: a link is forwarded sometimes."""
    if email is None:
        return None
    name, _, domain = email.rpartition("@")
    return f"{name[0]}…@{domain}"
