"""What a browser gets where the service has no page: a page in its reader's language, never JSON."""

import httpx
import pytest

from tests.notifications.test_email_rendering import Parsed
from tests.support.shop import Shop, problem
from waiting_list.pages.page import HEADERS

HTML = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
UNKNOWN = [
    "/nowhere", "/redoc", "/docs/oauth2-redirect", "/waiting-lists/off_1", "/static/gone.css", "/mails",
    "/mails/x",    "/.well-known/security.txt", "/wp-login.php", "/a//b", "/my-lists//", "/v1", "/v2/user/events",
]  # fmt: skip


def is_page(answer: httpx.Response, status: int) -> Parsed:
    """Check that the answer is a page in our design with a way on, and return it."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert answer.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]
    parsed = Parsed(answer.text)
    links = [value for name, value in parsed.attributes if name == "href"]
    assert links.count("/") == 3  # twice above the page, and below its text
    assert any((one or "").startswith("/static/style.css") for one in links)
    return parsed


@pytest.mark.parametrize("path", UNKNOWN)
async def test_an_unknown_page_is_a_page_for_a_browser_and_a_problem_for_others(shop: Shop, path: str) -> None:
    answer = await shop.http.get(path, headers=HTML)
    is_page(answer, 404)
    assert answer.headers["vary"] == "Accept, Accept-Language, Cookie"
    assert answer.headers["cache-control"] == "private, no-store"
    head = await shop.http.head(path, headers=HTML)
    assert (head.status_code, head.headers["content-length"]) == (404, answer.headers["content-length"])
    for accepted in ("*/*", "application/json", ""):
        problem(await shop.http.get(path, headers={"Accept": accepted}), 404, "not_found")


async def test_an_unknown_page_speaks_the_language_of_its_reader(shop: Shop) -> None:
    french = await shop.http.get("/nowhere", headers=HTML | {"Accept-Language": "fr-CA, en;q=0.5"})
    is_page(french, 404)
    assert '<html lang="fr">' in french.text
    assert "Page introuvable" in french.text


@pytest.mark.parametrize("path", ["/v1/nowhere", "/v1/user/events/", "/v1/organizer/events/ev_9"])
async def test_the_api_answers_a_browser_with_problems_too(shop: Shop, path: str) -> None:
    answer = await shop.http.get(path, headers=HTML | {"Authorization": f"Bearer {shop.key}"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_a_form_sent_to_a_page_that_takes_none_is_refused_on_a_page(shop: Shop) -> None:
    answer = await shop.http.post("/my-lists", data={"x": "1"}, headers=HTML)
    is_page(answer, 405)
    assert answer.headers["allow"] == "GET, HEAD"


async def test_an_address_that_is_not_utf8_is_refused_on_a_page(shop: Shop) -> None:
    for path in ("/%FF", "/?text=caf%E9"):
        answer = await shop.http.get(path, headers=HTML)
        is_page(answer, 422)
        problem(await shop.http.get(path), 422, "invalid_request")


async def test_a_form_that_is_too_large_is_refused_on_a_page(shop: Shop) -> None:
    is_page(await shop.http.post("/sign-in", data={"email": "x" * 70_000}, headers=HTML), 413)
    problem(await shop.http.post("/sign-in", data={"email": "x" * 70_000}), 413, "body_too_large")


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("/my-lists/", "/my-lists"),
        ("/docs/?x=1&y=%2F", "/docs?x=1&y=%2F"),
        ("/waiting-lists/a%2Fb/c%20d/", "/waiting-lists/a%2Fb/c%20d"),
    ],
)
async def test_a_slash_at_the_end_of_a_page_is_taken_away(shop: Shop, path: str, to: str) -> None:
    answer = await shop.http.get(path, headers=HTML)
    assert answer.status_code == 308
    assert str(httpx.URL(f"http://service{path}").join(answer.headers["location"])) == f"http://service{to}"
    assert not answer.headers["location"].startswith("/")  # a proxy may serve the pages below a path


async def test_a_slash_too_many_in_a_call_is_named_in_its_refusal(shop: Shop) -> None:
    for method, path in (
        ("GET", "/v1/user/events/"),
        ("POST", "/v1/organizer/user-tokens/"),
        ("GET", "/version/"),
        ("GET", "http://service//v1/user/events"),  # of a client that adds paths to an address with a slash
        ("GET", "http://service/v1//user/events//"),
    ):
        refused = problem(await shop.http.request(method, path), 404, "not_found")
        assert refused["detail"] == "This path does not exist. Send the request without the extra slash."
    refused = problem(await shop.http.get("/v1/nowhere/"), 404, "not_found")
    assert refused["detail"] == "This path does not exist."


@pytest.mark.parametrize(
    "path",
    [
        "/version",
        "/health/live",
        "/health/ready",
        "/metrics",
        "/.well-known/jwks.json",
        "/docs",
        "/openapi.json",
        "/",
        "/favicon.ico",
        "/robots.txt",
        "/static/style.css",
    ],
)
async def test_pages_and_calls_of_operators_ignore_what_tools_add_to_the_query(shop: Shop, path: str) -> None:
    answer = await shop.http.get(path, params={"x": "1", "utm_source": "mail", "_": "1700000000"})
    assert answer.status_code == 200, answer.text


async def test_a_known_parameter_of_operators_is_still_checked(shop: Shop) -> None:
    problem(await shop.http.get("/health/ready?late_seconds=soon"), 422, "invalid_request")


async def test_browsers_and_robots_find_what_they_look_for(shop: Shop) -> None:
    icon = await shop.http.get("/favicon.ico")
    assert (icon.status_code, icon.headers["content-type"]) == (200, "image/svg+xml")
    robots = await shop.http.get("/robots.txt")
    assert robots.headers["content-type"] == "text/plain; charset=utf-8"
    # A private link says itself that it is not for robots. They must be able to read that.
    assert robots.text.splitlines() == [
        "User-agent: *",
        "Disallow: /v1/",
        "Disallow: /dashboard",
        "Disallow: /mails",
    ]
