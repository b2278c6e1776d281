"""What a process does again and again in the background."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from waiting_list.problems import Problem

log = structlog.get_logger(__name__)


async def repeat(do: Callable[[], Awaitable[object]], *, seconds: float, failing: str) -> None:
    """Do it, wait so many seconds, and so on until this is cancelled.

    Survives any failure: the next turn does what this one has missed. A failure is logged as `failing`, once until
    a turn succeeds; a Problem is an outage, and is logged where it is met.
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
