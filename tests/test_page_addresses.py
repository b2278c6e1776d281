"""The addresses of pages: a key is one part of a path, whatever is in it, and none is built by hand."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import pytest
from fastapi.routing import APIRoute

from waiting_list import page_addresses
from waiting_list.app import create_app
from waiting_list.lists.models import ListKey
from waiting_list.page_addresses import (
    DASHBOARD_ENTRY,
    LIST,
    PRIVATE_LINK,
    SUBSCRIBE,
    VERIFY,
    address,
    below,
    of_list,
    subscribe,
    unsubscribe,
)

PACKAGE = Path(page_addresses.__file__).parent
TEMPLATES = [path for path in sorted(PACKAGE.rglob("templates/*.*")) if path.suffix in (".html", ".txt")]
IN_A_TEMPLATE = (
    (re.compile(r"""(?:href|action|src|data-live)=["']/"""), "an address that is written out"),
    (re.compile(r"\}\}/"), "a part of an address behind an expression"),
    (re.compile(r"/\{[{%]"), "an expression behind a part of an address"),
    (re.compile(r"""["']/[a-z]"""), "a part of an address as a string"),
)
NO_ADDRESS = re.compile(r"</?\w*|/>|https?://|pages/|mail/|/\*")


@pytest.mark.parametrize("key", ["a", "a b", "a/b", "..%2f", "?x=1&y", "#", "é", "{offer_id}", "a\udc2fb"])
def test_a_key_is_one_part_of_a_path(key: str) -> None:
    made = address(PRIVATE_LINK, token=key)
    assert made.startswith("/e/")
    assert made.count("/") == 2
    assert not set(made) & set("?#&{} ")
    assert unquote(made.removeprefix("/e/")) == key.replace("\udc2f", "?")


def test_addresses_are_made_of_what_a_page_is_about() -> None:
    key = ListKey("o/1", "r 1")
    assert of_list(LIST, key) == "/waiting-lists/o%2F1/r%201"
    assert of_list(DASHBOARD_ENTRY, key, user_id="a?") == "/dashboard/waiting-lists/o%2F1/r%201/entries/a%3F"
    assert below("https://tickets.example/e/x", VERIFY, code="c") == "https://tickets.example/e/x/verify/c"
    assert below("/e/x", SUBSCRIBE) == subscribe("/e/x", None) == "/e/x/subscribe"
    assert (subscribe("/e/x", "m"), unsubscribe("/e/x", "m")) == ("/e/x/subscribe/m", "/e/x/unsubscribe/m")
    with pytest.raises(KeyError):
        address(LIST, offer_id="o")


def test_every_address_leads_to_a_page() -> None:
    """So no pattern is left over from a page that is gone."""
    pages = {route.path for route in create_app().routes if isinstance(route, APIRoute)}
    below_places = {"CHANGE", "LEAVE", "GIVE_BACK", "LIVE", "VERIFY", "SUBSCRIBE", "UNSUBSCRIBE", "WITH_MAIL_CODE"}
    below_places |= {
        "LEAVE_ALL",
        "UNDO",
        "PAUSE",
        "RESUME",
        "PUSH",
        "PUSH_STOP",
        "PHONE",
        "PHONE_CODE",
        "PHONE_STOP",
        "CALENDAR",
        "NOT_ME",
        "SEND_AGAIN",
    }
    below_places |= {"TRANSFER_OFFER", "TRANSFER_BACK", "SHARE", "SHARE_END", "RECEIPT", "SERVED"}
    not_whole = below_places | {"PRIVATE_LINKS", "ANYTHING_ELSE"}
    patterns = {name: value for name, value in vars(page_addresses).items() if name.isupper()}
    assert {value for name, value in patterns.items() if name not in not_whole} <= pages
    for name in below_places - {"WITH_MAIL_CODE"}:
        assert patterns["PRIVATE_LINK"] + patterns[name] in pages


def by_hand_in_template(text: str) -> Iterator[str]:
    """What of a template is an address that was built there."""
    for line in re.sub(r"\{#.*?#\}", "", text, flags=re.DOTALL).splitlines():
        rest = NO_ADDRESS.sub("", line)
        for pattern, what in IN_A_TEMPLATE:
            if pattern.search(rest):
                yield f"{what}: {line}"


def test_no_template_builds_an_address() -> None:
    assert {path.parent.parent.name for path in TEMPLATES} == {"notifications", "pages"}
    found = [(path.name, one) for path in TEMPLATES for one in by_hand_in_template(path.read_text())]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        '<a href="/my-lists">',
        '<form action="{{ page }}/leave">',
        '<a href="{{ list_page }}{{ "/history" }}">',
        '{% set address = "/waiting-lists/" ~ entry.offer_id|segment %}',
        '<a href="{{ service }}/e/x">',
        "See {{ link }}/verify",
    ],
)
def test_an_address_that_a_template_builds_is_found(text: str) -> None:
    assert [*by_hand_in_template(text)]


def is_of_pages(source: str) -> bool:
    """Whether a module makes pages, or links to them: API routers have paths of their own."""
    return bool(re.search(r"page_addresses|PageRequest", source))


def by_hand_in_code(source: str) -> Iterator[str]:
    """What of a module is an address of a page that was built there, or taken apart."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.JoinedStr(values=values):
                for before, after in pairwise(values):
                    texts = [one.value for one in (before, after) if isinstance(one, ast.Constant)]
                    slashes = (text for text in texts if re.search(r"^/(?!v1/)\w|(?<!^pages)/$", str(text)))
                    yield from (f"line {node.lineno}: {text!r} in an f-string" for text in slashes)
            case ast.Constant(value=str(text)) if re.fullmatch(r"/(?!v1/)[a-z{][\w{}:/-]*", text):
                yield f"line {node.lineno}: {text!r}"
            case ast.Call(func=ast.Attribute(attr=name), args=[ast.Constant(value=str(text)), *_]) if name.lstrip(
                "r"
            ) in ("split", "partition") and text.startswith("/"):
                yield f"line {node.lineno}: {name}({text!r})"


def test_no_code_of_pages_builds_an_address_or_takes_one_apart() -> None:
    sources = {
        path.relative_to(PACKAGE).as_posix(): path.read_text()
        for path in PACKAGE.rglob("*.py")
        if path.name != "page_addresses.py"
    }
    of_pages = {name: source for name, source in sources.items() if is_of_pages(source)}
    assert {
        "pages/fans/lists.py",
        "pages/dashboard/lists.py",
        "notifications/email_composer.py",
        "access/private_links.py",
        "pages/fans/entry.py",
    } <= of_pages.keys()
    assert [(name, one) for name, source in of_pages.items() for one in by_hand_in_code(source)] == []


@pytest.mark.parametrize(
    "source",
    [
        'go_to("/my-lists")',
        'go_to(f"{call.page}/place")',
        'link = f"{url}/e/{token}"',
        '"/".join(call.page.split("/")[:5])',
        'call.page.rpartition("/place")[0]',
        '@router.get(LIST + "/history")\nasync def show(): ...',
    ],
)
def test_an_address_that_code_builds_is_found(source: str) -> None:
    assert [*by_hand_in_code(source)]
