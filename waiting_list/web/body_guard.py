"""Check requests before any call: a body is complete, of limited size, and JSON or a form. An address is UTF-8."""

import asyncio
import re
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

from starlette.types import Message, Receive, Scope

from waiting_list.page_addresses import DASHBOARD_EVENT_IMAGE, LOGO, NEW_EVENT, PRIVATE_LINKS
from waiting_list.problems import (
    BodyTooLarge,
    InvalidRequest,
    RequestTimeout,
    Unavailable,
    UnsupportedMediaType,
)

BODY_LIMIT = 64 * 1024
"""Bytes."""
FILE_LIMIT = 1024 * 1024
"""Bytes of a form with a file, which only the pages in `_WITH_FILES` take."""
BODY_SECONDS = 10.0
"""The time limit for a whole body to arrive."""
_WITH_FILES = re.compile(r"/dashboard/(?:events|waiting-lists/[^/]+/[^/]+)/import")
UPLOAD_LIMIT = 16 * 1024 * 1024
"""Bytes of a form with a picture: more than the page takes, so that it can say so."""
UPLOAD_SECONDS = 60.0
_UPLOADS_AT_ONCE = 4
"""How many of them a process reads at the same time, so that they cannot fill its memory."""
_UPLOAD = re.compile(
    "|".join(re.sub(r"\{\w+\}", "[^/]+", one) for one in (LOGO, NEW_EVENT, DASHBOARD_EVENT_IMAGE))
)
_API = "/v1/"
"""The paths with JSON bodies. The bodies of pages are forms."""
SLASH = "\udc2f"
"""The replacement for an escaped slash in an id. A decoded path cannot contain it, because it is half a surrogate
pair."""
_JSON = re.compile(rb"application/(?:[\w.+-]+\+)?json\s*(?:;.*)?", re.IGNORECASE)
_FORM = re.compile(rb"(?:application/x-www-form-urlencoded|multipart/form-data)\s*(?:;.*)?", re.IGNORECASE)


def check_address(scope: Scope) -> None:
    """Raise InvalidRequest if the path or query is not UTF-8. Keep a `%2F` in the path apart from a `/`.

    So an id can have slashes. Other bytes would decode to U+FFFD, so that one id could match another. Private
    links are safe, because the service finds them by their hash.
    """
    raw_path, query = scope.get("raw_path") or b"", scope["query_string"]
    if b"%" not in raw_path and b"%" not in query:
        return
    for name, sent in (("path", raw_path), ("query", query)):
        if not _is_utf8(unquote_to_bytes(sent)) and not scope["path"].startswith(PRIVATE_LINKS):
            raise InvalidRequest.of(name, "is not UTF-8")
    if b"%2f" in raw_path.lower():
        parts = re.split("%2f", raw_path.decode("latin-1"), flags=re.IGNORECASE)
        scope["path"] = SLASH.join(unquote(part) for part in parts)


async def read_body(scope: Scope, receive: Receive, *, has_arrived: bool = False) -> bytes | None:
    """Return the body when it is complete, or None if the client disconnected before.

    An incomplete request is not carried out, because it may mean something else than its beginning says. A body
    that `has_arrived` needs no time limit. Raises BodyTooLarge, UnsupportedMediaType, InvalidRequest if the length
    is wrong, RequestTimeout.
    """
    is_form = not scope["path"].startswith(_API)
    if is_form and _UPLOAD.fullmatch(scope["path"]):
        return await _uploads.read(scope, receive)
    limit = FILE_LIMIT if _WITH_FILES.fullmatch(scope["path"]) else BODY_LIMIT
    if has_arrived:
        return await _read_body(scope, receive, is_form=is_form, limit=limit)
    return await _read_in_time(scope, receive, is_form=is_form, limit=limit, seconds=BODY_SECONDS)


async def _read_in_time(
    scope: Scope, receive: Receive, *, is_form: bool, limit: int, seconds: float
) -> bytes | None:
    try:
        async with asyncio.timeout(seconds):
            return await _read_body(scope, receive, is_form=is_form, limit=limit)
    except TimeoutError:
        raise RequestTimeout(
            f"The body took longer than {seconds:g} seconds to arrive.", headers={"Connection": "close"}
        ) from None


class _Uploads:
    """Read forms with pictures, a few at the same time: whoever sends one is known only afterwards."""

    def __init__(self) -> None:
        self._reading = 0

    async def read(self, scope: Scope, receive: Receive) -> bytes | None:
        """Return the body, or None if the client disconnected. Raises Unavailable if there are too many."""
        if self._reading >= _UPLOADS_AT_ONCE:
            raise Unavailable("Others are uploading pictures right now. Please try again in a minute.")
        self._reading += 1
        try:
            return await _read_in_time(scope, receive, is_form=True, limit=UPLOAD_LIMIT, seconds=UPLOAD_SECONDS)
        finally:
            self._reading -= 1


_uploads = _Uploads()


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` (ASGI) that gives the body once more, as one message."""
    read = False

    async def replayed() -> Message:
        nonlocal read
        if read:
            return await receive()
        read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


async def _read_body(scope: Scope, receive: Receive, *, is_form: bool, limit: int) -> bytes | None:
    headers: MutableMapping[bytes, bytes] = dict(scope["headers"])
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > limit:
        raise _too_large(limit)
    body = bytearray()
    more = True
    while more:
        message: MutableMapping[str, Any] = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit)
        more = message.get("more_body", False)
    # Servers usually check this. The service must not act on a cut body, for example after an upgrade.
    if length.isdigit() and int(length) != len(body):
        raise InvalidRequest.of("body", "does not have the length that Content-Length says")
    if body and not (_FORM if is_form else _JSON).fullmatch(headers.get(b"content-type", b"").strip()):
        raise UnsupportedMediaType(
            "Send a form." if is_form else "Send JSON, with Content-Type: application/json."
        )
    return bytes(body)


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body is larger than {limit} bytes.")
