"""Look-alike entries: which groups are shown, removing them together, and undoing that."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from tests.support.lists import LIST, ORGANIZER, USER, Lists
from tests.support.shop import LIST as PATH
from tests.support.shop import Shop, problem
from waiting_list.lists import verbs
from waiting_list.lists.contact import Contact
from waiting_list.lists.engine import Engine
from waiting_list.lists.models import Answer, Several
from waiting_list.lists.queries.lookalikes import read_lookalikes
from waiting_list.lists.traces import family, near
from waiting_list.problems import InvalidRequest, WaitingListEnded
from waiting_list.settings import Settings

LOOKALIKES = f"/waiting-lists/{PATH}/lookalikes"
GROUP = {"signals", "entries", "tickets", "first_joined_at", "last_joined_at", "numbers"}


@pytest_asyncio.fixture
async def lists(lists: Lists) -> Lists:
    """A list that keeps traces of joins."""
    await lists.configure(one_place_per_address=True)
    return lists


async def join(lists: Lists, user_id: str, network: str | None, email: str | None = None, wanted: int = 4) -> int:
    """Join a fan over HTTP from a public address; return the number."""
    answer = await lists.engine.at(lists.now).run(
        lists.key,
        USER,
        verbs.join,
        user_id=user_id,
        tickets_wanted=wanted,
        contact=Contact(email=email),
        network=network,
    )
    assert answer.entry is not None
    return answer.entry.number


async def groups(lists: Lists) -> list[tuple[set[str], list[int]]]:
    """Return the signals and the numbers of each group."""
    found = await read_lookalikes(lists.pool, lists.key, limit=50, cursor=None)
    return [({*one.signals}, list(one.numbers)) for one in found.items]


async def remove(lists: Lists, *numbers: int) -> Several:
    answer = await lists.engine.at(lists.now).run(
        lists.key, ORGANIZER, verbs.remove_lookalikes, numbers=numbers, reason="one person"
    )
    return several(answer)


async def restore(lists: Lists, undo: str | None) -> Several:
    return several(await lists.engine.at(lists.now).run(lists.key, ORGANIZER, verbs.restore, undo=undo or ""))


def several(answer: Answer) -> Several:
    assert answer.several is not None
    return answer.several


def test_networks_and_families_are_as_wide_as_the_docs_say() -> None:
    assert near("93.184.216.34") == near("93.184.216.99") != near("93.184.217.34")
    assert near("2600:1:2:3::/64") == "2600:1:2:3::/64"
    assert family("fan1@bots.example") == family("fax9931@bots.example") != family("fan1@other.example")
    assert family("fan1@bots.example") != family("fans1@bots.example")
    assert family("fan1@gmail.com") == family("f.a.n22+x@googlemail.com") != family("fax1@gmail.com")


async def test_entries_of_one_network_or_of_one_family_of_addresses_are_shown_with_what_they_share(
    lists: Lists,
) -> None:
    # Within a minute, from one network, with addresses alike.
    bots = [await join(lists, f"bot{n}", f"1.2.3.{n}", f"fan{n}@bots.example") for n in range(5)]
    # From one network, hours apart.
    house = []
    for n, name in enumerate(("ada", "bob", "cleopatra")):
        lists.later(hours=1)
        house.append(await join(lists, name, "93.184.216.34", f"{name}@{n}.example"))
    # From all over the world, with addresses alike.
    spread = []
    for n in range(4):
        lists.later(hours=1)
        spread.append(await join(lists, f"x{n}", f"5.{n}.3.4", f"x{n}y@spread.example"))
    # Two are no group; nor is who came from nowhere.
    for n in range(2):
        await join(lists, f"pair{n}", "8.8.8.8", f"pair{n}@pair.example")
        await join(lists, f"unknown{n}", None, f"u{n}@unknown.example")
    await join(lists, "unknown2", None, "u2@unknown.example")
    assert await groups(lists) == [
        ({"network", "burst", "address_family"}, bots),
        ({"address_family"}, spread),
        ({"network"}, house),
    ]
    # Only those who are in count.
    await lists.leave("ada")
    await lists.leave("x0")
    assert await groups(lists) == [
        ({"network", "burst", "address_family"}, bots),
        ({"address_family"}, spread[1:]),
    ]


async def test_two_lists_have_no_hash_in_common_and_none_is_left_of_who_is_erased_or_after_the_end(
    lists: Lists,
) -> None:
    other = Lists(lists.pool, lists.engine, type(LIST)("off_2", "rep_2"))
    await other.add_list(other.key)
    for one in (lists, other):
        await one.configure(one_place_per_address=True)
        await join(one, "ada", "1.2.3.4", "ada@example.org")
        await join(one, "bob", "1.2.3.4")
    rows = await lists.rows("SELECT network, family FROM traces")
    assert len({row["network"] for row in rows}) == 2
    assert len({row["family"] for row in rows}) == 3
    await lists.erase("ada")
    assert len(await lists.rows("SELECT FROM traces")) == 3
    lists.later(days=30)
    await lists.end()
    rows = await lists.rows("SELECT list_id FROM traces")
    assert [row["list_id"] for row in rows] == [other.key.list_id] * 2


async def test_those_removed_together_are_told_why_in_the_history_and_get_their_places_back(lists: Lists) -> None:
    numbers = [await join(lists, f"u{n}", "1.2.3.4", f"u{n}@example.org") for n in range(8)]
    await lists.add_stock(4)  # u0 is ready
    done = await remove(lists, *numbers[:4], 99)
    # What u0 held has passed on.
    assert (done.numbers, done.skipped) == ((1, 2, 3, 4), (99,))
    assert await lists.line() == ["u5", "u6", "u7"]
    history = await lists.rows("SELECT number FROM history WHERE verb = 'remove' AND reason = 'one person'")
    assert sorted(row["number"] for row in history) == numbers[:4]
    await lists.audit()
    lists.later(hours=23)
    await lists.join("late")
    back = await restore(lists, done.undo)
    assert (back.numbers, back.skipped) == ((10, 11, 12, 13), ())
    # All stand where they stood, with their wishes, addresses and traces; who was ready waits.
    assert await lists.line() == ["u0", "u1", "u2", "u3", "u5", "u6", "u7", "late"]
    ((_, shown),) = await groups(lists)
    assert sorted(shown) == [5, 6, 7, 8, 10, 11, 12, 13]
    rows = await lists.rows("SELECT email FROM contacts WHERE number >= 10 ORDER BY number")
    assert [row["email"] for row in rows] == [f"u{n}@example.org" for n in range(4)]
    await lists.audit()
    # Once more does nothing, but say so.
    assert await restore(lists, done.undo) == Several(numbers=(), skipped=(1, 2, 3, 4), undo=None)
    await lists.add_stock(8)
    assert [await lists.status(f"u{n}") for n in range(3)] == ["ready", "ready", "waiting"]
    await lists.audit()


async def test_an_undo_leaves_out_who_has_joined_again_was_erased_or_whose_mailbox_has_a_place(
    lists: Lists,
) -> None:
    for name in ("ada", "bob", "cleo", "dan"):
        await lists.join(name, email=f"{name}@example.org", email_verified=True)
    done = await remove(lists, 1, 2, 3, 4)
    await lists.join("ada", email="ada@example.org", email_verified=True)
    await lists.erase("bob")
    await lists.join("eve", email="cleo+1@example.org", email_verified=True)
    back = await restore(lists, done.undo)
    assert (back.numbers, back.skipped) == ((7,), (1, 2, 3))
    assert await lists.line() == ["dan", "ada", "eve"]
    # The mailbox is dan's again.
    assert {row["number"] for row in await lists.rows("SELECT number FROM contacts WHERE sole_place")} >= {5, 6, 7}
    await lists.audit()


async def test_who_was_moved_to_where_somebody_stood_stands_behind_them_after_the_undo(lists: Lists) -> None:
    for name in ("ada", "bob", "cleo", "dan"):
        await lists.join(name)
    done = await remove(lists, 2)
    # Half-way between ada and cleo: exactly where bob stood.
    await lists.move("dan", before="cleo")
    rows = await lists.rows("SELECT rank FROM entries WHERE number IN (2, 4)")
    assert len({row["rank"] for row in rows}) == 1
    await restore(lists, done.undo)
    assert await lists.line() == ["ada", "bob", "dan", "cleo"]
    await lists.audit()


async def test_an_undo_is_refused_after_a_day_after_the_end_and_for_what_is_none(lists: Lists) -> None:
    await lists.join("ada")
    await lists.join("bob")
    done = await remove(lists, 1)
    for undo in ("", "1", "1-", "0-1", "2-1", "1-99999", "1-1", "x-y", "٣-٣", f"{10**17}-{10**17 + 1}"):
        async with lists.refused(InvalidRequest):
            await restore(lists, undo)
    lists.later(hours=24)
    async with lists.refused(InvalidRequest):
        await restore(lists, done.undo)
    done = await remove(lists, 2)
    lists.later(days=29)
    async with lists.refused(WaitingListEnded):
        await restore(lists, done.undo)


async def fan_joins(app: FastAPI, shop: Shop, user_id: str, email: str, *, address: str) -> None:
    token = (await shop.made("POST", "/user-tokens", {"user_id": user_id, "email": email}))["token"]
    transport = httpx.ASGITransport(app=app, client=(address, 5000))
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as fan:
        joined = await fan.post(
            f"/v1/user/waiting-lists/{PATH}/entry",
            json={"tickets_wanted": 2},
            headers={"Authorization": f"Bearer {token}"},
        )
    assert joined.status_code == 201


async def test_fans_of_other_networks_and_domains_are_in_no_group(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    await shop.made("PATCH", f"/waiting-lists/{PATH}", {"one_place_per_address": True})
    for n, address in enumerate(("93.184.216.1", "8.8.4.4", "1.1.1.1", "2606:4700::1", "2606:4700:0:1::1")):
        await fan_joins(app, shop, f"u{n}", f"fan@one{n}.example", address=address)
    assert (await shop.made("GET", LOOKALIKES))["items"] == []
    for n in range(3):
        await fan_joins(app, shop, f"v{n}", f"fan@two{n}.example", address=f"2606:4700:0:1::{n + 2}")
    (group,) = (await shop.made("GET", LOOKALIKES))["items"]
    assert (group["numbers"], group["signals"]) == ([5, 6, 7, 8], ["network", "burst"])


async def test_over_http_nobody_is_named_and_a_removal_is_done_once_and_undone(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    await shop.made("PATCH", f"/waiting-lists/{PATH}", {"one_place_per_address": True})
    for n in range(5):
        await fan_joins(app, shop, f"secret{n}", f"secret{n}@bots.example", address=f"93.184.216.{n}")
    answer = await shop.organizer("GET", LOOKALIKES)
    (group,) = answer.json()["items"]
    assert group.keys() == GROUP
    assert (group["entries"], group["tickets"], group["numbers"]) == (5, 10, [1, 2, 3, 4, 5])
    assert group["signals"] == ["network", "burst", "address_family"]
    assert "secret" not in answer.text
    body_: dict[str, Any] = {"numbers": [2, 3, 77], "reason": "one person"}
    answers = [
        await shop.organizer("POST", f"{LOOKALIKES}/remove", body_, headers={"Idempotency-Key": "k"}) for _ in "12"
    ]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    removed = answers[0].json()
    assert (removed["removed"], removed["skipped"], removed["promoted"]) == ([2, 3], [77], [])
    assert (await shop.entry("secret1"))["left_reason"] == "removed"
    restored = await shop.made("POST", f"{LOOKALIKES}/undo", {"undo": removed["undo"]})
    assert restored == {"restored": [6, 7], "skipped": [], "promoted": []}
    assert (await shop.entry("secret1"))["position"] == 2
    nobody = await shop.made("POST", f"{LOOKALIKES}/remove", {"numbers": [2], "reason": "again"})
    assert nobody == {"removed": [], "skipped": [2], "undo": None, "promoted": []}
    for bad in (
        {"numbers": [], "reason": "x"},
        {"numbers": [0], "reason": "x"},
        {"numbers": ["1"], "reason": "x"},
        {"numbers": list(range(1, 502)), "reason": "x"},
        {"numbers": [1]},
        {"numbers": [1], "reason": ""},
    ):
        problem(await shop.organizer("POST", f"{LOOKALIKES}/remove", bad), 422, "invalid_request")
    problem(await shop.organizer("POST", f"{LOOKALIKES}/undo", {"undo": "1-1"}), 422, "invalid_request")
    none = "/waiting-lists/off_9/rep_9/lookalikes"
    problem(await shop.organizer("GET", none), 404, "inventory_not_found")
    problem(await shop.organizer("GET", f"{LOOKALIKES}?cursor=x"), 422, "invalid_request")


async def test_pages_of_groups_follow_each_other(lists: Lists) -> None:
    for n in range(9):
        await join(lists, f"u{n}", f"1.2.{n % 3}.4")
    first = await read_lookalikes(lists.pool, lists.key, limit=2, cursor=None)
    rest = await read_lookalikes(lists.pool, lists.key, limit=2, cursor=first.next_cursor)
    assert [list(one.numbers) for one in (*first.items, *rest.items)] == [[1, 4, 7], [2, 5, 8], [3, 6, 9]]
    assert rest.next_cursor is None
    assert first.items[0].last_joined_at - first.items[0].first_joined_at == timedelta()


@pytest.mark.parametrize("email", [None, "ada@example.org"])
async def test_a_join_that_no_fan_made_over_http_leaves_no_trace(lists: Lists, email: str | None) -> None:
    await lists.join("ada", email=email)
    await lists.configure(one_place_per_address=False)
    await join(lists, "bob", "1.2.3.4", email)
    # A list that does not guard itself pays for none.
    assert await lists.rows("SELECT FROM traces") == []


async def test_fans_are_told_of_the_removal_and_of_having_their_places_back(lists: Lists, tmp_path: Path) -> None:
    lists.engine = Engine(lists.pool, Settings(mail_folder=tmp_path))
    await lists.join("ada", email="ada@example.org", email_verified=True)
    await lists.join("bob")
    done = await remove(lists, 1, 2)
    await restore(lists, done.undo)
    rows = await lists.rows("SELECT type, number FROM outbox ORDER BY number, sequence")
    assert [(row["type"], row["number"]) for row in rows] == [("joined", 1), ("removed", 1), ("joined", 3)]


async def test_a_list_with_a_challenge_notes_from_where_fans_join(lists: Lists) -> None:
    await lists.configure(one_place_per_address=False, join_challenge="adaptive")
    for n in range(3):
        await join(lists, f"u{n}", "1.2.3.4")
    assert await groups(lists) == [({"network", "burst"}, [1, 2, 3])]
