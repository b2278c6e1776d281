"""An address that a mail server refuses for good is noted on the entry, before a hold is spent on it."""

from typing import Any

import pytest

from tests.notifications.test_dispatcher import Telling, mailbox, telling  # noqa: F401 - fixtures
from tests.support.lists import Lists
from waiting_list.lists.models import Status
from waiting_list.notifications import notices

UNKNOWN = "550 5.1.1 <ada@example.org>: No such user here"


def address(user: str) -> dict[str, Any]:
    return {"email": f"{user}@example.org", "email_verified": True}


async def failing(lists: Lists) -> list[tuple[str, str]]:
    """The entries whose address failed: list and user."""
    found = await lists.rows(
        "SELECT i.offer_id, e.user_id FROM entries e JOIN inventory i ON i.list_id = e.list_id"
        " WHERE e.address_failed ORDER BY 1, 2"
    )
    return [tuple(one) for one in found]


async def test_a_letter_that_bounces_is_on_the_entry_before_a_hold_is_spent_on_it(
    telling: Telling,  # noqa: F811 - the fixture
) -> None:
    lists = telling.lists
    await lists.configure(skip_failed_addresses=True)
    telling.mailbox.refused["ada@example.org"] = UNKNOWN
    for user in ("ada", "bob"):
        await lists.join(user, **address(user))
    await telling.deliver()
    assert await failing(lists) == [("off_1", "ada")]
    (noted,) = await lists.rows("SELECT reason FROM history WHERE verb = 'fail_address'")
    assert noted["reason"] == "550 5.1.1 <…>: No such user here"
    assert await telling.statuses(type="joined") == {"sent": 1, "dead": 1}
    await lists.add_stock(1)
    assert [await lists.status(user) for user in ("ada", "bob")] == [Status.WAITING, Status.READY]
    # The organizer sends it again, in vain at first.
    (dead,) = await lists.rows("SELECT notice_id::text AS id FROM outbox WHERE status = 'dead'")
    for refused in (True, False):
        if not refused:
            telling.mailbox.refused.clear()
            await lists.add_stock(1)
        await notices.resend(lists.pool, "org_1", dead["id"])
        await telling.deliver()
        assert await failing(lists) == ([("off_1", "ada")] if refused else [])
        assert await lists.status("ada") is (Status.WAITING if refused else Status.READY)
    await lists.audit()


@pytest.mark.parametrize(
    ("recipient", "data", "is_bad"),
    [
        ("550 5.1.1 Unknown", None, True),
        ("550 no such user", None, True),
        ("551 User not local", None, True),
        ("553 5.1.3 Bad destination mailbox address syntax", None, True),
        ("552 5.2.2 Mailbox full", None, True),
        ("550 5.4.1 Recipient address rejected: Access denied", None, True),
        (None, "550 5.1.1 Unknown", True),
        (None, "550 5.7.1 Message looks like spam", False),
        (None, "552 5.3.4 Message too large", False),
        (None, "554 Transaction failed", False),
        ("550 5.7.1 Relaying denied", None, False),
        ("554 5.7.1 Blocked by a list of senders", None, False),
        ("450 4.2.1 Try again later", None, False),
        ("530 5.7.0 Authentication required", None, False),
    ],
)
async def test_only_a_refusal_of_the_recipient_fails_the_address(
    telling: Telling,  # noqa: F811 - the fixture
    recipient: str | None,
    data: str | None,
    is_bad: bool,
) -> None:
    if recipient is not None:
        telling.mailbox.refused["ada@example.org"] = recipient
    if data is not None:
        telling.mailbox.answers.append(data)
    await telling.lists.join("ada", **address("ada"))
    await telling.deliver()
    assert await failing(telling.lists) == ([("off_1", "ada")] if is_bad else [])


async def test_an_address_that_changed_before_the_bounce_was_noted_stays_good(
    telling: Telling,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lists = telling.lists
    telling.mailbox.refused["ada@example.org"] = UNKNOWN
    await lists.join("ada", **address("ada"))
    run = lists.engine.run

    async def late(*arguments: Any, **named: Any) -> Any:
        # The fan is faster than the sender.
        monkeypatch.undo()
        await lists.set_contact("ada", email="ada@example.net")
        return await run(*arguments, **named)

    monkeypatch.setattr(lists.engine, "run", late)
    await telling.deliver()
    assert await failing(lists) == []
    await lists.audit()
