"""Members on the dashboard over HTTP: the first run, and signing in with a link."""

import asyncio
import re

import pytest
from fastapi import FastAPI

from tests.pages.test_fans import Browser
from tests.pages.test_first_key import visitor
from tests.support.shop import ORGANIZATION
from tests.web.test_http import unchanged
from waiting_list.access import member_links, members
from waiting_list.access.api_keys import create_api_key
from waiting_list.access.first_run import first_code, first_link, organization_id_of
from waiting_list.access.members import Invited, Member
from waiting_list.access.roles import Role
from waiting_list.access.scopes import Scope
from waiting_list.notifications.organizations import organization
from waiting_list.pages.browsers import browser_name
from waiting_list.postgres.pool import connection

HOME = "/dashboard"
FIRST = f"{HOME}/first"
SIGN_IN = f"{HOME}/sign-in"
COOKIE = "waiting_list_organizer"
ANSWERS = {"organization": "Le Quai", "name": "Ada Martin", "email": "ada@lequai.example"}


async def secret_of(app: FastAPI) -> bytes:
    return await app.state.service.signing_keys.derived_secret()


async def member(
    app: FastAPI, role: Role = Role.OWNER, email: str = "ada@quay.example", org: str = ORGANIZATION
) -> Member:
    asked = Invited.of(email=email, name="Ada", role=role)
    return await members.add_member(app.state.service.pool, org, asked)


async def link_of(app: FastAPI, one: Member) -> str:
    """The path of a link that signs a member in."""
    token = await member_links.make_link(
        app.state.service.pool, await secret_of(app), one, lifetime=member_links.SIGN_IN
    )
    return f"{SIGN_IN}/{token}"


async def signed_in(app: FastAPI, one: Member, **headers: str) -> Browser:
    """A browser in which a member has signed in with a link."""
    browser = visitor(app, **headers)
    answer = await browser.post(await link_of(app, one), member_id=one.member_id)
    assert (answer.status_code, answer.headers["location"]) == (303, HOME), answer.text
    return browser


async def test_the_link_of_the_first_run_makes_an_organization_with_its_owner_once(app: FastAPI) -> None:
    pool, code = app.state.service.pool, first_code(await secret_of(app))
    assert await first_link(pool, "https://t.example") == f"https://t.example{FIRST}#{code}"
    guest = visitor(app)
    assert FIRST in (await guest.get(SIGN_IN)).links
    assert "Set up your organization" in (await guest.get(FIRST)).text
    home = await guest.did(FIRST, **ANSWERS, code=code.lower().replace("-", " "))
    assert "Le Quai Ada Martin · Owner" in home.text
    (owner,) = await members.members(pool, "le-quai")
    assert (owner.email, owner.role, owner.joined_at is not None) == (ANSWERS["email"], Role.OWNER, True)
    assert (await organization(pool, "le-quai")).sender_name == "Le Quai"
    assert await first_link(pool, "") is None
    stranger = visitor(app)
    async with unchanged(app):
        answer = await stranger.post(FIRST, **ANSWERS, code=code)
    assert (answer.status_code, answer.headers["location"]) == (303, SIGN_IN)
    assert (await stranger.http.get(FIRST)).headers["location"] == SIGN_IN


async def test_a_wrong_code_or_name_or_address_sets_nothing_up_and_keeps_what_was_typed(app: FastAPI) -> None:
    code = first_code(await secret_of(app))
    wrong = {"code": "AAAA-AAAA", "organization": "a@b", "name": " ", "email": "nobody"}
    async with unchanged(app):
        for field, value in wrong.items():
            page = await visitor(app).refused(FIRST, 422, **ANSWERS | {"code": code, field: value})
            assert [("aria-describedby", f"wrong-{field}")] == [
                one for one in page.attributes if one[0] == "aria-describedby"
            ]
            assert ("value", "Le Quai" if field != "organization" else "a@b") in page.attributes


async def test_of_two_first_runs_at_once_one_sets_up(app: FastAPI) -> None:
    code = first_code(await secret_of(app))
    answers = await asyncio.gather(
        *(visitor(app).post(FIRST, **ANSWERS | {"organization": f"House {n}"}, code=code) for n in range(5))
    )
    assert sorted(one.headers["location"] for one in answers) == [HOME, *[SIGN_IN] * 4]
    async with connection(app.state.service.pool) as acquired:
        assert await acquired.fetchval("SELECT count(*) FROM members") == 1


async def test_where_there_is_a_key_or_a_former_member_there_is_no_first_run(app: FastAPI) -> None:
    pool, code = app.state.service.pool, first_code(await secret_of(app))
    await create_api_key(pool, ORGANIZATION, name="x", scopes=[Scope.READ])
    assert await first_link(pool, "") is None
    answer = await visitor(app).post(FIRST, **ANSWERS, code=code)
    assert answer.headers["location"] == SIGN_IN
    assert await members.members(pool, "le-quai") == []


@pytest.mark.parametrize(
    ("name", "made"),
    [("Le Quai", "le-quai"), ("Théâtre de l’Été (Lyon)", "theatre-de-l-ete-lyon"), ("劇場", "organization")],
)
def test_the_id_of_an_organization_follows_from_its_name(name: str, made: str) -> None:
    assert organization_id_of(name) == made


async def test_a_link_signs_a_member_in_once_and_only_its_button_uses_it(app: FastAPI) -> None:
    one = await member(app)
    path, browser = await link_of(app, one), visitor(app)
    for _ in range(2):
        assert "You sign in as ada@quay.example." in (await browser.get(path)).text
    async with unchanged(app):
        refused = await browser.http.post(
            path, data={"member_id": one.member_id}, headers={"Sec-Fetch-Site": "cross-site"}
        )
        assert refused.status_code == 403
    answer = await browser.post(path, member_id=one.member_id)
    assert answer.headers["location"] == HOME
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "Overview" in (await browser.get(HOME)).text
    assert "This link has expired" in (await visitor(app).refused(path, 404, member_id=one.member_id)).text
    assert "This link has expired" in (await visitor(app).get(path, 404)).text


async def test_a_link_signs_in_no_other_member_and_no_altered_link_does(app: FastAPI) -> None:
    one, other = await member(app), await member(app, email="bob@quay.example")
    path = await link_of(app, one)
    async with unchanged(app):
        await visitor(app).refused(path, 404, member_id=other.member_id)
        await visitor(app).refused(path[:-1] + ("A" if path[-1] != "A" else "B"), 404, member_id=one.member_id)
        for nonsense in ("x", "é", "A" * 46):
            await visitor(app).refused(f"{SIGN_IN}/{nonsense}", 404, member_id=one.member_id)


async def test_a_removed_member_is_out_at_once_and_their_links_are_dead(app: FastAPI) -> None:
    pool = app.state.service.pool
    owner, viewer = await member(app), await member(app, Role.VIEWER, "vi@quay.example")
    await signed_in(app, owner)
    browser, path = await signed_in(app, viewer), await link_of(app, viewer)
    await members.remove_member(pool, ORGANIZATION, viewer.member_id)
    assert (await browser.http.get(HOME)).headers["location"].startswith(SIGN_IN)
    await visitor(app).refused(path, 404, member_id=viewer.member_id)
    async with connection(pool) as acquired:
        row = await acquired.fetchrow("SELECT email, name FROM members WHERE member_id = $1", viewer.member_id)
        assert tuple(row) == (None, "Ada")


async def test_another_role_holds_for_the_next_page(app: FastAPI) -> None:
    pool = app.state.service.pool
    await signed_in(app, await member(app))
    one = await member(app, Role.VIEWER, "vi@quay.example")
    browser = await signed_in(app, one)
    await browser.get(HOME)
    await browser.refused(f"{HOME}/webhooks", 403, url="https://x.example/", once="1")
    await members.change_member(pool, ORGANIZATION, one.member_id, role=Role.OWNER)
    assert (
        "Your role does not have the scope"
        not in (await browser.refused(f"{HOME}/webhooks", 422, url="x", once="1")).text
    )


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox · Windows"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1 Mobile Safari/604.1",
            "Safari · iPhone",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/129.0 Safari/537.36 Edg/129.0",
            "Edge · Linux",
        ),
        ("curl/8", ""),
        (None, ""),
    ],
)
def test_a_browser_has_a_short_name(agent: str | None, name: str) -> None:
    assert browser_name(agent) == name


def test_the_code_can_be_typed(app: FastAPI) -> None:
    assert re.fullmatch(r"(?:[A-Z2-7]{4}-){4}[A-Z2-7]{4}", first_code(b"x" * 32))
