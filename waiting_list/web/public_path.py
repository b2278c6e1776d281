"""Serve below the path of the public address, such as `/waiting`, behind both kinds of proxy."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from waiting_list.web.problem_responses import PUBLIC_PATH


class PublicPath:
    """Remove the path of the public address from requests, and put it in front of the address of a redirect.

    A proxy may pass the path on or remove it. Both reach the same page, because no address of the service begins
    with the path (`public_url.FIRST_PARTS`). So all other code knows only the addresses without the path.
    """

    def __init__(self, app: ASGIApp, *, path: str) -> None:
        self._app = app
        self._path = path
        self._raw_path = path.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope[PUBLIC_PATH] = self._path
        raw_path = scope.get("raw_path") or b"/"
        if self._has_path(raw_path):
            # In place, because Starlette answers a defect from this very scope.
            scope["raw_path"] = raw_path[len(self._raw_path) :] or b"/"
            scope["path"] = scope["path"][len(self._path) :] or "/"

        async def send_below(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    (name, self._below(value) if name == b"location" else value)
                    for name, value in message["headers"]
                ]
            await send(message)

        await self._app(scope, receive, send_below)

    def _has_path(self, address: bytes) -> bool:
        return address.startswith(self._raw_path) and address[len(self._raw_path) :][:1] in (b"", b"/", b"?")

    def _below(self, location: bytes) -> bytes:
        # A shop may ask to return to an address that has the path.
        is_ours = location.startswith(b"/") and not location.startswith(b"//")
        return self._raw_path + location if is_ours and not self._has_path(location) else location
