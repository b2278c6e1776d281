"""`/openapi.json` and `/docs`: made once, small to send, and without files of other hosts."""

import hashlib
import re
from importlib.resources import files
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from tests.notifications.test_email_rendering import Parsed
from tests.support.attacked import Scene
from tests.support.callers import credentials, path_of
from tests.support.shop import Shop, listening, problem
from waiting_list import __version__
from waiting_list.page_addresses import RECEIPT_CHECKER

STATIC = files("waiting_list.pages") / "static"
PATHS = ["/openapi.json", "/docs"]


async def test_the_document_is_made_once(app: FastAPI, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    describe = app.openapi

    def counted() -> dict[str, Any]:
        made.append(1)
        return describe()

    monkeypatch.setattr(app, "openapi", counted)
    documents = [(await shop.http.get("/openapi.json")).json() for _ in range(3)]
    assert documents[0]["info"]["version"] == __version__
    assert documents == [describe()] * 3
    assert len(made) == 1


@pytest.mark.parametrize("path", PATHS)
async def test_they_are_kept_for_minutes_and_then_asked_for_by_their_tag(shop: Shop, path: str) -> None:
    tags = set()
    for accepted in ("gzip", "identity"):
        answer = await shop.http.get(path, headers={"Accept-Encoding": accepted})
        assert answer.headers["cache-control"] == "public, max-age=300"
        assert answer.headers["vary"] == "Accept-Encoding"
        assert re.fullmatch(r'"[\w-]+"', answer.headers["etag"])  # strong
        known = {"Accept-Encoding": accepted, "If-None-Match": f'"other", {answer.headers["etag"]}'}
        unchanged = await shop.http.get(path, headers=known)
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        assert unchanged.headers["etag"] == answer.headers["etag"]
        changed = await shop.http.get(path, headers=known | {"If-None-Match": '"other"'})
        assert (changed.status_code, changed.content) == (200, answer.content)
        tags.add(answer.headers["etag"])
    assert len(tags) == 2


async def test_the_document_is_zipped_for_a_client_that_can_unzip_it(shop: Shop) -> None:
    plain = await shop.http.get("/openapi.json", headers={"Accept-Encoding": "identity"})
    zipped = await shop.http.get("/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.json() == plain.json()
    assert int(zipped.headers["content-length"]) * 8 < int(plain.headers["content-length"])


async def test_the_page_loads_files_of_ours_and_nothing_else(shop: Shop) -> None:
    page = await shop.http.get("/docs?utm_source=mail")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    loaded = [value for name, value in Parsed(page.text).attributes if name in ("src", "href")]
    assert loaded.pop() == "/openapi.json"  # a link
    assert len(loaded) == 5
    for one in loaded:
        assert one is not None
        assert one.startswith("/static/"), one
        answer = await shop.http.get(one)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("path", ["/redoc", "/docs/oauth2-redirect"])
async def test_what_the_framework_would_add_is_not_there(shop: Shop, path: str) -> None:
    problem(await shop.http.get(path), 404, "not_found")


async def test_no_page_lets_a_script_of_another_host_run(fresh: Scene) -> None:
    link = (await fresh.shop.made("POST", "/waiting-lists/off_1/rep_1/entries/bob/link"))["url"].rpartition("/")[2]
    # The page that checks receipts is one file for the disk: tests/ledger says what its policy allows.
    routes = [
        route
        for route in fresh.app.routes
        if isinstance(route, APIRoute) and "GET" in route.methods and route.path != RECEIPT_CHECKER
    ]
    seen = set()
    async with listening(fresh.app) as url, httpx.AsyncClient(base_url=url, timeout=10, trust_env=False) as http:
        for headers in (await credentials(fresh)).values():
            for route in routes:
                async with http.stream("GET", path_of(route, link), headers=headers) as answer:
                    if not answer.headers.get("content-type", "").startswith("text/html"):
                        continue
                    policy = answer.headers.get("content-security-policy", "none")
                    text = (await answer.aread()).decode()
                allowed = dict(part.strip().partition(" ")[::2] for part in policy.split(";"))
                assert allowed["default-src"] in ("'self'", "'none'"), route.path
                assert "script-src" not in allowed, route.path
                assert not re.search(r"//|\*|unsafe|\bhttps?:", policy), route.path
                assert not re.search(
                    r"<(script|link(?! rel=.canonical)|img|iframe)\b[^>]*\b(src|href)=.?(\w+:)?//", text
                ), route.path
                assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=", text), route.path
                seen.add(route.path)
    assert {"/", "/docs", "/dashboard", "/e/{token}", "/my-lists", "/sign-in"} <= seen


def test_the_files_of_others_are_those_that_their_licences_are_named_for() -> None:
    named = dict(
        line.split("  ")[::-1]
        for line in (STATIC / "swagger-ui.txt").read_text().splitlines()
        if re.match(r"[0-9a-f]{64}  ", line)
    )
    there = {file.name for file in STATIC.iterdir() if file.name.startswith("swagger-ui")}
    assert named.keys() == there - {"swagger-ui.txt"}
    for name, digest in named.items():
        assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == digest, name
