"""The pages that show the e-mails of a development folder."""

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from tests.notifications.test_email_rendering import Parsed
from tests.support.shop import Shop
from waiting_list.app import create_app
from waiting_list.lists.events import EmailKind
from waiting_list.notifications.email_rendering import EmailContext, EmailRenderer
from waiting_list.notifications.email_transport import FolderTransport
from waiting_list.settings import Settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "mail"


@pytest_asyncio.fixture
async def pages(dsn: str, folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in front of a service whose e-mails go to the folder."""
    app = create_app(Settings(database_url=SecretStr(dsn), worker=False, mail_folder=folder))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            yield client


async def deliver(folder: Path, title: str, *, name: str = "Ada") -> str:
    """An e-mail in the folder, and the name of its file."""
    context = EmailContext(
        organization_id="demo",
        locale="en",
        email="ada@example.org",
        email_verified=True,
        name=name,
        event_title=title,
    )
    attempt = await FolderTransport(folder).send(
        EmailRenderer(Settings()).render(EmailKind.ENDED, context, notice_id=uuid4())
    )
    return attempt.answer.removeprefix("Written to ")


async def test_mails_are_listed_newest_first_and_lead_to_their_pages(
    pages: httpx.AsyncClient, folder: Path
) -> None:
    names = [await deliver(folder, f"Show {number}") for number in range(3)]
    answer = await pages.get("/mails")
    assert answer.status_code == 200
    assert re.findall(r"Show \d", answer.text) == ["Show 2", "Show 1", "Show 0"]
    assert list(Parsed(answer.text).links) == [f"/mails/{quote(name)}" for name in reversed(names)]
    assert "Ada &lt;ada@example.org&gt;" in answer.text
    for link in Parsed(answer.text).links:
        assert (await pages.get(link)).status_code == 200


async def test_a_folder_that_is_not_there_yet_has_no_mails(pages: httpx.AsyncClient) -> None:
    answer = await pages.get("/mails", headers={"Accept-Language": "fr-FR,fr;q=0.9"})
    assert answer.status_code == 200
    assert 'lang="fr"' in answer.text
    assert "Aucun e-mail pour l’instant." in answer.text


async def test_only_the_newest_mails_are_listed(pages: httpx.AsyncClient, folder: Path) -> None:
    first = await deliver(folder, "Show")
    for number in range(250):
        shutil.copy(folder / first, folder / f"2999-{number:03}.eml")
    links = list(Parsed((await pages.get("/mails")).text).links)
    assert (len(links), links[0], links[-1]) == (200, "/mails/2999-249.eml", "/mails/2999-050.eml")


async def test_a_mail_shows_headers_text_and_html_in_a_frame_where_nothing_runs(
    pages: httpx.AsyncClient, folder: Path
) -> None:
    name = await deliver(folder, "<script>alert(1)</script>", name="<img src=x>")
    page = await pages.get(f"/mails/{name}")
    parsed = Parsed(page.text)
    assert parsed.tags.count("iframe") == 1
    assert ("sandbox", None) in parsed.attributes
    assert ("src", f"/mails/{quote(name)}/html") in parsed.attributes
    assert not {"script", "img"} & set(parsed.tags)
    assert "* <script>alert(1)</script>" in parsed.text
    assert "Auto-Submitted" in parsed.text
    html = await pages.get(f"/mails/{name}/html")
    assert html.text.startswith("<!doctype html>")
    assert not {"script", "img"} & set(Parsed(html.text).tags)
    policy = html.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'; style-src 'unsafe-inline';")


async def test_pages_load_nothing_but_our_style_and_are_not_kept(pages: httpx.AsyncClient, folder: Path) -> None:
    name = await deliver(folder, "Show")
    for path in ("/mails", f"/mails/{name}", f"/mails/{name}/html"):
        answer = await pages.get(path)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "private, no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
    style = await pages.get("/static/style.css")
    assert style.headers["content-type"] == "text/css; charset=utf-8"
    assert "prefers-color-scheme: dark" in style.text
    assert "url(" not in style.text


@pytest.mark.parametrize(
    "name",
    [
        "..%2Fsecret.eml",
        "%2E%2E%2Fsecret.eml",
        "..",
        "../secret.eml",
        "%2Fetc%2Fpasswd",
        ".hidden.eml",
        "secret.txt",
        "none.eml",
        "a%00.eml",
        "a%0A.eml",
        "%5C..%5Csecret.eml",
        "..%EF%BC%8Fsecret.eml",
        "x" * 300 + ".eml",
        "folder.eml",
    ],
)
async def test_no_name_leads_out_of_the_folder(pages: httpx.AsyncClient, folder: Path, name: str) -> None:
    folder.mkdir()
    (folder / "folder.eml").mkdir()
    mail = b"Subject: secret\r\n\r\nsecret"
    for place in (folder.parent / "secret.eml", folder / ".hidden.eml", folder / "secret.txt"):
        place.write_bytes(mail)
    for path in (f"/mails/{name}", f"/mails/{name}/html"):
        answer = await pages.send(
            httpx.Request("GET", httpx.URL("http://service").copy_with(raw_path=path.encode()))
        )
        assert "Subject" not in answer.text
        if name != "..":  # which is the way to the page of events
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"Subject: =?utf-8?q?=0d=0aX?=\r\nTo: ,,,\r\nDate: never\r\n\r\nhello",
        b"Content-Type: text/plain; charset=klingon\r\n\r\nhello \xff",
        b"Content-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n<b>",
        b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!",
        b'To: "\r\n <a@b\r\nFrom: @@\r\nDate: Wed, 99 Nov 2026 99:99:99 +9999\r\n\r\n',
    ],
)
async def test_a_file_that_is_no_proper_mail_is_still_shown(
    pages: httpx.AsyncClient, folder: Path, content: bytes
) -> None:
    folder.mkdir()
    (folder / "odd.eml").write_bytes(content)
    for path in ("/mails", "/mails/odd.eml", "/mails/odd.eml/html"):
        assert (await pages.get(path)).status_code == 200


async def test_without_a_folder_there_is_nothing(shop: Shop) -> None:
    client = shop.http
    for path in ("/mails", "/mails/a.eml", "/mails/a.eml/html"):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "/mails" not in (await client.get("/openapi.json")).text
