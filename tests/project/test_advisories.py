"""The check for known vulnerabilities fails if it reached no data."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ops.advisories import KNOWN, pinned

ROOT = Path(__file__).parent.parent.parent
HIT = {"id": "PYSEC-2026-1", "fix_versions": ["2.0"], "aliases": [], "description": ""}


class Look:
    """A run of it, with a pip-audit that answers what it is told to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.snapshot = folder / "advisories.json"
        (folder / "locked.txt").write_text(
            "first==1.0 \\\n    --hash=sha256:0\nsecond[more]==2.5 ; python_version > '3'\n"
        )

    def run(self, *options: str, known: Any, locked: Any) -> subprocess.CompletedProcess[str]:
        """`known` and `locked` are what pip-audit has for the release that is bad, and for ours."""
        program = self.folder / "pip-audit"
        answers = {"known": {"dependencies": known}, "locked": {"dependencies": locked}}
        program.write_text(
            f"#!{sys.executable}\nimport json, sys\nanswers = json.loads({json.dumps(answers)!r})\n"
            f"about = open(sys.argv[sys.argv.index('--requirement') + 1]).read()\n"
            f"print(json.dumps(answers['known' if about.startswith({KNOWN!r}) else 'locked']))\n"
        )
        program.chmod(0o755)
        command = [
            sys.executable,
            ROOT / "ops" / "advisories.py",
            program,
            "--requirements",
            self.folder / "locked.txt",
        ]
        return subprocess.run(
            [*command, "--snapshot", self.snapshot, *options], capture_output=True, text=True, check=False
        )

    def keep(self, days: int, **advisories: list[str]) -> None:
        """A snapshot that is so many days old."""
        asked = datetime.now(UTC).date() - timedelta(days)
        releases = [
            {"name": name, "version": version, "advisories": advisories.get(name, [])}
            for name, version in {"first": "1.0", "second": "2.5"}.items()
        ]
        self.snapshot.write_text(json.dumps({"asked_on": asked.isoformat(), "releases": releases}))


def release(name: str, version: str, *vulns: Any) -> dict[str, Any]:
    return {"name": name, "version": version, "vulns": list(vulns)}


BAD = [release("jinja2", "2.10", HIT)]
SKIPPED = [{"name": "first", "skip_reason": "Dependency not found"}]


@pytest.fixture
def look(tmp_path: Path) -> Look:
    return Look(tmp_path)


def test_a_known_vulnerability_of_what_is_locked_fails(look: Look) -> None:
    done = look.run(known=BAD, locked=[release("first", "1.0"), release("second", "2.5", HIT)])
    assert (done.returncode, done.stdout) == (1, "pip-audit checked 2 releases.\nsecond 2.5: PYSEC-2026-1\n")


def test_what_was_said_is_kept_with_its_date(look: Look) -> None:
    clean = [release("first", "1.0"), release("second", "2.5")]
    assert look.run("--write", known=BAD, locked=clean).returncode == 0
    kept = json.loads(look.snapshot.read_text())
    assert kept["asked_on"] == datetime.now(UTC).date().isoformat()
    assert [one["name"] for one in kept["releases"]] == ["first", "second"]
    done = look.run(known=SKIPPED, locked=SKIPPED)
    assert done.returncode == 0
    assert "cannot reach vulnerability data" in done.stdout
    assert ", 0 days old." in done.stdout
    assert "older than 30 days" not in done.stdout
    assert "Not in the snapshot" not in done.stdout


@pytest.mark.parametrize("known", [SKIPPED, [release("jinja2", "2.10")], []])
def test_an_audit_that_does_not_know_a_bad_release_is_not_believed(look: Look, known: Any) -> None:
    clean = [release("first", "1.0"), release("second", "2.5")]
    done = look.run(known=known, locked=clean)
    assert "cannot reach vulnerability data" in done.stdout
    assert "no release was checked" in done.stdout
    refused = look.run("--write", known=known, locked=clean)
    assert refused.returncode == 1
    assert not look.snapshot.exists()


def test_a_release_that_cannot_be_looked_up_fails(look: Look) -> None:
    done = look.run(
        "--write", known=BAD, locked=[release("first", "1.0"), {"name": "second", "skip_reason": "no"}]
    )
    assert done.returncode == 1
    assert "second: pip-audit cannot look it up." in done.stdout
    assert not look.snapshot.exists()


def test_the_snapshot_fails_for_what_it_knows_and_says_what_it_does_not(look: Look) -> None:
    look.keep(31, second=["PYSEC-2026-1"])
    done = look.run(known=SKIPPED, locked=SKIPPED)
    assert done.returncode == 1
    assert "second 2.5: PYSEC-2026-1" in done.stdout
    assert "older than 30 days" in done.stdout
    (look.folder / "locked.txt").write_text("first==1.0\nsecond==2.6\nthird==1\n")
    done = look.run(known=SKIPPED, locked=SKIPPED)
    assert done.returncode == 0
    assert "Not in the snapshot: second 2.6, third 1." in done.stdout


def test_the_check_sees_every_release_of_the_lock_file() -> None:
    lines = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line[:1].isalnum()]
    assert len(pinned(ROOT / "requirements.txt")) == len(lines) > 50
