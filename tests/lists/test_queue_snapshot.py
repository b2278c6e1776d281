"""The snapshot of the whole queue: its content, its caching, and how a page finds an exact position in it."""

import random
from typing import Any

import pytest

from tests.support.lists import Lists
from tests.support.shop import LIST, Shop, problem
from waiting_list.lists import ranks
from waiting_list.lists.models import Entry
from waiting_list.lists.queries.coalesced import CoalescedReads
from waiting_list.lists.queries.models import Queue
from waiting_list.settings import Settings

PATH = f"/v1/user/waiting-lists/{LIST}/queue"


async def test_the_snapshot_is_the_same_for_all_readers_and_kept_for_a_second(shop: Shop) -> None:
    await shop.stock()
    await shop.join("ada", 2)
    await shop.join("bob", 3)
    first = await shop.http.get(PATH)
    assert first.json() | {"version": 0} == {
        "offer_id": "off_1",
        "representation_id": "rep_1",
        "event_id": "ev_1",
        "version": 0,
        "waiting": 2,
        "tickets_waiting": 5,
        "free": 0,
        "segment_bits": 30,
        "segments": [[0, 0, 0, 0]],
    }
    assert "ada" not in first.text
    assert first.headers["cache-control"] == "public, max-age=1"
    tag = first.headers["etag"]
    for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        again = await shop.http.get(PATH, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    await shop.join("cleo")
    changed = await shop.http.get(PATH, headers={"If-None-Match": tag})
    assert (changed.status_code, changed.json()["waiting"]) == (200, 3)
    assert changed.json()["version"] > first.json()["version"]
    nowhere = await shop.http.get("/v1/user/waiting-lists/unknown/unknown/queue")
    problem(nowhere, 404, "inventory_not_found")
    problem(await shop.http.get(PATH + "?x=1"), 422, "invalid_request")


def segment_of(snapshot: Queue, rank: int) -> list[int] | None:
    return next((one for one in snapshot.segments if one[0] == rank >> snapshot.segment_bits), None)


async def test_a_page_finds_its_exact_place_until_its_segment_changes(
    lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranks, "RANK_STEP", 1 << (ranks.SEGMENT_BITS - 2))  # four numbers to a segment
    chance = random.Random(7)
    waiting = [f"u{n}" for n in range(40)]
    for user in waiting:
        await lists.join(user, chance.randint(1, 3))
    reads = CoalescedReads(lists.pool, Settings())
    known: dict[str, tuple[Entry, Any]] = {}
    asked = answered = 0
    for step in range(60):
        user = chance.choice(waiting)
        match step % 4:
            case 0:
                await lists.leave(user)
                waiting.remove(user)
            case 1:
                await lists.move(user, before=chance.choice(waiting))
            case 2:
                await lists.join(f"late{step}", 1)
            case _:
                promoted = (await lists.add_stock(1)).promoted
                waiting = [one for one in waiting if one not in {entry.user_id for entry in promoted}]
        snapshot = Queue.model_validate_json((await reads.queue_snapshot(lists.key)).body)
        for one in waiting:
            entry, then = known.get(one, (None, None))
            now = entry and segment_of(snapshot, entry.rank)
            if entry is None or now is None or now[3] != then[3]:
                asked += 1
                entry = await lists.entry(one)
                known[one] = entry, segment_of(snapshot, entry.rank)
                continue
            answered += 1
            truth = await lists.entry(one)
            assert (truth.position or 0) == (entry.position or 0) - then[1] + now[1]
            assert (truth.tickets_ahead or 0) == (entry.tickets_ahead or 0) - then[2] + now[2]
    assert answered > 5 * asked
    await lists.audit()


async def test_the_snapshot_of_a_long_queue_is_small(lists: Lists, shop: Shop) -> None:
    from waiting_list.postgres.pool import connection

    async with connection(lists.pool) as acquired:
        await acquired.execute(
            "INSERT INTO segments SELECT $1, n, 1073, 2500, 1000 + n, 30 FROM generate_series(0, 930) n",
            lists.key.list_id,
        )
    answer = await shop.http.get(PATH, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.json()["segments"]) == 931
    assert int(answer.headers["content-length"]) < 12_000
    plain = await shop.http.get(PATH, headers={"Accept-Encoding": "identity"})
    assert plain.json() == answer.json()
