"""The files that newcomers to the project read first: its contact, its metadata, its hooks, its deployment."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
(CONTACT,) = (one["email"] for one in PROJECT["maintainers"])
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
KUBERNETES = ROOT / "ops" / "kubernetes"


def in_yaml(path: Path) -> list[dict[str, Any]]:
    return list(YAML(typ="safe").load_all(path.read_text()))


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def test_the_contact_stands_at_one_place() -> None:
    found = [path for path in tracked() if path.is_file() and CONTACT.encode() in path.read_bytes()]
    assert found == [ROOT / "pyproject.toml"]


@pytest.mark.parametrize("name", ["SECURITY.md", "CODE_OF_CONDUCT.md"])
def test_a_page_that_needs_the_contact_has_no_other_and_leads_there(name: str) -> None:
    page = (ROOT / name).read_text()
    assert not re.search(r"[\w.+-]+@[\w-]+\.\w+|https?://", page)
    assert "SECURITY.md#contact" in page or "](pyproject.toml)" in page


def test_the_metadata_names_the_supported_versions_of_python() -> None:
    versions = re.findall(r"Python :: (3\.\d+)$", "\n".join(PROJECT["classifiers"]), re.MULTILINE)
    assert PROJECT["requires-python"] == f">={versions[0]}"
    (row,) = re.findall(r"^\| Python \| (.*?) \|", (ROOT / "docs" / "deploy.md").read_text(), re.MULTILINE)
    assert row.split(", ") == versions


def test_each_hook_is_a_target_of_the_makefile_and_none_comes_from_elsewhere() -> None:
    (config,) = in_yaml(ROOT / ".pre-commit-config.yaml")
    assert [one["repo"] for one in config["repos"]] == ["local"]
    hooks = config["repos"][0]["hooks"]
    assert hooks
    for hook in hooks:
        assert hook.keys() <= {"id", "name", "entry", "language", "types", "pass_filenames"}
        assert (hook["language"], hook["pass_filenames"]) == ("system", False)
        assert hook["entry"] == f"make --silent {hook['id']}"
        assert hook["id"] in TARGETS


def test_the_kustomization_has_every_manifest_but_the_example_of_a_secret() -> None:
    (listed,) = in_yaml(KUBERNETES / "kustomization.yaml")
    files = {path.name for path in KUBERNETES.iterdir()}
    assert set(listed["resources"]) == files - {"kustomization.yaml", "secret.example.yaml"}


@pytest.mark.parametrize("name", ["service.yaml", "worker.yaml"])
def test_each_pod_is_restricted_and_answers_probes(name: str) -> None:
    deployment = in_yaml(KUBERNETES / name)[0]
    pod = deployment["spec"]["template"]["spec"]
    assert deployment["spec"]["replicas"] == 2
    assert pod["enableServiceLinks"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    for container in (*pod["initContainers"], *pod["containers"]):
        restricted = container["securityContext"]
        assert restricted["allowPrivilegeEscalation"] is False
        assert restricted["readOnlyRootFilesystem"] is True
        assert restricted["capabilities"] == {"drop": ["ALL"]}
        assert container["image"] == "waiting-list"
    (main,) = pod["containers"]
    probes = {
        probe: main[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    # A pod that lost its database must not restart, but wait for it.
    assert probes == {
        "startupProbe": "/health/live",
        "livenessProbe": "/health/live",
        "readinessProbe": "/health/ready",
    }


def test_a_pod_has_time_to_drain() -> None:
    (config,) = in_yaml(KUBERNETES / "config.yaml")
    pod = in_yaml(KUBERNETES / "service.yaml")[0]["spec"]["template"]["spec"]
    drain = float(config["data"]["WAITING_LIST_DRAIN_SECONDS"])
    assert drain + 20 <= pod["terminationGracePeriodSeconds"]


def test_systemd_stops_only_the_main_process_which_ends_the_others() -> None:
    unit = (ROOT / "ops" / "systemd" / "waiting-list.service").read_text()
    # Else systemd would send SIGTERM to PostgreSQL and to each API process, too.
    assert "\nKillMode=mixed\n" in unit
