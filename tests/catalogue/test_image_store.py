"""Images in an S3-compatible store: where their bytes are, outages, what is cut off, and the move."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from pydantic import SecretStr, ValidationError

from tests.pages.test_dashboard import Office
from tests.pages.test_identity import EVENT, PHOTO, SETTINGS, uploaded, with_image
from tests.support.s3_server import BUCKET, KEY_ID, REGION, SECRET, Store, s3_server, signature
from tests.support.shop import ORGANIZATION, Shop, problem
from tests.test_pictures import drawn
from waiting_list import pictures, setting_checks
from waiting_list.access.api_keys import create_api_key
from waiting_list.access.scopes import Scope
from waiting_list.app import create_app
from waiting_list.catalogue.image_store import ImageStore
from waiting_list.catalogue.images import Images, Moved, delete_unshown
from waiting_list.cli.serve import _check_image_store
from waiting_list.problems import EventNotFound, Unavailable
from waiting_list.settings import Settings

_HOUR_AGO = "UPDATE unused_files SET since = statement_timestamp() - interval '61 minutes'"
_DAY_AGO = "UPDATE images SET created_at = statement_timestamp() - interval '25 hours'"


def configured(store: Store, **changed: Any) -> Settings:
    """The settings of the store."""
    found: dict[str, Any] = {
        "images_s3_url": store.address,
        "images_s3_region": REGION,
        "images_s3_access_key_id": KEY_ID,
        "images_s3_secret_access_key": SecretStr(SECRET),
    }
    return Settings(**found | changed)


@pytest_asyncio.fixture
async def store() -> AsyncIterator[Store]:
    async with s3_server() as running:
        yield running


@pytest_asyncio.fixture
async def app(dsn: str, store: Store) -> AsyncIterator[FastAPI]:
    started = create_app(configured(store, database_url=SecretStr(dsn), worker=False))
    async with started.router.lifespan_context(started):
        yield started


@pytest_asyncio.fixture
async def office(app: FastAPI) -> AsyncIterator[Office]:
    created, _ = await create_api_key(app.state.service.pool, ORGANIZATION, name="tests", scopes=[Scope.ADMIN])
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        shop = Shop(client, created.key)
        await shop.stock()
        opened = Office(app, shop)
        yield opened
        for one in opened.clients:
            await one.aclose()


def images_of(office: Office, store: Store | None) -> Images:
    """As another process has them, which keeps none in memory."""
    return Images(office.app.state.service.pool, store and ImageStore.of(configured(store)))


async def files_of(office: Office) -> list[str]:
    """The files of the store that an image names."""
    stored = await office.run("SELECT stored FROM images WHERE stored IS NOT NULL")
    return sorted(
        name for (file,) in stored for name in (file, f"small/{file}") if file.endswith("webp") or name == file
    )


def test_the_server_of_the_tests_signs_as_the_example_of_aws_says() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    headers = {
        "host": "examplebucket.s3.amazonaws.com",
        "range": "bytes=0-9",
        "x-amz-content-sha256": empty,
        "x-amz-date": "20130524T000000Z",
    }
    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    signed = signature(secret, "us-east-1", "GET", "/test.txt", "", headers, ";".join(headers))
    assert signed == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"


async def test_pages_show_from_here_what_the_bucket_has(office: Office, store: Store) -> None:
    organizer = await office.organizer()
    image = await with_image(office, organizer)
    await organizer.get(SETTINGS)
    assert (await uploaded(organizer, f"{SETTINGS}/logo", drawn())).status_code == 303
    kept = await office.run("SELECT image, content, small, stored FROM images ORDER BY image")
    assert [tuple(row)[1:3] for row in kept] == [(None, None)] * 2
    assert all(stored.startswith(image.rpartition(".")[0]) for image, _, _, stored in kept)
    assert await files_of(office) == sorted(store.files)
    assert {media_type for _, media_type in store.files.values()} == {"image/webp", "image/png"}
    assert await office.run("SELECT FROM unused_files") == []
    fan = office.browser().http
    for address in (image, image.replace("/images/", "/images/small/")):
        answer = await fan.get(address)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.content in [content for content, _ in store.files.values()]
    page = (await fan.get("/events/ev_1")).text
    assert (image in page, BUCKET in page) == (True, False)
    logo = next(name for name, *_ in kept if name.endswith(".png"))
    problem(await fan.get(f"/images/small/{logo}"), 404, "not_found")


async def test_a_crowd_costs_the_store_one_request(office: Office, store: Store) -> None:
    image = (await with_image(office, await office.organizer())).rpartition("/")[2]
    images, store.hold = images_of(office, store), asyncio.Event()
    asking = [asyncio.create_task(images.read(image)) for _ in range(20)]
    asking[0].cancel()  # a visitor who leaves takes nothing from the others
    await asyncio.sleep(0.2)
    store.hold.set()
    answers = await asyncio.gather(*asking[1:])
    assert len({*answers}) == 1
    assert await images.read(image) == answers[0]
    assert [one for one in store.requests if one.startswith("GET")] == [f"GET {sorted(store.files)[0]}"]


async def test_a_store_that_is_down_loses_nothing_and_says_so(office: Office, store: Store) -> None:
    organizer, fan = await office.organizer(), office.browser().http
    await organizer.get(f"{EVENT}/details")
    store.is_down = True
    typed = {"title": "Winter", "timezone": "Europe/Paris", "unique": "0a1b2c3d"}
    for path, form in ((f"{EVENT}/image", {}), (f"{SETTINGS}/logo", {}), ("/dashboard/events/new", typed)):
        answer = await uploaded(organizer, path, PHOTO, **form)
        assert (answer.status_code, answer.headers.get("retry-after")) == (503, None), path
        assert "The picture cannot be stored right now." in organizer.read(answer).text
        assert re.search(r'<input type="file"[^>]*aria-invalid="true"', answer.text)
        assert all(f'value="{value}"' in answer.text for value in form.values())
    assert await office.run("SELECT FROM images") == []
    assert len(await office.run("SELECT FROM events")) == 1
    store.is_down = False
    image = await with_image(office, organizer)
    assert (await uploaded(organizer, "/dashboard/events/new", PHOTO, **typed)).status_code == 303
    store.is_down = True
    answer = await fan.get(image)
    problem(answer, 503, "unavailable")
    assert "cache-control" not in answer.headers or "immutable" not in answer.headers["cache-control"]
    assert (await fan.get("/events/ev_1")).status_code == 200
    store.is_down = False
    assert (await fan.get(image)).status_code == 200
    # What the outage left behind goes, and what is shown stays.
    await office.run(_HOUR_AGO)
    await images_of(office, store).delete_unused_files()
    assert await office.run("SELECT FROM unused_files") == []
    assert await files_of(office) == sorted(store.files)


async def test_a_file_whose_image_was_never_inserted_is_deleted_an_hour_later(
    office: Office, store: Store
) -> None:
    images = images_of(office, store)
    picture = await pictures.event_image(PHOTO)
    kept = await images.keep(ORGANIZATION, picture)
    with pytest.raises(EventNotFound):
        await images.set_event_image(ORGANIZATION, "ev_none", kept)
    await images.delete_unused_files()
    assert len(store.files) == 2, "an upload may be under way"
    await office.run(_HOUR_AGO)
    store.is_down = True
    with pytest.raises(Unavailable):
        await images.delete_unused_files()
    assert len(await office.run("SELECT FROM unused_files")) == 1, "so that it is tried again"
    store.is_down = False
    await images.delete_unused_files()
    assert store.files == {}
    with pytest.raises(Unavailable, match="too long"):
        await images.set_event_image(ORGANIZATION, "ev_1", kept)
    assert await office.run("SELECT FROM images") == [], "no image names a file that is gone"
    # The same picture twice, as after a button pressed twice: one file stays.
    for _ in range(2):
        await images.set_event_image(ORGANIZATION, "ev_1", await images.keep(ORGANIZATION, picture))
    await office.run(_HOUR_AGO)
    await images.delete_unused_files()
    assert await files_of(office) == sorted(store.files)
    assert await images.read((await office.run("SELECT image FROM images"))[0][0]) == picture.content


async def test_a_picture_that_comes_back_while_its_file_is_deleted_keeps_a_file(
    office: Office, store: Store
) -> None:
    pool, images = office.app.state.service.pool, images_of(office, store)
    picture = await pictures.event_image(PHOTO)
    await images.set_event_image(ORGANIZATION, "ev_1", await images.keep(ORGANIZATION, picture))
    await images.set_event_image(ORGANIZATION, "ev_1", None)
    await office.run(_DAY_AGO)
    await delete_unshown(pool)
    assert await office.run("SELECT FROM images") == []
    assert len(store.files) == 2
    again = await images.keep(ORGANIZATION, picture)
    await office.run(f"{_HOUR_AGO} WHERE file <> '{again.file if again else ''}'")
    await asyncio.gather(images.delete_unused_files(), images.set_event_image(ORGANIZATION, "ev_1", again))
    assert await files_of(office) == sorted(store.files)
    assert len(store.files) == 2


async def test_images_move_into_the_store_and_back_while_pages_show_them(office: Office, store: Store) -> None:
    here, there = images_of(office, None), images_of(office, store)
    picture = await pictures.event_image(PHOTO)
    await here.set_event_image(ORGANIZATION, "ev_1", await here.keep(ORGANIZATION, picture))
    await here.set_logo(ORGANIZATION, await here.keep(ORGANIZATION, await pictures.logo(drawn())))
    image = next(row[0] for row in await office.run("SELECT image FROM images WHERE small IS NOT NULL"))
    before = [await there.read(image), await there.read(image, small=True)]
    assert await there.move() == Moved(2, 0)
    assert await there.move() == Moved(0, 0)
    assert [tuple(row) for row in await office.run("SELECT content, small FROM images")] == [(None, None)] * 2
    assert await files_of(office) == sorted(store.files)
    fresh = images_of(office, store)
    assert [await fresh.read(image), await fresh.read(image, small=True)] == before
    with pytest.raises(Unavailable, match="WAITING_LIST_IMAGES_S3_URL"):
        await images_of(office, None).read(image)
    (lost,) = [name for name in store.files if name.endswith(".png")]
    kept = store.files.pop(lost)
    assert await fresh.move(to_database=True) == Moved(1, 1)
    store.files[lost] = kept
    assert await fresh.move(to_database=True) == Moved(1, 0)
    assert [await images_of(office, None).read(image, small=one) for one in (False, True)] == before
    await office.run(_HOUR_AGO)
    await fresh.delete_unused_files()
    assert store.files == {}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, ""),
        ({"images_s3_secret_access_key": SecretStr("wrong")}, "refuses the key"),
        ({"images_s3_region": "us-east-1"}, "refuses the key"),
        ({"images_s3_url": "/none"}, "has no such bucket"),
    ],
    ids=["right", "secret", "region", "bucket"],
)
async def test_the_start_ends_when_the_store_refuses_and_goes_on_when_it_is_down(
    store: Store, capsys: pytest.CaptureFixture[str], changed: dict[str, Any], said: str
) -> None:
    if url := changed.get("images_s3_url"):
        changed = {"images_s3_url": store.address.replace(f"/{BUCKET}", url)}
    config = configured(store, **changed)
    if said:
        with pytest.raises(SystemExit):
            await asyncio.to_thread(_check_image_store, config)
    else:
        await asyncio.to_thread(_check_image_store, config)
    told = capsys.readouterr().err
    assert (said in told, SECRET in told) == (True, False)
    assert store.files == {}
    store.is_down = True
    await asyncio.to_thread(_check_image_store, config)
    assert "The pages show no images for now" in capsys.readouterr().err


def test_settings_of_a_store_that_cannot_work_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("s3://pictures", "https://s3.example", "https://user:x@s3.example/a", "https://s3.example/../a"):
        with pytest.raises(ValidationError, match="must be a store and a bucket"):
            Settings(images_s3_url=url)
    for right in ("https://s3.example/pictures", "http://127.0.0.1:9000/pictures/tickets/", "http://[::1]:9000/a"):
        assert Settings(images_s3_url=right).images_s3_url == right
    with pytest.raises(ValidationError, match=r"WAITING_LIST_IMAGES_S3_ACCESS_KEY_ID and .* go together"):
        Settings(images_s3_url="https://s3.example/pictures", images_s3_access_key_id="AKIA")
    monkeypatch.setattr(setting_checks, "find_spec", lambda _: None)
    with pytest.raises(ValidationError, match=r"pip install 'waiting-list\[s3\]'"):
        Settings(images_s3_url="https://s3.example/pictures")
    assert ImageStore.of(Settings()) is None
