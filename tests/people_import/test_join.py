"""People of another system join in their order, all of a list or none, and once however often."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.lists import LIST, ORGANIZATION, Lists
from waiting_list.access.email_sign_in import fan_id
from waiting_list.access.signing_keys import SigningKeys
from waiting_list.csv_files import ImportRefused
from waiting_list.lists.models import ListKey, Status
from waiting_list.lists.queries import entries as entry_queries
from waiting_list.people_import.choices import InvalidAddresses, Repeats
from waiting_list.people_import.join import Joined, Mode, join_people
from waiting_list.people_import.read import Options, People, read_people
from waiting_list.postgres.pool import Pool, connection

ROOT = Path(__file__).parent.parent.parent
SAMPLE = ROOT / "examples" / "waitinglist.csv"
SHEETS = ROOT / "tests" / "data" / "sheets"
OPTIONS = Options(offer_id=LIST.offer_id, representation_id=LIST.representation_id)


def read(path: Path) -> People:
    return read_people(path, replace(OPTIONS, only=["Floor"], repeated=Repeats.ADD))


def written(folder: Path, *rows: str, head: str = "email,tickets,offer,representation") -> People:
    (folder / "list.csv").write_text("\n".join([head, *rows]))
    return read_people(folder / "list.csv", Options(addresses=InvalidAddresses.DROP))


async def waiting(pool: Pool, key: ListKey = LIST) -> list[tuple[str | None, int]]:
    """The addresses of those who wait, in order, and how many tickets they want."""
    only = entry_queries.EntryFilter(
        offer_id=[key.offer_id], representation_id=[key.representation_id], status=["waiting"]
    )
    page = await entry_queries.entries(pool, ORGANIZATION, only, limit=500, cursor=None)
    found = []
    for one in page.items:
        assert one.user_id is not None
        kept = await entry_queries.contact(pool, key, one.user_id, organization_id=ORGANIZATION)
        found.append((kept.email, one.tickets_wanted))
    return found


async def letters(pool: Pool) -> list[str]:
    async with connection(pool) as acquired:
        return [one["type"] for one in await acquired.fetch("SELECT type FROM outbox ORDER BY type, created_at")]


async def test_all_join_in_pretix_order_and_once_however_often(lists: Lists) -> None:
    found = read(SAMPLE)
    assert await join_people(lists.pool, found, Mode()) == {LIST: Joined(joined=3)}
    expected = [("farid@example.org", 1), ("chloe@example.org", 1), ("eve@example.org", 2)]
    assert await waiting(lists.pool) == expected
    before = await lists.tables()
    assert await join_people(lists.pool, found, Mode()) == {LIST: Joined(present=3)}
    assert await lists.tables() == before
    await lists.audit()


async def test_a_person_who_has_left_is_not_brought_back(lists: Lists) -> None:
    await join_people(lists.pool, read(SAMPLE), Mode())
    secret = await SigningKeys(lists.pool).derived_secret()
    await lists.leave(fan_id(secret, ORGANIZATION, "farid@example.org"))
    assert await join_people(lists.pool, read(SAMPLE), Mode()) == {LIST: Joined(present=2, left=1)}
    assert len(await waiting(lists.pool)) == 2


async def test_a_fan_who_signs_in_by_mail_finds_the_imported_entry(lists: Lists, tmp_path: Path) -> None:
    await join_people(lists.pool, written(tmp_path, "Ada@EXAMPLE.org,2,off_1,rep_1"), Mode())
    secret = await SigningKeys(lists.pool).derived_secret()
    assert await lists.status(fan_id(secret, ORGANIZATION, "ada@example.org")) is Status.WAITING


async def test_a_person_can_be_brought_in_without_the_address(lists: Lists) -> None:
    path = SHEETS / "pretix-intranet-address.csv"
    found = read_people(path, replace(OPTIONS, addresses=InvalidAddresses.DROP))
    await join_people(lists.pool, found, Mode())
    assert [email for email, _ in await waiting(lists.pool)] == ["one@example.org", None, "three@example.org"]
    assert await join_people(lists.pool, found, Mode()) == {LIST: Joined(present=3)}


async def test_a_row_that_the_list_refuses_is_named_and_no_row_joins(lists: Lists, tmp_path: Path) -> None:
    before = await lists.tables()
    found = written(tmp_path, "a@example.org,1,off_1,rep_1", "b@example.org,7,off_1,rep_1")
    with pytest.raises(ImportRefused) as caught:
        await join_people(lists.pool, found, Mode())
    assert caught.value.errors == ["list.csv:3: too_many_tickets: One order may have at most 6 tickets."]
    assert await lists.tables() == before


async def test_with_several_lists_all_are_checked_before_the_first_is_changed(
    lists: Lists, tmp_path: Path
) -> None:
    other = ListKey("off_2", "rep_2")
    await lists.add_list(other)
    rows = ["a@example.org,1,off_1,rep_1", "a@example.org,9,off_2,rep_2", "b@example.org,1,off_3,rep_2"]
    before = await lists.tables()
    with pytest.raises(ImportRefused) as caught:
        await join_people(lists.pool, written(tmp_path, *rows), Mode())
    assert caught.value.errors == [
        "list.csv:3: too_many_tickets: One order may have at most 6 tickets.",
        "off_3/rep_2: inventory_not_found: This offer has no inventory at this representation,"
        " and so no waiting list.",
    ]
    assert await lists.tables() == before
    good = written(tmp_path, rows[0], rows[1].replace("9", "2"))
    assert await join_people(lists.pool, good, Mode()) == {LIST: Joined(joined=1), other: Joined(joined=1)}
    assert await waiting(lists.pool, other) == [("a@example.org", 2)]


async def test_a_list_that_takes_no_joins_is_refused_once(lists: Lists) -> None:
    await lists.configure(open=False)
    with pytest.raises(ImportRefused) as caught:
        await join_people(lists.pool, read(SAMPLE), Mode())
    assert caught.value.errors == ["off_1/rep_1: waiting_list_not_open: The organizer has closed this list."]


async def test_a_dry_run_changes_no_data_and_says_what_would_be_done(lists: Lists) -> None:
    before = await lists.tables()
    assert await join_people(lists.pool, read(SAMPLE), Mode(dry_run=True)) == {LIST: Joined(joined=3)}
    assert await lists.tables() == before


async def test_an_import_sends_no_mail_unless_it_is_asked_to(lists: Lists, tmp_path: Path) -> None:
    await join_people(lists.pool, read(SAMPLE), Mode(sends_mail=True))
    assert await letters(lists.pool) == []
    found = written(tmp_path, "a@example.org,1,off_1,rep_1")
    done = await join_people(lists.pool, found, Mode(sends_mail=True, announces=True))
    assert done == {LIST: Joined(joined=1, letters=1, mails=True)}
    assert await letters(lists.pool) == ["joined"]


async def test_a_fan_who_can_buy_at_once_gets_the_mail_that_says_so(lists: Lists, tmp_path: Path) -> None:
    await lists.add_stock(2)
    rows = ["a@example.org,1,off_1,rep_1", "b@example.org,1,off_1,rep_1", "c@example.org,1,off_1,rep_1"]
    done = await join_people(lists.pool, written(tmp_path, *rows), Mode(sends_mail=True))
    assert done == {LIST: Joined(joined=3, ready=2, mails=True)}
    assert [one for one in await letters(lists.pool) if one != "reminder"] == ["ready", "ready"]


async def test_a_list_that_asks_for_verified_addresses_is_not_filled_with_people_who_cannot_be_asked(
    lists: Lists, tmp_path: Path
) -> None:
    await lists.configure(verify_email=True)
    found = written(tmp_path, "a@example.org,1,off_1,rep_1")
    with pytest.raises(ImportRefused, match="the list asks fans to verify their address"):
        await join_people(lists.pool, found, Mode(sends_mail=True))
    await join_people(lists.pool, found, Mode(sends_mail=True, verified=True))
    assert await letters(lists.pool) == []
    more = written(tmp_path, "b@example.org,1,off_1,rep_1")
    await join_people(lists.pool, more, Mode(sends_mail=True, announces=True))
    assert await letters(lists.pool) == ["joined"]  # which asks to verify the address
    await lists.audit()


async def test_mails_can_be_asked_for_if_a_worker_elsewhere_sends_them_although_this_process_sends_none(
    lists: Lists, tmp_path: Path
) -> None:
    found = written(tmp_path, "a@example.org,1,off_1,rep_1")
    before = await lists.tables()
    with pytest.raises(ImportRefused, match="--send-mail needs a service that sends e-mails"):
        await join_people(lists.pool, found, Mode(announces=True))
    assert await lists.tables() == before
    async with connection(lists.pool) as acquired:
        await acquired.execute("INSERT INTO mail_seen (is_only, seen_at) VALUES (true, now())")
    done = await join_people(lists.pool, found, Mode(announces=True))
    assert done == {LIST: Joined(joined=1, letters=1, mails=True)}
    assert await letters(lists.pool) == ["joined"]
