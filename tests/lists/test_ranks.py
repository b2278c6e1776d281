"""Ranks and segments: positions are exact in a list of several segments."""

import asyncio

from tests.support.lists import USER, Lists
from waiting_list.lists import verbs


async def test_positions_are_exact_over_several_segments(lists: Lists) -> None:
    async def join(number: int) -> None:
        await lists.engine.run(lists.key, USER, verbs.join, user_id=f"u{number:04}", tickets_wanted=1 + number % 3)

    await asyncio.gather(*(join(number) for number in range(2500)))
    for number in range(0, 2500, 7):
        await lists.engine.run(lists.key, USER, verbs.leave, user_id=f"u{number:04}")
    await lists.move("u2400", to="first")
    await lists.move("u0001", before="u2000")
    waiting = [number for number in range(2500) if number % 7]
    waiting.remove(2400)
    waiting.remove(1)
    order = [2400, *waiting]
    order.insert(order.index(2000), 1)
    for place, number in list(enumerate(order, start=1))[::97]:
        entry = await lists.entry(f"u{number:04}")
        ahead = sum(1 + other % 3 for other in order[: place - 1])
        assert (entry.position, entry.tickets_ahead) == (place, ahead)
    await lists.audit()
