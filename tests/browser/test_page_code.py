"""The JavaScript of docs/live.md, docs/queue.md and docs/widget.md works as it stands there, in a browser."""

from tests.browser.site import FAN, PAGE, Site
from tests.browser.visits import Visits
from tests.support.blocks import ROOT, blocks
from tests.support.shop import LIST

ENTRY = f"/v1/user/waiting-lists/{LIST}"


def _code(page: str) -> str:
    (code,) = (one.text for one in blocks(ROOT / "docs" / page) if one.language == "js")
    return code


async def _leave(site: Site, user_id: str) -> None:
    await site.shop.made("DELETE", f"{PAGE}/entries/{user_id}")


async def test_the_code_for_live_entries_shows_each_new_place(site: Site, visits: Visits) -> None:
    await site.join("bo")
    await site.join(FAN)
    page = await visits.begin()
    await page.goto(PAGE)
    await page.evaluate(f"() => {{ {_code('live.md')}; window.watch = watch; window.seen = []; }}")
    token = await site.shop.token(FAN)
    await page.evaluate("([list, token]) => { watch(list, token, one => seen.push(one)); }", [ENTRY, token])
    await page.wait_for_function("() => seen.at(-1)?.position === 2")
    await _leave(site, "bo")
    await page.wait_for_function("() => seen.at(-1)?.position === 1")
    await site.add_stock(2)
    await page.wait_for_function("() => seen.at(-1)?.status === 'ready' && seen.at(-1).purchase_pass")


async def test_the_code_for_crowds_finds_its_place_in_the_picture(site: Site, visits: Visits) -> None:
    for fan in ("bo", "cy", FAN):
        await site.join(fan)
    page = await visits.begin()
    await page.goto(PAGE)
    await page.evaluate(f"() => {{ {_code('queue.md')}; window.look = look; }}")
    token = await site.shop.token(FAN)

    async def sees(**expected: object) -> None:
        wanted = (
            "([list, token, wanted]) => look(list, token).then("
            "place => Object.entries(wanted).every(([name, value]) => place[name] === value))"
        )
        await page.wait_for_function(wanted, arg=[ENTRY, token, expected])

    await sees(position=3, tickets_ahead=4)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await site.join("dan")  # moves nobody: the picture is enough
    await sees(position=3, tickets_ahead=4)
    assert not [url for url in asked if url.endswith("/entry")]
    await _leave(site, "bo")
    await sees(position=2, tickets_ahead=2)
    await _leave(site, "cy")
    await site.add_stock(2)
    await sees(status="ready")


async def test_the_code_for_the_buy_event_keeps_the_page_and_gets_the_pass(site: Site, visits: Visits) -> None:
    await site.join(FAN)
    await site.add_stock(2)
    page = await visits.begin("fan")
    await page.goto(PAGE)
    await page.evaluate(
        "() => { window.redeemed = []; window.basket = { redeem: (...given) => redeemed.push(given) };"
        f" {_code('widget.md')} }}"
    )
    entry = await site.shop.entry(FAN)
    prevented = await page.evaluate(
        "entry => !document.body.dispatchEvent(new CustomEvent('waiting-list:buy',"
        " {bubbles: true, cancelable: true, detail: {entry, tickets: 2}}))",
        entry,
    )
    assert prevented
    assert await page.evaluate("() => redeemed") == [[entry["purchase_pass"], 2]]
