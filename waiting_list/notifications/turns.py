"""Decide when a fan is told of their turn: by e-mail, on a device, or by a text message.

The list's quiet hours hold for all of them, unless a fan could lose tickets by the wait.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from waiting_list.lists.holds import after_quiet_hours
from waiting_list.lists.notice_kinds import EmailKind
from waiting_list.notifications.email_composer import reason_not_to_send, seconds_until_due
from waiting_list.notifications.notice_status import NoticeStatus
from waiting_list.notifications.send_batch import SendResult
from waiting_list.postgres.pool import Record

ABOUT_TURNS = (EmailKind.READY, EmailKind.REMINDER)
"""The notices for which quiet hours hold. All others answer an act of the fan or of the organizer."""
_AT_LEAST = timedelta(hours=1)
"""How much of the time to buy must be left after the quiet hours."""
_QUIET = "waits for the end of the quiet hours"


def facts_of_turn(about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of an entry (EmailComposer.read_entries) as a channel needs them that has no address.

    A fan who wants no e-mails may want this.
    """
    return {**about, "email": "", "subscribed": True, "unverified": False}


def not_now(notice: Record, about: Mapping[str, Any]) -> SendResult | None:
    """Return the result of a notice that must not go now: outdated, not due yet, or in quiet hours.

    None: it goes now.
    """
    if reason := reason_not_to_send(notice, about):
        return SendResult(notice, NoticeStatus.DROPPED, reason=reason)
    if (seconds := seconds_until_due(notice, about)) is not None:
        return SendResult(notice, NoticeStatus.PENDING, delay_seconds=seconds)
    if (seconds := quiet_seconds(about)) is not None:
        return SendResult(notice, NoticeStatus.PENDING, delay_seconds=seconds, reason=_QUIET)
    return None


def quiet_seconds(about: Mapping[str, Any]) -> float | None:
    """Return how many seconds of the list's quiet hours are left; None outside of them.

    Also None if the wait would take more than half of the time that is left to buy, or leave less than an hour of
    it: what could cost a fan their tickets must not wait. And None for a fan whose turn came with the join, who is
    awake.
    """
    if not is_quiet(about) or about["ready_at"] == about["joined_at"]:
        return None
    now: datetime = about["now"]
    end = after_quiet_hours(now, about["quiet_from"], about["quiet_until"], about["timezone"])
    until = about["ready_until"]
    if until is not None and until - end < max(_AT_LEAST, (until - now) / 2):
        return None
    return (end - now).total_seconds()


def is_quiet(about: Mapping[str, Any]) -> bool:
    """Return whether it is in the quiet hours of the list now. What is pushed then makes no sound."""
    if about["quiet_from"] is None or about["quiet_until"] is None:
        return False
    now: datetime = about["now"]
    return after_quiet_hours(now, about["quiet_from"], about["quiet_until"], about["timezone"]) > now
