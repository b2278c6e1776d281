"""The verb `grant`: give one person tickets now, past the line."""

from waiting_list.fields import INT32_MAX
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.models import Status
from waiting_list.lists.rows import EntryRow
from waiting_list.lists.verbs.checks import check_free, check_maximum, check_quantity
from waiting_list.problems import HoldExpired, InvalidRequest, WaitingListEnded


async def grant(
    locked: LockedList, *, user_id: str, tickets: int, add_stock: bool = False, reason: str | None = None
) -> EntryRow:
    """Hold so many tickets for the user at once, for the organizer. The history keeps the `reason`.

    The tickets are free ones; with `add_stock`, total and available stock grow by the tickets that are missing. A
    waiting user becomes ready. A ready user's hold grows, and gets the later of both deadlines. A user who is not
    in the list joins first, also where fans cannot: the list is closed or full, or the person has the places that
    the event allows. The tickets wanted grow to the held ones, and a larger minimum shrinks to them. No hold has
    more tickets than an order may have, because the shop could not sell it.

    Raises InvalidRequest, WaitingListEnded, HoldExpired (until maintenance has taken the entry out),
    TooManyTickets, NotEnoughStock, StockHeld.
    """
    check_quantity("tickets", tickets)
    if locked.ended:
        raise WaitingListEnded("The show has begun, or the list has closed for good.")
    entry = await locked.latest(user_id)
    ready = entry if entry and entry.status is Status.READY else None
    if ready and locked.now >= locked.deadline(ready):
        raise HoldExpired(f"The hold expired at {locked.deadline(ready).isoformat()}.")
    held = tickets + (ready.tickets_held if ready else 0)
    check_maximum(locked, held, 1)
    if not add_stock:
        check_free(locked, tickets)
    row, missing = locked.list, max(0, tickets - locked.list.free)
    if row.total_stock + missing > INT32_MAX:
        raise InvalidRequest.of("tickets", f"the total stock would be more than {INT32_MAX}")
    if entry is None or entry.status is Status.LEFT:
        entry = _join(locked, user_id, entry, tickets)
    wish_id = entry.wish_id
    if wish_id is not None and ready is None:
        await locked.wishes.load([wish_id])
        wish_id = None if locked.wishes.is_taken(wish_id) else wish_id
    locked.record(
        "grant",
        entry,
        {
            "held": row.held + tickets,
            "available_stock": row.available_stock + missing,
            "total_stock": row.total_stock + missing,
        },
        reason,
        status=Status.READY,
        tickets_held=held,
        tickets_wanted=max(entry.tickets_wanted, held),
        tickets_minimum=min(entry.tickets_minimum, held),
        paused_at=None,
        set_aside_at=None,
        # A wish has one hold: a gift beside it is a hold of its own.
        wish_id=wish_id,
        **locked.new_hold(entry),
    )
    return entry


def _join(locked: LockedList, user_id: str, left: EntryRow | None, tickets: int) -> EntryRow:
    # Without the address of an earlier entry where its mailbox may have another place by now.
    known = None if locked.list.has_one_place else left
    joined = locked.join(
        user_id=user_id,
        tickets_wanted=tickets,
        tickets_minimum=tickets,
        unverified=known.unverified if known else False,
        address_failed=known.address_failed if known else False,
    )
    if known is not None:
        locked.contacts.requeued[known.number] = joined.number
    return joined
