"""Stream changes as server-sent events (WHATWG HTML, 9.2): of a user's entry, or of an organizer's lists.

A stream begins as an answer of the application. After its first event it takes the connection over from the
server (web/header_limits.py), so that an idle stream needs no request, no task and no timer of its own.
"""

import asyncio
import hashlib
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import cast

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from waiting_list.lists.models import Entry
from waiting_list.lists.queries.list_watch import ListWatch, ListWatcher
from waiting_list.lists.queries.live import Live, Watcher
from waiting_list.periodic import repeat
from waiting_list.problems import Problem
from waiting_list.web.header_limits import HAND_OVER, Successor

log = structlog.get_logger(__name__)

COMMENT_SECONDS = 15.0
"""The time between two comments, which keep proxies from closing a quiet stream."""
SLOW_SECONDS = 10.0
"""How long a reader may leave data unread before the stream drops it."""
LOOK_SECONDS = 1.0
"""The time between two looks at all streams."""
_AT_ONCE = 50
"""The most streams to write to before other calls have their turn."""
_RETRY = b"retry: 2000\n\n"
"""A reader that loses the stream connects again after so many milliseconds."""
_COMMENT = b":\n\n"
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"x-accel-buffering", b"no"),
]
_CLOSE = (b"connection", b"close")


class Streams:
    """The open streams of this process. `run` looks after them until it is cancelled."""

    def __init__(self, live: Live, lists: ListWatch, with_pass: Callable[[Entry], Awaitable[Entry]]) -> None:
        self.live = live
        self.lists = lists
        self.with_pass = with_pass
        self.unread: Counter[Stream] = Counter()
        """The readers that have left data unread, each with the number of looks since."""
        self._by_comment: deque[Stream] = deque()
        """The streams in the order of their next comments. A closed stream stays until then."""
        self._with_news: deque[Stream] = deque()
        self._writing: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Look once a second."""
        await repeat(self.look, seconds=LOOK_SECONDS, failing="streams_failing")

    async def look(self) -> None:
        """Drop the readers that read nothing, and send the comments that are due."""
        for stream in [*self.unread]:
            # Counted, not timed, because readers cannot read while this process is stopped.
            self.unread[stream] += 1
            if self.unread[stream] * LOOK_SECONDS > SLOW_SECONDS:
                log.info("slow_reader_dropped")
                stream.drop()
        now, sent = asyncio.get_running_loop().time(), 0
        while self._by_comment and self._by_comment[0].comment_at <= now:
            stream = self._by_comment.popleft()
            if stream.comment():
                self.comment_later(stream)
            sent += 1
            if sent % _AT_ONCE == 0:
                await asyncio.sleep(0)

    def close(self) -> None:
        """End all present and future streams, because the process is about to end."""
        self.live.close()
        self.lists.close()

    def comment_later(self, stream: "Stream") -> None:
        """Let the stream send a comment in COMMENT_SECONDS."""
        stream.comment_at = asyncio.get_running_loop().time() + COMMENT_SECONDS
        self._by_comment.append(stream)

    def write_soon(self, stream: "Stream") -> None:
        """Let the stream write its news, after those that came before."""
        self._with_news.append(stream)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        # One task writes for all streams, and gives way, so that news for thousands delay no other call.
        written = 0
        while self._with_news:
            await self._with_news.popleft().write_news()
            written += 1
            if written % _AT_ONCE == 0:
                await asyncio.sleep(0)
        self._writing = None


class Stream(Successor):
    """Stream the news of a watcher. A reader that is slow gets the newest news only."""

    __slots__ = ("_is_queued", "_streams", "_transport", "_watcher", "comment_at")

    def __init__(self, streams: Streams, watcher: Watcher | ListWatcher) -> None:
        self.connections = set()
        self.comment_at = 0.0
        """The time of its next comment, on the clock of the loop."""
        self._streams = streams
        self._watcher = watcher
        self._transport: asyncio.Transport | None = None
        self._is_queued = False

    async def first(self) -> bytes:
        """Return what the stream begins with."""
        return _RETRY + (await self.news() or b"")

    async def news(self) -> bytes | None:
        """Take the newest news of the watcher as an event; None ends the stream. Raises Problem."""
        raise NotImplementedError

    def leave(self) -> None:
        """End the watch."""
        self.connections.discard(self)
        self._streams.unread.pop(self, None)
        self._end_watch()

    def _end_watch(self) -> None:
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Stream on this connection from now on."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(0)  # so that one event at most waits for a slow reader
        self._streams.comment_later(self)
        self._watcher.reader = self
        if self._watcher.has_news:
            self.wake()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """End the watch, because the reader has left or was dropped, or the stream has ended."""
        self._transport = None
        self.leave()

    def pause_writing(self) -> None:
        """Write nothing more until the reader has read what is written."""
        self._streams.unread[self] = 0

    def resume_writing(self) -> None:
        """Go on with the newest news."""
        del self._streams.unread[self]
        if self._watcher.has_news:
            self.wake()

    def shutdown(self) -> None:
        """End the stream, because the server ends."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"0\r\n\r\n")
            self._transport.close()

    def drop(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def comment(self) -> bool:
        """Send a comment, and return whether the stream still needs one later."""
        self._write(_COMMENT)
        return self._transport is not None

    def wake(self) -> None:
        """Write the news of the watcher soon."""
        if not self._is_queued:
            self._is_queued = True
            self._streams.write_soon(self)

    async def write_news(self) -> None:
        """Write the newest news, or end the stream if the watch has ended."""
        self._is_queued = False
        if self in self._streams.unread:
            return  # until the reader has read the rest
        try:
            event = None if self._watcher.closed else await self.news()
        except Problem:  # an outage, and logged where it occurs; the reader connects again
            event = None
        if event is None:
            self.shutdown()
        elif event:
            self._write(event)

    def _write(self, body: bytes) -> None:
        transport = self._transport
        if transport is not None and not transport.is_closing() and self not in self._streams.unread:
            transport.write(b"%x\r\n%s\r\n" % (len(body), body))


class EntryStream(Stream):
    """Stream a watched entry: as it is now, then on every change.

    An event's id is a hash of its data. A reader that reconnects with it as `Last-Event-ID` gets the next event
    only after a change. With a `number`, the stream is about that entry alone, and ends if its user has a later
    one. `admits` is asked before each event whether another reader than the fan may still see it; that reader gets
    no user id.
    """

    __slots__ = ("_admits", "_entries", "_last_event_id", "_number")

    def __init__(
        self,
        streams: Streams,
        watcher: Watcher,
        *,
        last_event_id: str | None,
        number: int | None = None,
        admits: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        super().__init__(streams, watcher)
        self._entries = watcher
        self._last_event_id = last_event_id
        self._number = number
        self._admits = admits

    async def news(self) -> bytes | None:
        """Take the newest entry; None if it is another one than the stream is about."""
        entry = self._entries.take()
        if entry is None:
            return b""
        if self._number not in (None, entry.number):
            return None
        shown = await self._streams.with_pass(entry)
        if self._admits is not None:
            if not await self._admits():
                return None
            shown = shown.model_copy(update={"user_id": None})
        data = shown.model_dump_json().encode()
        name = _name(data)
        if name == self._last_event_id:
            return _COMMENT
        self._last_event_id = name
        return b"id: %s\ndata: %s\n\n" % (name.encode(), data)

    def _end_watch(self) -> None:
        self._streams.live.leave(self._entries)


class ListStream(Stream):
    """Tell a page of the dashboard that what it shows has changed, at most once a second.

    An event says how many changes there were so far, and nothing else. So the page asks for itself again, which
    checks the session.
    """

    __slots__ = ("_lists",)

    def __init__(self, streams: Streams, watcher: ListWatcher) -> None:
        super().__init__(streams, watcher)
        self._lists = watcher

    async def news(self) -> bytes | None:
        """Take the newest number of changes."""
        version = self._lists.take()
        return b"" if version is None else b"data: %d\n\n" % version

    def _end_watch(self) -> None:
        self._streams.lists.leave(self._lists)


def event_id(entry: Entry) -> str:
    """Return the id of the event for this entry, so that a page that shows the entry notices a newer one."""
    return _name(entry.model_dump_json().encode())


def _name(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


class StreamResponse(Response):
    """Begin a stream, and let it take the connection over.

    The server closes the connection after the stream, so it answers no request that the reader sends behind it.
    """

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send the headers and the first event."""
        stream = self._stream
        try:
            await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS, _CLOSE]})
            await send({"type": "http.response.body", "body": await stream.first(), "more_body": True})
        except BaseException:
            stream.leave()
            raise
        if (hand_over := scope.get(HAND_OVER)) is None:  # the reader has left meanwhile
            stream.leave()
        else:
            hand_over(stream)


class StreamHeaders(Response):
    """Answer HEAD as a stream would begin, without a stream."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send the headers of a stream."""
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": b""})
