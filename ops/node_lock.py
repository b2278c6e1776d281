"""Remove every address from ops/node/package-lock.json, so that the lock file names no host."""

import json
from pathlib import Path

LOCK = Path(__file__).parent / "node" / "package-lock.json"


def main() -> None:
    """Rewrite the lock file without where packages come from, and where to pay their authors."""
    lock = json.loads(LOCK.read_text())
    for package in lock["packages"].values():
        for name in ("resolved", "funding", "deprecated"):
            package.pop(name, None)
    LOCK.write_text(json.dumps(lock, indent=2) + "\n")


if __name__ == "__main__":
    main()
