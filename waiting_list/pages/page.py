"""What all pages share: headers, cookies, the reader's language, and refusals.

A page loads no file of another host, and contains no inline script or style: `default-src 'self'`. A cookie says
who is signed in, so only forms change data, and each form proves that it comes from a page of this service: by
the origin that the browser sends (Fetch Metadata, or RFC 6454's Origin), and by a token (pages/forms.py).
"""

import gzip
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, ClassVar

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute

from waiting_list.fields import Locale
from waiting_list.i18n import LOCALES, preferred, spoken, spoken_of
from waiting_list.lists.list_settings import SETTINGS
from waiting_list.pages.rendering import render
from waiting_list.problems import InternalError, NotFound, Problem
from waiting_list.web.request import ApiRequest
from waiting_list.web.responses import takes_gzip

log = structlog.get_logger(__name__)

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "Vary": "Accept-Language, Cookie",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
SHARED = {"Cache-Control": "public, max-age=2"}
"""The header of a page that is the same for all readers without a cookie: caches may keep it for two seconds. It
contains no secret, so it is sent compressed. The size of a compressed page could reveal a secret (BREACH)."""
_LEVEL = 4
"""The level of compression: 60 µs for a page of 19 KB. Level 9 takes 830 µs, and makes it only 5 % smaller."""
NOT_REFERRED = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
"""The headers of a page whose address signs somebody in."""
FAN_COOKIE = "waiting_list_fan"
ORGANIZER_COOKIE = "waiting_list_organizer"
LANGUAGE_COOKIE = "waiting_list_language"
YEAR_SECONDS = 365 * 24 * 3600


class PageRequest(ApiRequest):
    """A request for a page."""

    sent: Mapping[str, str]
    """The fields of the sent form, after `sign_forms` has read them."""
    typed: str = ""
    """What a fan typed into the field that was refused."""
    files: Mapping[str, bytes]
    """The files of the sent form that are not empty, by their fields."""
    form_token: str | None = None
    """The token that every form of a signed-in user must contain; None if no user is signed in."""

    @property
    def page(self) -> str:
        """The address of the page as the browser sent it, without the query and the path of the public address."""
        return (self.scope.get("raw_path") or b"/").partition(b"?")[0].decode("latin-1")

    def cookie(self, name: str) -> str | None:
        """Return the value of a cookie of ours; None without one."""
        return self.cookies.get(self._cookie_name(name)) or None

    def set_cookie(self, response: Response, name: str, value: str, *, max_age: int | None = None) -> None:
        """Set a cookie for `max_age` seconds, or until the browser closes. Scripts cannot read it."""
        response.set_cookie(
            self._cookie_name(name),
            value,
            max_age,
            path=self._cookie_path,
            httponly=True,
            secure=self._is_secure,
            samesite="lax",
        )

    def delete_cookie(self, response: Response, name: str) -> None:
        """Delete a cookie in the browser."""
        response.delete_cookie(
            self._cookie_name(name),
            path=self._cookie_path,
            secure=self._is_secure,
            httponly=True,
            samesite="lax",
        )

    def locale(self, theirs: str | None = None, languages: Sequence[Locale] = LOCALES) -> Locale:
        """Return the one of the languages that the reader chose here, else `theirs`, else the one that the browser
        asks for, else the first."""
        for tag in (self.cookie(LANGUAGE_COOKIE), theirs):
            if (locale := spoken(tag)) and locale in languages:
                return locale
        return preferred(self.headers.get("accept-language"), languages)

    @property
    def _is_secure(self) -> bool:
        # The scheme is what a trusted proxy says in X-Forwarded-Proto.
        return self.service.settings.public_url.startswith("https://") or self.scope["scheme"] == "https"

    @property
    def _cookie_path(self) -> str:
        return self.service.settings.public_path or "/"

    def _cookie_name(self, name: str) -> str:
        """Return the name in the browser, with a prefix that it accepts only over TLS (RFC 6265bis, 4.1.3).

        It accepts `__Host-` only from this very host, and only for all of its paths. Below a path, the cookie
        belongs to this service and not to others on its host, such as the shop: `__Secure-` allows that.
        """
        if not self._is_secure:
            return name
        return f"__Secure-{name}" if self.service.settings.public_path else f"__Host-{name}"


class PageRoute(APIRoute):
    """A public page. Its refusals are pages, too.

    It ignores unknown query parameters, because mail programs and others add their own.
    """

    call_class: ClassVar[type[PageRequest]] = PageRequest

    async def admit(self, call: Any) -> Response | None:  # noqa: ARG002 - of its call_class
        """Check the caller and the sent form. If this returns an answer, it replaces the page. Raises Problem."""
        return None

    async def refused(self, call: Any, problem: Problem) -> Response:
        """Make the page of a refusal."""
        return page(call, "sorry.html", status=problem.status, headers=problem.headers, problem=problem)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler behind the checks."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            call = self.call_class(request.scope, request.receive)
            try:
                call.allow(call.service.limits.request_from(call.address))
                return await self.admit(call) or await handler(call)
            except Problem as problem:
                return await self.refused(call, problem)
            except RequestValidationError:
                # The path or the query is invalid, because handlers read forms themselves.
                return await self.refused(call, NotFound("This page does not exist."))
            except Exception:
                log.exception("page_failed")
                return await self.refused(call, InternalError("Something went wrong on our side."))

        return handle


def page(
    call: PageRequest,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    locale: Locale | None = None,
    **shown: Any,
) -> Response:
    """Render a template of `pages/templates`, in `locale` or else in the reader's language.

    Besides `shown`, the template gets `page` (the address), `pattern` (the pattern of the address), `form_token`,
    `typed`, `locales`, `list_settings`, `look` (the organization whose page it is, or None), and what `render`
    gives it.
    """
    context: dict[str, Any] = {
        "page": call.page,
        "pattern": getattr(call.scope.get("route"), "path", None),
        "form_token": call.form_token,
        "typed": call.typed,
        "locales": LOCALES,
        "list_settings": SETTINGS,
        "look": None,
    } | shown
    if (look := context["look"]) and "locales" not in shown:
        context["locales"] = spoken_of(look.languages)
    html = render(
        template, locale or call.locale(languages=context["locales"]), call.service.settings.public_path, **context
    )
    sent = HEADERS | dict(headers or {})
    if sent.get("Cache-Control") != SHARED["Cache-Control"]:
        return HTMLResponse(html, status, sent)
    sent["Vary"] = f"Accept-Encoding, {sent['Vary']}"
    if not takes_gzip(call.headers.get("accept-encoding", "")):
        return HTMLResponse(html, status, sent)
    return HTMLResponse(gzip.compress(html.encode(), _LEVEL, mtime=0), status, sent | {"Content-Encoding": "gzip"})


def go_to(address: str, headers: Mapping[str, str] | None = None) -> Response:
    """Redirect to another page with a GET, so that a reload repeats no change."""
    return RedirectResponse(address, 303, HEADERS | dict(headers or {}))
