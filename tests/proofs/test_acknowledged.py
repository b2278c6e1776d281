"""The check of the drills: acknowledged joins are in the database."""

from ops.drills.acknowledged import Join, Row, judge, longest_silence

LIST = "floor/night-1"


def joined(user_id: str, number: int, *, sent: float = 0.0, answered: float = 1.0, at_once: bool = True) -> Join:
    return Join(LIST, user_id, number, sent, answered, at_once)


def row(user_id: str, number: int) -> Row:
    return Row(LIST, user_id, number)


def test_what_is_there_as_it_was_acknowledged_is_clean() -> None:
    verdict = judge([joined("ada", 1), joined("bo", 2)], [row("bo", 2), row("ada", 1)])
    assert verdict.clean
    assert str(verdict) == "clean"


def test_a_join_that_is_not_there_is_lost_and_so_is_one_under_another_number() -> None:
    verdict = judge([joined("ada", 1), joined("bo", 2), joined("cleo", 4)], [row("ada", 1), row("cleo", 2)])
    assert [one.user_id for one in verdict.lost] == ["bo", "cleo"]
    assert not verdict.clean


def test_a_user_who_is_there_twice_is_doubled() -> None:
    verdict = judge([joined("ada", 1)], [row("ada", 1), row("ada", 2)])
    assert verdict.doubled == [(LIST, "ada")]


def test_an_entry_that_nobody_was_told_of_is_a_fault_only_once_all_were_answered() -> None:
    joins, rows = [joined("ada", 1)], [row("ada", 1), row("bo", 2)]
    assert judge(joins, rows).unknown == [row("bo", 2)]
    assert judge(joins, rows, all_answered=False).clean


def test_numbers_with_a_gap_are_seen_in_their_list_alone() -> None:
    rows = [row("ada", 1), row("bo", 3), Row("floor/night-2", "ada", 1)]
    assert judge([], rows, all_answered=False).gaps == [LIST]


def test_who_was_sent_after_another_was_answered_must_stand_behind_that_one() -> None:
    rows = [row("ada", 2), row("bo", 1)]
    first, late = joined("ada", 2, sent=0, answered=1), joined("bo", 1, sent=2, answered=3)
    assert judge([first, late], rows).disordered == [late]
    # At the same time, either may be first; and of who had to repeat it is not known when it was done.
    assert judge([first, joined("bo", 1, sent=0.5, answered=3)], rows).clean
    assert judge([first, joined("bo", 1, sent=2, answered=3, at_once=False)], rows).clean


def test_the_gap_is_the_longest_time_without_an_answer() -> None:
    assert longest_silence([5.0, 1.0, 1.5, 4.0]) == 2.5
    assert longest_silence([1.0]) == 0
