"""The warning about a proxy that hides the addresses of fans."""

from typing import Any

import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from tests.access.test_rate_limits import served
from tests.support.shop import Shop

NOT_TRUSTED = {"trusted_proxies": "10.9.9.9"}  # the tests' own peer is 127.0.0.1
FAN = "203.0.113.7"


async def warned(shop: Shop, *requests: dict[str, str]) -> list[str]:
    """What readiness warns of after these requests, by their headers."""
    for headers in requests:
        assert (await shop.http.get("/v1/user/events", headers=headers)).status_code == 200
    ready = await shop.http.get("/health/ready")
    assert ready.status_code == 200
    return sorted(one["code"] for one in ready.json()["warnings"])


@pytest.mark.parametrize(
    ("settings", "headers", "expected"),
    [
        (NOT_TRUSTED, {"X-Forwarded-For": FAN}, "proxy_not_trusted"),
        (NOT_TRUSTED, {"X-Forwarded-For": f"{FAN}, 10.1.1.1"}, "proxy_not_trusted"),
        (NOT_TRUSTED, {"X-Forwarded-For": f"127.0.0.10, {FAN}"}, "proxy_not_trusted"),
        (NOT_TRUSTED, {"Forwarded": f"for={FAN}"}, "proxy_names_no_client"),
        ({}, {"Forwarded": f"for={FAN}"}, "proxy_names_no_client"),
        ({}, {"X-Real-IP": FAN}, "proxy_names_no_client"),
        ({}, {"X-Forwarded-Proto": "https"}, "proxy_names_no_client"),
        ({}, {"X-Forwarded-For": "", "X-Forwarded-Host": "wait.example"}, "proxy_names_no_client"),
    ],
)
async def test_a_proxy_that_hides_the_addresses_of_fans_is_warned_of_once(
    dsn: str, settings: dict[str, Any], headers: dict[str, str], expected: str
) -> None:
    async with served(dsn, **settings) as shop:
        assert await warned(shop, {}) == []
        with capture_logs() as lines:
            assert await warned(shop, headers, headers, headers) == [expected]
        (line,) = [line for line in lines if line["event"] == "addresses_hidden"]
        assert (line["code"], line["peer"], line["log_level"]) == (expected, "127.0.0.1", "warning")
        assert "WAITING_LIST_TRUSTED_PROXIES" in line["detail"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Forwarded-For": FAN},
        {"X-Forwarded-For": FAN, "X-Forwarded-Proto": "https", "X-Real-IP": FAN},
        {"X-Forwarded-For": f"198.51.100.1, {FAN}"},
        {"X-Forwarded-For": "2001:db8::1"},
        {"X-Forwarded-For": f"{FAN}:50123"},
        # A fan in the office, as the proxy that is trusted says.
        {"X-Forwarded-For": "10.1.2.3"},
        {"X-Forwarded-For": "10.1.2.3:50123"},
        {"X-Forwarded-For": "[fd00::1]:50123"},
        {"X-Forwarded-For": f"{FAN}, 10.1.2.3"},
        # The proxy itself.
        {"X-Forwarded-For": "127.0.0.1"},
    ],
)
async def test_a_proxy_that_is_named_and_says_where_fans_come_from_is_not_warned_of(
    dsn: str, headers: dict[str, str]
) -> None:
    async with served(dsn) as shop:
        assert await warned(shop, headers) == []


async def test_a_stranger_at_a_public_address_causes_no_warning(dsn: str) -> None:
    # What the proxy passes on of them, and what a stranger without a proxy writes.
    async with served(dsn) as shop:
        for address in (FAN, "172.99.0.1", "2001:db8::1", "::ffff:203.0.113.7"):
            lies = {
                "X-Forwarded-For": f"10.1.1.1, {address}",
                "Forwarded": "for=10.1.1.1",
                "X-Real-IP": "10.0.0.1",
            }
            assert await warned(shop, lies) == []


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "A proxy hides the IP addresses of fans"), ("fr", "Un proxy cache les adresses IP")],
)
async def test_organizers_are_told_on_the_dashboard_that_addresses_are_hidden(
    app: FastAPI, shop: Shop, dsn: str, language: str, words: str
) -> None:
    async with served(dsn, **NOT_TRUSTED) as office:
        office.http.headers["Accept-Language"] = language
        await office.http.post("/dashboard/sign-in", data={"api_key": shop.key})
        assert words not in (await office.http.get("/dashboard")).text
        await office.http.get("/", headers={"X-Forwarded-For": FAN})
        for page in ("/dashboard", "/dashboard/webhooks"):
            assert words in (await office.http.get(page)).text
        assert words not in (await office.http.get("/")).text  # no matter of fans
