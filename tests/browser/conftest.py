"""A real Chromium on the real service. Whatever goes wrong in a page fails its test, whether or not it looks.

The service runs as `waiting-list serve` has it: the worker in its process, e-mails in a folder, its own address in
what it sends. Nothing is reached but the loopback: Chromium cannot resolve any other name.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser
from pydantic import SecretStr

from tests.browser.site import KEPT, Site
from tests.browser.visits import Visits
from tests.support.chromium import NoChromiumError, running_chromium
from tests.support.shop import ORGANIZATION, Shop, bound_to_loopback, listening
from waiting_list.access.api_keys import Scope, create_api_key
from waiting_list.app import create_app
from waiting_list.settings import Settings


@pytest_asyncio.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The browser of all tests."""
    try:
        async with running_chromium() as browser:
            yield browser
    except NoChromiumError as error:
        pytest.exit(str(error), returncode=2)


@pytest_asyncio.fixture
async def site(dsn: str, tmp_path: Path) -> AsyncIterator[Site]:
    """The service on a fresh database, at an address of its own, with one sold-out list."""
    with bound_to_loopback() as bound:
        address = f"http://127.0.0.1:{bound.getsockname()[1]}"
        app = create_app(Settings(database_url=SecretStr(dsn), mail_folder=tmp_path, public_url=address))
        async with app.router.lifespan_context(app), listening(app, bound):
            key, _ = await create_api_key(app.state.service.pool, ORGANIZATION, name="tests", scopes=[Scope.ADMIN])
            async with httpx.AsyncClient(base_url=address, trust_env=False, limits=KEPT) as client:
                shop = Shop(client, key.key)
                await shop.stock()
                yield Site(app, shop, address, tmp_path)


@pytest_asyncio.fixture
async def visits(chromium: Browser, site: Site) -> AsyncIterator[Visits]:
    """Who visits the site. What went wrong in any of their pages is told at the end, and fails the test."""
    visits = Visits(chromium, site)
    yield visits
    assert await visits.end() == []
