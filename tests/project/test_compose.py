"""compose.yml and .env.example agree, and contain no secret."""

import re
from ipaddress import ip_address, ip_network
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
COMPOSE = (ROOT / "compose.yml").read_text(encoding="utf-8")
DEFAULTS_IN_COMPOSE = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", COMPOSE))
DEFAULTS_IN_EXAMPLE = dict(
    re.findall(r"^#(\w+)=(.*)$", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE)
)


def test_every_variable_has_a_default() -> None:
    assert set(re.findall(r"\$\{?(\w+)", COMPOSE)) == set(DEFAULTS_IN_COMPOSE)


def test_the_example_shows_every_variable_with_its_default() -> None:
    assert DEFAULTS_IN_EXAMPLE == DEFAULTS_IN_COMPOSE


def test_no_password_stands_in_the_repository() -> None:
    assert DEFAULTS_IN_COMPOSE["POSTGRES_PASSWORD"] == ""
    assert not re.search(r"://[^/\s@]*:[^/\s@]*@", COMPOSE)


def test_the_service_trusts_its_own_gateway_and_nothing_else_on_its_network() -> None:
    subnet, gateway = (re.search(rf"{name}: (\S+)$", COMPOSE, re.MULTILINE) for name in ("subnet", "gateway"))
    assert subnet
    assert gateway
    network, trusted = ip_network(subnet[1]), DEFAULTS_IN_COMPOSE["WAITING_LIST_TRUSTED_PROXIES"].split(",")
    assert trusted == ["127.0.0.1", "::1", gateway[1]]
    assert network.is_private
    # The first address, which Docker gives to the bridge.
    assert ip_address(gateway[1]) == network.network_address + 1
