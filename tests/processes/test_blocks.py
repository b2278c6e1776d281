"""Every code block of the pages runs, or is checked, or says why not (tests/support/blocks.py)."""

import asyncio
import os
import re
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.blocks import CANNOT_RUN, JSON, ROOT, Block, blocks, differs, mistake, pages, printed, script
from tests.support.ports import free_port
from waiting_list.app import create_app
from waiting_list.settings import Settings

BLOCKS = {page.relative_to(ROOT).as_posix(): list(blocks(page)) for page in pages()}
RUN = [name for name, found in BLOCKS.items() if any(block.is_run for block in found)]
TUTORIAL = "docs/tutorial.md"
SERVICE = Block("before", 0, "bash", "waiting-list serve", "another terminal: http://127.0.0.1:8000/health/ready")
LIMIT_SECONDS = 120


def test_every_block_is_run_or_checked_or_says_why_not(capsys: pytest.CaptureFixture[str]) -> None:
    document = create_app(Settings()).openapi()
    shapes, paths = document["components"]["schemas"], list(document["paths"])
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    found = [block for every in BLOCKS.values() for block in every]
    wrong = [f"{one.where}: {why}" for one in found if (why := mistake(one, shapes, paths, targets))]
    assert not wrong, "\n".join(wrong)
    count = Counter(_kind(one) for one in found)
    assert count["run"] > 25
    with capsys.disabled():
        print(
            f"\ncode blocks of the pages: {', '.join(f'{number} {kind}' for kind, number in count.most_common())}"
        )


def _kind(block: Block) -> str:
    if block.is_run:
        return "run"
    if block.says("prints"):
        return "compared with what is printed"
    if block.says("tested by"):
        return "run by a test of their own"
    if block.says("in"):
        return "found in an example"
    if block.says("not run"):
        return "not run, and say why"
    return (
        "that are pictures"
        if block.language in CANNOT_RUN
        else "parsed"
        if block.language in JSON
        else "checked word for word"
    )


@pytest.mark.parametrize("page", RUN)
async def test_whoever_follows_a_page_gets_what_it_says(page: str, dsn: str, tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)  # started by root, the embedded PostgreSQL runs as another account
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    run = [block for block in BLOCKS[page] if block.is_run]
    service, receiver = free_port(), free_port()
    changed = {
        "127.0.0.1:8000": f"127.0.0.1:{service}",
        "127.0.0.1:9000": f"127.0.0.1:{receiver}",
        '"127.0.0.1", 9000': f'"127.0.0.1", {receiver}',
    }
    environment: dict[str, Any] = {
        "PATH": f"{sys.prefix}/bin:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "WAITING_LIST_DRAIN_SECONDS": "0",
        "WAITING_LIST_WEBHOOK_PRIVATE_ADDRESSES": "true",
        "WAITING_LIST_URL": f"http://127.0.0.1:{service}",
    }
    environment |= {name: value for name, value in os.environ.items() if name == "WAITING_LIST_STATEMENT_CACHE"}
    if page != TUTORIAL:  # which brings its own
        environment["DATABASE_URL"] = dsn
        run = [SERVICE, *run]
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", script(run, changed), cwd=tmp_path, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        output, _ = await asyncio.wait_for(process.communicate(), LIMIT_SECONDS)
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGTERM)
            await process.wait()
    said = output.decode()
    assert process.returncode == 0, said
    shown = printed(said)
    for before, after in zip(BLOCKS[page], [*BLOCKS[page][1:], None], strict=True):
        if after is None or not after.says("prints"):
            assert "urn:waiting-list:problem" not in shown.get(before.where, ""), shown[before.where]
        else:
            assert before.where in shown, after.where
            assert (why := differs(after, shown[before.where])) is None, f"{after.where}: {why}"
