"""Allow pages of any origin to call the user router, and only that (WHATWG Fetch, CORS protocol).

A page must send a fan's token itself in a header, and the user router ignores cookies. So a stranger's page can do
no more than the stranger could do without a browser. Calls with cookies or API keys send no CORS headers, and so
are closed to other origins.
"""

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OPEN = "/v1/user/"
ALLOWED: Mapping[str, str] = {
    # Always the same, also without an Origin, so that a cached answer is right for every page.
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Date, ETag, Idempotent-Replayed, RateLimit, RateLimit-Policy, Retry-After, "
    "X-Request-Id",
}
"""The CORS headers of every answer of the user router."""
PREFLIGHT: Mapping[str, str] = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, PATCH, PUT, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID",
    # Seconds; browsers keep it for two hours at most.
    "Access-Control-Max-Age": "7200",
}
"""The headers of the answer to a preflight request."""
_ALLOWED = [(name.lower().encode(), value.encode()) for name, value in ALLOWED.items()]
_PREFLIGHT = [(name.lower().encode(), value.encode()) for name, value in PREFLIGHT.items()]


def allowed(path: str) -> Mapping[str, str]:
    """Return the CORS headers of an answer at this path that does not pass through `CrossOrigin`."""
    return ALLOWED if path.startswith(_OPEN) else {}


class CrossOrigin:
    """Answer preflight requests before authentication, and add CORS headers to all answers of the user router.

    Pure ASGI. It adds them also to problems and streams, and leaves all other paths unchanged.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(_OPEN):
            await self._app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS" and _is_preflight(scope):
            await send({"type": "http.response.start", "status": 204, "headers": _PREFLIGHT})
            await send({"type": "http.response.body", "body": b""})
            return

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_ALLOWED]
            await send(message)

        await self._app(scope, receive, send_marked)


def _is_preflight(scope: Scope) -> bool:
    names = {name for name, _ in scope["headers"]}
    return {b"origin", b"access-control-request-method"} <= names
