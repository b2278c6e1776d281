"""The widget on a page of a shop: another origin, with as strict a policy as a shop may have."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest_asyncio
from aiohttp import web
from playwright.async_api import Locator, Page, expect

from tests.browser.site import FAN, Site
from tests.browser.visits import DARK, FRENCH, PHONE, Visits, axe, scrolls_sideways
from tests.support.shop import LIST, bound_to_loopback
from waiting_list.access.user_tokens import User
from waiting_list.postgres.pool import connection

OFFER, REPRESENTATION = LIST.split("/")
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
OpenShop = Callable[..., Awaitable[Page]]

# What every test's shop does: keep what it is told, sign in when asked, and never leave the page to buy.
_SCRIPT = """
window.told = [];
for (const name of ["joined", "changed", "ready", "left", "error", "buy", "sign-in"]) {
  document.addEventListener(`waiting-list:${name}`, event => {
    told.push([name, event.detail]);
    if (window.prevents?.includes(name)) event.preventDefault();
  });
}
window.widget = document.querySelector("waiting-list");
"""


@pytest_asyncio.fixture
async def open_shop(site: Site, visits: Visits) -> AsyncIterator[OpenShop]:
    """Opens a shop's page with this in its body; `script` runs before the widget is there."""
    shown: dict[str, str] = {}
    policy = f"default-src 'self'; script-src 'self' {site.address}; connect-src {site.address}"

    async def show(_: web.Request) -> web.Response:
        return web.Response(
            text=shown["page"], content_type="text/html", headers={"Content-Security-Policy": policy}
        )

    async def script(_: web.Request) -> web.Response:
        return web.Response(text=shown["script"], content_type="text/javascript")

    async def style(_: web.Request) -> web.Response:
        # As docs/widget.md says.
        text = "waiting-list:not(:defined) { display: block; min-height: 24em; }"
        return web.Response(text=text, content_type="text/css")

    async def nothing(_: web.Request) -> web.Response:
        return web.Response(text="checkout", content_type="text/html")

    app = web.Application()
    files = [web.get("/shop.js", script), web.get("/shop.css", style)]
    app.add_routes([web.get("/", show), *files, web.get("/{rest:.*}", nothing)])
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    with bound_to_loopback() as bound:
        await web.SockSite(runner, bound).start()
        address = f"http://127.0.0.1:{bound.getsockname()[1]}"

        async def opened(body: str = "", *, lang: str = "en", script: str = "", **options: Any) -> Page:
            shown["page"] = (
                f'<!doctype html><html lang="{lang}"><head><title>Shop</title><meta charset="utf-8">'
                '<meta name="viewport" content="width=device-width">'
                '<meta name="color-scheme" content="light dark"><link rel="stylesheet" href="/shop.css">'
                f'</head><body><main><h1>Shop</h1>{body}</main><script src="/shop.js"></script>'
                f'<script type="module" src="{site.address}/static/widget.js"></script></body></html>'
            )
            shown["script"] = _SCRIPT + script
            page = await visits.begin(**options)
            await page.goto(f"{address}/")
            return page

        yield opened
        await runner.cleanup()
    await visits.end()
    # The shop is elsewhere; and the service says what is no list, what is full, who is in none or not signed in. A
    # device that is offline may try meanwhile.
    expected = re.compile(
        rf"elsewhere: {address}/|refused: \S+/(entry \(40[149]\)|none \(404\)|widget-fr.json\S* \(503\))"
        r"|failed: \S+ \(net::ERR_INTERNET_DISCONNECTED\)"
    )
    visits.wrong = [line for line in visits.wrong if not expected.match(line)]


def tag(token: str | None = None, attributes: str = "", *, where: str = LIST) -> str:
    offer, representation = where.split("/")
    signed_in = f' token="{token}"' if token is not None else ""
    return (
        f'<waiting-list offer="{offer}" representation="{representation}"{signed_in} {attributes}></waiting-list>'
    )


def named(place: Page | Locator, name: str) -> Locator:
    return place.get_by_role("button", name=name, exact=True)


async def told(page: Page, name: str) -> Any:
    """What the page was last told by this event."""
    await page.wait_for_function("name => told.some(one => one[0] === name)", arg=name)
    return await page.evaluate("name => told.findLast(one => one[0] === name)[1]", name)


async def ready(site: Site, wanted: int = 3) -> str:
    """A fan whose turn it is; their token."""
    await site.join(FAN, wanted)
    await site.add_stock(wanted)
    return await site.shop.token(FAN)


async def test_a_fan_joins_waits_and_is_served_without_loading_the_page_again(
    site: Site, open_shop: OpenShop
) -> None:
    await site.join("first", 4)
    page = await open_shop(tag(await site.shop.token(FAN)))
    await expect(page.get_by_text("The waiting list is open.")).to_be_visible()
    await expect(page.get_by_text("1 fan is waiting.")).to_be_visible()
    await page.get_by_label("Tickets").select_option("3")
    await page.get_by_label("Fewest I’d accept").select_option("2")
    await named(page, "Join the waiting list").click()
    await expect(page.get_by_text("You are number 2 in line.").first).to_be_visible()
    await expect(page.get_by_text("You asked for 3 tickets and would accept as few as 2.")).to_be_visible()
    entry = await told(page, "joined")
    assert (entry["status"], entry["tickets_wanted"], entry["tickets_minimum"]) == ("waiting", 3, 2)
    assert await told(page, "changed") == entry
    # Why it is not their turn yet comes with the next look.
    await expect(
        page.get_by_text("1 fan ahead of you wants 4 tickets. No tickets are available right now.")
    ).to_be_visible()
    await expect(
        page.get_by_text("Too few tickets have been returned so far to estimate the wait.")
    ).to_be_visible()

    await site.shop.made("DELETE", f"/waiting-lists/{LIST}/entries/first")
    await expect(page.get_by_text("You are next in line.").first).to_be_visible()
    await site.add_stock(2)
    await expect(page.get_by_text("It is your turn: 2 tickets are held for you until").first).to_be_visible()
    await expect(page.locator("waiting-list").get_by_role("status")).to_contain_text("It is your turn")
    entry = await told(page, "ready")
    assert entry["purchase_pass"]
    assert await page.evaluate("told.map(one => one[0]).filter(name => name !== 'changed')") == ["joined", "ready"]


async def test_a_place_that_is_drawn_by_lot_appears_with_the_draw(site: Site, open_shop: OpenShop) -> None:
    draw_at = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    settings = {"order": "draw", "draw_at": draw_at, "draw_source": "the lottery of 1 January 2030"}
    await site.shop.made("PATCH", f"/waiting-lists/{LIST}", settings)
    page = await open_shop(tag(await site.shop.token(FAN)))
    await expect(page.get_by_text("No need to hurry: everyone who joins before")).to_be_visible()
    # It has read why the fan waits, before the draw makes that wrong.
    async with page.expect_response(
        lambda one: one.ok and one.request.method == "GET" and one.url.endswith("/entry")
    ):
        await named(page, "Join the waiting list").click()
    await expect(page.get_by_text("Your place is drawn by lot on").first).to_be_visible()
    await expect(page.get_by_text("Your place in line")).to_be_hidden()
    async with connection(site.app.state.service.pool) as acquired:
        await acquired.execute("UPDATE inventory SET draw_at = clock_timestamp()")
    await site.shop.made("POST", f"/waiting-lists/{LIST}/draw", {"randomness": "3 17 21"})
    await expect(page.get_by_text("You are next in line. No tickets are available right now.")).to_be_visible()
    await expect(page.get_by_text("Your place in line")).to_be_visible()


async def test_the_countdown_goes_by_the_clock_of_the_service(site: Site, open_shop: OpenShop) -> None:
    token = await ready(site)
    # The device's clock is three hours behind.
    shifted = "const real = Date.now.bind(Date); Date.now = () => real() - 3 * 3600_000;"
    await site.run("UPDATE entries SET ready_until = now() + interval '90 seconds' WHERE status = 'ready'")
    page = await open_shop(tag(token), script=shifted)
    countdown = page.get_by_text(re.compile(r"^1 min \d+ sec$"))
    await expect(countdown).to_be_visible()
    before = await countdown.text_content()
    await expect(countdown).not_to_have_text(before or "")


async def test_when_the_time_is_over_nothing_can_be_bought(site: Site, open_shop: OpenShop) -> None:
    token = await ready(site)
    await site.run("UPDATE entries SET ready_until = now() + interval '4 seconds' WHERE status = 'ready'")
    page = await open_shop(tag(token))
    await expect(named(page, "Buy now")).to_be_visible()
    # Until the worker has expired the hold; it may be quicker than the page.
    await expect(page.get_by_text(re.compile("has run out|so we have released them")).first).to_be_visible()
    await expect(named(page, "Buy now")).to_have_count(0)
    site.app.state.service.engine.wake.set()
    await expect(page.get_by_text("so we have released them").first).to_be_visible()
    await expect(named(page, "Join the waiting list")).to_be_visible()


async def test_buying_tells_the_shop_the_entry_and_how_many(site: Site, open_shop: OpenShop) -> None:
    page = await open_shop(tag(await ready(site, 3)))
    await page.get_by_label("Number of tickets to buy").select_option("2")
    await named(page, "Buy 2 tickets").click()
    detail = await told(page, "buy")
    assert (detail["tickets"], detail["entry"]["tickets_held"]) == (2, 3)
    assert detail["entry"]["purchase_pass"].count(".") == 2


async def test_buy_href_leads_to_the_checkout_unless_the_shop_prevents_it(site: Site, open_shop: OpenShop) -> None:
    href = 'buy-href="/checkout?pass={pass}&amp;tickets={tickets}"'
    page = await open_shop(tag(await ready(site, 3), href), script="window.prevents = ['buy'];")
    await page.get_by_label("Number of tickets to buy").select_option("1")
    buy = page.get_by_role("link", name="Buy 1 ticket", exact=True)
    await buy.click()
    await told(page, "buy")
    assert page.url.endswith("/")
    await page.evaluate("window.prevents = []")
    await buy.click()
    await page.wait_for_url(re.compile(r"/checkout\?pass=[\w.-]+&tickets=1$"))


async def test_declining_asks_first_and_can_be_left_undone(site: Site, open_shop: OpenShop) -> None:
    page = await open_shop(tag(await ready(site)))
    await named(page, "Release my tickets").click()
    await expect(page.get_by_text("3 tickets are held for you. If you release them")).to_be_focused()
    await named(page, "Keep my tickets").click()
    await expect(named(page, "Release my tickets")).to_be_focused()
    assert (await site.shop.entry(FAN))["status"] == "ready"
    await page.keyboard.press("Enter")
    await named(page, "Release my tickets").click()
    await expect(page.get_by_text("No tickets are held for you.").first).to_be_visible()
    assert (await site.shop.entry(FAN))["left_reason"] == "cancelled"
    # The focus is where it was: in the widget, at what there is to do now.
    assert await page.evaluate("widget.shadowRoot.activeElement?.className") == "content"


async def test_a_fan_changes_the_wish_and_keeps_what_was_chosen_while_the_line_moves(
    site: Site, open_shop: OpenShop
) -> None:
    await site.join("first")
    await site.join(FAN, 4)
    page = await open_shop(tag(await site.shop.token(FAN)))
    tickets = page.get_by_role("combobox", name="Tickets", exact=True)
    await page.get_by_text("Change how many tickets").click()
    await tickets.select_option("2")
    await tickets.focus()
    await site.shop.made("DELETE", f"/waiting-lists/{LIST}/entries/first")
    await expect(page.get_by_text("You are next in line.").first).to_be_visible()
    await expect(tickets).to_have_value("2")
    await expect(tickets).to_be_focused()
    await named(page, "Change").click()
    await expect(page.get_by_text("You asked for 2 tickets.")).to_be_visible()
    entry = await site.shop.entry(FAN)
    assert (entry["tickets_wanted"], entry["number"]) == (2, 2)


async def test_more_tickets_that_cost_the_place_are_asked_about_first(site: Site, open_shop: OpenShop) -> None:
    await site.join(FAN, 1)
    await site.join("second")
    page = await open_shop(tag(await site.shop.token(FAN)))
    await page.get_by_text("Change how many tickets").click()
    await page.get_by_role("combobox", name="Tickets", exact=True).select_option("2")
    await named(page, "Change").click()
    question = page.get_by_text("You would go from place 1 to place 2, the end of the line.")
    await expect(question).to_be_focused()
    await named(page, "Keep 1 ticket, at place 1").click()
    await expect(question).to_have_count(0)
    assert (await site.shop.entry(FAN))["tickets_wanted"] == 1
    await named(page, "Change").click()
    await named(page, "Ask for 2 tickets, at place 2").click()
    await expect(page.get_by_text("You asked for 2 tickets.")).to_be_visible()
    assert (await site.shop.entry(FAN))["position"] == 2


async def test_a_fan_who_accepts_fewer_can_keep_the_place_for_the_rest(site: Site, open_shop: OpenShop) -> None:
    page = await open_shop(tag(await site.shop.token(FAN)))
    await page.get_by_label("Tickets").select_option("3")
    keep = page.get_by_label("If I get fewer, keep my place for the rest")
    await expect(keep).to_be_hidden()
    await page.get_by_label("Fewest I’d accept").select_option("1")
    await keep.check()
    await named(page, "Join the waiting list").click()
    await expect(page.get_by_text("You are next in line.").first).to_be_visible()
    assert (await site.shop.entry(FAN))["keep_waiting_for_rest"] is True
    await site.add_stock(1)
    await expect(page.get_by_text("You keep your place in line for 2 more tickets.")).to_be_visible()


async def test_without_a_token_joining_asks_the_shop_to_sign_the_fan_in(site: Site, open_shop: OpenShop) -> None:
    page = await open_shop(tag(""))
    await page.get_by_label("Tickets").select_option("2")
    await named(page, "Join the waiting list").click()
    wish = {"tickets_wanted": 2, "tickets_minimum": 2, "keep_waiting_for_rest": False}
    assert await told(page, "sign-in") == wish
    await expect(page.get_by_role("alert")).to_have_text("Please sign in to join.")
    await page.evaluate("token => { widget.token = token; }", await site.shop.token(FAN))
    await expect(page.get_by_role("alert")).to_be_hidden()
    await expect(page.get_by_label("Tickets")).to_have_value("2")
    await named(page, "Join the waiting list").click()
    await expect(page.get_by_text("You are next in line.").first).to_be_visible()


async def test_a_token_that_is_refused_is_asked_for_again_once(site: Site, open_shop: OpenShop) -> None:
    await site.join(FAN)
    past = datetime.now(UTC) - timedelta(hours=2)
    expired, _ = await site.app.state.service.user_tokens.mint(User(FAN, "org_1"), expires_in=60, now=past)
    good = await site.shop.token(FAN)
    asks = f"window.asked = 0; widget.getToken = async () => {{ asked += 1; return '{good}'; }};"
    page = await open_shop(tag(expired), script=asks)
    await expect(page.get_by_text("You are next in line.").first).to_be_visible()
    assert await page.evaluate("asked") == 1


async def test_a_token_that_stays_bad_is_told_and_the_list_is_shown_to_anybody(
    site: Site, open_shop: OpenShop
) -> None:
    page = await open_shop(tag("bad"), script="window.asked = 0; widget.getToken = async () => { asked += 1; };")
    await expect(page.get_by_role("alert")).to_have_text(re.compile("You are no longer signed in"))
    await expect(named(page, "Join the waiting list")).to_be_visible()
    assert await page.evaluate("asked") == 1


async def test_a_list_that_is_closed_says_why(site: Site, open_shop: OpenShop) -> None:
    page = await open_shop(tag())
    await expect(named(page, "Join the waiting list")).to_be_visible()
    await site.add_stock(2)
    await page.evaluate("widget.refresh()")
    await expect(page.get_by_text("2 tickets are free now. Ask for that many or fewer")).to_be_visible()
    await site.configure(open=False, policy="skip", skip_limit=2, hold_minutes=90, after_expiry="requeue")
    await page.evaluate("widget.refresh()")
    await expect(page.get_by_text("The organizer has closed the waiting list to new fans.")).to_be_visible()
    await expect(named(page, "Join the waiting list")).to_have_count(0)

    # One email when it takes fans; a second thought takes that back, and leaves nothing.
    await page.get_by_label("Email address").fill("cleo@fans.example")
    await axe(page)
    for alerts in (1, 0, 1):
        if alerts:
            await named(page, "Tell me when it opens").click()
            await expect(page.get_by_text("Done: you get one email when this")).to_be_visible()
        else:
            await named(page, "Undo").click()
            await expect(named(page, "Tell me when it opens")).to_be_visible()
        async with connection(site.app.state.service.pool) as acquired:
            assert await acquired.fetchval("SELECT count(*) FROM alerts") == alerts

    await page.get_by_text("The rules of this waiting list").click()
    for rule in ("Once 2 fans have gone ahead", "hold your tickets for 1 hour 30 minutes", "with a new number"):
        await expect(page.get_by_text(rule)).to_be_visible()


async def test_it_has_the_colour_of_the_organization_unless_the_page_sets_another(
    site: Site, open_shop: OpenShop
) -> None:
    await site.shop.made("PATCH", "/organization", {"accent": "#a4123f"})
    page = await open_shop(tag(await site.shop.token(FAN)))
    colour = "getComputedStyle(widget.shadowRoot.querySelector('.main')).backgroundColor"
    await expect(named(page, "Join the waiting list")).to_be_visible()
    assert await page.evaluate(colour) == "rgb(164, 18, 63)"
    await page.evaluate("widget.style.setProperty('--waiting-list-accent', '#123456')")
    assert await page.evaluate(colour) == "rgb(18, 52, 86)"


async def test_a_refusal_is_said_in_plain_words(site: Site, open_shop: OpenShop) -> None:
    page = await open_shop(tag(await site.shop.token(FAN)))
    await expect(named(page, "Join the waiting list")).to_be_visible()
    await site.configure(max_waiting=1)
    await site.join("other")
    await named(page, "Join the waiting list").click()
    await expect(page.get_by_role("alert")).to_have_text("You cannot join now: the waiting list is full.")
    assert (await told(page, "error"))["code"] == "waiting_list_full"


async def test_an_unknown_list_is_said_to_be_none(open_shop: OpenShop) -> None:
    page = await open_shop(tag(where="nothing/none"))
    await expect(page.get_by_role("alert")).to_have_text("This waiting list does not exist.")


async def test_it_speaks_the_language_of_its_attribute_the_page_or_the_browser(
    site: Site, open_shop: OpenShop
) -> None:
    token = await ready(site)
    page = await open_shop(tag(token), lang="fr")
    await expect(
        page.get_by_text(re.compile(r"votre tour\s: 3 billets sont réservés pour vous")).first
    ).to_be_visible()
    await page.evaluate("widget.lang = 'en'")
    await expect(page.get_by_text("It is your turn: 3 tickets").first).to_be_visible()
    page = await open_shop(tag(token), lang="pl", **FRENCH)
    await expect(page.get_by_text("est votre tour").first).to_be_visible()


async def test_a_fan_elsewhere_reads_the_deadline_by_both_clocks(site: Site, open_shop: OpenShop) -> None:
    page = await open_shop(tag(await ready(site)), timezone_id="America/New_York")
    await expect(page.get_by_text("Your local time:").first).to_be_visible()
    page = await open_shop(tag(await site.shop.token(FAN)))
    await expect(page.get_by_text("It is your turn").first).to_be_visible()
    assert await page.get_by_text("Your local time:").count() == 0


async def test_what_others_wrote_is_text(site: Site, open_shop: OpenShop) -> None:
    page = await open_shop(tag(await ready(site)))
    await expect(named(page, "Buy now")).to_be_visible()
    await page.evaluate("text => widget.setAttribute('heading', text)", HOSTILE)
    await expect(page.get_by_role("heading", level=2)).to_have_text(HOSTILE)
    await page.evaluate("widget.setAttribute('buy-href', 'javascript:alert(1)')")
    assert await page.evaluate("widget.shadowRoot.querySelector('.main').getAttribute('href')") is None
    assert await page.title() == "Shop"
    assert await page.evaluate("widget.shadowRoot.querySelectorAll('img, script, style, [style]').length") == 0


async def test_two_on_a_page_are_apart_and_their_streams_end_with_them(site: Site, open_shop: OpenShop) -> None:
    await site.join(FAN)
    await site.shop.stock(where="off_2/rep_1")
    token = await site.shop.token(FAN)
    page = await open_shop(tag(token, 'heading="One"') + tag(token, 'heading="Two"', where="off_2/rep_1"))
    one, two = page.locator("waiting-list").first, page.locator("waiting-list").last
    await expect(one.get_by_text("You are next in line.").first).to_be_visible()
    await named(two, "Join the waiting list").click()
    await expect(two.get_by_text("You are next in line.").first).to_be_visible()
    await axe(page)
    ended: list[str] = []
    page.on("requestfailed", lambda request: ended.append(request.url))
    async with page.expect_event("requestfailed"):
        await page.evaluate("document.querySelectorAll('waiting-list')[1].remove()")
    assert [address for address in ended if address.endswith("off_2/rep_1/entry/live")] == ended
    await page.evaluate("widget.setAttribute('offer', 'off_2')")
    await expect(one.get_by_text("You are next in line.").first).to_be_visible()
    assert (await page.evaluate("widget.entry"))["offer_id"] == "off_2"


async def test_axe_finds_nothing_in_any_state_on_a_phone(site: Site, open_shop: OpenShop) -> None:
    await site.join("first")
    moved = {"event_id": "ev_1", "start_datetime": "2031-01-04T19:00:00Z", "end_datetime": "2031-01-04T22:00:00Z"}
    await site.shop.made("PUT", "/representations/rep_1", moved)
    page = await open_shop(tag(await site.shop.token(FAN), 'heading="Jazz, Friday"'), **PHONE, **DARK)
    widget = page.locator("waiting-list")
    await expect(widget.locator("[part=date]")).to_contain_text("Saturday, 4 January 2031")
    await expect(widget.locator("[part=date] del")).to_contain_text("moved from ")
    await expect(named(widget, "Join the waiting list")).to_be_visible()
    await page.get_by_text("The rules of this waiting list").click()
    await axe(page)
    await named(widget, "Join the waiting list").click()
    await expect(page.get_by_text("You are number 2 in line.").first).to_be_visible()
    await page.get_by_text("Change how many tickets").click()
    await named(widget, "Leave the waiting list").click()
    await axe(page)
    await site.add_stock(3)
    await expect(page.get_by_text("It is your turn").first).to_be_visible()
    await axe(page)
    assert await scrolls_sideways(page) == 0


async def test_everything_is_reached_by_the_keyboard(site: Site, open_shop: OpenShop) -> None:
    page = await open_shop(tag(await site.shop.token(FAN)))
    await expect(named(page, "Join the waiting list")).to_be_visible()
    focused = "widget.shadowRoot.activeElement?.localName"
    reached = []
    for _ in range(3):
        await page.keyboard.press("Tab")
        reached.append(await page.evaluate(focused))
    assert reached == ["select", "button", "summary"]
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("You are next in line.").first).to_be_visible()
    assert await page.evaluate("widget.shadowRoot.activeElement?.className") == "content"


async def test_what_was_read_before_the_fan_joined_does_not_undo_it(site: Site, open_shop: OpenShop) -> None:
    # The first look for an entry is answered, with a 404, only when the fan has joined.
    late = """
    const ask = window.fetch.bind(window);
    const joined = new Promise(go => document.addEventListener("waiting-list:joined", go));
    window.fetch = async (address, options) => {
      const answer = await ask(address, options);
      if (options.method === "GET" && String(address).endsWith("/entry")) { window.looked = true; await joined; }
      return answer;
    };
    """
    page = await open_shop(tag(""), script=late)
    await expect(named(page, "Join the waiting list")).to_be_visible()
    await page.evaluate("token => { widget.token = token; }", await site.shop.token(FAN))
    await page.wait_for_function("() => window.looked")
    async with page.expect_request("**/entry/live"):
        await named(page, "Join the waiting list").click()
    await expect(page.get_by_text("You are next in line.").first).to_be_visible()


async def test_a_static_page_without_any_server_joins_by_email_and_keeps_the_place(
    site: Site, open_shop: OpenShop, visits: Visits
) -> None:
    await site.join("first")
    page = await open_shop(tag())
    await page.get_by_label("Email address").fill("cleo@fans.example")
    await page.get_by_label("Tickets").select_option("2")
    await named(page, "Join the waiting list").click()
    await expect(page.get_by_text("1 fan ahead of you wants 2 tickets.")).to_be_visible()
    await expect(
        page.get_by_text("We have sent the link to your place to cleo@fans.example.").first
    ).to_be_visible()
    assert (await told(page, "joined"))["tickets_wanted"] == 2
    assert await site.mail("cleo@fans.example")

    # The browser keeps the place, and another tab shows the same one.
    await page.reload()
    await expect(page.get_by_text("1 fan ahead of you wants 2 tickets.")).to_be_visible()
    other = await page.context.new_page()
    await other.goto(page.url)
    await expect(other.get_by_text("1 fan ahead of you wants 2 tickets.")).to_be_visible()
    await axe(page)

    # A pause keeps the place, and shows; the other tab shows it, too.
    await named(page, "Pause my place").click()
    await expect(page.get_by_text("You paused your place, so we skip you").first).to_be_visible()
    await expect(other.get_by_text("You paused your place, so we skip you").first).to_be_visible()
    entry = await told(page, "changed")
    assert (entry["position"], bool(entry["paused_at"])) == (2, True)
    await expect(page.get_by_text("to estimate the wait")).to_have_count(0)
    await axe(page)
    await named(page, "Resume my place").press("Enter")
    await expect(page.get_by_text("1 fan ahead of you wants 2 tickets.")).to_be_visible()
    await expect(named(page, "Pause my place")).to_be_visible()

    # It is their turn: without a shop's address, the button leads to the page of the place.
    await site.shop.made("DELETE", f"/waiting-lists/{LIST}/entries/first")
    await site.add_stock(2)
    buy = page.get_by_role("link", name="Buy now")
    assert (await buy.get_attribute("href") or "").startswith(f"{site.address}/")
    await axe(page)

    # It forgets the place that ends, in both tabs.
    await named(page, "Release my tickets").click()
    await named(page, "Release my tickets").click()
    await expect(page.get_by_text("You have left the waiting list.").first).to_be_visible()
    assert await page.evaluate("localStorage.length") == 0
    await expect(other.get_by_text("You have left the waiting list.").first).to_be_visible()
    await page.reload()
    await expect(page.get_by_label("Email address")).to_be_visible()


async def test_an_address_that_has_a_place_gets_a_letter_and_shows_no_place(
    site: Site, open_shop: OpenShop
) -> None:
    for times in range(2):
        page = await open_shop(tag())  # each in a browser of its own
        await page.get_by_label("Email address").fill("cleo@fans.example")
        await named(page, "Join the waiting list").click()
        said = "Open it to get your place." if times else "We have sent the link to your place"
        await expect(page.get_by_text(said).first).to_be_visible()
    await expect(page.get_by_label("Email address")).to_have_value("cleo@fans.example")
    assert await page.evaluate("[widget.entry, localStorage.length]") == [None, 0]


async def test_a_place_by_email_that_the_service_no_longer_knows_is_forgotten(
    site: Site, open_shop: OpenShop
) -> None:
    page = await open_shop(tag())
    await expect(page.get_by_label("Email address")).to_be_visible()
    await page.evaluate(
        "key => localStorage.setItem(key, JSON.stringify({token: 'bad'}))", f"waiting-list {site.address} {LIST}"
    )
    await page.reload()
    await expect(page.get_by_role("alert")).to_have_text(re.compile("This browser no longer knows your place"))
    await expect(page.get_by_label("Email address")).to_be_visible()
    assert await page.evaluate("localStorage.length") == 0


async def test_a_fan_who_was_offline_sees_the_place_as_it_is_now(site: Site, open_shop: OpenShop) -> None:
    await site.join("first")
    await site.join(FAN)
    page = await open_shop(tag(await site.shop.token(FAN)))
    await expect(page.get_by_text("1 fan ahead of you").first).to_be_visible()
    await page.context.set_offline(True)
    await expect(page.get_by_role("alert")).to_have_text(re.compile("We cannot reach the waiting list right now"))
    assert await told(page, "error") == {"code": "unreachable"}
    await expect(page.get_by_text("1 fan ahead of you").first).to_be_visible()
    await site.shop.made("DELETE", f"/waiting-lists/{LIST}/entries/first")
    await page.context.set_offline(False)
    await expect(page.get_by_text("You are next in line.").first).to_be_visible()
    await expect(page.get_by_role("alert")).to_be_hidden()


async def test_a_language_that_does_not_load_is_english_and_nothing_on_the_page_jumps(
    site: Site, open_shop: OpenShop
) -> None:
    shifts = """
    window.shift = 0;
    new PerformanceObserver(all => { for (const one of all.getEntries()) shift += one.value; })
      .observe({type: "layout-shift", buffered: true});
    """
    after = "<p>What follows</p>" * 8
    page = await open_shop(tag() + after, lang="fr", script=shifts, **PHONE)
    await expect(named(page, "S’inscrire sur la liste d’attente")).to_be_visible()
    assert await page.evaluate("widget.shadowRoot.querySelector('section').lang") == "fr"
    assert await page.evaluate("shift") < 0.1
    await page.route("**/widget-fr.json*", lambda route: route.fulfill(status=503))
    await page.reload()
    await expect(named(page, "Join the waiting list")).to_be_visible()
    assert await page.evaluate("widget.shadowRoot.querySelector('section').lang") == "en"


async def test_a_smaller_hold_says_that_it_costs_the_place_for_the_rest(site: Site, open_shop: OpenShop) -> None:
    token = await site.shop.token(FAN)
    wish = {"tickets_wanted": 4, "tickets_minimum": 1, "keep_waiting_for_rest": True}
    await site.shop.http.post(
        f"/v1/user/waiting-lists/{LIST}/entry", json=wish, headers={"Authorization": f"Bearer {token}"}
    )
    await site.add_stock(2)
    page = await open_shop(tag(token))
    lost = "You then also lose your place for the tickets that are still to come."
    await expect(page.get_by_text(f"The rest go to the next fan in line. {lost}")).to_be_visible()
    await named(page, "Release 1 ticket").click()
    await expect(page.get_by_text(f"We keep holding 1 ticket for you. {lost}")).to_be_focused()
    await named(page, "Release my tickets").click()
    await expect(page.get_by_text(f"you cannot get them back. {lost}")).to_be_focused()


async def test_giving_back_never_looks_like_buying(site: Site, open_shop: OpenShop) -> None:
    page = await open_shop(tag(await ready(site)), **PHONE)
    look = "one => [getComputedStyle(one).backgroundColor, one.offsetWidth * one.offsetHeight]"
    buy, fewer, back = [
        await named(page, name).evaluate(look) for name in ("Buy now", "Buy 2 tickets", "Release 1 ticket")
    ]
    assert len({colour for colour, _ in (buy, fewer, back)}) == 3
    assert buy[1] > fewer[1] > back[1]
    await named(page, "Release 1 ticket").click()
    await expect(page.get_by_text("We keep holding 2 tickets for you.")).to_be_focused()
    assert (await named(page, "Release 1 ticket").evaluate(look))[0] != buy[0]
    await named(page, "Release 1 ticket").click()
    await expect(page.get_by_text("It is your turn: 2 tickets are held").first).to_be_visible()
