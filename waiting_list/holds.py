"""How long a hold lasts, by the rules of its list."""

from collections.abc import Sequence
from datetime import datetime, timedelta


def hold_until(
    now: datetime,
    *,
    hold_minutes: int | None,
    hold_steps: Sequence[Sequence[int]],  # noqa: ARG001
    quiet_from: str | None,  # noqa: ARG001
    quiet_until: str | None,  # noqa: ARG001
    timezone: str,  # noqa: ARG001
    starts_at: datetime,  # noqa: ARG001
) -> datetime | None:
    """The deadline of a hold that begins now; None if it has none."""
    return None if hold_minutes is None else now + timedelta(minutes=hold_minutes)
