"""docs/webhooks.md is true: its receiver runs unchanged, and its numbers are those of the service."""

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from tests.support.receivers import BODY, NEXT_SECRET, SECRET, delivered, webhook_client
from waiting_list.lists.events import WebhookType
from waiting_list.notifications.retry_policy import DELAYS_SECONDS, LONGEST_ANSWER, Outcome
from waiting_list.settings import Settings

PAGE = (Path(__file__).parent.parent.parent / "docs" / "webhooks.md").read_text()


@contextlib.asynccontextmanager
async def receiver_of_the_page(secret: str) -> AsyncIterator[tuple[str, asyncio.StreamReader]]:
    """The page's program, as a process: its address, and what it prints."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        env=os.environ | {"WEBHOOK_SECRET": secret, "PORT": "0"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert program.stdout is not None
    try:
        line = await asyncio.wait_for(program.stdout.readline(), 60)
        yield f"http://127.0.0.1:{int(line.split()[-1])}/", program.stdout
    finally:
        program.kill()
        await program.wait()


async def test_the_receiver_of_the_page_takes_a_delivery_once() -> None:
    async with receiver_of_the_page(SECRET) as (url, printed), webhook_client() as client:
        for _ in range(2):
            assert (await delivered(client, url))[:3] == (Outcome.SENT, 204, "")
        line = await asyncio.wait_for(printed.readline(), 60)
        assert line.decode() == "webhook.test {'message': 'Un café ?'}\n"
        # Whatever it had printed of the repeat would come before this.
        assert (await delivered(client, url, body=BODY.replace("café", "thé"), notice_id=uuid4())).status == 204
        assert "thé" in (await asyncio.wait_for(printed.readline(), 60)).decode()


async def test_the_receiver_of_the_page_takes_either_secret_and_no_other() -> None:
    async with receiver_of_the_page(SECRET) as (url, _), webhook_client() as client:
        assert (await delivered(client, url, secrets=(NEXT_SECRET, SECRET))).outcome is Outcome.SENT
        refused = await delivered(client, url, secrets=(NEXT_SECRET,))
        assert refused[:2] == (Outcome.RETRY, 401)
        late = await delivered(client, url, at=datetime.now(UTC) - timedelta(minutes=6))
        assert late[:2] == (Outcome.RETRY, 401)


def test_the_page_lists_every_type() -> None:
    listed = set(re.findall(r"^\| `([a-z.]+)` \|", PAGE, re.MULTILINE))
    assert listed == {*WebhookType, "webhook.test", "webhook.disabled"}


def test_the_page_tells_the_tries_and_the_limits() -> None:
    def spoken(seconds: int) -> str:
        unit, name = next(pair for pair in ((3600, "h"), (60, "min"), (1, "s")) if seconds >= pair[0])
        return f"{seconds // unit} {name}"

    *first, last = map(spoken, DELAYS_SECONDS)
    words = " ".join(PAGE.split())
    assert f"after {', '.join(first)} and {last}, each a fifth" in words
    assert f"{len(DELAYS_SECONDS) + 1} tries" in words
    assert f"first {LONGEST_ANSWER} characters" in words
    limits = Settings.model_fields
    assert f"within {limits['webhook_timeout_seconds'].default:g} seconds" in words
    assert f"**{limits['webhook_disable_days'].default:g} days**" in words
    assert {name for name in re.findall(r"WAITING_LIST_(\w+)", PAGE) if name.lower() not in limits} == set()
