"""The verb `configure`: change the settings of a list."""

from typing import Any
from uuid import uuid4

from waiting_list.lists.ending import people_of_ending, refuse_to_end, take_back_end
from waiting_list.lists.locked_list import LockedList
from waiting_list.lists.rows import News
from waiting_list.lists.settings_models import SettingsChange
from waiting_list.lists.verbs.draw import check_draw, commit_draw
from waiting_list.problems import InvalidRequest


async def configure(locked: LockedList, *, settings: SettingsChange, end_lists: bool = False) -> None:
    """Change the given settings. Present holds keep their deadline, cut at the list's new end.

    Raises InvalidRequest if no setting is given, if `closes_at` is after the representation's start, if the
    quiet hours have only one end or no length, or for what `check_draw` refuses. Unless `end_lists`, raises
    WouldEndList if the list would end now with people in it.
    """
    changes: dict[str, Any] = settings.given
    if not changes:
        raise InvalidRequest.of("body", "give at least one setting")
    check_draw(locked, changes)
    closes_at = changes.get("closes_at")
    if closes_at is not None and closes_at > locked.starts_at:
        begins = locked.starts_at.isoformat()
        raise InvalidRequest.of("closes_at", f"must not be after the representation begins ({begins})")
    quiet = {name: changes.get(name, getattr(locked.list, name)) for name in ("quiet_from", "quiet_until")}
    if (quiet["quiet_from"] is None) != (quiet["quiet_until"] is None):
        raise InvalidRequest.of("quiet_from", "quiet hours need both quiet_from and quiet_until, or neither")
    if quiet["quiet_from"] is not None and quiet["quiet_from"] == quiet["quiet_until"]:
        raise InvalidRequest.of("quiet_until", "must not be the same as quiet_from")
    if closes_at is not None and not end_lists:
        ending = await people_of_ending(locked, closes_at)
        refuse_to_end([ending] if ending else [])
    if "open" in changes:
        changes |= open_or_closed(changes.pop("open"))
    if changes.get("ignore_address_tags") not in (None, locked.list.ignore_address_tags):
        await locked.contacts.mailboxes.fold_anew()
    await commit_draw(locked, changes)
    ended_at = locked.ends_at
    before = locked.list.closes_at
    locked.record("configure", on_list=changes)
    if locked.list.closes_at != before:
        sides = ({"closes_at": one and one.isoformat()} for one in (before, locked.list.closes_at))
        locked.news.append(News(uuid4(), "configure", locked.list.last_sequence, *sides))
        await locked.note_moved_holds(ended_at)
    take_back_end(locked)
    locked.needs_promotion |= settings.moves_queue


def open_or_closed(is_open: bool) -> dict[str, bool]:
    """Return the fields of a list that an organizer opens or closes."""
    return {"waiting_list_open": is_open, "closed_by_hand": not is_open}
