"""Who visits a site: browsers of their own, whose every error is kept; what axe-core finds; where Tab leads."""

from importlib.resources import files
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response

from tests.browser.site import FAN, Site
from waiting_list.pages.page import FAN_COOKIE, ORGANIZER_COOKIE

Who = Literal["anybody", "fan", "organizer"]

PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
WITHOUT_SCRIPTS: dict[str, Any] = {"java_script_enabled": False}
FRENCH: dict[str, Any] = {"locale": "fr-FR"}
DARK: dict[str, Any] = {"color_scheme": "dark"}

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
_TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_LIMIT_MS = 10_000


class Visits:
    """Browsers on one site, and what went wrong in them."""

    def __init__(self, chromium: Browser, site: Site) -> None:
        self._chromium = chromium
        self._site = site
        self._contexts: list[BrowserContext] = []
        self.wrong: list[str] = []
        """One line for each error, failed request, breach of the policy, and request to elsewhere."""

    async def begin(self, who: Who = "anybody", **options: Any) -> Page:
        """A page of somebody with an empty browser, signed in as `who`; nothing is loaded yet."""
        given: dict[str, Any] = {
            "locale": "en-GB",
            "timezone_id": "Europe/Paris",
            "color_scheme": "light",
        } | options
        context = await self._chromium.new_context(base_url=self._site.address, **given)
        self._contexts.append(context)
        context.set_default_timeout(_LIMIT_MS)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.wrong.append(f"script: {error.error}"))
        context.on("request", self._request)
        context.on("requestfailed", self._failed)
        context.on("response", self._response)
        if who == "fan":
            await self._keep(context, FAN_COOKIE, await self._site.shop.token(FAN))
        elif who == "organizer":
            form = {"api_key": self._site.shop.key, "next": "/dashboard"}
            answer = await self._site.shop.http.post("/dashboard/sign-in", data=form)
            await self._keep(context, ORGANIZER_COOKIE, answer.cookies[ORGANIZER_COOKIE])
            self._site.shop.http.cookies.clear()
        return await context.new_page()

    async def end(self) -> list[str]:
        """Closes them all. Returns what went wrong."""
        for context in self._contexts:
            await context.close()
        return self.wrong

    async def _keep(self, context: BrowserContext, name: str, value: str) -> None:
        await context.add_cookies([{"name": name, "value": value, "url": self._site.address}])

    def _console(self, message: ConsoleMessage) -> None:
        # That a request was refused is told by `_response`, which knows of what kind it was.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.wrong.append(f"console: {message.text} ({message.location.get('url')})")

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if (
            address.scheme in ("http", "https", "ws", "wss")
            and address.netloc != urlsplit(self._site.address).netloc
        ):
            self.wrong.append(f"elsewhere: {request.url}")

    def _failed(self, request: Request) -> None:
        # The browser itself ends what a page was asking for when it was left. A server that fails has other names.
        if request.failure == "net::ERR_ABORTED":
            return
        self.wrong.append(f"failed: {request.url} ({request.failure})")

    def _response(self, response: Response) -> None:
        # A page that says no is a page like others: its test says that it expects it.
        if response.status >= 400 and not response.request.is_navigation_request():
            self.wrong.append(f"refused: {response.url} ({response.status})")


async def axe(page: Page, *, but: tuple[str, ...] = ()) -> None:
    """Fails for whatever axe-core finds on the page, light or dark; rules in `but` are left out."""
    found: list[str] = []
    rules = {"target-size": {"enabled": True}} | {rule: {"enabled": False} for rule in but}
    options = {
        "runOnly": {"type": "tag", "values": _TAGS},
        "rules": rules,
        "resultTypes": ["violations"],
        "iframes": False,  # what stands in one is a page of its own
    }
    # By the debugger, to which the page's policy does not apply.
    await page.evaluate(AXE)
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        result = await page.evaluate("options => axe.run(document, options)", options)
        for violation in result["violations"]:
            nodes = "\n".join(
                f"    {node['html'][:200]}\n      {' '.join(node['failureSummary'].split())[:300]}"
                for node in violation["nodes"]
            )
            found.append(f"{scheme}: {violation['id']}: {violation['help']}\n{nodes}")
    assert not found, f"{page.url}\n" + "\n".join(found)


async def scrolls_sideways(page: Page) -> int:
    """By how many pixels the page is wider than the screen."""
    # Not `innerWidth`: a phone zooms out until everything fits, and that grows along.
    wider: int = await page.evaluate(
        "document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
    )
    return wider


_CONTROLS = """() => {
  const all = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]";
  const radios = new Set();
  return window.controls = [...document.querySelectorAll(all)].filter(one => {
    if (one.tabIndex < 0 || one.disabled || !one.checkVisibility({ visibilityProperty: true })) return false;
    // Of radio buttons with one name the Tab key stops at the chosen one; the arrows reach the others.
    if (one.type !== "radio") return true;
    const chosen = one.form?.querySelector(`input[type=radio][name="${one.name}"]:checked`);
    if (chosen) return one === chosen;
    return !radios.has(one.name) && radios.add(one.name);
  });
}"""
_NAMES = "controls => controls.map(one => one.outerHTML.slice(0, 100))"
_FOCUSED = """() => {
  const focused = document.activeElement, style = getComputedStyle(focused), box = focused.getBoundingClientRect();
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  return [window.controls.indexOf(focused), outlined && box.width > 1 && box.height > 1];
}"""
_PARTS = 8
"""At how many parts of a control Tab may stop: a field for an instant has as many."""


async def tab_through(page: Page) -> list[str]:
    """Presses Tab from the top of a page until it has left it. Fails unless each control was reached, in the order
    in which it is read, and could be seen to have the focus. Returns the controls."""
    controls: list[str] = await page.evaluate(f"() => ({_NAMES})(({_CONTROLS})())")
    framed = await page.locator("iframe").count() > 0  # whose own controls come in between
    for expected, control in enumerate(controls):
        for _ in range(_PARTS):
            await page.keyboard.press("Tab")
            focused, seen = await page.evaluate(_FOCUSED)
            if focused != expected - 1 and not (focused < 0 and framed):
                break
        assert focused == expected, (
            f"Tab leads to {controls[focused] if focused >= 0 else 'nothing'}, not {control}"
        )
        assert seen, f"nobody sees that this has the focus: {control}"
    return controls
