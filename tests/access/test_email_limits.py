"""The limits of e-mails to unverified addresses, over all processes."""

import asyncio
from typing import Any

import pytest

from waiting_list.access.email_limits import MailLimits
from waiting_list.access.signing_keys import SigningKeys
from waiting_list.postgres.pool import Pool, connection
from waiting_list.postgres.statements import sql
from waiting_list.problems import RateLimited
from waiting_list.settings import Settings

NONE = {name: 0 for name in Settings.model_fields if name.endswith("_per_hour")}
PUBLIC = "93.184.216.34"


def limits(pool: Pool, **settings: int) -> MailLimits:
    """Of one process."""
    config = Settings.model_validate(NONE | settings)
    return MailLimits(pool, config, SigningKeys(pool))


async def granted(asked: Any) -> int:
    """Return how many were not refused."""
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert all(one is None or isinstance(one, RateLimited) for one in answers), answers
    return answers.count(None)


async def wait(pool: Pool, seconds: int) -> None:
    """Let this much time pass for all limits."""
    async with connection(pool) as acquired:
        await acquired.execute(
            "UPDATE allowances"
            " SET full_at = to_timestamp(extract(epoch FROM full_at - 'epoch'::timestamptz) - $1)",
            seconds,
        )


@pytest.mark.parametrize(
    ("setting", "asked"),
    [
        ("user_mails_per_hour", lambda n: ("org_1", "eve", f"stranger{n}@example.org", f"1.2.3.{n}")),
        ("mailbox_mails_per_hour", lambda n: (f"org_{n}", f"u{n}", f"a.d.a+{n}@googlemail.com", f"1.2.3.{n}")),
        ("address_mails_per_hour", lambda n: (f"org_{n}", f"u{n}", f"stranger{n}@example.org", PUBLIC)),
        ("address_mails_per_hour", lambda n: (f"org_{n}", f"u{n}", f"x{n}@example.org", f"2600:1:2:3::{n:x}")),
        ("organization_mails_per_hour", lambda n: ("org_1", f"u{n}", f"stranger{n}@example.org", f"1.2.3.{n}")),
    ],
)
async def test_letters_that_are_provoked_are_limited_over_all_processes(
    pool: Pool, setting: str, asked: Any
) -> None:
    processes = [limits(pool, **{setting: 7}) for _ in range(3)]
    assert await granted(processes[n % 3].count_given(*asked(n)) for n in range(30)) == 7
    # They come back evenly: of seven in an hour, two in eighteen minutes.
    await wait(pool, 18 * 60)
    assert await granted(processes[n % 3].count_given(*asked(n)) for n in range(30)) == 2
    await wait(pool, 3600)
    assert await granted(processes[n % 3].count_given(*asked(n)) for n in range(30)) == 7


async def test_a_refusal_says_when_to_come_back_and_uses_up_no_other_limit(pool: Pool) -> None:
    one = limits(pool, user_mails_per_hour=1, mailbox_mails_per_hour=2, organization_mails_per_hour=2)
    await one.count_given("org_1", "eve", "ada@example.org", PUBLIC)
    for _ in range(5):
        with pytest.raises(RateLimited) as refused:
            await one.count_given("org_1", "eve", "ada@example.org", PUBLIC)
        assert 3590 <= int(refused.value.headers["Retry-After"]) <= 3600
    await one.count_given("org_1", "ada", "ada@example.org", PUBLIC)


async def test_a_batch_grants_exactly_what_is_left(pool: Pool) -> None:
    one = limits(pool, mailbox_mails_per_hour=5, user_mails_per_hour=2)
    # All at once, so in few batches: two of each fan's, five of the mailbox.
    asked = [one.count_given("org_1", f"u{n % 4}", "ada@example.org", PUBLIC) for n in range(40)]
    assert await granted(asked) == 5


async def test_a_peer_that_is_not_public_counts_for_its_network_only_where_nobody_is_known(pool: Pool) -> None:
    for peer in ("10.1.2.3", "127.0.0.1", "fd00::1", None):
        one = limits(pool, address_mails_per_hour=3)
        given = [one.count_given("org_1", f"u{n}", f"a{n}@example.org", peer) for n in range(8)]
        assert await granted(given) == 8
        asked = [one.count_sign_in("org_1", f"b{n}-{peer}@example.org".replace(":", ""), peer) for n in range(8)]
        assert await granted(asked) == 3


async def test_a_mailbox_gets_one_link_to_sign_in_a_minute_however_it_is_spelt(pool: Pool) -> None:
    processes = [limits(pool) for _ in range(3)]
    asked = [processes[n % 3].count_sign_in("org_1", f"a.d.a+{n}@gmail.com", None) for n in range(30)]
    assert await granted(asked) == 1
    assert await granted([processes[0].count_sign_in("org_1", "bob@gmail.com", None)]) == 1
    await wait(pool, 61)
    assert await granted([processes[1].count_sign_in("org_1", "ada@googlemail.com", None)]) == 1


async def test_links_to_sign_in_and_addresses_that_are_given_share_a_mailboxs_limit(pool: Pool) -> None:
    one = limits(pool, mailbox_mails_per_hour=3)
    assert await granted(one.count_given("org_1", f"u{n}", "ada@example.org", None) for n in range(2)) == 2
    assert await granted(one.count_sign_in(f"org_{n}", "ada+x@example.org", None) for n in range(3)) == 1


async def test_the_database_is_told_nothing_that_can_be_guessed_and_forgets_it(pool: Pool) -> None:
    one = limits(pool, mailbox_mails_per_hour=3, user_mails_per_hour=3)
    await one.count_given("org_1", "ada", "ada@example.org", PUBLIC)
    async with connection(pool) as acquired:
        callers = {row["caller"] for row in await acquired.fetch("SELECT caller FROM allowances")}
        assert {len(caller) for caller in callers} == {16}
        # Another deployment's secret makes other hashes of the same.
        await acquired.execute("DELETE FROM allowances")
        await acquired.execute("UPDATE signing_keys SET secret = sha256(secret) WHERE purpose = 'derived'")
    await limits(pool, mailbox_mails_per_hour=3, user_mails_per_hour=3).count_given(
        "org_1", "ada", "ada@example.org", PUBLIC
    )
    async with connection(pool) as acquired:
        assert not callers & {row["caller"] for row in await acquired.fetch("SELECT caller FROM allowances")}
    await wait(pool, 3600)
    async with connection(pool) as acquired:
        await acquired.execute(sql("delete_old_allowances"))
        assert await acquired.fetchval("SELECT count(*) FROM allowances") == 0


async def test_many_processes_that_count_the_same_callers_do_not_wait_for_each_other(pool: Pool) -> None:
    processes = [limits(pool, mailbox_mails_per_hour=1000, user_mails_per_hour=1000) for _ in range(4)]
    people = [f"u{number}" for number in range(100)]
    asked = [
        one.count_given("org_1", person, f"{person}@example.org", None)
        for turn, one in enumerate(processes)
        for person in (people if turn % 2 else reversed(people))
    ]
    assert await asyncio.wait_for(granted(asked), 20) == 400
