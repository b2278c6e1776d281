"""Clients that are generated from `/openapi.json` play the main story against a running service, and a library of
others verifies a ledger.

`make test-clients` installs them: openapi-python-client and aics-tlog in `.venv-clients`, openapi-typescript in
`.venv-node`.
"""

import asyncio
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from fastapi import FastAPI

from tests.support.shop import LIST, Shop, listening
from waiting_list.postgres.pool import connection

ROOT = Path(__file__).parent.parent.parent
STORIES = ROOT / "tests" / "data" / "clients"
PYTHON = ROOT / ".venv-clients" / "bin"
NODE = ROOT / ".venv-node"
LIMIT_SECONDS = 150
SAW = {
    "joined": ["waiting", 1],
    "refused": ["already_in_list", 1],
    "ready": 2,
    "bought": ["left", "bought"],
    "found": ["ada"],
    "by_email": [2, True, True],
    "wish": ["waiting", [2, 1], "withdrawn"],
}
pytestmark = pytest.mark.skipif(
    not os.environ.get("TEST_CLIENTS"), reason="make test-clients installs the generators, and sets TEST_CLIENTS"
)


async def run(*command: str | Path, cwd: Path, path: Sequence[Path], **environment: str) -> str:
    """Run a program, and return what it prints. It must not warn."""

    def done() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=cwd,
            env={"PATH": os.pathsep.join([*map(str, path), os.environ["PATH"]]), "HOME": str(cwd)} | environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )

    found = await asyncio.to_thread(done)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "warning" not in (found.stdout + found.stderr).lower(), found.stdout + found.stderr
    return found.stdout


async def _sends_mail(app: FastAPI) -> None:
    """A worker that sends e-mails has run, so that fans may join with an address alone."""
    async with connection(app.state.service.pool) as acquired:
        await acquired.execute("INSERT INTO mail_seen (is_only, seen_at) VALUES (true, now())")


async def test_a_generated_python_client_plays_the_story(app: FastAPI, shop: Shop, tmp_path: Path) -> None:
    await _sends_mail(app)
    async with listening(app) as url:
        (tmp_path / "config.yml").write_text(
            "post_hooks: []\ncontent_type_overrides:\n  application/jsonl: application/octet-stream\n"
        )
        options = ("--url", f"{url}/openapi.json", "--config", "config.yml", "--meta", "none", "--fail-on-warning")
        target = ("--output-path", "waiting_list_service_client")
        await run("openapi-python-client", "generate", *options, *target, cwd=tmp_path, path=[PYTHON])
        (tmp_path / "story.py").write_text((STORIES / "story.py").read_text())
        types = ("--strict", "--cache-dir", "types", "story.py")
        await run("mypy", *types, cwd=tmp_path, path=[PYTHON])
        saw = await run("python", "story.py", cwd=tmp_path, path=[PYTHON], ADDRESS=url, API_KEY=shop.key)
    assert json.loads(saw) == SAW


async def test_a_generated_typescript_client_plays_the_story(app: FastAPI, shop: Shop, tmp_path: Path) -> None:
    path = [NODE / "bin", NODE / "node_modules" / ".bin"]
    (tmp_path / "node_modules").symlink_to(NODE / "node_modules")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "story.ts").write_text((STORIES / "story.ts").read_text())
    options = ("--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes")
    target = ("--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler", "--types", "node")
    await _sends_mail(app)
    async with listening(app) as url:
        await run("openapi-typescript", f"{url}/openapi.json", "--output", "api.d.ts", cwd=tmp_path, path=path)
        await run("tsc", *options, *target, "story.ts", cwd=tmp_path, path=path)
        saw = await run("node", "story.js", cwd=tmp_path, path=path, ADDRESS=url, API_KEY=shop.key)
    assert json.loads(saw) == SAW


async def test_a_verifier_of_others_finds_the_ledger_right(app: FastAPI, shop: Shop, tmp_path: Path) -> None:
    await shop.stock()
    # More than one tile of 256 changes.
    for number in range(130):
        await shop.join(f"user_{number}", 2)
        await shop.user(f"user_{number}", "PATCH", body={"tickets_wanted": 1})
    async with listening(app) as url:
        address = f"{url}/v1/user/waiting-lists/{LIST}"
        saw = await run("python", STORIES / "verify.py", cwd=tmp_path, path=[PYTHON], ADDRESS=address)
    async with connection(app.state.service.pool) as acquired:
        last = await acquired.fetchval("SELECT max(sequence) FROM history")
    assert json.loads(saw) == {"size": last, "refused": last, "consistent": last - 1}
    assert last > 256
