"""The dashboard says how to make a first API key, for as long as there is none."""

import httpx
import pytest
from fastapi import FastAPI

from tests.pages.test_fans import FRENCH, Browser
from tests.support.shop import ORGANIZATION
from waiting_list.access import authentication
from waiting_list.access.api_keys import Scope, create_api_key, revoke_api_key
from waiting_list.access.members import has_organizer
from waiting_list.postgres.pool import Pool
from waiting_list.problems import Unavailable

SIGN_IN = "/dashboard/sign-in"
COMMAND = "waiting-list create-key my-organization"


def visitor(app: FastAPI, **headers: str) -> Browser:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return Browser(httpx.AsyncClient(transport=transport, base_url="http://service"), headers=headers)


async def test_the_sign_in_says_how_to_make_a_key_until_there_is_one(app: FastAPI) -> None:
    guest = visitor(app)
    assert (
        f"There is no API key yet. Make one on the machine of the service: {COMMAND}"
        in (await guest.get(SIGN_IN)).text
    )
    assert COMMAND in (await guest.refused(SIGN_IN, 401, api_key="x")).text
    assert "Il n'y a pas encore de clé d'API." in (await visitor(app, **FRENCH).get(SIGN_IN)).text
    pool = app.state.service.pool
    created, _ = await create_api_key(pool, ORGANIZATION, name="x", scopes=[Scope.READ])
    assert COMMAND not in (await guest.get(SIGN_IN)).text
    await revoke_api_key(pool, ORGANIZATION, created.key_id)
    assert COMMAND not in (await guest.get(SIGN_IN)).text
    assert COMMAND not in (await guest.refused(SIGN_IN, 401, api_key="x")).text


async def test_the_sign_in_asks_the_database_only_until_there_is_a_key(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    async def counted(pool: Pool) -> bool:
        nonlocal asked
        asked += 1
        return await has_organizer(pool)

    monkeypatch.setattr(authentication, "has_organizer", counted)
    await create_api_key(app.state.service.pool, ORGANIZATION, name="x", scopes=[Scope.READ])
    for _ in range(3):
        await visitor(app).get(SIGN_IN)
    assert asked == 1


async def test_the_sign_in_is_shown_without_the_database(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(_: Pool) -> bool:
        raise Unavailable("The database is away.")

    monkeypatch.setattr(authentication, "has_organizer", away)
    assert COMMAND not in (await visitor(app).get(SIGN_IN)).text
