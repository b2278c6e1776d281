"""Members on the dashboard over HTTP: the first run, and signing in with a link."""

import asyncio
import email
import email.policy
import re
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import pytest
import pytest_asyncio
from fastapi import FastAPI
from pydantic import SecretStr

from tests.notifications.test_email_rendering import Parsed
from tests.pages.test_fans import FRENCH, Browser
from tests.pages.test_first_key import visitor
from tests.support.shop import LIST, ORGANIZATION, Shop
from tests.support.until import until
from tests.web.test_http import unchanged
from waiting_list.access import member_links, members
from waiting_list.access.api_keys import create_api_key
from waiting_list.access.dashboard_sessions import sessions
from waiting_list.access.first_run import first_code, first_link, organization_id_of
from waiting_list.access.members import Invited, Member
from waiting_list.access.roles import Role
from waiting_list.access.scopes import Scope
from waiting_list.app import create_app
from waiting_list.notifications.organizations import organization
from waiting_list.pages.browsers import browser_name
from waiting_list.postgres.pool import connection
from waiting_list.problems import Unauthenticated
from waiting_list.settings import Settings

HOME = "/dashboard"
FIRST = f"{HOME}/first"
TEAM = f"{HOME}/settings/team"
SIGN_IN = f"{HOME}/sign-in"
COOKIE = "waiting_list_organizer"
ANSWERS = {"organization": "Le Quai", "name": "Ada Martin", "email": "ada@lequai.example"}


async def secret_of(app: FastAPI) -> bytes:
    return await app.state.service.signing_keys.derived_secret()


async def member(
    app: FastAPI, role: Role = Role.OWNER, address: str = "ada@quay.example", org: str = ORGANIZATION
) -> Member:
    asked = Invited.of(email=address, name="Ada", role=role)
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
    assert sorted(one.headers["location"] for one in answers) == [f"{HOME}/events/new", *[SIGN_IN] * 4]
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
    one, other = await member(app), await member(app, address="bob@quay.example")
    path = await link_of(app, one)
    async with unchanged(app):
        for wrong in (other.member_id, "none"):
            await visitor(app).refused(path, 422, member_id=wrong)
        await visitor(app).refused(path[:-1] + ("A" if path[-1] != "A" else "B"), 404, member_id=one.member_id)
        for nonsense in ("x", "é", "A" * 46):
            await visitor(app).refused(f"{SIGN_IN}/{nonsense}", 404, member_id=one.member_id)
    answers = await asyncio.gather(*(visitor(app).post(path, member_id=one.member_id) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [303, 404, 404, 404]


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


def link_in(page: Parsed) -> str:
    """The path of the only sign-in link that a page shows."""
    (found,) = re.findall(rf"http://[^/]+({SIGN_IN}/[\w-]{{46}})", page.text)
    return str(found)


async def test_an_owner_invites_a_member_changes_the_role_and_removes_the_member(app: FastAPI) -> None:
    pool = app.state.service.pool
    ada = await member(app)
    owner = await signed_in(app, ada)
    assert "Ada you ada@quay.example" in (await owner.get(TEAM)).text
    form = {"name": "Bob Stone", "email": "Bob@quay.example", "role": "box_office"}
    page = owner.read(await owner.post(TEAM, **form))
    assert "Send this link to Bob Stone" in page.text
    newcomer = visitor(app)
    path = link_in(page)
    assert "Accept the invitation" in (await newcomer.get(path)).text
    bob = next(one for one in await members.members(pool, ORGANIZATION) if one.name == "Bob Stone")
    await newcomer.did(path, member_id=bob.member_id)
    assert "Bob Stone · Box office" in (await newcomer.get(TEAM)).text
    assert "Invite a member" not in (await newcomer.get(TEAM)).text
    assert "The role is changed." in (await owner.did(f"{TEAM}/{bob.member_id}", role="manager")).text
    assert "Bob Stone · Manager" in (await newcomer.get(TEAM)).text
    assert "signed out everywhere" in (await owner.did(f"{TEAM}/{bob.member_id}/remove")).text
    assert (await newcomer.http.get(TEAM)).headers["location"].startswith(SIGN_IN)
    assert "Bob Stone" not in (await owner.get(TEAM)).text


async def test_a_refused_invitation_keeps_what_was_typed_and_marks_each_field(app: FastAPI) -> None:
    owner = await signed_in(app, await member(app))
    await owner.get(TEAM)
    async with unchanged(app):
        page = await owner.refused(TEAM, 422, name=" ", email="ADA@quay", role="viewer")
        assert ("value", "ADA@quay") in page.attributes
        assert [value for name, value in page.attributes if name == "aria-describedby"] == [
            "wrong-name",
            "wrong-email",
        ]
        page = await owner.refused(TEAM, 422, name="Ada", email="ADA@quay.example", role="viewer")
        assert "A member has this address already." in page.text
        await owner.refused(TEAM, 422, name="Ada", email="x@quay.example", role="king")


async def test_the_team_page_keeps_the_last_owner(app: FastAPI) -> None:
    ada = await member(app)
    owner = await signed_in(app, ada)
    await owner.get(TEAM)
    async with unchanged(app):
        for path, form in (
            (f"{TEAM}/{ada.member_id}", {"role": "viewer"}),
            (f"{TEAM}/{ada.member_id}/remove", {}),
        ):
            assert "the last owner who has signed in" in (await owner.refused(path, 422, **form)).text
        await owner.refused(f"{TEAM}/none", 404, role="viewer")
        await owner.refused(f"{TEAM}/{ada.member_id}/invite", 404)


async def test_an_invitation_is_made_again_while_the_member_has_not_signed_in(app: FastAPI) -> None:
    owner = await signed_in(app, await member(app))
    bob = await member(app, Role.VIEWER, "bob@quay.example")
    await owner.get(TEAM)
    path = link_in(owner.read(await owner.post(f"{TEAM}/{bob.member_id}/invite")))
    await visitor(app).did(path, member_id=bob.member_id)


async def test_sessions_are_listed_with_their_browsers_and_ended(app: FastAPI) -> None:
    ada, bob = await member(app), await member(app, Role.VIEWER, "bob@quay.example")
    here = await signed_in(app, ada)
    agent = "Mozilla/5.0 (Windows NT 10.0; rv:130.0) Gecko/20100101 Firefox/130.0"
    there = await signed_in(app, ada, **{"User-Agent": agent})
    other = await signed_in(app, bob)
    account = await here.get(f"{HOME}/account")
    assert "Firefox · Windows" in account.text
    assert account.text.count("last used") == 2
    team = await here.get(TEAM)
    assert team.text.count("last used") == 3
    assert "last used" not in (await other.get(TEAM)).text
    found = await sessions(app.state.service.pool, ORGANIZATION, member_id=bob.member_id)
    await here.refused(f"{HOME}/account/sessions", 404, session_id=found[0].session_id)
    await here.did(f"{HOME}/settings/sessions", session_id=found[0].session_id)
    assert (await other.http.get(HOME)).status_code == 303
    await here.did(f"{HOME}/account/sessions")
    assert (await there.http.get(HOME)).status_code == 303
    await here.get(HOME)


async def test_however_many_sessions_there_are_the_page_stays_short_and_all_of_them_end(app: FastAPI) -> None:
    ada = await member(app)
    here = await signed_in(app, ada)
    pool = app.state.service.pool
    async with pool.acquire() as acquired:
        await acquired.execute(
            """INSERT INTO sessions (session_hash, member_id, browser, created_at, expires_at)
            SELECT sha256(n::text::bytea), $1, 'Firefox', now(), now() + interval '1 day'
            FROM generate_series(1, 600) n""",
            ada.member_id,
        )
    team = (await here.get(TEAM)).text
    assert (team.count("last used"), "and 581 older sessions" in team) == (20, True)
    assert team.index("this one") < team.index("last used")
    await here.did(f"{HOME}/settings/sessions")
    assert len(await sessions(pool, ORGANIZATION, member_id=None)) == 1


async def test_a_member_changes_their_own_name_and_a_key_has_none(app: FastAPI) -> None:
    browser = await signed_in(app, await member(app, Role.VIEWER))
    await browser.get(HOME)
    assert "Ada Lovelace · Viewer" in (await browser.did(f"{HOME}/account", name=" Ada Lovelace ")).text
    page = await browser.refused(f"{HOME}/account", 422, name="x" * 101)
    assert ("value", "x" * 101) in page.attributes
    created, _ = await create_api_key(app.state.service.pool, ORGANIZATION, name="till", scopes=[Scope.ADMIN])
    with_key = visitor(app)
    await with_key.did(SIGN_IN, api_key=created.key)
    assert "API key till" in (await with_key.get(f"{HOME}/account")).text
    await with_key.refused(f"{HOME}/account", 404, name="x")


async def test_the_history_shows_names_and_the_api_ids(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    await signed_in(app, await member(app))
    bob = await member(app, Role.MANAGER, "bob@quay.example")
    await members.change_member(app.state.service.pool, ORGANIZATION, bob.member_id, name="Bob Stone")
    browser = await signed_in(app, bob)
    await browser.get(HOME)
    page = f"{HOME}/waiting-lists/{LIST}"
    await browser.did(f"{page}/do", do="add_total_stock", quantity="1", once="x")
    await shop.made("POST", f"/inventory/{LIST}/add-total-stock", {"quantity": 1})
    found = (await shop.made("GET", f"/waiting-lists/{LIST}/history"))["items"]
    assert found[-2]["actor"] == f"member:{bob.member_id}"
    assert found[-1]["actor"].startswith("organizer:")
    for _ in range(2):
        story = (
            await (await signed_in(app, await member_of(app, "ada@quay.example"))).get(f"{page}/history")
        ).text
        assert "· Bob Stone" in story
        assert "· tests" in story
        if bob.email:
            await members.remove_member(app.state.service.pool, ORGANIZATION, bob.member_id)
            bob = bob.model_copy(update={"email": None})
    async with connection(app.state.service.pool) as acquired:
        await acquired.execute("UPDATE members SET name = NULL WHERE email IS NULL")
    story = (await (await signed_in(app, await member_of(app, "ada@quay.example"))).get(f"{page}/history")).text
    assert "· former member" in story


async def member_of(app: FastAPI, address: str) -> Member:
    return next(one for one in await members.members(app.state.service.pool, ORGANIZATION) if one.email == address)


async def test_an_owner_makes_replaces_and_revokes_api_keys(app: FastAPI) -> None:
    owner, keys = await signed_in(app, await member(app)), f"{HOME}/settings/api-keys"
    await owner.get(keys)
    wrong = await owner.refused(keys, 422, name="", expires_days="7", once="1")
    assert [one for one in wrong.attributes if one[0] == "aria-invalid"] == [("aria-invalid", "true")] * 2
    form = {"name": "Shop", "scope_read": "on", "scope_stock": "on", "expires_days": "90", "once": "2"}
    shown = [owner.read(await owner.post(keys, **form)).text for _ in range(2)]
    (key,) = {re.search(r"wl_[0-9a-f]+_[0-9a-f]+", text)[0] for text in shown}  # type: ignore[index]
    assert "wl_" not in (await owner.get(keys)).text
    who = await app.state.service.authenticator.organizer(f"Bearer {key}")
    assert who.scopes == ["read", "stock"]
    page = owner.read(await owner.post(f"{keys}/{who.key_id}/rotate", once="3"))
    assert "The old key works for one more day." in page.text
    newer = re.search(r"wl_[0-9a-f]+_[0-9a-f]+", page.text)
    assert newer
    assert "The key is revoked." in (await owner.did(f"{keys}/{who.key_id}/revoke")).text
    with pytest.raises(Unauthenticated):
        await app.state.service.authenticator.organizer(f"Bearer {key}")
    await app.state.service.authenticator.organizer(f"Bearer {newer[0]}")
    await owner.get(f"{keys}/{who.key_id}/rotate")


@pytest_asyncio.fixture
async def posting(dsn: str, tmp_path: Path) -> AsyncIterator[tuple[FastAPI, Path]]:
    """The application with a worker and a mail folder."""
    app = create_app(Settings(database_url=SecretStr(dsn), mail_folder=tmp_path))
    async with app.router.lifespan_context(app):
        yield app, tmp_path


async def letters(folder: Path, count: int) -> list[EmailMessage]:
    """The e-mails in a folder once there are so many, the newest last."""
    found: list[EmailMessage] = []

    async def are_there() -> bool:
        found[:] = [
            email.message_from_bytes(path.read_bytes(), policy=email.policy.default)  # type: ignore[misc]
            for path in sorted(folder.glob("[!.]*.eml"))
        ]
        return len(found) >= count

    await until(are_there)
    return found


def path_in(letter: EmailMessage) -> str:
    body = letter.get_body(("plain",))
    assert body is not None
    found = re.search(rf"http://[^/]+({SIGN_IN}/\S+)", body.get_content())
    assert found
    return found[1]


async def test_a_member_signs_in_with_a_mailed_link_and_an_unknown_address_gets_the_same_answer(
    posting: tuple[FastAPI, Path],
) -> None:
    app, folder = posting
    ada = await member(app)
    browser = visitor(app, **FRENCH)
    assert "Email me a link" in (await visitor(app).get(SIGN_IN)).text
    answers = [
        (await visitor(app).post(SIGN_IN, email=one, next=f"{HOME}/notices")).text.replace(one, "…")
        for one in ("nobody@quay.example", "ADA@quay.example", "ADA@quay.example")
    ]
    assert len({*answers}) == 1
    (letter,) = await letters(folder, 1)
    assert (letter["To"], letter["Subject"]) == ("ADA@quay.example", "Your sign-in link for the dashboard")
    answer = await browser.post(path_in(letter), member_id=ada.member_id)
    assert answer.headers["location"] == f"{HOME}/notices"
    page = await visitor(app).refused(SIGN_IN, 422, email="ada@")
    assert ("value", "ada@") in page.attributes
    async with connection(app.state.service.pool) as acquired:
        assert await acquired.fetchval("SELECT count(*) FROM outbox") == 1


async def test_a_member_of_two_organizations_chooses_one(posting: tuple[FastAPI, Path]) -> None:
    app, folder = posting
    await member(app)
    theirs = await member(app, Role.VIEWER, org="org_2")
    browser = visitor(app)
    await browser.post(SIGN_IN, email="ada@quay.example")
    path = path_in((await letters(folder, 1))[0])
    assert "Choose the organization:" in (await browser.get(path)).text
    home = await browser.did(path, member_id=theirs.member_id)
    assert "org_2 Ada · Viewer" in home.text


async def test_an_invitation_is_mailed_and_says_the_organization_and_the_role(
    posting: tuple[FastAPI, Path],
) -> None:
    app, folder = posting
    owner = await signed_in(app, await member(app))
    await owner.get(TEAM)
    form = {"name": "Bob", "email": "bob@quay.example", "role": "box_office"}
    assert "The invitation is on its way." in (await owner.did(TEAM, **form)).text
    (letter,) = await letters(folder, 1)
    assert letter["Subject"] == f"You are invited to {ORGANIZATION}"
    body = letter.get_body(("plain",))
    assert body is not None
    assert "Your role: Box office." in body.get_content()
    bob = await member_of(app, "bob@quay.example")
    await visitor(app).did(path_in(letter), member_id=bob.member_id)


async def test_a_removed_member_gets_no_letter(posting: tuple[FastAPI, Path]) -> None:
    app, folder = posting
    pool = app.state.service.pool
    await signed_in(app, await member(app))
    bob = await member(app, Role.VIEWER, "bob@quay.example")
    await members.remove_member(pool, ORGANIZATION, bob.member_id)
    await visitor(app).post(SIGN_IN, email="bob@quay.example")
    await visitor(app).post(SIGN_IN, email="ada@quay.example")
    assert [one["To"] for one in await letters(folder, 1)] == ["ada@quay.example"]
