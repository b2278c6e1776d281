"""What stands before FastAPI: a body is whole, of bounded size, and JSON or a form, before anything reads it."""

import asyncio
import re
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from waiting_list.answers import problem_response
from waiting_list.page_addresses import PRIVATE_LINKS
from waiting_list.problems import BodyTooLarge, InvalidRequest, Problem, RequestTimeout, UnsupportedMediaType
from waiting_list.streams import STREAM

BODY_LIMIT = 64 * 1024
"""Bytes."""
BODY_SECONDS = 10.0
_API = "/v1/"
"""Where bodies are JSON. Those of pages are forms."""
SLASH = "\udc2f"
"""Stands for an escaped slash within an id. No decoded path can have it: it is half of a surrogate pair."""
_JSON = re.compile(rb"application/(?:[\w.+-]+\+)?json\s*(?:;.*)?", re.IGNORECASE)
_FORM = re.compile(rb"(?:application/x-www-form-urlencoded|multipart/form-data)\s*(?:;.*)?", re.IGNORECASE)


class BodyGuard:
    """Pure ASGI: reads the whole body, at most BODY_LIMIT, then hands the request on.

    Nothing is done for a request that has not arrived whole: it may mean something else than what has come of it.
    One whose sender has gone is dropped; one whose body has another length than it says is `invalid_request`.
    Answers `body_too_large` and `unsupported_media_type` itself, and `invalid_request` to a path or query
    that is not UTF-8. Also keeps a `%2F` in a path apart from a `/`, so that an id can have slashes, and runs
    the stream that a call has left (streams.py).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        raw_path = scope.get("raw_path") or b""
        is_link = scope["path"].startswith(PRIVATE_LINKS)
        # What is not UTF-8 would be decoded to U+FFFD, and one id be taken for another. A private link is looked
        # for by its hash: no other one is found, and the page says so.
        for name, sent in (("path", raw_path), ("query", scope["query_string"])):
            if b"%" in sent and not is_link and not _is_utf8(unquote_to_bytes(sent)):
                problem = InvalidRequest.of(name, "is not UTF-8")
                await problem_response(scope, problem)(scope, receive, send)
                return
        if b"%2f" in raw_path.lower():
            parts = re.split("%2f", raw_path.decode("latin-1"), flags=re.IGNORECASE)
            scope["path"] = SLASH.join(unquote(part) for part in parts)
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            if stream := scope.pop(STREAM, None):
                for name in [name for name in scope if name.startswith("fastapi")]:
                    del scope[name]  # what FastAPI kept for this call
                await stream.run(receive, send)
            return
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _read_body(scope, receive, is_form=not scope["path"].startswith(_API))
        except TimeoutError:
            body = RequestTimeout(f"A body may take {BODY_SECONDS:g} seconds.", headers={"Connection": "close"})
        if body is None:
            return  # there is nobody to answer
        if isinstance(body, Problem):
            await problem_response(scope, body)(scope, receive, send)
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
    """The body, once all of it has come; None if the client went before that."""
    headers: MutableMapping[bytes, bytes] = dict(scope["headers"])
    too_large = BodyTooLarge(f"A body may have {BODY_LIMIT} bytes at most.")
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
    # A server sees to that as a rule; whoever loses a body (in an upgrade, say) must not have half a request done.
    if length.isdigit() and int(length) != len(body):
        return InvalidRequest.of("body", "is not as long as Content-Length says")
    if body and not (_FORM if is_form else _JSON).fullmatch(headers.get(b"content-type", b"").strip()):
        return UnsupportedMediaType(
            "Send a form." if is_form else "Send JSON, with Content-Type: application/json."
        )
    return bytes(body)
