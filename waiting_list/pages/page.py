"""What all pages share: headers, cookies, the reader's language, and refusals.

Nothing on a page comes from elsewhere, and no script or style stands in it: `default-src 'self'`. Who is signed in
is known by a cookie, so whatever changes something is a form that proves to come from a page of ours: by where the
browser says that it comes from (Fetch Metadata, or RFC 6454's Origin), and by a token that only our page knows.
"""

import re
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, ClassVar

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute

from waiting_list import page_addresses as to
from waiting_list.fields import Locale
from waiting_list.i18n import LOCALES, environment, preferred, spoken
from waiting_list.lists.challenges import Solution, solution_of
from waiting_list.lists.list_settings import SETTINGS
from waiting_list.pages.static_files import static
from waiting_list.problems import InternalError, NotFound, Problem
from waiting_list.web.request import ApiRequest

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
"""Of a page that is the same for everybody who sends no cookie: a cache in front may keep it for two seconds."""
FAN_COOKIE = "waiting_list_fan"
ORGANIZER_COOKIE = "waiting_list_organizer"
LANGUAGE_COOKIE = "waiting_list_language"
YEAR_SECONDS = 365 * 24 * 3600
_LOCAL = re.compile(r"/(?![/\\])[!-\[\]-~]*")


class PageRequest(ApiRequest):
    """A call for a page."""

    sent: Mapping[str, str]
    """What was sent, once `sign_forms` has read it."""
    form_token: str | None = None
    """What every form of somebody who is signed in sends back."""

    @property
    def page(self) -> str:
        """The address of the page, as the browser knows it, without its query."""
        return (self.scope.get("raw_path") or b"/").partition(b"?")[0].decode("latin-1")

    def cookie(self, name: str) -> str | None:
        """What the browser keeps for us under this name."""
        return self.cookies.get(self._cookie_name(name)) or None

    def set_cookie(self, response: Response, name: str, value: str, *, max_age: int | None = None) -> None:
        """Lets the browser keep something, for `max_age` seconds or until it is closed; no script can read it."""
        response.set_cookie(
            self._cookie_name(name), value, max_age, httponly=True, secure=self._is_secure, samesite="lax"
        )

    def delete_cookie(self, response: Response, name: str) -> None:
        """Lets the browser forget it."""
        response.delete_cookie(self._cookie_name(name), secure=self._is_secure, httponly=True, samesite="lax")

    def locale(self, theirs: str | None = None) -> Locale:
        """The reader's language: what they chose here, else `theirs`, else what their browser asks for."""
        return (
            spoken(self.cookie(LANGUAGE_COOKIE))
            or spoken(theirs)
            or preferred(self.headers.get("accept-language"))
        )

    @property
    def _is_secure(self) -> bool:
        return self.service.settings.public_url.startswith("https://")

    def _cookie_name(self, name: str) -> str:
        # RFC 6265bis, 4.1.3.2: nobody but this very host can set it.
        return f"__Host-{name}" if self._is_secure else name


class PageRoute(APIRoute):
    """A page for anybody. Its refusals are pages; what a query has that nobody asks for is not looked at, since
    mail programs and others like to add to one."""

    call_class: ClassVar[type[PageRequest]] = PageRequest

    async def admit(self, call: Any) -> Response | None:  # noqa: ARG002 - of its call_class
        """Looks at who calls, and with what. An answer is given instead of the page. Raises Problem."""
        return None

    async def refused(self, call: Any, problem: Problem) -> Response:
        """The page of a refusal."""
        return page(call, "sorry.html", status=problem.status, headers=problem.headers, problem=problem)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, behind the checks."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            call = self.call_class(request)
            try:
                call.allow(call.service.limits.request_from(call.address))
                return await self.admit(call) or await handler(call)
            except Problem as problem:
                return await self.refused(call, problem)
            except RequestValidationError:
                # Of the path or the query: forms are read by the handlers themselves.
                return await self.refused(call, NotFound("This page does not exist."))
            except Exception:
                log.exception("page_failed")
                return await self.refused(call, InternalError("Something went wrong on our side."))

        return handle


def sent_solution(form: Mapping[str, str]) -> Solution | None:
    """The solution of a challenge that a form sends, if any."""
    return solution_of(form.get("challenge_token", ""), form.get("challenge_solution", ""))


def page(
    call: PageRequest,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    locale: Locale | None = None,
    **shown: Any,
) -> Response:
    """A template of `templates/pages/`, in the reader's language unless in another. It is given besides `shown`:
    `static`, `to` (page_addresses.py), `page` (its own address), `pattern` (which page that is), `form_token`,
    `locales` and `list_settings`."""
    context = {
        "static": static,
        "to": to,
        "page": call.page,
        "pattern": call.scope["route"].path,
        "form_token": call.form_token,
        "locales": LOCALES,
        "list_settings": SETTINGS,
    } | shown
    html = environment(locale or call.locale()).get_template(f"pages/{template}").render(context)
    return HTMLResponse(html, status, HEADERS | dict(headers or {}))


def go_to(address: str, headers: Mapping[str, str] | None = None) -> Response:
    """To another page, by a GET: what is reloaded there does nothing twice."""
    return RedirectResponse(address, 303, HEADERS | dict(headers or {}))


def local(address: str | None, otherwise: str = to.HOME) -> str:
    """An address that a form or a query names, if it leads to a page of ours and nowhere else."""
    return address if address and len(address) <= 2000 and _LOCAL.fullmatch(address) else otherwise
