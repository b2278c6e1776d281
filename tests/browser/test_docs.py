"""The page of the API: Swagger UI runs under our policy, asks nothing of any other host, and its calls work."""

from playwright.async_api import Page, Route, expect

from tests.browser.site import Site
from tests.browser.visits import AXE, DARK, Visits, axe


async def test_the_docs_run_under_our_policy_and_try_calls_out(site: Site, visits: Visits) -> None:
    page = await visits.begin("organizer")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    # An address cannot make the page show a document of somebody else's: `visits` tells of a request to elsewhere.
    await page.goto("/docs?url=https://evil.example/openapi.json&configUrl=https://evil.example/config.json")
    await expect(page.get_by_role("heading", name="Waiting List Service")).to_be_visible()
    assert {url.removeprefix(site.address).partition("?")[0] for url in asked if not url.startswith("data:")} == {
        "/docs", "/openapi.json", "/static/icon.svg", "/static/swagger-ui.css", "/static/docs.css",
        "/static/swagger-ui-bundle.js", "/static/docs.js",
    }  # fmt: skip
    await page.locator("#operations-Operations-get_version .opblock-summary-control").click()
    assert page.url.endswith("#/Operations/get_version")
    await page.get_by_role("button", name="Try it out").click()
    await page.get_by_role("button", name="Execute").click()
    await expect(page.locator(".live-responses-table tr.response .response-col_status")).to_contain_text("200")


async def test_a_key_that_is_typed_into_the_docs_is_used_and_not_kept(site: Site, visits: Visits) -> None:
    page = await visits.begin()
    await page.goto("/docs")
    await page.locator("#operations-API_keys-list_api_keys .opblock-summary-control").click()
    await page.get_by_role("button", name="Authorize").first.click()
    await page.locator("#auth-bearer-value").first.fill(site.shop.key)
    await page.locator(".auth-btn-wrapper .authorize").first.click()
    await page.get_by_role("button", name="Close").first.click()
    await page.get_by_role("button", name="Try it out").click()
    await page.get_by_role("button", name="Execute").click()
    await expect(page.locator(".live-responses-table tr.response .response-col_status")).to_contain_text("200")
    assert await page.evaluate("() => Object.keys(localStorage).concat(Object.keys(sessionStorage))") == []
    assert await page.context.cookies() == []


async def test_calls_go_to_where_the_docs_come_from(site: Site, visits: Visits) -> None:
    page = await visits.begin()
    page.set_default_timeout(60_000)  # Swagger UI takes a while on a busy machine

    async def with_another_address(route: Route) -> None:
        answer = await route.fetch()
        document = await answer.json()
        assert document["servers"][0]["url"] == site.address
        await route.fulfill(response=answer, json=document | {"servers": [{"url": "https://tickets.example"}]})

    await page.route("**/openapi.json", with_another_address)
    await page.goto("/docs")
    await page.locator("#operations-Operations-get_version .opblock-summary-control").click()
    await page.get_by_role("button", name="Try it out").click()
    await page.get_by_role("button", name="Execute").click()
    await expect(page.locator(".live-responses-table tr.response .response-col_status")).to_contain_text(
        "200", timeout=60_000
    )


# Swagger UI sets the colours of an example's values by itself.
_FAINT = """async () => (await axe.run({ exclude: [".microlight"] }, { runOnly: ["color-contrast"] }))
  .violations.flatMap(one => one.nodes.map(node => node.html))"""


async def test_an_opened_call_can_be_read_in_the_dark(site: Site, visits: Visits) -> None:
    page = await visits.begin(**DARK)
    await page.goto("/docs")
    call = page.locator("#operations-My_entries-join")
    await call.locator(".opblock-summary-control").click()
    await expect(call.get_by_text("Idempotent-Replayed").first).to_be_visible()
    await page.evaluate(AXE)
    assert await page.evaluate(_FAINT) == []


_SHOWN = """() => [...document.querySelectorAll(".opblock")].map(one => [
  one.querySelector(".opblock-summary-method").textContent.toLowerCase(),
  one.querySelector(".opblock-summary-path").dataset.path,
])"""


async def cut_off(page: Page, site: Site) -> list[str]:
    """Cut the browser off from all hosts but the service. Returns what it then asks of them."""
    elsewhere: list[str] = []

    async def decide(route: Route) -> None:
        if route.request.url.startswith(f"{site.address}/"):
            await route.continue_()
        else:
            elsewhere.append(route.request.url)
            await route.abort("internetdisconnected")

    await page.context.route("**/*", decide)
    return elsewhere


async def test_without_the_internet_the_docs_show_every_call_and_try_one_out(site: Site, visits: Visits) -> None:
    page = await visits.begin()
    elsewhere = await cut_off(page, site)
    document = (await site.shop.http.get("/openapi.json")).json()
    # The webhooks are the calls that the service makes.
    shown = document["paths"] | document["webhooks"]
    calls = {(method, path) for path, methods in shown.items() for method in methods}
    await page.goto("/docs")
    await expect(page.locator(".opblock")).to_have_count(len(calls))
    assert {(method, path) for method, path in await page.evaluate(_SHOWN)} == calls
    version = page.locator(".opblock").filter(has=page.locator('[data-path="/version"]'))
    await version.locator(".opblock-summary-control").click()
    await version.get_by_role("button", name="Try it out").click()
    await version.get_by_role("button", name="Execute").click()
    answer = version.locator(".live-responses-table tr.response")
    await expect(answer.locator(".response-col_status")).to_contain_text("200")
    await expect(answer).to_contain_text(document["info"]["version"])
    assert elsewhere == []


async def test_a_page_that_is_not_there_leads_back_without_the_internet(site: Site, visits: Visits) -> None:
    page = await visits.begin(locale="fr-CA")
    elsewhere = await cut_off(page, site)
    answer = await page.goto("/redoc")
    assert answer is not None
    assert answer.status == 404
    await expect(page.get_by_role("heading", name="Page introuvable")).to_be_visible()
    await axe(page)
    await page.get_by_role("link", name="Tous les événements").click()
    await expect(page).to_have_url(f"{site.address}/")
    await page.wait_for_load_state()  # the next page would cut its style sheet off
    await page.goto("/docs/")
    await expect(page).to_have_url(f"{site.address}/docs")
    assert elsewhere == []
