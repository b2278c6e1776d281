"""The ceiling: FastAPI alone, with the same validated bodies and the same answers, and nothing behind them.

No middleware, no credentials, no database. The picture is a string that is ready beforehand.
"""

import os
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from fastapi import FastAPI, Request, Response

from waiting_list.api.user.entries import Joining
from waiting_list.lists.models import Entry, Status

app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
ENTRY = "/v1/user/waiting-lists/{offer_id}/{representation_id}/entry"
NOW = datetime.now(UTC)


def entry(offer_id: str, representation_id: str, wanted: int, minimum: int) -> Entry:
    """An entry as a join answers it."""
    return Entry(
        offer_id=offer_id,
        representation_id=representation_id,
        event_id="event",
        user_id="user",
        status=Status.WAITING,
        left_reason=None,
        tickets_wanted=wanted,
        tickets_minimum=minimum,
        tickets_held=0,
        number=1000,
        rank=1_000_000_000,
        position=1000,
        tickets_ahead=2000,
        joined_at=NOW,
        ready_at=None,
        ready_until=None,
        left_at=None,
    )


@app.post(ENTRY, status_code=201)
async def join(offer_id: str, representation_id: str, body: Joining) -> Entry:
    """A join."""
    return entry(offer_id, representation_id, body.tickets_wanted, body.tickets_minimum or body.tickets_wanted)


@app.get(ENTRY)
async def get_entry(offer_id: str, representation_id: str) -> Entry:
    """A poll."""
    return entry(offer_id, representation_id, 2, 2)


@cache
def picture() -> bytes:
    """What the service answered, gzipped."""
    return Path(os.environ["BENCH_PICTURE"]).read_bytes()


@app.get("/v1/user/waiting-lists/{offer_id}/{representation_id}/queue")
async def get_queue(request: Request, offer_id: str, representation_id: str) -> Response:
    """The picture, or 304 where a tag was sent."""
    headers = {"ETag": '"0123456789abcdef"', "Cache-Control": "public, max-age=1"}
    if "if-none-match" in request.headers:
        return Response(None, 304, headers)
    headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return Response(picture(), 200, headers, media_type="application/json")
