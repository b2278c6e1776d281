"""Who may call from a page of another origin (WHATWG Fetch, CORS protocol): every page, but only the user router.

A fan's token stands in a header that a page must set itself, and no cookie ever counts there: a page of a stranger
can do nothing with it that the stranger could not do without a browser. Whatever knows cookies or API keys says
nothing of other origins, and so is closed to them.
"""

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OPEN = "/v1/user/"
ALLOWED: Mapping[str, str] = {
    # Always the same, also where no Origin was sent: what a cache keeps is then good for every page.
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Date, ETag, Idempotent-Replayed, RateLimit, RateLimit-Policy, Retry-After, "
    "X-Request-Id",
}
"""Of every answer of the user router."""
PREFLIGHT: Mapping[str, str] = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, PATCH, PUT, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID",
    # Seconds; browsers keep it for two hours at most.
    "Access-Control-Max-Age": "7200",
}
"""The answer to a browser that asks first."""
_ALLOWED = [(name.lower().encode(), value.encode()) for name, value in ALLOWED.items()]
_PREFLIGHT = [(name.lower().encode(), value.encode()) for name, value in PREFLIGHT.items()]


def allowed(path: str) -> Mapping[str, str]:
    """The headers of an answer at this path that does not come by way of `CrossOrigin`."""
    return ALLOWED if path.startswith(_OPEN) else {}


class CrossOrigin:
    """Pure ASGI, outermost: answers preflights before anybody asks who calls, and marks every answer of the user
    router, be it a problem or a stream. Leaves all other paths as they are."""

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
