"""The checks of the audit: no finding after any story, and the first difference for every kind of corruption."""

import asyncio
import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.lists import ORGANIZER, START, USER, Lists
from waiting_list.audit.queue_order import WaitingQueue
from waiting_list.audit.report import Check, Finding
from waiting_list.audit.run import Step, audit_list, audit_lists
from waiting_list.catalogue import changes as catalogue_changes
from waiting_list.catalogue import deletion
from waiting_list.catalogue.models import RepresentationFields
from waiting_list.lists import verbs
from waiting_list.lists.models import ListKey
from waiting_list.postgres.pool import connection
from waiting_list.problems import InventoryNotFound

# Drop the constraints first, because they prevent most corruptions.
_WITHOUT_CONSTRAINTS = """
DO $$
DECLARE one record;
BEGIN
    FOR one IN SELECT conrelid::regclass AS name, conname FROM pg_constraint
        WHERE conrelid IN ('inventory'::regclass, 'entries'::regclass, 'segments'::regclass,
            'history'::regclass, 'contacts'::regclass) AND contype IN ('c', 'f')
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', one.name, one.conname);
    END LOOP;
    FOR one IN SELECT conrelid::regclass AS name, conname FROM pg_constraint
        WHERE conrelid IN ('entries'::regclass, 'segments'::regclass, 'history'::regclass)
            AND contype = 'p'
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', one.name, one.conname);
    END LOOP;
END $$;
DROP INDEX entries_active, entries_order;
"""


async def _finding(lists: Lists) -> Finding | None:
    return (await audit_list(lists.pool, lists.key)).finding


async def _corrupt(lists: Lists, statements: str) -> None:
    async with connection(lists.pool) as acquired:
        await acquired.execute(_WITHOUT_CONSTRAINTS + statements)


async def _story(lists: Lists) -> None:
    """Entries 1 and 2 are ready; 4, 5 and 8 wait; 3 left, 6 bought, 7 was erased; one ticket is free."""
    for number in range(1, 9):
        await lists.join(f"u{number}", 2)
        lists.later(minutes=1)
    await lists.move("u6", to="first")
    await lists.add_stock(5)
    lists.later(minutes=1)
    await lists.buy("u6", 1)
    await lists.leave("u3")
    await lists.change("u8", 1)
    await lists.erase("u7")
    await lists.add_stock(1)
    assert await lists.line() == ["u4", "u5", "u8"]


async def test_a_new_list_is_clean(lists: Lists) -> None:
    report = await audit_list(lists.pool, lists.key)
    assert (report.changes, report.entries, report.finding) == (1, 0, None)


async def test_a_story_with_every_verb_is_clean_under_strict(lists: Lists) -> None:
    await _story(lists)
    assert await _finding(lists) is None
    await lists.change("u4", 5, 2)
    await lists.move("u8", before="u5")
    await lists.remove("u1")
    await lists.remove_stock(1, revoke_holds=True)
    await lists.add_total_stock(3)
    await lists.put_stock(120, 8, is_open=False)
    await lists.remove_total_stock(1)
    await lists.put_stock(110, (await lists.inventory()).held, is_open=True)
    await lists.configure(automatic=False, max_waiting=50, hold_minutes=None)
    await lists.join("u3", 1)
    await lists.add_stock(2)
    await lists.promote(1)
    await lists.configure(automatic=True, hold_minutes=5, after_expiry="requeue")
    assert await _finding(lists) is None
    lists.later(days=2)
    await lists.expire()
    assert await _finding(lists) is None
    await lists.configure(closes_at=lists.now + timedelta(hours=1))
    lists.later(hours=2)
    await lists.end(at_most=2)
    assert await _finding(lists) is None
    await lists.end()
    await lists.erase("u3")
    assert await _finding(lists) is None


async def test_a_story_under_skip_is_clean(lists: Lists) -> None:
    await lists.configure(policy="skip", skip_limit=2)
    await lists.join("large", 6)
    for number in range(6):
        await lists.join(f"small{number}", 2, 1)
    for _ in range(4):
        await lists.add_stock(1)
        assert await _finding(lists) is None
    await lists.configure(skip_limit=3)
    assert await _finding(lists) is None
    await lists.add_stock(10)
    await lists.remove_stock(9, revoke_holds=True)
    assert await _finding(lists) is None
    await lists.leave("large")
    assert await _finding(lists) is None


async def test_holds_that_lapse_and_requeue_are_clean(lists: Lists) -> None:
    await lists.configure(after_expiry="requeue", requeue_limit=None, hold_minutes=10)
    for number in range(5):
        await lists.join(f"u{number}", 2)
    await lists.add_stock(4)
    for _ in range(6):
        lists.later(minutes=10)
        await lists.expire()
    report = await audit_list(lists.pool, lists.key)
    assert (report.entries, report.finding) == (17, None)


async def test_moves_to_the_same_place_until_it_is_full_are_clean(lists: Lists) -> None:
    for number in range(30):
        await lists.join(f"u{number}")
    await lists.add_stock(2)
    for number in range(3, 30):
        await lists.move(f"u{number}", before="u2")
    await lists.add_stock(6)
    assert await _finding(lists) is None


async def test_a_clock_that_was_set_back_is_no_finding(lists: Lists) -> None:
    await lists.join("u1")
    lists.later(hours=-1)
    await lists.join("u2")
    await lists.add_stock(1)
    assert await _finding(lists) is None


async def test_free_tickets_of_a_list_that_has_ended_are_no_finding(lists: Lists) -> None:
    await lists.join("u1", 2)
    lists.now = START
    await lists.add_stock(2)
    assert await _finding(lists) is None


async def test_a_list_is_clean_at_any_instant_while_fans_use_it(lists: Lists) -> None:
    async def use(number: int) -> None:
        await lists.engine.run(
            lists.key, USER, verbs.join, user_id=f"u{number}", tickets_wanted=2, tickets_minimum=1
        )
        await lists.engine.run(lists.key, ORGANIZER, verbs.add_stock, quantity=1)
        if number % 3 == 0:
            await lists.engine.run(lists.key, USER, verbs.leave, user_id=f"u{number}")

    using = asyncio.gather(*(use(number) for number in range(100)))
    audits = 0
    while not using.done() or audits == 0:
        assert await _finding(lists) is None
        audits += 1
    await using
    assert await _finding(lists) is None


async def test_every_list_is_reported_or_the_one_asked_for(lists: Lists) -> None:
    other = ListKey("off_2", "rep_2")
    await lists.add_list(other)
    await _story(lists)
    reports = [report async for report in audit_lists(lists.pool)]
    assert {report.key for report in reports} == {lists.key, other}
    assert [report.key async for report in audit_lists(lists.pool, only=other)] == [other]
    with pytest.raises(InventoryNotFound):
        _ = [report async for report in audit_lists(lists.pool, only=ListKey("no", "list"))]


async def test_more_lists_than_are_read_at_once_are_all_reported(
    lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waiting_list.audit.run._LISTS_AT_ONCE", 2)
    keys = {ListKey(f"off_{n}", f"rep_{n}") for n in range(2, 6)}
    for key in keys:
        await lists.add_list(key)
    reports = [report async for report in audit_lists(lists.pool)]
    assert len(reports) == 5
    assert {report.key for report in reports} == keys | {lists.key}


async def test_a_list_that_is_deleted_meanwhile_is_left_out(lists: Lists) -> None:
    keys = sorted([ListKey("off_2", "rep_2"), lists.key], key=lambda key: key.list_id)
    await lists.add_list(ListKey("off_2", "rep_2"))
    reports = audit_lists(lists.pool)
    assert (await anext(reports)).key == keys[0]
    await deletion.delete_inventory(lists.pool, ORGANIZER, keys[1])
    assert await anext(reports, None) is None


async def test_progress_says_which_list_is_read_and_how_much_of_it(
    lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waiting_list.audit.run._BATCH", 10)
    await _story(lists)
    await lists.add_list(ListKey("off_2", "rep_2"))
    steps: list[Step] = []
    reports = {report.key: report async for report in audit_lists(lists.pool, progress=steps.append)}
    assert {(step.position, step.lists) for step in steps} == {(1, 2), (2, 2)}
    assert {(step.key, step.changes) for step in steps} == {(key, one.changes) for key, one in reports.items()}
    percents = [step.percent for step in steps if step.key == lists.key]
    assert percents == sorted(percents)
    assert percents[0] == 0
    assert 80 < percents[-1] <= 100
    assert len(percents) > 5


async def test_an_audit_writes_nothing(lists: Lists) -> None:
    await _story(lists)
    before = await lists.tables()
    await audit_list(lists.pool, lists.key)
    assert await lists.tables() == before


async def test_a_report_is_json(lists: Lists) -> None:
    await _story(lists)
    await _corrupt(lists, "UPDATE entries SET left_at = left_at + interval '1 hour' WHERE number = 3")
    report = await audit_list(lists.pool, lists.key)
    told = json.loads(report.model_dump_json())
    assert (told["offer_id"], told["representation_id"]) == lists.key
    assert told["finding"] == {
        "check": "entry",
        "sentence": "The left_at of entry 3 is 2030-01-01T13:09:00+00:00; "
        "the history adds up to 2030-01-01T12:09:00+00:00.",
        "sequence": None,
        "number": 3,
        "expected": "2030-01-01T12:09:00Z",
        "found": "2030-01-01T13:09:00Z",
    }


def _after(values: str, verb: str, also: str = "") -> str:
    return f"UPDATE history SET after = after || '{values}' WHERE verb = '{verb}' {also};"


def _before(values: str, verb: str, also: str = "") -> str:
    return f"UPDATE history SET before = before || '{values}' WHERE verb = '{verb}' {also};"


@pytest.mark.parametrize(
    ("corruption", "check", "number"),
    [
        pytest.param("DELETE FROM history WHERE verb = 'leave'", "sequence", None, id="a change is missing"),
        pytest.param(
            "DELETE FROM history h USING inventory i WHERE h.sequence = i.last_sequence",
            "sequence",
            None,
            id="the last change is missing",
        ),
        pytest.param("DELETE FROM history WHERE sequence = 1", "sequence", None, id="the creation is missing"),
        pytest.param("DELETE FROM history", "creation", None, id="the history is gone"),
        pytest.param(
            "UPDATE history h SET verb = 'create', number = NULL, after = c.after FROM history c "
            "WHERE c.sequence = 1 AND h.sequence = 2",
            "creation",
            None,
            id="the list is made twice",
        ),
        pytest.param(
            "INSERT INTO history SELECT list_id, sequence, at, actor, verb, number, before, after "
            "FROM history WHERE verb = 'leave'",
            "sequence",
            None,
            id="a change is told twice",
        ),
        pytest.param(
            "UPDATE inventory SET last_sequence = last_sequence + 1",
            "sequence",
            None,
            id="too high a sequence",
        ),
        pytest.param("UPDATE history SET verb = 'give' WHERE verb = 'leave'", "content", 3, id="an unknown verb"),
        pytest.param(_after('{"price": 3}', "leave"), "content", 3, id="a field that does not exist"),
        pytest.param(_after('{"held": "many"}', "buy"), "content", 6, id="a value of the wrong kind"),
        pytest.param(
            _after('{"left_at": "2030-01-01T12:09:00"}', "leave"),
            "content",
            3,
            id="an instant without offset",
        ),
        pytest.param(
            _after('{"rank": 1}', "change") + _before('{"rank": 8000000}', "change"),
            "content",
            8,
            id="a rank that changes without a move",
        ),
        pytest.param(_after('{"rank": 1}', "change"), "content", 8, id="a change without its before"),
        pytest.param(
            "UPDATE history SET before = '{}', after = '{}' WHERE verb = 'leave'",
            "content",
            3,
            id="a change of nothing",
        ),
        pytest.param(
            "UPDATE history SET number = 3 WHERE verb = 'add_stock'",
            "content",
            3,
            id="a change of the list said to be an entry's",
        ),
        pytest.param(
            "UPDATE history SET number = NULL WHERE verb = 'leave'",
            "content",
            None,
            id="a change of an entry that does not say whose",
        ),
        pytest.param(
            "UPDATE history SET before = '{}' WHERE sequence = 1",
            "content",
            None,
            id="a creation with a before",
        ),
        pytest.param(
            "UPDATE history SET after = after - 'rank' WHERE verb = 'join' AND number = 4",
            "content",
            4,
            id="a join without its rank",
        ),
        pytest.param(
            _after('{"user_id": "u7"}', "erase"), "content", 7, id="an erased person's name in the history"
        ),
        pytest.param(_before('{"available_stock": 1}', "buy"), "before", 6, id="a tampered before of the list"),
        pytest.param(_before('{"tickets_wanted": 3}', "change"), "before", 8, id="a tampered before of an entry"),
        pytest.param(
            _after('{"tickets_wanted": 3}', "join", "AND number = 8"),
            "before",
            8,
            id="a tampered after that a later before gives away",
        ),
        pytest.param(
            "UPDATE history SET number = 5, after = after || '{\"rank\": 5000000}' "
            "WHERE verb = 'join' AND number = 4",
            "number",
            5,
            id="a number that is given out of turn",
        ),
        pytest.param(
            _after('{"rank": 1}', "join", "AND number = 4"),
            "number",
            4,
            id="a join that is not the last place",
        ),
        pytest.param("UPDATE inventory SET last_number = 9", "number", None, id="too high a last number"),
        pytest.param(
            "UPDATE history SET number = 4 WHERE verb = 'promote' AND number = 1",
            "order",
            4,
            id="somebody else than the first made ready",
        ),
        pytest.param(_after('{"available_stock": 2}', "buy"), "stock", 6, id="a purchase of more than was held"),
        pytest.param(_after('{"available_stock": 5}', "buy"), "stock", 6, id="a purchase that takes nothing"),
        pytest.param(
            _after('{"available_stock": 4, "tickets_held": 0, "held": 3}', "buy"),
            "stock",
            6,
            id="a purchase that leaves the tickets held",
        ),
        pytest.param(_after('{"available_stock": 101}', "add_stock"), "stock", None, id="more than the total"),
        pytest.param(
            _after('{"held": 6, "tickets_held": 6}', "promote", "AND number = 6"),
            "stock",
            6,
            id="more held than available",
        ),
        pytest.param(
            _after('{"available_stock": -1}', "add_stock"), "stock", None, id="stock that was added by taking"
        ),
        pytest.param(
            "UPDATE history SET number = 9 WHERE verb = 'leave'", "transition", 9, id="a change of nobody"
        ),
        pytest.param(
            _after('{"left_reason": "bought"}', "leave"),
            "transition",
            3,
            id="a reason that is not the verb's",
        ),
        pytest.param(
            "UPDATE history SET number = 4 WHERE verb = 'erase'",
            "transition",
            4,
            id="a person erased without leaving",
        ),
        pytest.param(
            "UPDATE history SET verb = 'expire', after = after || '{\"left_reason\": \"expired\"}' "
            "WHERE verb = 'leave'",
            "transition",
            3,
            id="somebody who waits expires",
        ),
        pytest.param(
            "UPDATE history SET at = at + interval '1 second' WHERE verb = 'leave'",
            "instant",
            3,
            id="an instant that is not the change's",
        ),
        pytest.param(
            _after('{"ready_until": "2030-01-01T12:08:30Z"}', "promote", "AND number = 6"),
            "deadline",
            6,
            id="a purchase after the deadline",
        ),
        pytest.param(
            "UPDATE history SET verb = 'expire', before = before - 'available_stock', "
            "after = after - 'available_stock' || '{\"left_reason\": \"expired\"}' WHERE verb = 'buy'",
            "deadline",
            6,
            id="a hold taken before its deadline",
        ),
        pytest.param(_after('{"tickets_minimum": 2}', "change"), "holding", 8, id="a minimum above the wish"),
        pytest.param(
            _after('{"held": 1, "tickets_held": 1}', "promote", "AND number = 6"),
            "holding",
            6,
            id="a hold of less than the minimum",
        ),
        pytest.param("UPDATE inventory SET held = held + 1", "list", None, id="another held"),
        pytest.param(
            "UPDATE inventory SET available_stock = available_stock - 1",
            "list",
            None,
            id="a stolen free ticket",
        ),
        pytest.param("UPDATE inventory SET hold_minutes = NULL", "list", None, id="another setting"),
        pytest.param("UPDATE inventory SET closed_by_hand = true", "list", None, id="another flag"),
        pytest.param("UPDATE entries SET tickets_held = 1 WHERE number = 1", "entry", 1, id="a stolen ticket"),
        pytest.param("UPDATE entries SET rank = 1 WHERE number = 5", "entry", 5, id="a changed rank"),
        pytest.param(
            "UPDATE entries SET number = 9 - number WHERE number IN (4, 5)", "entry", 4, id="swapped numbers"
        ),
        pytest.param(
            "UPDATE entries SET status = 'left', left_reason = 'cancelled', left_at = now() WHERE number = 4",
            "entry",
            4,
            id="a changed status",
        ),
        pytest.param(
            "UPDATE entries SET joined_at = joined_at - interval '1 day' WHERE number = 5",
            "entry",
            5,
            id="a changed joining",
        ),
        pytest.param(
            "UPDATE entries SET ready_until = NULL WHERE number = 2", "entry", 2, id="a changed deadline"
        ),
        pytest.param("UPDATE entries SET unverified = true WHERE number = 4", "entry", 4, id="a changed address"),
        pytest.param("UPDATE entries SET passed_over = 3 WHERE number = 4", "entry", 4, id="a changed count"),
        pytest.param("DELETE FROM entries WHERE number = 4", "entry", 4, id="a deleted entry"),
        pytest.param("DELETE FROM entries WHERE number = 8", "entry", 8, id="the last entry deleted"),
        pytest.param(
            "INSERT INTO entries SELECT list_id, 9, 'u9', status, left_reason, tickets_wanted, "
            "tickets_minimum, tickets_held, 9000000, passed_over, joined_at, ready_at, ready_until, left_at, "
            "false FROM entries WHERE number = 5",
            "entry",
            9,
            id="an extra entry",
        ),
        pytest.param("UPDATE entries SET number = 0 WHERE number = 5", "entry", 0, id="an entry before the first"),
        pytest.param(
            "INSERT INTO entries SELECT list_id, number, 'twin', status, left_reason, tickets_wanted, "
            "tickets_minimum, tickets_held, rank, passed_over, joined_at, ready_at, ready_until, left_at, "
            "false FROM entries WHERE number = 4",
            "entry",
            4,
            id="an entry twice",
        ),
        pytest.param(
            "UPDATE entries SET user_id = 'u7' WHERE number = 7", "erased", 7, id="an erased person put back"
        ),
        pytest.param("UPDATE entries SET user_id = NULL WHERE number = 3", "erased", 3, id="a person forgotten"),
        pytest.param("UPDATE inventory SET waiting = waiting - 1", "counter", None, id="another count waiting"),
        pytest.param("UPDATE inventory SET tickets_waiting = 9", "counter", None, id="another count of tickets"),
        pytest.param("UPDATE inventory SET last_rank = 9000000", "counter", None, id="another last rank"),
        pytest.param("UPDATE segments SET waiting = 2", "segment", None, id="another count in a segment"),
        pytest.param("UPDATE segments SET tickets = 4", "segment", None, id="another count of its tickets"),
        pytest.param("DELETE FROM segments", "segment", None, id="a missing segment"),
        pytest.param(
            "INSERT INTO segments SELECT list_id, 7, 1, 1, 0, bits FROM segments",
            "segment",
            None,
            id="an extra segment",
        ),
        pytest.param(
            "UPDATE entries SET user_id = 'u4' WHERE number = 8",
            "user",
            8,
            id="two active entries of one user",
        ),
        pytest.param(
            _after('{"available_stock": 6}', "add_stock", "AND sequence > 15")
            + "UPDATE inventory SET available_stock = 6",
            "promotion",
            4,
            id="the first waits in vain",
        ),
        pytest.param(
            _after('{"policy": "skip"}', "create") + "UPDATE inventory SET policy = 'skip'",
            "promotion",
            8,
            id="somebody further back waits in vain under skip",
        ),
    ],
)
async def test_a_corruption_is_caught_by_its_name(
    lists: Lists, corruption: str, check: str, number: int | None
) -> None:
    await _story(lists)
    await _corrupt(lists, corruption)
    finding = await _finding(lists)
    assert finding is not None
    assert (finding.check, finding.number) == (Check(check), number), finding
    assert finding.sentence.endswith(".")


async def test_tickets_that_are_held_for_nobody_are_caught(lists: Lists) -> None:
    await _corrupt(
        lists,
        _after('{"held": 1, "available_stock": 1}', "create")
        + "UPDATE inventory SET held = 1, available_stock = 1",
    )
    finding = await _finding(lists)
    assert finding is not None
    assert (finding.check, finding.expected, finding.found) == (Check.HELD, 0, 1)


async def test_a_segment_in_which_nobody_waits_any_more_is_no_finding(lists: Lists) -> None:
    await _story(lists)
    await _corrupt(lists, "INSERT INTO segments SELECT list_id, 7, 0, 0, 0, bits FROM segments")
    assert await _finding(lists) is None


async def test_the_first_who_was_passed_over_often_enough_is_waited_for(lists: Lists) -> None:
    await lists.configure(policy="skip", skip_limit=1)
    await lists.join("large", 6)
    for number in range(3):
        await lists.join(f"small{number}")
    await lists.add_stock(3)
    assert await _finding(lists) is None
    await _corrupt(
        lists,
        _after('{"skip_limit": 2}', "configure") + "UPDATE inventory SET skip_limit = 2",
    )
    finding = await _finding(lists)
    assert finding is not None
    assert (finding.check, finding.number) == (Check.PROMOTION, 3)


async def test_the_first_difference_is_the_earliest_change(lists: Lists) -> None:
    await _story(lists)
    # The entry's is found in the second pass, the list's in the first; the tables' differ at the very end.
    await _corrupt(
        lists,
        _after('{"tickets_wanted": 3}', "join", "AND number = 1")
        + _after('{"tickets_minimum": 1}', "join", "AND number = 1")
        + _before('{"available_stock": 1}', "buy")
        + _before('{"rank": 7}', "move")
        + "UPDATE inventory SET held = held + 1; UPDATE entries SET rank = 7 WHERE number = 5;",
    )
    finding = await _finding(lists)
    assert finding is not None
    assert (finding.check, finding.number, finding.sequence) == (Check.BEFORE, 6, 10)
    assert finding.sentence == (
        "Change 10 (move) says that rank of entry 6 was 7; by the changes before it, it was 6000000."
    )


async def test_a_finding_of_one_list_leaves_the_others_clean(lists: Lists) -> None:
    other = ListKey("off_2", "rep_2")
    await lists.add_list(other)
    await _story(lists)
    await _corrupt(lists, f"UPDATE inventory SET held = 1 WHERE list_id = '{other.list_id}'")
    found = {report.key: report.finding async for report in audit_lists(lists.pool)}
    assert found[lists.key] is None
    assert found[other] is not None


async def test_a_show_that_was_put_off_is_no_finding_once_the_list_has_been_changed(lists: Lists) -> None:
    await lists.join("u1")
    late = START + timedelta(days=9)
    fields = RepresentationFields(event_id="ev_1", start_datetime=late, end_datetime=late)
    await catalogue_changes.put_representation(
        lists.pool, lists.engine, ORGANIZER, lists.key.representation_id, fields
    )
    lists.now = START
    await lists.add_stock(1)
    assert await _finding(lists) is None


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["join", "move", "hold", "revoke", "leave"]),
        st.integers(0, 30),
        st.integers(-40, 40),
    ),
    max_size=120,
)


@given(_STEPS)
def test_the_line_knows_who_stands_first(steps: list[tuple[str, int, int]]) -> None:
    line, waiting, ready, last = WaitingQueue(), dict[int, int](), dict[int, int](), 0
    for verb, chosen, rank in steps:
        if verb == "join":
            last += 1
            highest = max([last * 1000, *(r + 1 for r in (waiting | ready).values())])
            waiting[last] = highest
            line.join(highest)
        elif last:
            number = chosen % last + 1
            taken = {*waiting.values(), *ready.values()}
            if verb == "move" and rank not in taken:
                for place in (waiting, ready):
                    if number in place:
                        place[number] = rank
                line.move(number, rank)
            elif verb == "hold":
                assert line.hold(number) == (number in waiting)
                if number in waiting:
                    ready[number] = waiting.pop(number)
            elif verb == "revoke":
                if number in ready:
                    waiting[number] = ready.pop(number)
                line.revoke(number)
            elif verb == "leave":
                waiting.pop(number, None)
                ready.pop(number, None)
                line.leave(number)
        assert line.first() == min(((rank, number) for number, rank in waiting.items()), default=None)
