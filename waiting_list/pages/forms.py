"""Forms of pages: where they come from, their token, and what their fields hold."""

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from waiting_list.key_material import derived
from waiting_list.pages.page import PageRequest
from waiting_list.problems import Forbidden, InvalidRequest
from waiting_list.web.request import ApiRequest

Form = Mapping[str, str]


def moment(form: Mapping[str, str], field: str, timezone: str) -> datetime | None:
    """The instant that a field of `datetime-local` names, by the clock of the event; None if it is empty. Raises
    InvalidRequest."""
    text = form.get(field, "").strip()
    if not text:
        return None
    try:
        named = datetime.fromisoformat(text)
    except ValueError:
        named = None
    if named is None or not 1900 <= named.year <= 9000:
        raise InvalidRequest.of(field, "must be a date and a time, such as 2030-01-31T20:00")
    return named if named.tzinfo else named.replace(tzinfo=ZoneInfo(timezone))


_MOST_FIELDS = 100
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")


async def sign_forms(call: PageRequest, cookie: str | None) -> None:
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


def check_same_origin(call: ApiRequest, *, or_untold: bool = False) -> None:
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


async def read_form(call: ApiRequest) -> dict[str, str]:
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
