"""Connect to the leader among several database hosts."""

import asyncio
from functools import partial
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit, urlunsplit

import asyncpg

Connected: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


async def connect(dsn: str, **options: Any) -> Connected:
    """Connect to all hosts of the DSN at once, and return the first that fits (`target_session_attrs`).

    asyncpg tries one host after the other. A lost machine neither answers nor refuses, so asyncpg would wait for
    it until no time is left for the hosts behind it. `options` are asyncpg's; `timeout` holds for each host.
    Raises the error of the last host that failed.
    """
    parts = urlsplit(dsn)
    login, at, hosts = parts.netloc.rpartition("@")
    # Only asyncpg can prefer a standby, because that choice needs all hosts together.
    if "," not in hosts or "prefer-standby" in parse_qs(parts.query).get("target_session_attrs", ()):
        return await asyncpg.connect(dsn, **options)
    each = [urlunsplit(parts._replace(netloc=f"{login}{at}{host}")) for host in hosts.split(",")]
    attempts = [asyncio.ensure_future(asyncpg.connect(one, **options)) for one in each]
    first: Connected | None = None
    trouble: Exception | None = None
    try:
        for attempt in asyncio.as_completed(attempts):
            try:
                first = await attempt
            except Exception as error:
                trouble = error
            else:
                return first
        assert trouble is not None, "there are two hosts at least"
        raise trouble
    finally:
        for one in attempts:
            one.cancel()
            one.add_done_callback(partial(_leave, first))


def _leave(first: "Connected | None", attempt: "asyncio.Future[Connected]") -> None:
    # Close it, because two hosts may connect at the same time.
    if not attempt.cancelled() and attempt.exception() is None and attempt.result() is not first:
        attempt.result().terminate()
