"""The public address: what it may be, and what follows for the address of a server."""

import pytest
from pydantic import ValidationError

from waiting_list import public_url
from waiting_list.app import create_app
from waiting_list.settings import Settings


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("127.0.0.1", 8140, "http://127.0.0.1:8140"),
        ("0.0.0.0", 8140, "http://127.0.0.1:8140"),  # noqa: S104 - of interest here
        ("::", 8140, "http://[::1]:8140"),
        ("0:0::0", 80, "http://[::1]:80"),
        ("::1", 8140, "http://[::1]:8140"),
        ("fd00::7", 8140, "http://[fd00::7]:8140"),
        ("10.0.0.7", 8140, "http://10.0.0.7:8140"),
        ("localhost", 8140, "http://localhost:8140"),
        ("wait.internal", 8140, "http://wait.internal:8140"),
    ],
)
def test_the_public_address_follows_host_and_port_unless_it_is_set(host: str, port: int, url: str) -> None:
    assert Settings(host=host, port=port).public_url == url
    assert Settings(host=host, port=port, public_url="").public_url == url
    assert Settings(host=host, port=port, public_url="https://x.example").public_url == "https://x.example"


@pytest.mark.parametrize(
    ("given", "url", "origin", "path"),
    [
        ("https://shop.example", "https://shop.example", "https://shop.example", ""),
        ("https://shop.example/", "https://shop.example", "https://shop.example", ""),
        ("https://shop.example/waiting", "https://shop.example/waiting", "https://shop.example", "/waiting"),
        ("http://[::1]:8/a/b_~-.c//", "http://[::1]:8/a/b_~-.c", "http://[::1]:8", "/a/b_~-.c"),
        ("https://bücher.example/liste", "https://bücher.example/liste", "https://bücher.example", "/liste"),
        (
            "https://shop.example/dashboards",
            "https://shop.example/dashboards",
            "https://shop.example",
            "/dashboards",
        ),
    ],
)
def test_a_public_address_may_have_a_path_and_a_last_slash(given: str, url: str, origin: str, path: str) -> None:
    settings = Settings(public_url=given)
    assert (settings.public_url, settings.public_origin, settings.public_path) == (url, origin, path)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("shop.example", "must be an address such as"),
        ("ftp://shop.example", "must be an address such as"),
        ("https://ada:secret@shop.example", "without a user name"),
        ("https://shop.example/?a=b", "a query"),
        ("https://shop.example#top", "a fragment"),
        ("https://shop.example\\waiting", "must be an address such as"),
        ("https://shop.example/a//b", "must be an address such as"),
        ("https://shop.example/%77aiting", "must be an address such as"),
        ("https://shop.example/a b", "must be an address such as"),
        ("https://shop.example/../waiting", "must have no . and no .."),
        ("https://shop.example:99999", "a port from 1 to 65535"),
        ("https://shop.example:0", "a port from 1 to 65535"),
        ("https://:8000", "must have a host name"),
        ("https://[::1", "must have a host name"),
        ("https://shop.example/dashboard", "must not begin its path with /dashboard"),
        ("https://shop.example/v1/waiting", "must not begin its path with /v1"),
    ],
)
def test_a_public_address_that_links_cannot_begin_with_is_refused_with_a_sentence(given: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why) as refused:
        Settings(public_url=given)
    assert refused.value.error_count() == 1


def test_a_wrong_port_is_the_only_error() -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(port="many")  # type: ignore[arg-type]
    assert [one["loc"] for one in refused.value.errors()] == [("port",)]


def test_the_first_parts_are_those_of_all_routes() -> None:
    paths = [getattr(route, "path", "/") for route in create_app(Settings()).routes]
    assert {path.split("/")[1] for path in paths} - {""} == public_url.FIRST_PARTS


@pytest.mark.parametrize(
    ("settings", "dead"),
    [
        ({}, False),
        ({"smtp_host": "mail.example"}, True),
        ({"smtp_host": "mail.example", "public_url": "http://localhost:8000"}, True),
        ({"smtp_host": "mail.example", "host": "::"}, True),
        ({"smtp_host": "mail.example", "mail_folder": "mails"}, False),
        ({"smtp_host": "mail.example", "public_url": "https://tickets.example"}, False),
        ({"smtp_host": "mail.example", "host": "10.0.0.7"}, False),
    ],
)
def test_mailed_links_to_a_loopback_address_are_dead(settings: dict[str, str], dead: bool) -> None:
    assert Settings(**settings).mails_dead_links is dead  # type: ignore[arg-type]


def test_names_of_this_machine_are_loopback() -> None:
    assert public_url.is_loopback("http://wait.localhost:8000")
    assert public_url.is_loopback("http://127.9.9.9")
    assert not public_url.is_loopback("http://localhost.example")
