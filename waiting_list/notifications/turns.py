"""Decide when a fan is told of their turn outside of the mailbox: on a device, or by a text message.

Both disturb, so the list's quiet hours hold for them. An e-mail makes no sound, and goes at once.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from waiting_list.lists.holds import after_quiet_hours
from waiting_list.notifications.email_composer import reason_not_to_send, seconds_until_due
from waiting_list.notifications.notice_status import NoticeStatus
from waiting_list.notifications.send_batch import SendResult
from waiting_list.postgres.pool import Record


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
    seconds = seconds_until_due(notice, about)
    if seconds is None:
        seconds = quiet_seconds(about)
    return None if seconds is None else SendResult(notice, NoticeStatus.PENDING, delay_seconds=seconds)


def quiet_seconds(about: Mapping[str, Any], *, left_seconds: float = 3600) -> float | None:
    """Return how many seconds of the list's quiet hours are left; None outside of them.

    Also None if less than `left_seconds` to buy would be left then: what costs a fan their tickets must not wait.
    """
    if not is_quiet(about):
        return None
    now: datetime = about["now"]
    end = after_quiet_hours(now, about["quiet_from"], about["quiet_until"], about["timezone"])
    until = about["ready_until"]
    if until is not None and (until - end).total_seconds() < left_seconds:
        return None
    return (end - now).total_seconds()


def is_quiet(about: Mapping[str, Any]) -> bool:
    """Return whether it is in the quiet hours of the list now. What is pushed then makes no sound."""
    if about["quiet_from"] is None or about["quiet_until"] is None:
        return False
    now: datetime = about["now"]
    return after_quiet_hours(now, about["quiet_from"], about["quiet_until"], about["timezone"]) > now
