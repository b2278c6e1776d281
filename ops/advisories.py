"""Check the locked releases for known vulnerabilities (`make advisories`).

The check asks pip-audit. pip-audit reports a release that it cannot look up as "skipped" and still exits with 0.
So the check first asks about a release with known vulnerabilities; an answer without them counts as no answer. In
that case the check reads the snapshot, ops/advisories.json, and prints its date. `--write` writes the snapshot.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
SNAPSHOT = ROOT / "ops" / "advisories.json"
KNOWN = "jinja2==2.10"
"""A release with vulnerabilities, published in 2019 and 2021."""
OLD_DAYS = 30


class Locked(NamedTuple):
    """A release, and the ids of its advisories."""

    name: str
    version: str
    advisories: list[str]


def ask(program: str, requirements: Path) -> tuple[list[Locked], list[str]]:
    """Look up the releases that a file pins: what pip-audit knows, and the names that it cannot look up."""
    command = [program, "--requirement", str(requirements), "--no-deps", "--disable-pip"]
    options = ["--format", "json", "--progress-spinner", "off"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    try:
        answer: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        return [], sorted(pinned(requirements))
    known = [
        Locked(one["name"], one["version"], sorted(advisory["id"] for advisory in one["vulns"]))
        for one in answer
        if "skip_reason" not in one
    ]
    return known, [one["name"] for one in answer if "skip_reason" in one]


def can_ask(program: str) -> bool:
    """Say whether pip-audit can reach vulnerability data from here."""
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder, "requirements.txt")
        requirements.write_text(f"{KNOWN}\n", encoding="utf-8")
        return any(one.advisories for one in ask(program, requirements)[0])


def pinned(requirements: Path) -> dict[str, str]:
    """Read the names and versions in a lock file."""
    found = re.findall(r"^([\w.-]+)(?:\[[\w,-]*\])?==([^\s;\\]+)", requirements.read_text("utf-8"), re.MULTILINE)
    return dict(found)


def read_snapshot(requirements: Path, snapshot: Path, today: date) -> tuple[list[Locked], list[str]]:
    """Compare the snapshot with a lock file: the releases that both have, and lines to print."""
    if not snapshot.exists():
        return [], [f"There is no snapshot {snapshot.name}: no release was checked."]
    kept = json.loads(snapshot.read_text("utf-8"))
    known = {one["name"]: Locked(**one) for one in kept["releases"]}
    days = (today - date.fromisoformat(kept["asked_on"])).days
    lines = [f"Checked against the snapshot of {kept['asked_on']}, {days} days old."]
    if days > OLD_DAYS:
        lines.append(
            f"Warning: it is older than {OLD_DAYS} days. Run `make advisories WRITE=--write` with internet access."
        )
    now = pinned(requirements)
    new = sorted(name for name, version in now.items() if name not in known or known[name].version != version)
    if new:
        lines.append(f"Not in the snapshot: {', '.join(f'{name} {now[name]}' for name in new)}.")
    return [one for name, one in known.items() if now.get(name) == one.version], lines


def main() -> None:
    """Check and print. Exit with 1 if a locked release has an advisory, or pip-audit knows some releases only."""
    parser = argparse.ArgumentParser()
    parser.add_argument("program", help="pip-audit")
    parser.add_argument("--write", action="store_true", help="write the answer to the snapshot")
    parser.add_argument("--requirements", type=Path, default=ROOT / "requirements.txt")
    parser.add_argument("--snapshot", type=Path, default=SNAPSHOT)
    given = parser.parse_args()
    today = datetime.now(UTC).date()
    skipped: list[str] = []
    if can_ask(given.program):
        found, skipped = ask(given.program, given.requirements)
        print(f"pip-audit checked {len(found)} releases.")
        if given.write and not skipped:
            releases = [one._asdict() for one in found]
            text = json.dumps({"asked_on": today.isoformat(), "releases": releases}, indent=1)
            given.snapshot.write_text(f"{text}\n", encoding="utf-8")
    elif given.write:
        sys.exit("pip-audit cannot reach vulnerability data from here. The snapshot is unchanged.")
    else:
        print("WARNING: pip-audit cannot reach vulnerability data from here.")
        found, lines = read_snapshot(given.requirements, given.snapshot, today)
        print("\n".join(lines))
    hit = [one for one in found if one.advisories]
    for one in hit:
        print(f"{one.name} {one.version}: {', '.join(one.advisories)}")
    for name in skipped:
        print(f"{name}: pip-audit cannot look it up.")
    if hit or skipped:
        sys.exit(1)


if __name__ == "__main__":
    main()
