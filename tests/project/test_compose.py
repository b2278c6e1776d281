"""compose.yml waits for healthy containers, builds one image, and agrees with .env.example and the Dockerfile."""

import json
import re
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from waiting_list.settings import Settings

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "compose.yml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = YAML(typ="safe").load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, one in SERVICES.items() if one["image"] == "waiting-list"]
DEFAULTS_IN_COMPOSE = dict(re.findall(r"(?<!\$)\$\{(\w+):-([^}]*)\}", TEXT))
DEFAULTS_IN_EXAMPLE = dict(
    re.findall(r"^#(\w+)=(.*)$", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE)
)


def test_every_variable_has_a_default() -> None:
    # The shell's own variables have two dollars.
    assert set(re.findall(r"(?<!\$)\$\{?(\w+)", TEXT)) == set(DEFAULTS_IN_COMPOSE)


def test_the_example_shows_every_variable_with_its_default_and_else_only_settings() -> None:
    assert DEFAULTS_IN_COMPOSE.items() <= DEFAULTS_IN_EXAMPLE.items()
    settings = {f"WAITING_LIST_{name.upper()}" for name in Settings.model_fields}
    assert set(DEFAULTS_IN_EXAMPLE) - set(DEFAULTS_IN_COMPOSE) <= settings


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_has_a_health_check_and_stays_so_that_up_can_wait_for_it(name: str) -> None:
    """`up --wait` fails for a health check that is disabled, and for a container that ends."""
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service.get("restart") == ("unless-stopped" if name != "demo" else None)
    assert {one["condition"] for one in service.get("depends_on", {}).values()} <= {"service_healthy"}


def test_the_health_check_is_that_of_the_image() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    found = re.search(r"^HEALTHCHECK (.*) \\\n    CMD (\[.*\])$", dockerfile, re.MULTILINE)
    assert found
    options = dict(re.findall(r"--([\w-]+)=(\S+)", found[1]))
    for name in OURS:
        check = SERVICES[name]["healthcheck"]
        assert check["test"] == ["CMD", *json.loads(found[2])]
        assert {key.replace("_", "-"): str(value) for key, value in check.items() if key != "test"} == options


@pytest.mark.parametrize("name", OURS)
def test_the_container_listens_where_its_health_check_asks_whatever_the_env_file_says(name: str) -> None:
    service = SERVICES[name]
    port = service["environment"]["WAITING_LIST_PORT"]
    command = service.get("command", ["serve"])
    # `serve` takes the address and the port from the environment, as the health check does.
    assert not {"--host", "--port"} & {part.split("=")[0] for part in command}
    assert f"--metrics-port={port}" in command if name == "worker" else command[0] == "serve"
    assert "env_file" not in service or ip_address(service["environment"]["WAITING_LIST_HOST"]).is_unspecified
    assert all(published.endswith(f":{port}") for published in service.get("ports", []))


def test_the_image_listens_on_all_addresses_at_the_port_of_the_environment() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "WAITING_LIST_HOST=0.0.0.0\n" in dockerfile
    assert 'CMD ["serve"]\n' in dockerfile


def test_one_service_builds_the_image_and_the_others_never_pull_it() -> None:
    assert [name for name in OURS if "build" in SERVICES[name]] == ["service"]
    assert {SERVICES[name]["pull_policy"] for name in OURS if name != "service"} == {"never"}
    assert len(OURS) == 3


def test_the_service_and_the_worker_see_the_same_mails_and_the_same_password() -> None:
    service, worker = SERVICES["service"], SERVICES["worker"]
    assert service["volumes"] == worker["volumes"]
    assert service["env_file"] == worker["env_file"]
    assert service["environment"].items() >= worker["environment"].items()
    folder = next(one.split(":")[1] for one in service["volumes"] if one.startswith("mail:"))
    # Else the volume would belong to root.
    assert folder in (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert f"WAITING_LIST_MAIL_FOLDER={folder}\n" in (ROOT / ".env.example").read_text(encoding="utf-8")


def test_no_password_stands_in_the_repository_and_none_is_optional() -> None:
    assert DEFAULTS_IN_COMPOSE["POSTGRES_PASSWORD"] == ""
    assert not re.search(r"://[^/\s@]*:[^/\s@]*@", TEXT)
    assert not re.search(r"HOST_AUTH_METHOD|=trust\b", TEXT)
    assert "--auth-host=scram-sha-256" in SERVICES["database"]["environment"]["POSTGRES_INITDB_ARGS"]


@pytest.mark.parametrize("name", SERVICES)
def test_only_this_machine_reaches_a_published_port(name: str) -> None:
    default = [re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", port) for port in SERVICES[name].get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in default)
    assert bool(default) == (name in ("service", "demo"))


def test_the_service_trusts_its_own_gateway_and_nothing_else_on_its_network() -> None:
    (addresses,) = COMPOSE["networks"]["default"]["ipam"]["config"]
    network, gateway = ip_network(addresses["subnet"]), addresses["gateway"]
    trusted = DEFAULTS_IN_COMPOSE["WAITING_LIST_TRUSTED_PROXIES"].split(",")
    assert trusted == ["127.0.0.1", "::1", gateway]
    assert network.is_private
    # The first address, which Docker gives to the bridge.
    assert ip_address(gateway) == network.network_address + 1
