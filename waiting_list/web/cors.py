"""Allow pages of any origin to call the user router, and only that (WHATWG Fetch, CORS protocol).

A page must send a fan's token itself in a header, and the user router ignores cookies. So a stranger's page can do
no more than the stranger could do without a browser. Calls with cookies or API keys send no CORS headers, and so
are closed to other origins.
"""

from collections.abc import Mapping, Sequence

from starlette.types import Scope

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
_MARKS = [(name.lower().encode(), value.encode()) for name, value in ALLOWED.items()]


def marks(path: str) -> Sequence[tuple[bytes, bytes]]:
    """Return the CORS headers of an answer at this path (ASGI), be it a problem or a stream."""
    return _MARKS if path.startswith(_OPEN) else ()


def is_preflight(scope: Scope) -> bool:
    """Return whether a browser asks with this OPTIONS request if a page may send another one."""
    names = {name for name, _ in scope["headers"]}
    return scope["path"].startswith(_OPEN) and names >= {b"origin", b"access-control-request-method"}
