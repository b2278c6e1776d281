"""One place for each verified mailbox in a list: for every spelling, and also when joins are concurrent."""

import asyncio
from typing import Any

import asyncpg
import pytest
from fastapi import FastAPI

from tests.support.lists import LIST, ORGANIZER, USER, Lists
from tests.support.shop import LIST as PATH
from tests.support.shop import Shop, problem
from waiting_list.lists import verbs
from waiting_list.lists.contact import Contact
from waiting_list.lists.engine import Engine
from waiting_list.lists.models import ListKey
from waiting_list.lists.settings_models import SettingsChange
from waiting_list.postgres.pool import connection
from waiting_list.problems import AddressTaken, AlreadyInList
from waiting_list.settings import Settings

ALIASES = ["ada@gmail.com", "a.d.a@gmail.com", "Ada+jazz@googlemail.com", "ada+2@gmail.com"]


async def rule(lists: Lists, **settings: Any) -> None:
    """Give the list the rule, or these settings."""
    await lists.configure(**(settings or {"one_place_per_address": True}))


async def active(lists: Lists) -> int:
    """Return the number of active entries."""
    (row,) = await lists.rows("SELECT count(*) AS entries FROM entries WHERE status <> 'left'")
    return int(row["entries"])


@pytest.mark.parametrize("settings", [{"one_place_per_address": True}, {"verify_email": True}])
async def test_a_verified_mailbox_has_one_place_however_its_address_is_spelt(
    lists: Lists, settings: dict[str, Any]
) -> None:
    await rule(lists, **settings)
    await lists.join("u0", email=ALIASES[0], email_verified=True)
    for n, alias in enumerate(ALIASES):
        async with lists.refused(AddressTaken):
            await lists.join(f"u{n + 1}", email=alias, email_verified=True)
    async with lists.refused(AlreadyInList):
        await lists.join("u0", email=ALIASES[1], email_verified=True)
    await lists.join("bob", email="bob@gmail.com", email_verified=True)
    # An unverified address may belong to another person.
    await lists.join("eve", email="ada@gmail.com")
    await lists.join("zoe", email="zoe@gmail.com")
    assert await active(lists) == 4
    await lists.audit()


@pytest.mark.parametrize("settings", [{"one_place_per_address": False, "verify_email": True}, {"open": True}])
async def test_without_the_rule_a_mailbox_has_as_many_places_as_it_likes(
    lists: Lists, settings: dict[str, Any]
) -> None:
    await lists.configure(**settings)
    for n, alias in enumerate(ALIASES):
        await lists.join(f"u{n}", email=alias, email_verified=True)
    assert await lists.rows("SELECT FROM contacts WHERE mailbox IS NOT NULL") == []


async def test_an_address_whose_mailbox_has_a_place_is_not_verified_and_the_entry_stays(lists: Lists) -> None:
    await rule(lists)
    await lists.join("ada", email="ada@gmail.com", email_verified=True)
    eve = await lists.join("eve", email="ada+1@gmail.com")
    async with lists.refused(AddressTaken):
        await lists.verify("eve", eve.number, "ada+1@gmail.com")
    bob = await lists.join("bob", email="bob@example.org", email_verified=True)
    async with lists.refused(AddressTaken):
        await lists.set_contact("bob", email="ada+2@gmail.com", email_verified=True)
    assert [one.number for one in (eve, bob)] == [2, 3]
    assert await lists.line() == ["ada", "eve", "bob"]
    # Once the place is given up, the mailbox is free again.
    await lists.leave("ada")
    await lists.verify("eve", eve.number, "ada+1@gmail.com")
    await lists.verify("eve", eve.number, "ada+1@gmail.com")
    async with lists.refused(AddressTaken):
        await lists.join("ada", email="ada@gmail.com", email_verified=True)
    # What is left of one's own address can be changed.
    await lists.set_contact("eve", email="ada+1@gmail.com", name="Eve")
    await lists.set_contact("eve", email="eve@example.org", email_verified=True)
    await lists.join("ada", email="ada@gmail.com", email_verified=True)
    await lists.audit()


async def give_up(lists: Lists, how: str) -> None:
    """End Ada's place in this way."""
    match how:
        case "leave" | "remove" | "erase":
            await getattr(lists, how)("ada")
        case "buy":
            await lists.add_stock(1)
            await lists.buy("ada")
        case "expire":
            await lists.add_stock(1)
            lists.later(hours=25)
            await lists.expire()
        case "another":
            await lists.set_contact("ada", email="ada@example.org")


@pytest.mark.parametrize("how", ["leave", "remove", "erase", "buy", "expire", "another"])
async def test_whichever_way_a_place_ends_its_mailbox_is_free(lists: Lists, how: str) -> None:
    await rule(lists)
    await lists.join("ada", email="ada@gmail.com", email_verified=True)
    await give_up(lists, how)
    await lists.join("bob", email="a.da@gmail.com", email_verified=True)
    async with lists.refused(AddressTaken):
        await lists.join("eve", email="ada@gmail.com", email_verified=True)
    assert len(await lists.rows("SELECT FROM contacts WHERE sole_place")) == 1
    await lists.audit()


async def test_who_waits_again_after_a_lapsed_hold_has_the_mailbox_still(lists: Lists) -> None:
    await rule(lists, one_place_per_address=True, after_expiry="requeue")
    await lists.join("ada", email="ada@gmail.com", email_verified=True)
    await lists.join("bob")
    await lists.add_stock(1)
    lists.later(hours=25)
    await lists.expire()
    assert await lists.line() == ["ada"]
    async with lists.refused(AddressTaken):
        await lists.join("eve", email="ada@gmail.com", email_verified=True)
    (row,) = await lists.rows("SELECT number FROM contacts WHERE sole_place")
    assert row["number"] == 3
    await lists.audit()


async def test_of_many_who_come_at_once_with_one_mailbox_one_gets_a_place(lists: Lists) -> None:
    await rule(lists)
    lists.now = None  # type: ignore[assignment] - by the clock, so that they go in batches
    engines = [lists.engine, Engine(lists.pool, Settings())]

    async def join(n: int) -> Any:
        contact = Contact(email=f"ada+{n}@example.org", email_verified=True)
        return await engines[n % 2].run(LIST, USER, verbs.join, user_id=f"u{n}", tickets_wanted=4, contact=contact)

    answers = await asyncio.gather(*(join(n) for n in range(60)), return_exceptions=True)
    assert sum(isinstance(one, AddressTaken) for one in answers) == 59, answers
    assert await active(lists) == 1
    await lists.audit()


async def test_in_one_batch_a_place_given_up_frees_its_mailbox_for_whoever_comes_after(lists: Lists) -> None:
    await rule(lists)
    contact = Contact(email="ada@example.org", email_verified=True)
    engine = lists.engine

    async def join(user_id: str) -> Any:
        return await engine.run(LIST, USER, verbs.join, user_id=user_id, tickets_wanted=1, contact=contact)

    async with connection(lists.pool) as acquired, acquired.transaction():
        # Requests that come while the list is locked are one batch.
        await acquired.execute("SELECT FROM inventory FOR UPDATE")
        leave = engine.run(LIST, USER, verbs.leave, user_id="ada")
        tasks = [asyncio.ensure_future(one) for one in (join("ada"), join("bob"), leave, join("eve"), join("zoe"))]
        await asyncio.sleep(0)
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(one, AddressTaken) for one in answers] == [False, True, False, False, True], answers
    assert [row["number"] for row in await lists.rows("SELECT number FROM contacts WHERE sole_place")] == [2]
    await lists.audit()


async def test_who_was_in_with_one_mailbox_twice_stays_when_the_rule_comes_and_others_are_refused(
    lists: Lists,
) -> None:
    for n, alias in enumerate(ALIASES):
        await lists.join(f"u{n}", email=alias, email_verified=True)
    await rule(lists)
    assert await lists.line() == ["u0", "u1", "u2", "u3"]
    # The first to come has the addresses of all folded, once; so this one refusal writes something.
    with pytest.raises(AddressTaken):
        await lists.join("late", email="ada@gmail.com", email_verified=True)
    async with lists.refused(AddressTaken):
        await lists.join("late", email="ada+9@gmail.com", email_verified=True)
    # They can still change the name.
    await lists.set_contact("u1", email=ALIASES[1], name="Ada")
    for n in range(4):
        async with lists.refused(AddressTaken):
            await lists.join("late", email="ada@gmail.com", email_verified=True)
        await lists.leave(f"u{n}")
    await lists.join("late", email="ada@gmail.com", email_verified=True)
    assert await lists.line() == ["late"]
    await lists.audit()


async def test_where_tags_count_a_mailbox_has_one_place_for_each_tag(lists: Lists) -> None:
    await rule(lists, one_place_per_address=True, ignore_address_tags=False)
    await lists.join("u0", email="a.da@gmail.com", email_verified=True)
    await lists.join("u1", email="ada+jazz@gmail.com", email_verified=True)
    for taken in ("ada@googlemail.com", "A.da+Jazz@gmail.com"):
        async with lists.refused(AddressTaken):
            await lists.join("late", email=taken, email_verified=True)
    await lists.join("u2", email="ada+opera@gmail.com", email_verified=True)
    assert await lists.line() == ["u0", "u1", "u2"]
    await lists.audit()


async def test_whichever_way_the_meaning_of_tags_changes_all_stay_and_later_joins_are_compared_anew(
    lists: Lists,
) -> None:
    await rule(lists)
    await lists.join("ada", email="ada@example.org", email_verified=True)
    await rule(lists, ignore_address_tags=False)
    await lists.join("child", email="ada+child@example.org", email_verified=True)
    await rule(lists, ignore_address_tags=True)
    assert await lists.line() == ["ada", "child"]
    for holder in ("ada", "child"):
        # Both have the one mailbox now, so it is free when both have left.
        with pytest.raises(AddressTaken):
            await lists.join("late", email="ada+late@example.org", email_verified=True)
        await lists.leave(holder)
    await lists.join("late", email="ada+late@example.org", email_verified=True)
    await rule(lists, ignore_address_tags=False)
    with pytest.raises(AddressTaken):
        await lists.join("again", email="ADA+late@example.org", email_verified=True)
    await lists.join("again", email="ada@example.org", email_verified=True)
    assert await lists.line() == ["late", "again"]
    await lists.audit()


async def test_in_one_batch_a_change_of_what_tags_mean_binds_the_joins_behind_it(lists: Lists) -> None:
    await rule(lists)
    engine = lists.engine

    async def join(user_id: str, email: str) -> Any:
        contact = Contact(email=email, email_verified=True)
        return await engine.run(LIST, USER, verbs.join, user_id=user_id, tickets_wanted=1, contact=contact)

    change = SettingsChange(ignore_address_tags=False)
    async with connection(lists.pool) as acquired, acquired.transaction():
        await acquired.execute("SELECT FROM inventory FOR UPDATE")
        calls = (
            join("ada", "ada@example.org"),
            join("bob", "ada+bob@example.org"),
            engine.run(LIST, ORGANIZER, verbs.configure, settings=change),
            join("eve", "ada+eve@example.org"),
            join("zoe", "ada+eve@example.org"),
        )
        tasks = [asyncio.ensure_future(call) for call in calls]
        await asyncio.sleep(0)
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(one, AddressTaken) for one in answers] == [False, True, False, False, True], answers
    assert await lists.line() == ["ada", "eve"]
    await lists.audit()


async def test_a_mailbox_is_kept_as_a_hash_that_no_two_lists_share_and_is_erased_with_the_person(
    lists: Lists,
) -> None:
    await rule(lists)
    await lists.join("ada", email="ada@gmail.com", email_verified=True)
    other = Lists(lists.pool, lists.engine, ListKey("off_2", "rep_2"))
    await other.add_list(other.key)
    await rule(other)
    await other.join("ada", email="ada@gmail.com", email_verified=True)
    rows = await lists.rows("SELECT mailbox FROM contacts")
    assert len({row["mailbox"] for row in rows} - {None}) == 2
    assert all(b"ada" not in row["mailbox"] for row in rows)
    await lists.erase("ada")
    assert len(await lists.rows("SELECT FROM contacts")) == 1


async def test_the_database_defends_one_place_for_each_mailbox(lists: Lists) -> None:
    await rule(lists)
    await lists.join("ada", email="ada@gmail.com", email_verified=True)
    await lists.join("bob", email="bob@gmail.com", email_verified=True)
    async with connection(lists.pool) as acquired:
        with pytest.raises(asyncpg.UniqueViolationError, match="contacts_sole_place"):
            await acquired.execute(
                "UPDATE contacts SET mailbox = (SELECT mailbox FROM contacts WHERE number = 1) WHERE number = 2"
            )


async def test_the_rule_is_a_setting_that_follows_verify_email_until_it_is_set(lists: Lists) -> None:
    def shown(answer: Any) -> bool:
        return bool(answer.settings.one_place_per_address)

    assert not shown(await lists.configure(hold_minutes=5))
    assert shown(await lists.configure(verify_email=True))
    assert not shown(await lists.configure(one_place_per_address=False))
    assert shown(await lists.configure(one_place_per_address=None))
    assert not shown(await lists.configure(verify_email=False))
    assert shown(await lists.configure(one_place_per_address=True))
    await lists.audit()


async def test_a_fan_and_an_organizer_are_told_that_the_mailbox_has_a_place(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    changed = await shop.made("PATCH", f"/waiting-lists/{PATH}", {"one_place_per_address": True})
    assert changed["one_place_per_address"] is True
    assert (await shop.http.get(f"/v1/user/waiting-lists/{PATH}")).json()["one_place_per_address"] is True
    vouched = {"email": "ada@gmail.com", "email_verified": True}
    for_ada = {"user_id": "ada", "tickets_wanted": 1} | vouched
    await shop.made("POST", f"/waiting-lists/{PATH}/entries", for_ada)
    again = for_ada | {"user_id": "eve", "email": "a.da+x@googlemail.com"}
    problem(await shop.organizer("POST", f"/waiting-lists/{PATH}/entries", again), 409, "address_taken")
    token = await shop.made("POST", "/user-tokens", {"user_id": "eve", **vouched})
    headers = {"Authorization": f"Bearer {token['token']}"}
    body = {"tickets_wanted": 1}
    path = f"/v1/user/waiting-lists/{PATH}/entry"
    problem(await shop.http.post(path, json=body, headers=headers), 409, "address_taken")
    # Without a verified address nothing is refused; with it, later, it is.
    bob = await shop.http.post(path, json=body | {"email": "eve@example.org"}, headers=headers)
    assert bob.status_code == 201
    answer = await shop.http.put(f"{path}/contact", json={"email": "ada@gmail.com"}, headers=headers)
    problem(answer, 409, "address_taken")
