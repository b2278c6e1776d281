"""The service below a path of its host: every address of its pages, its redirects, cookies and answers."""

import re
from collections.abc import AsyncIterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from pydantic import SecretStr

from tests.support.below_path import PATH, PathProxy, kind_of, path_proxy, walk
from tests.support.shop import LIST, ORGANIZATION, Shop, bound_to_loopback, listening, problem
from tests.support.until import until
from waiting_list import page_addresses, pages
from waiting_list.access.api_keys import Scope, create_api_key
from waiting_list.access.user_tokens import User
from waiting_list.app import create_app
from waiting_list.demo import shop as demo
from waiting_list.demo.data import load_demo
from waiting_list.notifications import webhooks
from waiting_list.notifications.models import WebhookFields
from waiting_list.pages.rendering import ADDRESS_ATTRIBUTES
from waiting_list.settings import Settings

PAGES = Path(pages.__file__).parent
DASHBOARD = "/dashboard/waiting-lists"
OTHER_LIST = "/waiting-lists/wl-demo-indie-floor/wl-demo-indie-1"
"""A list on which the fan does not wait yet."""
DEMO_LIST = "/waiting-lists/wl-demo-jazz-floor/wl-demo-jazz-fri"


class Below(NamedTuple):
    """The service below a path, and a proxy in front."""

    app: FastAPI
    proxy: PathProxy
    key: str
    url: str

    def client(self, **options: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=20, **options)  # type: ignore[arg-type]


@pytest_asyncio.fixture(params=["passed on", "stripped"])
async def below(request: pytest.FixtureRequest, dsn: str, tmp_path: Path) -> AsyncIterator[Below]:
    with bound_to_loopback() as bound:
        async with path_proxy(bound.getsockname()[1], strips=request.param == "stripped") as proxy:
            url = f"http://localhost:{proxy.port}{PATH}"
            app = create_app(
                Settings(database_url=SecretStr(dsn), demo=True, mail_folder=tmp_path, public_url=f"{url}/")
            )
            async with app.router.lifespan_context(app), listening(app, bound):
                pool = app.state.service.pool
                key, _ = await create_api_key(pool, ORGANIZATION, name="tests", scopes=[Scope.ADMIN])
                yield Below(app, proxy, key.key, url)
        assert proxy.strays == []


async def sign_in(client: httpx.AsyncClient, page: str, **form: str) -> None:
    """Send the form of a page, and check where its redirect and its cookie lead."""
    answer = await client.post(page, data=form)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith(f"{PATH}/")
    assert f"; Path={PATH};" in answer.headers["set-cookie"]


async def test_every_address_of_every_page_answers_below_the_path(below: Below, tmp_path: Path) -> None:
    service = below.app.state.service
    printed = await load_demo(service.pool, service.settings, below.url)
    key, link = re.findall(r"wl_\w+|http\S+/e/\S+", printed)[:2]
    token, _ = await service.user_tokens.mint(User("ines", demo.ORGANIZATION), expires_in=600)
    fields = WebhookFields(url="https://shop.example/hook", types=[])
    webhook = (await webhooks.create(service.pool, service.settings, demo.ORGANIZATION, fields, idempotency=None))[
        0
    ].webhook_id
    async with below.client() as client:
        await client.post("/sign-in", data={"email": "ada@fans.example", "organization_id": demo.ORGANIZATION})

        links: list[str] = []

        async def is_mailed() -> bool:
            mails = [message_from_bytes(one.read_bytes(), policy=default) for one in tmp_path.glob("[!.]*.eml")]
            texts = [part.get_content() for mail in mails if (part := mail.get_body(("plain",)))]
            links.extend(re.findall(rf"{below.url}(/sign-in/\S+)", "".join(texts)))
            return bool(links)

        await until(is_mailed, seconds=20)
        starts = ["/", "/demo/shop?fan=ines", "/demo/thanks", "/docs", "/mails", "/dashboard", links[0]]
        starts.append(link.removeprefix(below.url))
        reached = await walk(client, below.url, starts)
        await sign_in(client, "/sign-in/with-token", token=token, next=f"{DEMO_LIST}/place")
        reached |= await walk(client, below.url, [f"{DEMO_LIST}/place", "/my-lists", OTHER_LIST])
        await sign_in(client, "/dashboard/sign-in", api_key=key)
        starts = [f"/dashboard{DEMO_LIST}", "/dashboard/notices?status=all", f"/dashboard/webhooks/{webhook}"]
        reached |= await walk(client, below.url, starts)
    pages = {kind_of(value) for name, value in vars(page_addresses).items() if name.isupper() and value[:1] == "/"}
    parts = {
        "/e/",
        "/*",
        "/change",
        "/give-back/*",
        "/leave",
        "/leave/all",
        "/live",
        "/pause",
        "/resume",
        "/verify/*",
        "/subscribe",
        "/unsubscribe",
        "/receipts/*",
        "/served",
        "/push",
        "/push/stop",
        "/share",
        "/phone",
        "/phone/code",
        "/phone/stop",
        "/calendar.ics",
    }
    # Browsers, scripts and shops ask for these, or they follow on a form that changes data.
    unlinked = {
        "/robots.txt",
        "/favicon.ico",
        "/stop-emails/*/*",  # a link of e-mails
        "/transfers/*",
        # Only where a list allows it.
        "/transfer",
        "/transfer/back",
        "/undo",  # only after a change
        "/share/end",  # only once there is a shared link
        # Only for an address that its fan has not confirmed.
        "/send-again",
        "/verify/*/not-me",
        "/demo/token",
        "/sign-in/with-token",
        f"{DASHBOARD}/*/*/do",
        "/dashboard/first",
        "/dashboard/sign-in/*",
        "/dashboard/account/sessions",
        "/dashboard/settings/sessions",
        "/dashboard/webhooks/*/enable",
        "/dashboard/notices/gateway/delete",  # without a gateway
        "/dashboard/notices/gateway/test",
        # A session of a key has no passkeys.
        "/dashboard/account/passkeys",
        "/dashboard/account/passkeys/options",
        "/dashboard/account/passkeys/*/remove",
    }
    assert pages - reached == parts | unlinked
    assert {"/static/*", "/e/*/live", "/e/*/unsubscribe/*", "/waiting-lists/*/*/place/leave"} <= reached


async def test_a_form_leads_back_to_its_page_below_the_path(below: Below) -> None:
    async with below.client() as client:
        for asked, led in (
            ("/my-lists", f"{PATH}/my-lists"),
            (f"{PATH}/my-lists", f"{PATH}/my-lists"),  # as a shop may name it
            (PATH, PATH),
            ("/waiting-lists/a/b", f"{PATH}/waiting-lists/a/b"),
            ("//evil.example", f"{PATH}/"),
            ("https://evil.example/", f"{PATH}/"),
        ):
            answer = await client.post("/language", data={"locale": "fr", "next": asked})
            assert answer.headers["location"] == led
        answer = await client.get("/dashboard/notices?status=all")
        assert answer.headers["location"] == f"{PATH}/dashboard/sign-in?next=/dashboard/notices%3Fstatus%3Dall"
        page = await client.get("/my-lists", follow_redirects=True)
        assert urlsplit(str(page.url)).path == f"{PATH}/sign-in"


async def test_the_first_page_answers_with_and_without_a_last_slash(below: Below) -> None:
    async with below.client() as client:
        first, second = await client.get(below.url), await client.get(f"{below.url}/")
    assert first.status_code == second.status_code == 200
    assert first.text == second.text


async def test_the_api_answers_below_the_path_and_names_its_addresses(below: Below) -> None:
    async with below.client() as client:
        shop = Shop(client, below.key)
        await shop.stock()
        await shop.join("ada", 2)
        link = (await shop.made("POST", f"/waiting-lists/{LIST}/entries/ada/link"))["url"]
        assert link.startswith(f"{below.url}/e/")
        refused = problem(await shop.user("ada", "POST", body={"tickets_wanted": 2}), 409, "already_in_list")
        assert refused["instance"] == f"{PATH}/v1/user/waiting-lists/{LIST}/entry"
        document = await client.get("/openapi.json")
        assert [server["url"] for server in document.json()["servers"]] == [below.url]
        preflight = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
        answer = await client.options(f"/v1/user/waiting-lists/{LIST}/entry", headers=preflight)
        assert answer.headers["access-control-allow-origin"] == "*"
        picture = await client.get(f"/v1/user/waiting-lists/{LIST}/queue")
        known = {"If-None-Match": picture.headers["etag"]}
        assert (await client.get(f"/v1/user/waiting-lists/{LIST}/queue", headers=known)).status_code == 304
        too_large = await client.post("/v1/user/x", content=b"x" * 70_000)
        assert problem(too_large, 413, "body_too_large")["instance"] == f"{PATH}/v1/user/x"


async def test_operators_ask_the_service_itself_without_the_path(below: Below) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        for path in ("/health/ready", "/metrics", f"{PATH}/health/ready"):
            answer = await client.get(f"http://127.0.0.1:{below.proxy.upstream}{path}")
            assert answer.status_code == 200
        beside = await client.get(f"http://127.0.0.1:{below.proxy.upstream}{PATH}x")
        assert beside.status_code == 404


@pytest.mark.parametrize(
    ("public_url", "forwarded", "cookie"),
    [
        ("http://127.0.0.1:8000", "http", "waiting_list_language=fr; HttpOnly; Max-Age=31536000; Path=/;"),
        ("https://shop.example", "http", "__Host-waiting_list_language=fr; HttpOnly; Max-Age=31536000; Path=/;"),
        ("http://127.0.0.1:8000", "https", "__Host-waiting_list_language=fr; HttpOnly; Max-Age=31536000; Path=/;"),
        (
            "http://shop.example/waiting",
            "http",
            "waiting_list_language=fr; HttpOnly; Max-Age=31536000; Path=/waiting;",
        ),
        (
            "https://shop.example/waiting",
            "http",
            "__Secure-waiting_list_language=fr; HttpOnly; Max-Age=31536000; Path=/waiting;",
        ),
        (
            "http://shop.example/waiting",
            "https",
            "__Secure-waiting_list_language=fr; HttpOnly; Max-Age=31536000; Path=/waiting;",
        ),
    ],
)
async def test_cookies_are_as_safe_as_the_address_allows(
    dsn: str, public_url: str, forwarded: str, cookie: str
) -> None:
    """A trusted proxy's `X-Forwarded-Proto` becomes the scheme of the request; uvicorn does that."""
    app = create_app(Settings(database_url=SecretStr(dsn), public_url=public_url, worker=False))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=f"{forwarded}://shop.example") as client:
            answer = await client.post("/language", data={"locale": "fr", "next": "/"})
            sent = answer.headers["set-cookie"]
            assert sent.startswith(cookie)
            assert ("; Secure" in sent) is ("__" in cookie)
            name, _, value = sent.partition(";")[0].partition("=")
            page = await client.get("/", headers={"Cookie": f"{name}={value}"})
            assert '<html lang="fr">' in page.text


def test_every_attribute_with_an_address_is_one_that_gets_the_path() -> None:
    """In a template, `value` holds the address of a form's page, to which the service redirects."""
    names: set[str] = set()
    for path in sorted((PAGES / "templates").glob("*.html")):
        text = re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.DOTALL)
        assert not re.search(r"='", text), f"{path.name} has an attribute in single quotes"
        found = re.findall(
            r'([\w-]+)="\{[{%] *(?:to\.|static\(|page\b|block here|\w+_page\b|shop\b|checkout\b)', text
        )
        names |= {*found}
    assert names - {"value"} <= {*ADDRESS_ATTRIBUTES}
    assert names - {"value"} == {*ADDRESS_ATTRIBUTES}


FROM_THE_ROOT = re.compile(
    r"""url\(\s*['"]?/|[\s"'`](?:fetch|import|EventSource|Worker)\(\s*['"`]/|['"`]/[a-z][\w-]*/"""
)


def test_no_script_and_no_style_names_an_address_from_the_root() -> None:
    ours = [path for path in (PAGES / "static").glob("*.*s") if not path.name.startswith("swagger-ui")]
    assert {"page.js", "widget.js", "shop.js", "docs.js", "style.css"} <= {path.name for path in ours}
    for path in ours:
        found = [line for line in path.read_text().splitlines() if FROM_THE_ROOT.search(line)]
        if path.name == "widget.js":  # `#ask` puts the public address in front
            found = [
                line
                for line in found
                if "`/v1/user/waiting-lists/" not in line and not re.search(r"#(ask|act|post)\(", line)
            ]
        assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "fetch(`/demo/token?fan=${fan}`)",
        'new EventSource("/live")',
        "src: url(/static/font.woff2)",
        "'/static/x.js'",
    ],
)
def test_an_address_from_the_root_is_found(line: str) -> None:
    assert FROM_THE_ROOT.search(f" {line}")


def test_templates_of_pages_are_rendered_at_one_place() -> None:
    package = Path(page_addresses.__file__).parent
    places = {
        path.name
        for path in package.rglob("*.py")
        if re.search(r"""get_template\(f?["']pages/""", path.read_text())
    }
    assert places == {"rendering.py"}
