"""Check request bodies before FastAPI: each must be complete, of limited size, and JSON or a form."""

import asyncio
import re
from collections.abc import Callable, MutableMapping
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from waiting_list.email_addresses import LOCAL_DOMAINS
from waiting_list.page_addresses import PRIVATE_LINKS
from waiting_list.problems import BodyTooLarge, InvalidRequest, Problem, RequestTimeout, UnsupportedMediaType
from waiting_list.web.problem_responses import problem_response

BODY_LIMIT = 64 * 1024
"""Bytes."""
BODY_SECONDS = 10.0
"""The time limit for a whole body to arrive."""
_API = "/v1/"
"""The paths with JSON bodies. The bodies of pages are forms."""
SLASH = "\udc2f"
"""The replacement for an escaped slash in an id. A decoded path cannot contain it, because it is half a surrogate
pair."""
_JSON = re.compile(rb"application/(?:[\w.+-]+\+)?json\s*(?:;.*)?", re.IGNORECASE)
_FORM = re.compile(rb"(?:application/x-www-form-urlencoded|multipart/form-data)\s*(?:;.*)?", re.IGNORECASE)


class BodyGuard:
    """Read the whole body, at most BODY_LIMIT, then pass the request on (pure ASGI).

    The service ignores an incomplete request, because it may mean something else than its beginning says. It drops
    the request if the sender has disconnected, and answers `invalid_request` if the length is wrong. It also
    answers `body_too_large`, `unsupported_media_type`, and `invalid_request` for a path or query that is not
    UTF-8. It keeps a `%2F` in a path apart from a `/`, so that an id can have slashes. Within the call, addresses
    in `local_domains` are valid.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        refuse: Callable[[Scope, Problem], ASGIApp] = problem_response,
        local_domains: frozenset[str] = frozenset(),
    ) -> None:
        self._app = app
        self._refuse = refuse
        self._local_domains = local_domains

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        LOCAL_DOMAINS.set(self._local_domains)  # for good: the server runs each request in a context of its own
        raw_path = scope.get("raw_path") or b""
        is_link = scope["path"].startswith(PRIVATE_LINKS)
        # Other bytes would decode to U+FFFD, so that one id could match another. Private links are safe, because
        # the service finds them by their hash.
        for name, sent in (("path", raw_path), ("query", scope["query_string"])):
            if b"%" in sent and not is_link and not _is_utf8(unquote_to_bytes(sent)):
                problem = InvalidRequest.of(name, "is not UTF-8")
                await self._refuse(scope, problem)(scope, receive, send)
                return
        if b"%2f" in raw_path.lower():
            parts = re.split("%2f", raw_path.decode("latin-1"), flags=re.IGNORECASE)
            scope["path"] = SLASH.join(unquote(part) for part in parts)
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _read_body(scope, receive, is_form=not scope["path"].startswith(_API))
        except TimeoutError:
            body = RequestTimeout(
                f"The body took longer than {BODY_SECONDS:g} seconds to arrive.", headers={"Connection": "close"}
            )
        if body is None:
            return  # the client has disconnected
        if isinstance(body, Problem):
            await self._refuse(scope, body)(scope, receive, send)
            return
        read = False

        async def replay() -> Message:
            nonlocal read
            if read:
                return await receive()
            read = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


async def _read_body(scope: Scope, receive: Receive, *, is_form: bool) -> bytes | Problem | None:
    """Return the body when it is complete, or None if the client disconnected before."""
    headers: MutableMapping[bytes, bytes] = dict(scope["headers"])
    too_large = BodyTooLarge(f"The body is larger than {BODY_LIMIT} bytes.")
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > BODY_LIMIT:
        return too_large
    body = bytearray()
    more = True
    while more:
        message: MutableMapping[str, Any] = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > BODY_LIMIT:
            return too_large
        more = message.get("more_body", False)
    # Servers usually check this. The service must not act on a cut body, for example after an upgrade.
    if length.isdigit() and int(length) != len(body):
        return InvalidRequest.of("body", "does not have the length that Content-Length says")
    if body and not (_FORM if is_form else _JSON).fullmatch(headers.get(b"content-type", b"").strip()):
        return UnsupportedMediaType(
            "Send a form." if is_form else "Send JSON, with Content-Type: application/json."
        )
    return bytes(body)
