"""What all pages share: headers, the reader's language, cookies, forms, and refusals that are pages, too.

Nothing on a page comes from elsewhere, and no script or style stands in it: `default-src 'self'`. Who is signed in
is known by a cookie, so whatever changes something is a form that proves to come from a page of ours: by where the
browser says that it comes from (Fetch Metadata, or RFC 6454's Origin), and by a token that only our page knows.
"""

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute

from waiting_list import page_addresses as to
from waiting_list.calls import Call
from waiting_list.challenges import Solution, solution_of
from waiting_list.fields import Locale
from waiting_list.i18n import LOCALES, environment, preferred, spoken
from waiting_list.keys import derived
from waiting_list.list_settings import SETTINGS
from waiting_list.problems import Forbidden, InternalError, InvalidRequest, NotFound, Problem
from waiting_list.static_router import static

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
_LANGUAGE_COOKIE = "waiting_list_language"
_YEAR_SECONDS = 365 * 24 * 3600
_MOST_FIELDS = 100
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")
_LOCAL = re.compile(r"/(?![/\\])[!-\[\]-~]*")


class PageCall(Call):
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
            spoken(self.cookie(_LANGUAGE_COOKIE))
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

    call_class: ClassVar[type[PageCall]] = PageCall

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


async def sign_forms(call: PageCall, cookie: str | None) -> None:
    """Gives the forms of a page their token, which follows from the cookie of who is signed in; and if this is a
    form itself, checks it: that it comes from a page of ours, and with its token where somebody is signed in.
    Raises Forbidden, InvalidRequest, Unavailable."""
    if call.method == "POST":
        check_same_origin(call)
        call.sent = await read_form(call)
    if cookie is None:
        return
    secret = await call.service.signing_keys.derived_secret()
    call.form_token = urlsafe_b64encode(derived(secret, "form", cookie)[:24]).decode()
    if call.method == "POST":
        sent = call.sent.get("form_token", "")
        if not hmac.compare_digest(sent.encode(errors="replace"), call.form_token.encode()):
            raise Forbidden("The form comes from an earlier visit: reload the page and send it again.")


def check_same_origin(call: Call, *, or_untold: bool = False) -> None:
    """Raises Forbidden for a form that stands on a page of somebody else's, as far as the browser says.
    `or_untold` is for forms of our pages that tell nobody where they are (`no-referrer`): browsers without Fetch
    Metadata call their origin null."""
    site, origin = call.headers.get("sec-fetch-site"), call.headers.get("origin")
    if site is not None:
        ours = site in ("same-origin", "none")
    else:
        ours = (
            origin is None
            or (or_untold and origin == "null")
            or urlsplit(origin).netloc == call.headers.get("host")
        )
    if not ours:
        raise Forbidden("The form comes from a page of another site.")


async def read_form(call: Call) -> dict[str, str]:
    """The fields of a form (WHATWG URL, application/x-www-form-urlencoded), each there once. Raises
    InvalidRequest."""
    body = await call.body()
    if not body:
        return {}
    try:
        fields = parse_qsl(
            body.decode(),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError as error:
        raise InvalidRequest.of("body", "is not a form") from error
    form = dict(fields)
    if len(form) < len(fields):
        raise InvalidRequest.of("body", "names a field twice")
    return form


def whole_number(form: Mapping[str, str], field: str) -> int:
    """The number that stands in a field. Raises InvalidRequest."""
    text = form.get(field, "").strip()
    if not _WHOLE_NUMBER.fullmatch(text):
        raise InvalidRequest.of(field, "must be a whole number")
    return int(text)


def sent_solution(form: Mapping[str, str]) -> Solution | None:
    """The solution of a challenge that a form sends, if any."""
    return solution_of(form.get("challenge_token", ""), form.get("challenge_solution", ""))


def page(
    call: PageCall,
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


router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.post(to.LANGUAGE)
async def choose_language(call: PageCall) -> Response:
    """From now on in this language; back to the page where that was said."""
    form = await read_form(call)
    answer = go_to(local(form.get("next")))
    if (locale := form.get("locale")) in LOCALES:
        call.set_cookie(answer, _LANGUAGE_COOKIE, str(locale), max_age=_YEAR_SECONDS)
    return answer
