"""Warn the operator of a proxy that hides the addresses of fans.

uvicorn believes `X-Forwarded-For` from the peers that `WAITING_LIST_TRUSTED_PROXIES` names. A proxy that is not
among them, or that does not send the header, hides the addresses of all fans behind its own. That is usually a
private one, which no limit counts. So the service warns at the first request through such a proxy.
"""

from typing import Literal, TypeAlias

import structlog
from starlette.types import Scope

from waiting_list.access.rate_limits import is_private
from waiting_list.fields import Frozen

log = structlog.get_logger(__name__)

Code: TypeAlias = Literal["proxy_not_trusted", "proxy_names_no_client"]

_MAY_BE_PRIVATE = ("10.", "127.", "169.254.", "172.", "192.168.", "f", "::")
"""The beginnings of all private addresses, and of few others, so that most requests need no further check."""
_FORWARDED_FOR = b"x-forwarded-for"
_OF_PROXIES = frozenset(
    (b"forwarded", b"x-forwarded-host", b"x-forwarded-port", b"x-forwarded-proto", b"x-real-ip")
)
_TELLING = _OF_PROXIES | {_FORWARDED_FOR}
_DETAILS: dict[Code, str] = {
    "proxy_not_trusted": "A peer at a private address sends X-Forwarded-For, but WAITING_LIST_TRUSTED_PROXIES "
    "does not name it. So the service cannot see or limit the addresses of fans. If it is your proxy, "
    "name it there.",
    "proxy_names_no_client": "A proxy at a private address sends no X-Forwarded-For. So the service cannot see or "
    "limit the addresses of fans. Make the proxy send that header, and name it in WAITING_LIST_TRUSTED_PROXIES.",
}


class Warned(Frozen):
    """A warning for the operator. The service still answers."""

    code: Code
    detail: str


class Peers:
    """Check the addresses from which requests come. Each process has one."""

    def __init__(self) -> None:
        self._warned: dict[Code, Warned] = {}

    @property
    def warnings(self) -> list[Warned]:
        """The warnings since the start of this process."""
        return list(self._warned.values())

    def look(self, scope: Scope) -> None:
        """Warn once if a request shows that a proxy hides the addresses of fans."""
        client = scope.get("client")
        host = client[0] if client else ""
        if (host and not host.startswith(_MAY_BE_PRIVATE)) or len(self._warned) == len(_DETAILS):
            return
        if _TELLING.isdisjoint([name for name, _ in scope["headers"]]):
            return  # as in most requests from a private address
        code = _hides(host, scope["headers"])
        if code is not None and code not in self._warned and (not host or is_private(host)):
            self._warned[code] = Warned(code=code, detail=_DETAILS[code])
            log.warning("addresses_hidden", code=code, peer=host, detail=_DETAILS[code])


def _hides(host: str, headers: list[tuple[bytes, bytes]]) -> Code | None:
    """Return how a request hides its fan's address, if it does.

    If uvicorn believed the header, the client's address is in that header, because uvicorn has put it in place of
    the peer's.
    """
    sent = b",".join(value for name, value in headers if name == _FORWARDED_FOR).decode("latin-1").strip(" ,")
    if sent:
        named = [one.strip() for one in sent.split(",")]
        believed = any(one == host or one.startswith((f"{host}:", f"[{host}]")) for one in named if host)
        return None if believed else "proxy_not_trusted"
    return "proxy_names_no_client" if any(name in _OF_PROXIES for name, _ in headers) else None
