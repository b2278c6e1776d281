"""The verb `draw`, its twin of the clock, and the settings of a draw that `configure` checks: docs/draws.md.

With `order: draw`, the service commits to a secret when the list is set up. The organizer names a public source of
randomness. Both together decide the lots, so that neither can steer them alone.
"""

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from waiting_list.lists.draws import DRAND, ENTERED, LEDGER, padded_keys, seed_of
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.ranks import SEGMENT_LEVELS
from waiting_list.lists.rows import News
from waiting_list.lists.setting_values import Order
from waiting_list.postgres.pool import Connection, Record
from waiting_list.postgres.statements import sql
from waiting_list.problems import CannotDraw, InvalidRequest, WaitingListEnded

FALLBACK_AFTER = timedelta(hours=24)
"""How long after `draw_at` the service holds a draw by itself, with randomness from the ledger."""
MOST_CHARACTERS = 1000
_SECONDS = 600.0
"""Longer than the time limit of requests, because the lots of a million take a while."""
_SECRET_BYTES = 32
_SETTINGS = ("order", "draw_at", "draw_source")


class Beacon(NamedTuple):
    """A round of the drand network, the first one at or after `draw_at`; `randomness` is its value in hex."""

    draw_at: datetime
    number: int
    randomness: str
    signature: str


RootOf = Callable[[Connection, UUID, int], Awaitable[bytes]]
"""Returns the root of a list's ledger over so many changes."""


def check_draw(locked: LockedList, changes: Mapping[str, Any]) -> None:
    """Check that these changes of settings leave a draw that was announced as it was.

    Fans join under its order and its source, so both stay from the first join on. The instant stays once it has
    come, because the randomness may be known by then. Raises InvalidRequest.
    """
    row = locked.list
    now = {name: changes.get(name, getattr(row, name)) for name in _SETTINGS}
    changed = [name for name in _SETTINGS if now[name] != getattr(row, name)]
    joined = row.last_number > 0 or row.drawn_at is not None
    for name in changed:
        if joined and name != "draw_at":
            raise InvalidRequest.of(name, "cannot be changed after a fan has joined")
    if not changed or now["order"] is not Order.DRAW:
        return
    if joined and (row.drawn_at or row.draw_at is None or row.draw_at <= locked.now):
        raise InvalidRequest.of("draw_at", "cannot be changed once the draw is due or held")
    if now["draw_at"] is None:
        raise InvalidRequest.of("draw_at", "must be given for an order by lot")
    if now["draw_at"] <= locked.now:
        raise InvalidRequest.of("draw_at", "must lie ahead")
    closes_at = changes.get("closes_at", row.closes_at)
    ends_at = min(closes_at, locked.starts_at) if closes_at else locked.starts_at
    if now["draw_at"] >= ends_at:
        raise InvalidRequest.of("draw_at", f"must be before the list ends ({ends_at.isoformat()})")


async def commit_draw(locked: LockedList, changes: dict[str, Any]) -> None:
    """Make the secret of a list that is to be drawn, and add the commitment to it to the changes; and a source, if
    the organizer names none."""
    row = locked.list
    if changes.get("order", row.order) is not Order.DRAW:
        return
    if changes.get("draw_source", row.draw_source) is None:
        changes["draw_source"] = ENTERED
    if row.draw_commitment is None:
        secret = secrets.token_bytes(_SECRET_BYTES)
        await locked.connection.execute(sql("insert_draw"), row.list_id, secret)
        changes["draw_commitment"] = sha256(secret).hexdigest()


async def draw(locked: LockedList, *, randomness: str) -> None:
    """Draw the lots with this public randomness; white space counts as one blank. Safe to repeat.

    Everyone who joined before `draw_at`, and is still there, gets a place by lot; later fans stay behind them, in
    their order. The history has one change, from which everybody can compute every place. Then free tickets go to
    the first in line. Raises InvalidRequest, CannotDraw, WaitingListEnded.
    """
    row = locked.list
    randomness = " ".join(randomness.split())
    if not 1 <= len(randomness) <= MOST_CHARACTERS or not (randomness.isascii() and randomness.isprintable()):
        what = f"must be 1 to {MOST_CHARACTERS} printable characters of ASCII"
        raise InvalidRequest.of("randomness", what)
    if randomness.startswith(LEDGER):
        raise InvalidRequest.of(
            "randomness", f"must not begin with {LEDGER}, as only the service's own value does"
        )
    if row.draw_source == DRAND and not re.fullmatch("[0-9a-f]{64}", randomness):
        raise InvalidRequest.of("randomness", "must be the randomness of the drand round: 64 digits, 0-9 and a-f")
    if row.order is not Order.DRAW or row.draw_at is None:
        raise CannotDraw("The order of this list is by arrival.")
    if row.drawn_at is not None:
        if randomness != (await _read(locked))["randomness"]:
            raise CannotDraw(f"The draw was held at {row.drawn_at.isoformat()}, with another value.")
        return
    if locked.ended:
        raise WaitingListEnded("The show has begun, or the list has closed for good.")
    if locked.now < row.draw_at:
        raise CannotDraw(f"Fans can join the draw until {row.draw_at.isoformat()}.")
    await _draw(locked, randomness)


async def draw_by_clock(locked: LockedList, *, beacon: Beacon | None = None, root_of: RootOf) -> None:
    """Draw the lots with a drand round, if the list names drand; without one, FALLBACK_AFTER `draw_at`, with the
    root of the list's ledger over all changes before. It changes no data before, after the draw and after the end.
    """
    row = locked.list
    if not row.undrawn or row.draw_at is None or locked.ended or locked.now < row.draw_at:
        return
    if beacon is not None and row.draw_source == DRAND and beacon.draw_at == row.draw_at:
        await _draw(locked, beacon.randomness, draw_round=beacon.number, draw_signature=beacon.signature)
    elif locked.now >= row.draw_at + FALLBACK_AFTER:
        await locked.flush()
        root = await root_of(locked.connection, row.list_id, row.last_sequence)
        await _draw(locked, LEDGER + root.hex())


async def _read(locked: LockedList) -> Record:
    found = await locked.connection.fetchrow(sql("read_draw"), locked.list.list_id)
    assert found is not None, "a list that is to be drawn has a secret"
    return found


async def _draw(locked: LockedList, randomness: str, **noted: Any) -> None:
    await locked.flush()
    row, run = locked.list, locked.connection
    secret = (await _read(locked))["secret"]
    through = await run.fetchval(sql("read_last_before_draw"), row.list_id, row.draw_at) or 0
    changed = row.last_sequence + 1
    inner, outer = padded_keys(seed_of(secret, randomness))
    await run.execute(sql("plan_for_lots"), "on", "off")
    await run.execute(sql("draw_lots"), row.list_id, through, inner, outer, timeout=_SECONDS)
    await run.execute(sql("plan_for_lots"), "off", "on")
    await run.execute(sql("clear_segments"), row.list_id, changed, timeout=_SECONDS)
    await run.execute(sql("count_segments"), row.list_id, changed, [*SEGMENT_LEVELS], timeout=_SECONDS)
    await run.execute(sql("update_draw"), row.list_id, randomness)
    locked.record(
        "draw",
        on_list={"drawn_at": locked.now, "drawn_through": through},
        noted={"draw_secret": secret.hex(), "draw_randomness": randomness} | noted,
    )
    sides = {"drawn_at": None}, {"drawn_at": locked.now.isoformat(), "draw_randomness": randomness}
    locked.news.append(News(uuid4(), "draw", locked.list.last_sequence, *sides))
    await locked.reload_ranks()
    locked.needs_promotion = True
