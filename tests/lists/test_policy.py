"""The choice of who is next, by properties and by examples."""

from itertools import combinations
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waiting_list.lists.policy import choose, holds_to_revoke
from waiting_list.lists.setting_values import Policy


class Fan(NamedTuple):
    tickets_wanted: int
    tickets_minimum: int
    tickets_held: int = 0

    @property
    def least(self) -> int:
        """The fewest tickets that help: any, once the minimum is held."""
        return 1 if self.tickets_held else self.tickets_minimum


def _fan(wanted: int, minimum: int, more: int | None) -> Fan:
    """A fan who waits, or one who was held a part."""
    held = 0 if more is None or minimum == wanted else min(minimum + more, wanted - 1)
    return Fan(wanted, minimum, held)


fans = st.lists(
    st.tuples(st.integers(1, 5), st.integers(1, 5), st.none() | st.integers(0, 3)).map(
        lambda wish: _fan(max(wish[:2]), min(wish[:2]), wish[2])
    ),
    max_size=8,
)


@given(st.integers(0, 12), fans, st.sampled_from(Policy), st.integers(1, 5), st.none() | st.integers(0, 4))
def test_a_choice_serves_in_order_what_there_is_and_nobody_is_forgotten(
    free: int, line: list[Fan], policy: Policy, most: int, at_most: int | None
) -> None:
    held, looked_at = choose(free, line, policy=policy, most=most, at_most=at_most)
    served = [index for index, _ in held]
    assert served == sorted(set(served))
    for index, tickets in held:
        assert line[index].least <= tickets <= line[index].tickets_wanted - line[index].tickets_held
        assert tickets + line[index].tickets_held <= most
    left = free - sum(tickets for _, tickets in held)
    assert left >= 0
    assert at_most is None or len(held) <= at_most
    assert all(index < looked_at for index in served)
    if policy is Policy.STRICT:
        assert served == [i for i in range(looked_at) if line[i].least + line[i].tickets_held <= most]
    # A candidate who got fewer tickets than anybody may have, and than wanted, got the last one.
    full = (min(line[i].tickets_wanted, most) == line[i].tickets_held + tickets for i, tickets in held)
    assert all(full) or left == 0
    stopped = len(held) == at_most or left == 0 or looked_at == len(line)
    first = None if stopped else line[looked_at]
    assert first is None or (policy is Policy.STRICT and left < first.least <= most - first.tickets_held)
    assert looked_at <= len(line)


@pytest.mark.parametrize(
    ("free", "line", "policy", "at_most", "expected"),
    [
        (0, [Fan(1, 1)], Policy.STRICT, None, ([], 0)),
        (3, [Fan(3, 3), Fan(1, 1)], Policy.STRICT, None, ([(0, 3)], 1)),
        (3, [Fan(4, 4), Fan(1, 1)], Policy.STRICT, None, ([], 0)),
        (3, [Fan(4, 3), Fan(1, 1)], Policy.STRICT, None, ([(0, 3)], 1)),
        (5, [Fan(2, 2), Fan(4, 1), Fan(1, 1)], Policy.STRICT, None, ([(0, 2), (1, 3)], 2)),
        (3, [Fan(4, 4), Fan(2, 2), Fan(2, 2), Fan(1, 1)], Policy.SKIP, None, ([(1, 2), (3, 1)], 4)),
        (3, [Fan(4, 4), Fan(1, 1), Fan(1, 1)], Policy.SKIP, 1, ([(1, 1)], 2)),
        (3, [Fan(1, 1)], Policy.SKIP, 0, ([], 0)),
        (9, [Fan(1, 1)], Policy.SKIP, None, ([(0, 1)], 1)),
        (2, [Fan(4, 2, 2), Fan(1, 1)], Policy.STRICT, None, ([(0, 2)], 1)),
        (1, [Fan(4, 3, 3), Fan(1, 1)], Policy.STRICT, None, ([(0, 1)], 1)),
        (3, [Fan(4, 4), Fan(4, 2, 3), Fan(3, 2)], Policy.SKIP, None, ([(1, 1), (2, 2)], 3)),
    ],
)
def test_a_choice_by_example(
    free: int, line: list[Fan], policy: Policy, at_most: int | None, expected: tuple[list[tuple[int, int]], int]
) -> None:
    assert choose(free, line, policy=policy, most=9, at_most=at_most) == expected


@pytest.mark.parametrize("policy", Policy)
def test_who_accepts_only_more_than_anybody_can_have_is_passed_over(policy: Policy) -> None:
    line = [Fan(4, 3), Fan(4, 1), Fan(3, 3), Fan(1, 1)]
    assert choose(5, line, policy=policy, most=2) == ([(1, 2), (3, 1)], 4)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=9), st.data())
def test_the_fewest_holds_that_suffice_are_revoked_and_the_newest_of_those(
    held: list[int], data: st.DataObject
) -> None:
    tickets = data.draw(st.integers(1, sum(held)))
    choices = [
        list(indexes)
        for count in range(len(held) + 1)
        for indexes in combinations(range(len(held)), count)  # in the order of the indexes
        if sum(held[index] for index in indexes) >= tickets
    ]
    assert holds_to_revoke(tickets, held) == choices[0]


@pytest.mark.parametrize(
    ("tickets", "held", "expected"),
    [
        (0, [2], []),
        (1, [2, 2], [0]),
        (4, [2, 2, 4], [2]),
        (4, [1, 2, 3], [0, 2]),
        (5, [1, 2, 3], [1, 2]),
        (4, [3, 1, 3, 4, 4], [3]),
    ],
)
def test_holds_to_revoke_by_example(tickets: int, held: list[int], expected: list[int]) -> None:
    assert holds_to_revoke(tickets, held) == expected


def test_a_thousand_holds_of_one_ticket_are_chosen_at_once() -> None:
    assert holds_to_revoke(1000, [1] * 1000) == list(range(1000))
