"""Without a network: a fan's last known place with its age, and nothing that is no own place; a receipt."""

import re
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.async_api import Error, Page, expect

from tests.browser.site import PAGE, PLACE, Site
from tests.browser.visits import PHONE, Visits, axe, scrolls_sideways, tab_through
from tests.support import receipts
from tests.support.until import until

_OFFLINE = re.compile(r"^You are offline\. This is your place as of \d\d:\d\d, \d+ (minutes?|hours?) ago\.$")
_LATER = """async minutes => {
  const cache = await caches.open("place");
  for (const request of await cache.keys()) {
    const kept = await cache.match(request);
    const headers = new Headers(kept.headers);
    if (!headers.has("X-Kept-At")) continue;
    headers.set("X-Kept-At", String(Number(headers.get("X-Kept-At")) - minutes * 60000));
    await cache.put(request, new Response(await kept.text(), { headers }));
  }
}"""


_NO_ED25519 = """() => {
  crypto.subtle.importKey = async () => { throw new DOMException("", "NotSupportedError"); };
}"""


async def kept(page: Page) -> list[str]:
    """The paths of all pages that the browser keeps."""
    keys = "async () => (await (await caches.open('place')).keys()).map(one => new URL(one.url).pathname)"
    found: list[str] = await page.evaluate(keys)
    return [path for path in found if "/static/" not in path]


async def keeps(page: Page, path: str, *, is_kept: bool = True) -> None:
    async def as_wanted() -> bool:
        return (path in await kept(page)) is is_kept

    await until(as_wanted, seconds=10)


async def test_a_place_offline_is_the_last_known_one_with_its_age_and_current_again_after(
    visits: Visits, site: Site
) -> None:
    await site.join("first", wanted=2)
    link = await site.join(wanted=2)
    page = await visits.begin(**PHONE)
    await page.goto(link)
    await keeps(page, link)
    await page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    place = page.locator("[data-field=position]")
    await expect(place).to_have_text("2")
    note = page.locator("[data-offline]")
    await expect(note).to_be_hidden()
    button = page.get_by_role("button", name="Change")
    await expect(button).to_be_visible()
    # The network goes while the page is open, and the fan opens it again.
    await page.context.set_offline(True)
    await expect(note).to_have_text(_OFFLINE)
    await page.evaluate(_LATER, 6)
    await page.reload()
    await expect(note).to_have_text(re.compile(r", 6 minutes ago\.$"))
    await expect(place).to_have_text("2")
    await expect(button).to_be_hidden()
    # It is as good a page as any: for a screen reader, on a small phone, and by keyboard.
    assert await scrolls_sideways(page) == 0
    await axe(page)
    await tab_through(page)
    # Another person's page, a list and the dashboard are not there.
    for path in (PAGE, "/e/another", "/dashboard"):
        assert await page.evaluate("path => fetch(path).then(() => 'shown', () => 'gone')", path) == "gone"
    # What changed meanwhile is shown as soon as the network is back.
    await site.shop.made("DELETE", f"{PAGE}/entries/first")
    await page.context.set_offline(False)
    await expect(place).to_have_text("1", timeout=20_000)
    await expect(note).to_be_hidden()
    await expect(button).to_be_visible()
    # A copy of yesterday is shown to nobody.
    await page.evaluate(_LATER, 25 * 60)
    await page.context.set_offline(True)
    with pytest.raises(Error, match="ERR_"):
        await page.reload()
    await page.context.set_offline(False)
    # A place that is over is forgotten.
    await page.goto(f"{link}/leave")
    await page.get_by_role("button", name="Leave").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("You are no longer on the waiting list")
    await keeps(page, link, is_kept=False)
    assert await kept(page) == []
    visits.wrong.clear()


async def test_the_place_of_who_signs_out_is_forgotten_with_its_worker(visits: Visits, site: Site) -> None:
    fan = await visits.begin("fan")
    await site.join(wanted=1)
    await fan.goto(PLACE)
    await keeps(fan, PLACE)
    assert await kept(fan) == [PLACE]
    await fan.get_by_role("button", name="Sign out").click()
    await fan.wait_for_url("**/")
    assert await fan.evaluate("caches.has('place')") is False
    assert await fan.evaluate("navigator.serviceWorker.getRegistrations().then(all => all.length)") == 0
    organizer = await visits.begin("organizer")
    await organizer.goto("/dashboard")
    assert await organizer.evaluate("navigator.serviceWorker.getRegistrations().then(all => all.length)") == 0
    assert await kept(organizer) == []


async def test_a_receipt_is_checked_from_the_disk_and_every_tampered_one_refused(
    visits: Visits, site: Site, tmp_path: Path
) -> None:
    page = await visits.begin(**PHONE)
    asked: list[str] = []
    page.context.on("request", lambda request: asked.append(request.url))
    file = tmp_path / "verify.html"
    file.write_bytes((await site.shop.http.get("/verify")).content)
    assert file.read_bytes() == (files("waiting_list.ledger") / "verify_receipt.html").read_bytes()
    await page.context.set_offline(True)
    await page.goto(file.as_uri())
    receipt = tmp_path / "3-join.tlog-proof"
    receipt.write_text(receipts.good(2))
    told, pasted = page.get_by_role("status"), page.get_by_label("Or its text")
    await page.get_by_label("Receipt (a file").set_input_files(receipt)
    await expect(told).to_contain_text("This receipt adds up, but you have not given its key")
    await expect(told).to_contain_text("This is change 3 of the list, made on 1 January 2030 at 12:00:00 UTC.")
    await expect(told).to_contain_text("which the receipt brought itself")
    await expect(told).to_contain_text(receipts.KEY)
    await axe(page)
    assert not await scrolls_sideways(page)
    assert len(await tab_through(page)) == 4
    key = page.get_by_label("Public key")
    await key.fill(receipts.OTHER_KEY)
    await key.press("Enter")
    await expect(told).to_contain_text("No key that you trust has signed the checkpoint.")
    await key.fill(receipts.KEY)
    for index in range(receipts.SIZE):
        await pasted.fill(receipts.good(index))
        await key.press("Enter")
        await expect(told).to_contain_text(f"This is change {index + 1} of the list")
        await expect(told).to_contain_text("This receipt is right")
    await key.fill("")
    for how, text in receipts.TAMPERED.items():
        await page.evaluate("document.getElementById('told').replaceChildren()")
        await pasted.fill(text)
        await key.press("Enter")
        await expect(told, how).to_contain_text("This receipt proves nothing")
    await page.evaluate(_NO_ED25519)
    await pasted.fill(receipts.good(2))
    await key.press("Enter")
    await expect(told).to_contain_text("This browser cannot check")
    assert asked == [file.as_uri()]
