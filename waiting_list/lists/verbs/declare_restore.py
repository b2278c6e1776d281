"""The verb `declare_restore`: say in the ledger that the list was restored to an earlier instant."""

from waiting_list.lists.locked_list import LockedList


async def declare_restore(locked: LockedList, *, why: str, lost_size: int | None, lost_root: str | None) -> None:
    """Record for everybody that changes of this list are gone, and `why`, for the operator.

    Size and root (in base64) are those of the lost checkpoint, as far as it is known. Nothing else changes.
    """
    noted = {"lost_root": lost_root, "lost_size": lost_size, "why": why}
    locked.append_history("declare_restore", noted, None)
