"""E-mail addresses of local networks: which they are, and that they are accepted only where a setting says so."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr, TypeAdapter, ValidationError

from tests.support.shop import LIST, ORGANIZATION, Shop, problem
from tests.support.until import until
from waiting_list.access.api_keys import Scope, create_api_key
from waiting_list.app import create_app
from waiting_list.email_addresses import LOCAL_DOMAINS, normalize_local, split
from waiting_list.fields import Email
from waiting_list.lists.mailboxes import mailbox
from waiting_list.settings import Settings

ENTRY = f"/waiting-lists/{LIST}/entry"
LOCAL = ["ada@clinic.local", "ada@mx.clinic.local", "ada@mailhost", "ada@dev.test", "ada@test", "ada@localhost"]
SETTING = "WAITING_LIST_MAIL_LOCAL_DOMAINS"


@pytest.mark.parametrize("email", LOCAL)
def test_an_address_of_a_local_network_is_known(email: str) -> None:
    name, domain = email.split("@")
    assert normalize_local(f"{name}@{domain.upper()}") == email
    assert split(email) == (name, domain)
    # Tags count for the mailbox as everywhere, so that no fan takes two places with one.
    assert mailbox(f"Ada+2@{domain.upper()}") == email


@pytest.mark.parametrize(
    "text",
    ["ada@example.org", "ada@corp.internal", "ada@printer.lan", "ada", "ada@", "@local", "a b@local",
     "ada@10.0.0.1", "ada@[10.0.0.1]", "ada@-x.local", "ada@clinic..local", "ada@local\n",
     "ada@x.local, bob@x.local"],
)  # fmt: skip
def test_another_text_is_no_address_of_a_local_network(text: str) -> None:
    assert normalize_local(text) is None


def test_an_address_is_valid_in_a_domain_that_is_named_and_below_it_alone() -> None:
    kind: TypeAdapter[str] = TypeAdapter(Email)
    before = LOCAL_DOMAINS.set(Settings(mail_local_domains=" Clinic.local, mailhost,test ").local_domains)
    try:
        for email in ("ada@clinic.local", "ada@mx.CLINIC.local", "ada@mailhost", "ada@dev.test", "ada@test"):
            assert kind.validate_python(email) == email.lower()
        for email in ("ada@local", "ada@aclinic.local", "ada@other.local", "ada@localhost", "ada@x.invalid"):
            with pytest.raises(ValidationError):
                kind.validate_python(email)
    finally:
        LOCAL_DOMAINS.reset(before)


@pytest.mark.parametrize(
    "value", ["*.local", "@clinic.local", "clinic local", "clinic.local;host", "-x", "a..local"]
)
def test_a_setting_that_names_no_domain_is_refused(value: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(f"separated by commas, not {value}")):
        Settings(mail_local_domains=f"test, {value}")


async def made(dsn: str, **options: Any) -> AsyncIterator[tuple[FastAPI, Shop]]:
    app = create_app(Settings(database_url=SecretStr(dsn), **options))
    async with app.router.lifespan_context(app):
        created, _ = await create_api_key(app.state.service.pool, ORGANIZATION, name="x", scopes=[Scope.ADMIN])
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as http:
            shop = Shop(http, created.key)
            await shop.stock()
            yield app, shop


async def dashboard(shop: Shop, **form: str) -> httpx.Response:
    """Create a webhook on the dashboard."""
    await shop.http.post("/dashboard/sign-in", data={"api_key": shop.key, "next": "/dashboard"})
    page = await shop.http.get("/dashboard/webhooks")
    token = re.search(r'name="form_token" value="([^"]+)"', page.text)
    assert token
    answer = await shop.http.post("/dashboard/webhooks", data=form | {"form_token": token[1]})
    shop.http.cookies.clear()
    return answer


async def everywhere(shop: Shop, email: str) -> dict[str, httpx.Response]:
    """Give the address in every way that there is."""
    await shop.join("cleo")
    hook = {"url": "https://shop.example/hook", "notify_email": email}
    wish = {"tickets_wanted": 1, "email": email}
    return {
        "a join": await shop.user("ada", "POST", ENTRY, wish),
        "a contact": await shop.user("cleo", "PUT", f"{ENTRY}/contact", {"email": email}),
        "a sign-in": await shop.http.post("/sign-in", data={"email": email, "organization_id": ORGANIZATION}),
        "a join for a user": await shop.organizer(
            "POST", f"/waiting-lists/{LIST}/entries", wish | {"user_id": "bob"}
        ),
        "a token": await shop.organizer("POST", "/user-tokens", {"user_id": "dora", "email": email}),
        "a webhook": await shop.organizer("POST", "/webhooks", hook),
        "a form for a webhook": await dashboard(shop, **hook),
    }


@pytest.mark.parametrize("email", ["ada@clinic.local", "ada@mailhost", "ada@dev.test"])
async def test_an_address_of_a_local_network_is_refused_in_plain_words_everywhere(dsn: str, email: str) -> None:
    async for _, shop in made(dsn, worker=False):
        answers = await everywhere(shop, email)
        assert {answer.status_code for answer in answers.values()} == {422}
        for who in ("a join", "a contact"):
            (wrong,) = problem(answers[who], 422, "invalid_request")["errors"]
            said = "must be an e-mail address, such as ada@example.org. Check the part after the @"
            assert wrong == {"field": "body.email", "message": said}
        for who in ("a join for a user", "a token", "a webhook"):
            assert SETTING in problem(answers[who], 422, "invalid_request")["detail"], who
        assert "Enter one such as ada@example.org." in answers["a sign-in"].text
        assert 'id="wrong-notify_email"' in answers["a form for a webhook"].text
        # Another mistake needs no setting.
        other = await shop.organizer("POST", "/user-tokens", {"user_id": "dora", "email": "ada@"})
        assert SETTING not in problem(other, 422, "invalid_request")["detail"]


async def test_an_address_of_a_local_network_is_accepted_everywhere_where_the_setting_names_its_domain(
    dsn: str, tmp_path: Path
) -> None:
    folder = tmp_path / "mail"
    async for _, shop in made(dsn, mail_folder=folder, mail_local_domains="clinic.local"):
        answers = await everywhere(shop, "ada@mx.clinic.local")
        assert {answer.status_code for answer in answers.values()} <= {200, 201}, answers
        assert answers["a contact"].json()["email"] == "ada@mx.clinic.local"
        token = answers["a token"].json()["token"]
        headers = {"Authorization": f"Bearer {token}"}
        joined = await shop.http.post(f"/v1/user{ENTRY}", json={"tickets_wanted": 1}, headers=headers)
        assert joined.status_code == 201
        assert (await shop.user("dora", "GET", f"{ENTRY}/contact")).json()["email"] == "ada@mx.clinic.local"

        async def written() -> bool:
            # Two joins of fans, one for a fan, a contact, and a link to sign in.
            return len([*folder.glob("[!.]*.eml")]) >= 4

        await until(written, seconds=20)
        assert all("ada@mx.clinic.local" in file.read_text() for file in folder.glob("[!.]*.eml"))


async def test_what_was_stored_can_be_read_when_the_setting_is_gone(dsn: str) -> None:
    async for _, shop in made(dsn, worker=False, mail_local_domains="clinic.local"):
        await everywhere(shop, "ada@clinic.local")
        token = (await shop.made("POST", "/user-tokens", {"user_id": "eve", "email": "eve@clinic.local"}))["token"]
    async for _, shop in made(dsn, worker=False):
        listed = (await shop.made("GET", "/webhooks"))["items"]
        assert [one["notify_email"] for one in listed] == ["ada@clinic.local"] * 2
        contact = await shop.user("ada", "GET", f"{ENTRY}/contact")
        assert (contact.status_code, contact.json()["email"]) == (200, "ada@clinic.local")
        # The address in a token counts as absent, so that its fan joins.
        headers = {"Authorization": f"Bearer {token}"}
        joined = await shop.http.post(f"/v1/user{ENTRY}", json={"tickets_wanted": 1}, headers=headers)
        assert joined.status_code == 201
        contact = await shop.http.get(f"/v1/user{ENTRY}/contact", headers=headers)
        assert contact.json()["email"] is None
