"""The page of the API: Swagger UI runs under our policy, asks nothing of any other host, and its calls work."""

from playwright.async_api import Route, expect

from tests.browser.site import Site
from tests.browser.visits import Visits


async def test_the_docs_run_under_our_policy_and_try_calls_out(site: Site, visits: Visits) -> None:
    page = await visits.begin("organizer")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    # An address cannot make the page show a document of somebody else's: `visits` tells of a request to elsewhere.
    await page.goto("/docs?url=https://evil.example/openapi.json&configUrl=https://evil.example/config.json")
    await expect(page.get_by_role("heading", name="Waiting List Service")).to_be_visible()
    assert {url.removeprefix(site.address).partition("?")[0] for url in asked if not url.startswith("data:")} == {
        "/docs", "/openapi.json", "/static/icon.svg", "/static/swagger-ui.css", "/static/swagger-ui-bundle.js",
        "/static/docs.js",
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
