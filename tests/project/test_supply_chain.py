"""The base images of the service, and the exceptions that the checks allow."""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
IMAGES = re.findall(r"^#(\w+_IMAGE)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
DOCKER = """#!/bin/sh
[ "$1 $2 $3 $4" = 'buildx imagetools inspect --format' ] && [ "$5" = '{{.Manifest.Digest}}' ] || exit 9
[ "$6" != "$REFUSED" ] || exit 1
printf 'sha256:%064d' 0
"""


def test_the_dockerfile_starts_from_the_image_that_the_example_names() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert [name for name, _ in IMAGES] == ["PYTHON_IMAGE", "POSTGRES_IMAGE"]
    assert re.findall(r"^ARG (\w+_IMAGE)=(.*)$", dockerfile, re.MULTILINE) == IMAGES[:1]
    assert set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) == {"${PYTHON_IMAGE}", "python"}


def test_make_digests_prints_every_base_image_with_its_digest(tmp_path: Path) -> None:
    docker = tmp_path / "docker"
    docker.write_text(DOCKER)
    docker.chmod(0o755)

    def digests(refused: str = "") -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "REFUSED": refused}
        command = ["make", "--silent", "--no-print-directory", "digests"]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    done = digests()
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{name}={image}@sha256:{'0' * 64}" for name, image in IMAGES]
    refused = digests(IMAGES[0][1])
    assert refused.returncode != 0
    assert refused.stdout == ""


def test_every_line_that_bandit_excuses_names_its_rule_and_a_reason() -> None:
    lines = [
        line
        for folder in ("waiting_list", "ops", "examples")
        for path in (ROOT / folder).rglob("*.py")
        for line in path.read_text().splitlines()
        if "nosec" in line
    ]
    assert len(lines) > 3
    assert [line for line in lines if not re.search(r"# nosec B\d{3} # \w+", line)] == []
    # Neither does a rule that is left out as a whole.
    skipped = re.search(
        r"^\[tool\.bandit\]\nskips = \[\n(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.S | re.M
    )
    assert skipped
    assert all(re.fullmatch(r'    "B\d{3}",  # .+', line) for line in skipped[1].splitlines())
