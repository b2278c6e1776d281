"""The snapshot of the whole queue: its content, its caching, and how a page finds an exact position in it."""

import random
from contextlib import suppress
from typing import Any

import pytest

from tests.support.lists import Lists
from tests.support.shop import LIST, Shop, problem
from waiting_list.lists import ranks
from waiting_list.lists.models import Entry
from waiting_list.lists.queries.coalesced import CoalescedReads
from waiting_list.lists.queries.models import Queue
from waiting_list.lists.queries.queue_snapshot import KnownQueue
from waiting_list.postgres.pool import connection
from waiting_list.postgres.statements import sql
from waiting_list.problems import Problem
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
        "draws_at": None,
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


async def whole(lists: Lists) -> bytes:
    """Return the snapshot as a process makes it that knows nothing of the queue."""
    return (await CoalescedReads(lists.pool, Settings()).queue_snapshot(lists.key)).body


@pytest.mark.parametrize("seed", range(3))
async def test_a_snapshot_that_is_kept_up_to_date_is_the_one_that_is_read_whole(
    lists: Lists, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(ranks, "RANK_STEP", 1 << (ranks.SEGMENT_BITS - 1))  # two numbers to a segment
    chance = random.Random(seed)
    kept = [CoalescedReads(lists.pool, Settings()) for _ in range(3)]
    users = [f"u{n}" for n in range(90)]
    for user in users:
        await lists.join(user, chance.randint(1, 3))
    for _ in range(60):
        user, other = chance.sample(users, 2)
        with suppress(Problem):
            match chance.randrange(7):
                case 0:
                    await lists.leave(user)
                case 1 | 2:
                    users.append(f"u{len(users)}")
                    await lists.join(users[-1], chance.randint(1, 3))
                case 3:
                    await lists.move(user, to=chance.choice(["first", "last"]))
                case 4:
                    await lists.move(user, before=other)
                case 5:
                    await lists.change(user, wanted=chance.randint(1, 3))
                case _:
                    await lists.add_stock(chance.randint(1, 4))
        for reads in kept:
            if chance.random() < 0.4:  # so that each misses some
                assert (await reads.queue_snapshot(lists.key)).body == await whole(lists)


@pytest.mark.parametrize("version", [-1, 1])
async def test_a_snapshot_is_read_whole_after_another_history(lists: Lists, version: int) -> None:
    """A database that lost its last changes goes on from an earlier version; a list can be created again."""
    for user in ("ada", "bob", "cleo"):
        await lists.join(user)
    await lists.leave("ada")
    reads = CoalescedReads(lists.pool, Settings())
    before = await reads.queue_snapshot(lists.key)
    async with connection(lists.pool) as acquired:
        await acquired.execute("UPDATE history SET at = at + interval '1 microsecond'")
        await acquired.execute("UPDATE inventory SET waiting = 1, last_sequence = last_sequence + $1", version)
        await acquired.execute("UPDATE segments SET segment = 1, waiting = 1, changed = 1 WHERE bits = 30")
        await acquired.execute("UPDATE inventory SET last_rank = 3221225472")
    after = await reads.queue_snapshot(lists.key)
    assert after.body == await whole(lists) != before.body
    assert Queue.model_validate_json(after.body).segments == [[1, 0, 0, 1]]


async def test_a_change_of_a_long_queue_reads_the_changed_segments_only(
    lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranks, "RANK_STEP", 1 << (ranks.SEGMENT_BITS - 1))
    for n in range(100):
        await lists.join(f"u{n}")
    known = KnownQueue()

    async def read() -> Any:
        async with connection(lists.pool) as acquired:
            statement = sql("read_queue")
            record = await acquired.fetchrow(
                statement, lists.key.list_id, ranks.SEGMENT_BITS, known.version, known.segment
            )
        assert record is not None
        assert known.continues_in(record)
        known.snapshot(record)
        return record["segments"]

    assert len(await read()) > 50
    last = known.segment
    assert await read() == [last]
    await lists.leave("u20")
    assert await read() == [10, last]
    await lists.join("late")
    assert known.segment == last
    assert await read() in ([last], [last, last + 1])


async def test_the_snapshot_of_a_long_queue_is_small(lists: Lists, shop: Shop) -> None:
    async with connection(lists.pool) as acquired:
        await acquired.execute(
            "INSERT INTO segments SELECT $1::uuid, n, 1073, 2500, 1000 + n, 30 FROM generate_series(0, 930) n"
            " UNION ALL SELECT $1::uuid, n, 34336, 80000, 1930, 35 FROM generate_series(0, 29) n",
            lists.key.list_id,
        )
    answer = await shop.http.get(PATH, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.json()["segments"]) == 931
    assert int(answer.headers["content-length"]) < 12_000
    plain = await shop.http.get(PATH, headers={"Accept-Encoding": "identity"})
    assert plain.json() == answer.json()
