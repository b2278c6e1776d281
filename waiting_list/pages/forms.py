"""Check and read the forms of pages: their origin, their token and their fields."""

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from starlette.exceptions import HTTPException

from waiting_list import page_addresses as to
from waiting_list.key_material import derived
from waiting_list.lists.challenges import ChallengeSolution, solution_of
from waiting_list.pages.page import PageRequest
from waiting_list.problems import Forbidden, InvalidRequest
from waiting_list.web.body_guard import FILE_LIMIT
from waiting_list.web.request import ApiRequest

Form = Mapping[str, str]
"""The fields of a form."""


_MOST_FILES = 1
_MOST_FIELDS = 600
"""More than the rows that a form may tick."""
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")
_MINUTES = {"minutes": 1, "hours": 60, "days": 24 * 60}
_SECONDS = {"seconds": 1, "minutes": 60}
_UNIQUE = re.compile(r"[0-9a-f]{8,32}")
_LOCAL = re.compile(r"/(?![/\\])[!-\[\]-~]*")
"""A path of this service. Browsers read `//` and `/\\` as the start of another host."""


async def sign_forms(call: PageRequest, cookie: str | None) -> None:
    """Make the token for the forms of a page, and check a form that was sent.

    The token is derived from the cookie of the signed-in user. A sent form must come from a page of this service
    and, if a user is signed in, contain that token. Raises Forbidden, InvalidRequest, Unavailable.
    """
    if call.method == "POST":
        check_same_origin(call)
        call.sent, call.files = await _read_fields(call)
    if cookie is None:
        return
    secret = await call.service.signing_keys.derived_secret()
    call.form_token = urlsafe_b64encode(derived(secret, "form", cookie)[:24]).decode()
    if call.method == "POST":
        sent = call.sent.get("form_token", "")
        if not hmac.compare_digest(sent.encode(errors="replace"), call.form_token.encode()):
            raise Forbidden("The form comes from an earlier visit: reload the page and send it again.")


def check_same_origin(call: ApiRequest, *, or_null: bool = False) -> None:
    """Refuse a form from a page of another site, by the headers that the browser sends. Raises Forbidden.

    Set `or_null` for forms on pages with the policy `no-referrer`: browsers without Fetch Metadata send `null` as
    the origin of such a form.
    """
    site, origin = call.headers.get("sec-fetch-site"), call.headers.get("origin")
    if site is not None:
        ours = site in ("same-origin", "none")
    else:
        ours = (
            origin is None or (or_null and origin == "null") or urlsplit(origin).netloc == call.headers.get("host")
        )
    if not ours:
        raise Forbidden("The form comes from a page of another site.")


async def _read_fields(call: PageRequest) -> tuple[dict[str, str], dict[str, bytes]]:
    """Return the fields and the files of a sent form, of either encoding.

    Raises InvalidRequest as `read_form` does.
    """
    if not call.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return await read_form(call), {}
    try:
        # The body has arrived whole, and is within its limit.
        async with call.form(max_files=_MOST_FILES, max_fields=_MOST_FIELDS, max_part_size=FILE_LIMIT) as parts:
            found = parts.multi_items()
            files = {name: await part.read() for name, part in found if not isinstance(part, str)}
    except HTTPException as error:
        raise InvalidRequest.of("body", "is not a form") from error
    fields = {name: part for name, part in found if isinstance(part, str)}
    if len(fields) + len(files) < len(found):
        raise InvalidRequest.of("body", "names a field twice")
    return fields, {name: data for name, data in files.items() if data}


async def read_form(call: ApiRequest) -> dict[str, str]:
    """Return the fields of a sent form (WHATWG URL, application/x-www-form-urlencoded).

    Raises InvalidRequest for a body that is not a form, or names a field twice.
    """
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
    """Return the number in a field. Raises InvalidRequest."""
    text = form.get(field, "").strip()
    if not _WHOLE_NUMBER.fullmatch(text):
        raise InvalidRequest.of(field, "must be a whole number")
    return int(text)


def units_of(field: str) -> Mapping[str, int]:
    """Return the units that a form offers for a duration, each in the unit in which its name ends or begins."""
    return _SECONDS if field.endswith("_seconds") else _MINUTES


def whole_duration(form: Mapping[str, str], field: str) -> int:
    """Return the duration in a field and its unit's field, in the unit of its name. Raises InvalidRequest.

    Without a unit, the number is in the unit of the name.
    """
    units = units_of(field)
    unit = form.get(f"{field}_in") or min(units, key=units.__getitem__)
    if unit not in units:
        raise InvalidRequest.of(field, f"must be in {', '.join(units)}")
    return whole_number(form, field) * units[unit]


def in_units(field: str, value: int) -> dict[str, str]:
    """Return a duration as a form sends it: its number in the largest unit that leaves no rest, and the unit."""
    unit, length = max(
        ((unit, length) for unit, length in units_of(field).items() if value % length == 0), key=lambda one: one[1]
    )
    return {field: str(value // length), f"{field}_in": unit}


def moment(form: Mapping[str, str], field: str, timezone: str) -> datetime | None:
    """Return the instant in a `datetime-local` field, in the timezone of the event; None if the field is empty.

    Raises InvalidRequest.
    """
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


def sent_solution(form: Mapping[str, str]) -> ChallengeSolution | None:
    """Return the solution of a challenge that a form contains, if any."""
    return solution_of(form.get("challenge_token", ""), form.get("challenge_solution", ""))


def local(address: str | None, otherwise: str = to.HOME) -> str:
    """Return an address from a form or a query if it is a path of this service, else `otherwise`."""
    return address if address and len(address) <= 2000 and _LOCAL.fullmatch(address) else otherwise


def search_text(value: str | None) -> str | None:
    """Return the text to search for; None for an empty one."""
    # Replaced, because PostgreSQL refuses NUL in a text.
    return value.replace("\x00", "\N{REPLACEMENT CHARACTER}").strip() or None if value else None


def unique_part(form: Mapping[str, str]) -> str:
    """Return the random end of an id that a page put into its form, so that a form sent twice makes one object.

    Raises InvalidRequest.
    """
    value = form.get("unique", "")
    if not _UNIQUE.fullmatch(value):
        raise InvalidRequest.of("unique", "must come from the form")
    return value
