"""Every code block of the pages runs, or is checked, or says why not (tests/support/blocks.py)."""

import asyncio
import itertools
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.blocks import (
    CANNOT_RUN,
    JSON,
    ROOT,
    Block,
    bare_command,
    blocks,
    differs,
    is_installed,
    mistake,
    pages,
    printed,
    script,
)
from tests.support.ports import free_port
from waiting_list.app import create_app
from waiting_list.settings import Settings

BLOCKS = {page.relative_to(ROOT).as_posix(): list(blocks(page)) for page in pages()}
RUN = [name for name, found in BLOCKS.items() if any(block.is_run for block in found)]
README, TUTORIAL = "README.md", "docs/tutorial.md"
FOLDERS = {README: "data", TUTORIAL: "tutorial-data"}
"""The data folders of the pages that use the embedded PostgreSQL. The other pages get a database of the tests."""
TWICE = {README, "docs/how-to/first-calls.md", "docs/how-to/integrate.md"}
"""Pages whose reader may type everything again. The others say why not, or show what is different then."""
READY = "another terminal: http://127.0.0.1:8000/health/ready"
LOADED = "until grep -q 'The demo is loaded' terminal-*.log; do sleep 0.1; done"
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


def test_every_command_is_written_as_its_reader_must_type_it() -> None:
    wrong = [bare.where for page in BLOCKS.values() if (bare := bare_command(page))]
    assert not wrong, f"type .venv/bin/waiting-list, or link to docs/how-to/install.md: {wrong}"
    assert not is_installed(README)


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


def _typed(command: str, remark: str = "") -> Block:
    return Block("typed", 0, "bash", command, remark)


def _page(page: str, *, options: str = "") -> list[Block]:
    """The blocks of a page that run, after a service with these options unless the page starts its own."""
    run = [block for block in BLOCKS[page] if block.is_run]
    if any("waiting-list serve" in block.text and block.says("another terminal") for block in run):
        return run
    return [_typed(f".venv/bin/waiting-list serve{options}", READY), *run]


@pytest.mark.parametrize("page", RUN)
async def test_whoever_follows_a_page_gets_what_it_says_and_the_demo_loads_afterwards(
    page: str, dsn: str, tmp_path: Path
) -> None:
    folder = f" --data-dir {FOLDERS[page]}" if page in FOLDERS else ""
    await _follow(
        page, [*_page(page, options=folder), _typed(f".venv/bin/waiting-list demo{folder}")], dsn, tmp_path
    )


@pytest.mark.parametrize("page", RUN)
async def test_whoever_follows_a_page_after_the_demo_gets_what_it_says_each_time(
    page: str, dsn: str, tmp_path: Path
) -> None:
    times = 2 if page in TWICE else 1
    if page == README:  # it has the demo in the service, as `make run` has it
        service, *run = _page(page, options=" --data-dir data --demo")
        await _follow(page, [service, *run * times, _typed(LOADED)], dsn, tmp_path)
        return
    folder = f" --data-dir {FOLDERS[page]}" if page in FOLDERS else ""
    service, *run = _page(page)
    demo = _typed(f".venv/bin/waiting-list demo{folder}")
    await _follow(page, [demo, service, *run * times], dsn, tmp_path)


def test_make_run_is_the_command_that_stands_for_it_here() -> None:
    assert "\n\t$(BIN)/waiting-list serve --data-dir data --demo\n" in (ROOT / "Makefile").read_text()


async def _follow(page: str, run: list[Block], dsn: str, folder: Path) -> None:
    """Type these blocks in a folder like a clone, and compare what they print with the page."""
    for place in (folder, folder.parent, folder.parent.parent):
        place.chmod(0o755)  # started by root, the embedded PostgreSQL runs as another account
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "examples").symlink_to(ROOT / "examples")
    service, receiver = free_port(), free_port()
    changed = {
        "127.0.0.1:8000": f"127.0.0.1:{service}",
        "127.0.0.1:9000": f"127.0.0.1:{receiver}",
        '"127.0.0.1", 9000': f'"127.0.0.1", {receiver}',
    }
    environment: dict[str, Any] = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "WAITING_LIST_DRAIN_SECONDS": "0",
        "WAITING_LIST_WEBHOOK_PRIVATE_ADDRESSES": "true",
        "WAITING_LIST_URL": f"http://127.0.0.1:{service}",
    }
    if is_installed(page):
        environment["PATH"] = f"{sys.prefix}/bin:{environment['PATH']}"
    environment |= {name: value for name, value in os.environ.items() if name == "WAITING_LIST_STATEMENT_CACHE"}
    if page not in FOLDERS:
        environment["DATABASE_URL"] = dsn
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", script(run, changed), cwd=folder, env=environment,
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
    outputs = printed(said)
    assert [where for where, _ in outputs] == [block.where for block in run]
    prints = {before.where: after for before, after in itertools.pairwise(BLOCKS[page]) if after.says("prints")}
    for where, shown in outputs:
        if expected := prints.get(where):
            assert (why := differs(expected, shown)) is None, f"{expected.where}: {why}"
        else:
            assert "urn:waiting-list:problem" not in shown, shown
    made = {path.name for path in folder.iterdir() if not path.name.startswith("terminal-")} - {"examples"}
    ignored = subprocess.run(
        ["git", "-C", str(ROOT), "check-ignore", *(f"{name}{'/' * (folder / name).is_dir()}" for name in made)],
        capture_output=True, text=True, check=False,
    ).stdout.split()  # fmt: skip
    assert {name.rstrip("/") for name in ignored} == made, "git would show what the page makes"
