"""Repeat a task of a process until it is cancelled."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from waiting_list.problems import Problem

log = structlog.get_logger(__name__)


async def repeat(do: Callable[[], Awaitable[object]], *, seconds: float, failing: str) -> None:
    """Do the task, wait for `seconds`, and repeat both until cancelled.

    It survives any failure, because the next turn does what this one has missed. It logs the first failure as
    `failing`, and then no more failures until a turn succeeds. It does not log a Problem: that is an outage, and
    logged where it occurs.
    """
    failed = False
    while True:
        try:
            await do()
            failed = False
        except Problem:
            pass
        except Exception as error:
            if not failed:
                log.warning(failing, error=repr(error), exc_info=True)
            failed = True
        await asyncio.sleep(seconds)
