"""What a page weighs on its way to a browser: itself, and each style, script and icon that it loads. The pictures
of organizers come on top: they are as large as what is uploaded allows."""

import re
from html import unescape

import httpx

from tests.pages.test_fans import PAGE, PLACE, Venue
from tests.pages.test_fans import venue as venue  # noqa: PLC0414 - the fixture
from tests.support.shop import LIST

BUDGETS = {
    "/": 6_900,
    "/events/ev_1": 7_000,
    PAGE: 7_800,
    "/sign-in": 7_400,
    PLACE: 17_500,
    "/my-lists": 7_800,
    "/e/…": 16_500,
    "/dashboard": 18_000,
    f"/dashboard{PAGE}": 25_500,
}
"""The most bytes of each page with all that it loads, as they are sent, without headers. Whoever makes one heavier
finds out here. First look for what the page does not need; raise the figure where fans get something for it."""
_LOADED = re.compile(r'<(?:link rel="(?:stylesheet|icon)" href|script type="module" src)="([^"]+)"')
_LATER = re.compile(r' data-script="([^"]+)"')
_ZIPPED = {"Accept-Encoding": "gzip", "Accept": "text/html"}


async def weight(http: httpx.AsyncClient, path: str) -> int:
    """Return how many bytes a browser gets for a page and its files."""
    answer = await http.get(path, headers=_ZIPPED)
    assert answer.status_code == 200, (path, answer.text)
    total = int(answer.headers["content-length"])
    for address in {*_LOADED.findall(answer.text), *_LATER.findall(answer.text)}:
        file = await http.get(unescape(address), headers=_ZIPPED)
        assert file.headers["content-encoding"] == "gzip", address
        total += int(file.headers["content-length"])
    return total


async def test_no_page_grows_beyond_its_budget(venue: Venue) -> None:
    fan = await venue.fan("ada")
    for user in ("bob", "ada"):
        await venue.shop.join(user)
    made = await venue.shop.made("POST", f"/waiting-lists/{LIST}/entries/ada/link", {})
    organizer = venue.browser()
    await organizer.post("/dashboard/sign-in", api_key=venue.shop.key, next="/dashboard")
    found = {}
    for path in BUDGETS:
        browser = fan if path in (PLACE, "/my-lists") else organizer if "dashboard" in path else venue.browser()
        at = path.replace("…", made["url"].rpartition("/")[2])
        found[path] = await weight(browser.http, at)
    assert {path: bytes_ for path, bytes_ in found.items() if bytes_ > BUDGETS[path]} == {}, found
    # A budget with much room stops nothing.
    assert {path: bytes_ for path, bytes_ in found.items() if bytes_ < 0.85 * BUDGETS[path]} == {}, found


async def test_a_page_is_compressed_only_if_it_is_the_same_for_all_readers(venue: Venue) -> None:
    """The size of a compressed page can reveal a secret in it, such as the token of a form."""
    fan = await venue.fan("ada")
    for path in ("/", PAGE, "/events/ev_1"):
        public = await venue.browser().http.get(path, headers=_ZIPPED)
        assert public.headers["content-encoding"] == "gzip"
        assert public.headers["vary"] == "Accept-Encoding, Accept-Language, Cookie"
        plain = await venue.browser().http.get(path, headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert (plain.text, plain.headers["vary"]) == (public.text, public.headers["vary"])
        own = await fan.http.get(path, headers=_ZIPPED)
        assert "content-encoding" not in own.headers
        assert "form_token" in own.text
