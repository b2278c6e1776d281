"""The one ASGI layer around the application: every request and every answer passes through it, and nothing else.

One layer for all, because each layer costs a storm of joins a twentieth of its speed.
"""

import time
from collections.abc import Awaitable, Callable
from typing import cast

from fastapi import FastAPI, Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from waiting_list.email_addresses import LOCAL_DOMAINS
from waiting_list.problems import Problem
from waiting_list.telemetry import tracing
from waiting_list.telemetry.logs import REQUEST_ID
from waiting_list.telemetry.tracing import RequestSpan
from waiting_list.web import cors
from waiting_list.web.body_guard import check_address, read_body, replay
from waiting_list.web.header_limits import cycle_of, write_answer
from waiting_list.web.instrumentation import call_name, count, request_id_of, trace_context
from waiting_list.web.peers import Peers
from waiting_list.web.problem_responses import CACHE_CONTROL, PRIVATE, REQUEST_ID_HEADER, REQUEST_ID_KEY
from waiting_list.web.request import ApiRequest
from waiting_list.web.routes import DirectCalls

_PRIVATE = (CACHE_CONTROL, PRIVATE.encode())
_CLOSE = (b"connection", b"close")
_BODILESS = frozenset(("GET", "HEAD", "OPTIONS"))


class HttpLayer:
    """Take each request, and answer it.

    - It gives the request an id: the caller's `X-Request-Id` if that has 1 to 64 letters, digits, dots, dashes or
      underscores, else a new one. It counts and times the request, and logs it if that is wanted or it failed.
    - It answers preflight requests of browsers before authentication.
    - It passes a request on only whole, and refuses others (web/body_guard.py). Within the call, addresses in
      `local_domains` are valid. It runs a plain call itself (web/direct_calls.py).
    - It adds headers to each answer: the request id, `Cache-Control: private, no-store` unless the answer has its
      own, the CORS headers of the user router, and `Connection: close` while the process shuts down.
    """

    def __init__(
        self,
        app: FastAPI,
        *,
        refuse: Callable[[Scope, Problem], Response],
        local_domains: frozenset[str],
        log_requests: bool,
        peers: Peers,
    ) -> None:
        self._app: ASGIApp = app.build_middleware_stack()
        self._handlers = app.exception_handlers
        self._direct = DirectCalls(app.routes)
        self._refuse = refuse
        self._local_domains = local_domains
        self._log_requests = log_requests
        self._peers = peers
        self._traces = tracing.is_wanted()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(scope, send)
        span = RequestSpan(trace_context(scope)) if self._traces else None
        self._peers.look(scope)
        # For good, because the server runs each request in a context of its own.
        REQUEST_ID.set(answer.request_id)
        LOCAL_DOMAINS.set(self._local_domains)
        try:
            await self._serve(scope, receive, answer)
        finally:
            method, call = scope["method"] if scope["method"].isalpha() else "?", call_name(scope)
            count(method, call, answer.status, answer.taken(), log_it=self._log_requests)
            if span is not None:
                span.end(method=method, call=call, status=answer.status)

    async def _serve(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        if scope["method"] == "OPTIONS" and cors.is_preflight(scope):
            answer.cors = ()
            await answer.write(Response(status_code=204, headers=cors.PREFLIGHT))
            return
        body = b""
        try:
            check_address(scope)
            if scope["method"] not in _BODILESS:
                read = await read_body(scope, receive, has_arrived=answer.has_request)
                if read is None:
                    return  # the client has disconnected
                body = read
        except Problem as problem:
            await answer.write_any(self._refuse(scope, problem), receive)
            return
        route = self._direct.find(scope)
        if route is None:
            await self._app(scope, receive if scope["method"] in _BODILESS else replay(body, receive), answer.send)
        else:
            call = ApiRequest(scope, receive)
            call.whole_body = body
            try:
                response = await route.respond(call)
            except Exception as error:
                # As Starlette does, also for a defect: it answers, and raises again for the log of the server.
                response, is_defect = await self._refused(call, error)
                await answer.write_any(response, receive)
                if is_defect:
                    raise
            else:
                await answer.write_any(response, receive)

    async def _refused(self, request: Request, error: Exception) -> tuple[Response, bool]:
        kind = next(one for one in type(error).__mro__ if one in self._handlers)
        handle = cast(Callable[[Request, Exception], Awaitable[Response]], self._handlers[kind])
        return await handle(request, error), kind is Exception


class _Answer:
    """The answer to one request, on its way to the client."""

    __slots__ = ("_began", "_cycle", "_scope", "_seconds", "_send", "cors", "request_id", "status")

    def __init__(self, scope: Scope, send: Send) -> None:
        self._began = time.perf_counter()
        self._cycle = cycle_of(send)
        self._scope = scope
        self._seconds: float | None = None
        self._send = send
        self.cors = cors.marks(scope["path"])
        """The CORS headers that the answer gets."""
        self.request_id = scope[REQUEST_ID_KEY] = request_id_of(scope)
        self.status = 500
        """The status; 500 as long as there is no answer."""

    @property
    def has_request(self) -> bool:
        """Whether the whole request has arrived, as far as the server tells."""
        return self._cycle is not None and not self._cycle.more_body

    def taken(self) -> float:
        """Return the seconds until the answer began, or until now."""
        return time.perf_counter() - self._began if self._seconds is None else self._seconds

    async def send(self, message: Message) -> None:
        """Send a part of an answer (ASGI), with the headers of every answer at its start."""
        if message["type"] == "http.response.start":
            message["headers"] = self._begin(message["status"], message["headers"])
        await self._send(message)

    async def write(self, response: Response) -> None:
        """Write an answer with a body that is there."""
        headers = self._begin(response.status_code, response.raw_headers)
        if self._cycle:
            await write_answer(self._cycle, response.status_code, headers, bytes(response.body))
        else:
            await self._send({"type": "http.response.start", "status": response.status_code, "headers": headers})
            await self._send({"type": "http.response.body", "body": response.body})

    async def write_any(self, response: Response, receive: Receive) -> None:
        """Write an answer, or have it write itself if that is its way."""
        if type(response).__call__ is Response.__call__ and response.background is None:
            await self.write(response)
        else:
            await response(self._scope, receive, self.send)

    def _begin(self, status: int, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        self.status, self._seconds = status, time.perf_counter() - self._began
        marked = [*headers, *self.cors, (REQUEST_ID_HEADER, self.request_id.encode())]
        for name, _ in headers:
            if name == CACHE_CONTROL:
                break
        else:
            marked.append(_PRIVATE)
        if self._scope["app"].state.service.draining.is_set():
            # A caller that keeps the connection open would send the next request while it closes.
            marked.append(_CLOSE)
        return marked
