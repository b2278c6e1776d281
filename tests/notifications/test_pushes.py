"""What is pushed to a fan's device: from the page to a push service, encrypted for that device alone."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI
from pydantic import SecretStr

from tests.support.phone import Phone, decoded, sender_of
from tests.support.receivers import Receiver, receiving, status
from tests.support.shop import LIST, ORGANIZATION, Shop
from tests.support.until import until
from waiting_list.access.api_keys import Scope, create_api_key
from waiting_list.app import create_app
from waiting_list.notifications.turns import is_quiet, quiet_seconds
from waiting_list.postgres.pool import connection
from waiting_list.settings import Settings

ENTRIES = f"/waiting-lists/{LIST}/entries"
BASE = "http://127.0.0.1:8000"


@dataclass
class Place:
    """A service that pushes, and the link of a fan."""

    app: FastAPI
    shop: Shop
    http: httpx.AsyncClient

    async def link(self, user_id: str, **contact: Any) -> str:
        body = {"user_id": user_id, "tickets_wanted": 2, "tickets_minimum": 2}
        await self.shop.made("POST", ENTRIES, body | contact)
        url: str = (await self.shop.made("POST", f"{ENTRIES}/{user_id}/link"))["url"]
        return url.removeprefix(BASE)

    async def hold(self, quantity: int = 2) -> None:
        await self.shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": quantity})

    async def run(self, statement: str) -> list[Any]:
        async with connection(self.app.state.service.pool) as acquired:
            return list(await acquired.fetch(statement))

    async def notices(self, status: str = "all") -> list[dict[str, Any]]:
        query = "channel=push" + ("" if status == "all" else f"&status={status}")
        found: list[dict[str, Any]] = (await self.shop.made("GET", f"/notices?{query}"))["items"]
        return found

    async def ended(self, count: int) -> list[dict[str, Any]]:
        """The notices to devices, once so many have ended."""

        async def have() -> bool:
            return len([one for one in await self.notices() if one["ended_at"]]) >= count

        await until(have, seconds=20)
        return await self.notices()


@pytest_asyncio.fixture
async def place(dsn: str, tmp_path: Path) -> AsyncIterator[Place]:
    app = create_app(Settings(database_url=SecretStr(dsn), mail_folder=tmp_path, webhook_private_addresses=True))
    async with app.router.lifespan_context(app):
        key, _ = await create_api_key(app.state.service.pool, ORGANIZATION, name="tests", scopes=[Scope.ADMIN])
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as http:
            shop = Shop(http, key.key)
            await shop.stock()
            yield Place(app, shop, http)


def endpoint(receiver: Receiver, name: str = "ada") -> str:
    return f"http://127.0.0.1:{receiver.port}/push/{name}"


async def posted(place: Place, path: str, form: dict[str, str], code: int = 303) -> httpx.Response:
    answer = await place.http.post(path, data=form)
    assert answer.status_code == code, answer.text
    return answer


def test_a_phone_of_the_tests_opens_the_example_of_the_standard() -> None:
    """RFC 8291, appendix A."""
    phone = Phone(
        ec.derive_private_key(
            int.from_bytes(decoded("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"), "big"), ec.SECP256R1()
        ),
        decoded("BTBZMqHH6r4Tts7J_aSIgg"),
    )
    body = (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_"
        "yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
    assert phone.open(decoded(body)) == b"When I grow up, I want to be a watermelon"


async def test_a_device_is_told_of_the_turn_and_of_its_end_and_nobody_else_can_read_it(place: Place) -> None:
    link, phone = await place.link("ada", email="ada@example.org", locale="fr"), Phone()
    await place.shop.made("PATCH", f"/waiting-lists/{LIST}", {"hold_minutes": 120, "reminder_minutes": 20})
    key = re.findall(r'data-push="([^"]+)"', (await place.http.get(link)).text)
    async with receiving(status(201)) as service:
        await posted(place, f"{link}/push", phone.form(endpoint(service)))
        await posted(place, f"{link}/push", phone.form(endpoint(service)))  # again, from another visit
        await place.hold()
        ready, reminder = sorted(await place.ended(1), key=lambda one: str(one["type"]))
        head, body = service.requests[0]
        assert head.startswith("POST /push/ada HTTP/1.1\r\n")
        said = phone.read(body)
        assert said["title"] == "Jazz Festival"
        assert said["body"].startswith("2 billets sont réservés pour vous jusqu’à ")
        assert (said["path"], said["lang"], said["silent"]) == (link, "fr", False)
        # Not by the push service, nor by another device.
        with pytest.raises(InvalidTag):
            Phone().open(body)
        assert b"Jazz" not in body
        headers = service.headers
        assert (headers["content-encoding"], headers["urgency"]) == ("aes128gcm", "high")
        assert 7000 < int(headers["ttl"]) <= 7200
        assert re.fullmatch(r"[\w-]{32}", headers["topic"])
        sender, claims = sender_of(headers["authorization"], audience=f"http://127.0.0.1:{service.port}")
        assert [sender] == key
        assert claims["sub"] == BASE
        now = datetime.now(UTC).timestamp()
        assert now < claims["exp"] <= now + 24 * 3600
        # Each is a notice of its own, and can be sent again.
        assert (ready["type"], ready["status"], ready["channel"], ready["webhook_id"]) == (
            "ready",
            "sent",
            "push",
            None,
        )
        assert (reminder["type"], reminder["status"]) == ("reminder", "pending")
        await place.run(
            "UPDATE entries SET ready_until = now() + interval '10 min' WHERE status = 'ready' RETURNING 1"
        )
        await place.shop.made("POST", f"/notices/{reminder['notice_id']}/resend")
        await place.ended(2)
        assert "2 billets" in phone.read(service.requests[1][1])["body"]
        assert service.headers["topic"] == headers["topic"]
        assert 0 < int(service.headers["ttl"]) <= 600
        assert len(service.requests) == 2


async def test_a_device_that_is_gone_is_forgotten_and_one_that_is_busy_is_tried_again(place: Place) -> None:
    link, phone = await place.link("ada"), Phone()
    await place.shop.made("PATCH", f"/waiting-lists/{LIST}", {"reminder_minutes": None})
    async with receiving(status(410, "gone")) as gone, receiving(status(503)) as busy:
        await posted(place, f"{link}/push", phone.form(endpoint(gone)))
        await posted(place, f"{link}/push", phone.form(endpoint(busy)))
        await place.hold()
        await place.ended(1)
        await until(lambda: _is_true(bool(busy.requests)))
    (dropped,) = await place.notices("dropped")
    assert (dropped["answer_status"], dropped["answer"]) == (410, "gone")
    await until(lambda: _has_tried(place))
    (pending,) = await place.notices("pending")
    assert pending["tries"] == 1
    left = await place.run("SELECT endpoint FROM push_subscriptions")
    assert [str(one["endpoint"]) for one in left] == [endpoint(busy)]
    # What has no device any longer is dropped, not sent.
    await posted(place, f"{link}/push/stop", {"endpoint": endpoint(busy)})
    await place.shop.made("POST", f"/notices/{pending['notice_id']}/resend")
    await place.ended(2)
    assert {one["status"] for one in await place.notices()} == {"dropped"}


async def _is_true(value: bool) -> bool:
    return value


async def _has_tried(place: Place) -> bool:
    return any(one["answer_status"] == 503 for one in await place.notices("pending"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("endpoint", ""),
        ("endpoint", "https://push.example/" + "x" * 2000),
        ("endpoint", "file:///etc/passwd"),
        ("p256dh", "BBBB"),
        ("p256dh", "A" * 87),
        ("auth", "AAAA"),
        ("auth", "é"),
    ],
)
async def test_what_no_browser_gives_is_refused_and_kept_nowhere(place: Place, field: str, value: str) -> None:
    link = await place.link("ada")
    await posted(place, f"{link}/push", Phone().form("https://push.example/1") | {field: value}, 422)
    assert await place.run("SELECT 1 FROM push_subscriptions") == []


async def test_an_entry_has_a_few_devices_and_none_once_it_is_over(place: Place) -> None:
    link, phone = await place.link("ada"), Phone()
    for number in range(5):
        await posted(place, f"{link}/push", phone.form(f"https://push.example/{number}"))
    await posted(place, f"{link}/push", phone.form("https://push.example/5"), 422)
    assert len(await place.run("SELECT 1 FROM push_subscriptions")) == 5
    kept = (await place.shop.made("GET", "/users/ada/export"))["pushes"]
    assert {one["endpoint"] for one in kept} == {f"https://push.example/{number}" for number in range(5)}
    await place.shop.made("DELETE", f"{ENTRIES}/ada")
    await posted(place, f"{link}/push", phone.form("https://push.example/0"))
    async with connection(place.app.state.service.pool) as acquired:
        from waiting_list.postgres.statements import sql

        await acquired.execute(sql("delete_left_pushes"))
    assert await place.run("SELECT 1 FROM push_subscriptions") == []


async def test_a_link_that_is_revoked_and_a_person_who_is_erased_have_no_device(place: Place) -> None:
    for user in ("ada", "bob"):
        link = await place.link(user)
        await posted(place, f"{link}/push", Phone().form(f"https://push.example/{user}"))
    await place.shop.made("DELETE", f"{ENTRIES}/ada/link")
    assert len(await place.run("SELECT 1 FROM push_subscriptions")) == 1
    await place.shop.made("DELETE", "/users/bob")
    assert await place.run("SELECT 1 FROM push_subscriptions") == []


async def test_a_private_address_is_not_pushed_to(dsn: str) -> None:
    app = create_app(Settings(database_url=SecretStr(dsn), worker=False))
    async with app.router.lifespan_context(app):
        key, _ = await create_api_key(app.state.service.pool, ORGANIZATION, name="tests", scopes=[Scope.ADMIN])
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as http:
            shop = Shop(http, key.key)
            await shop.stock()
            place = Place(app, shop, http)
            link = await place.link("ada")
            for address in (
                "http://push.example/1",
                "https://127.0.0.1/1",
                "https://10.0.0.1/1",
                "https://db.internal/",
            ):
                await posted(place, f"{link}/push", Phone().form(address), 422)
            assert await place.run("SELECT 1 FROM push_subscriptions") == []


def test_quiet_hours_make_a_push_wait_or_silent_and_never_cost_tickets() -> None:
    night = datetime(2031, 1, 5, 2, tzinfo=UTC)  # 03:00 in Paris
    about = {"now": night, "quiet_from": "23:00", "quiet_until": "08:00", "timezone": "Europe/Paris"}
    about |= {"joined_at": night - timedelta(days=1), "ready_at": night - timedelta(hours=1)}
    late = about | {"ready_until": night + timedelta(hours=24)}
    assert is_quiet(late)
    assert quiet_seconds(late) == 5 * 3600
    # Five hours of wait leave half of what is left to buy, or less.
    for hours, waits in ((10, True), (9.9, False)):
        soon = about | {"ready_until": night + timedelta(hours=hours)}
        assert (is_quiet(soon), quiet_seconds(soon) is not None) == (True, waits)
    nearly = about | {"now": night + timedelta(hours=4, minutes=50)}
    for minutes, waits in ((70, True), (69, False)):
        soon = nearly | {"ready_until": nearly["now"] + timedelta(minutes=minutes)}
        assert (is_quiet(soon), quiet_seconds(soon) is not None) == (True, waits)
    # A fan whose turn comes with the join is awake.
    assert quiet_seconds(late | {"joined_at": late["ready_at"]}) is None
    day = late | {"now": night + timedelta(hours=6)}
    assert (is_quiet(day), quiet_seconds(day)) == (False, None)
    never = late | {"quiet_from": None, "quiet_until": None}
    assert (is_quiet(never), quiet_seconds(never)) == (False, None)
