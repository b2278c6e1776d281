"""Webhooks and notices over HTTP, and the commands for them: listing, trying and sending again."""

import asyncio
import base64
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from standardwebhooks import Webhook as Referee
from standardwebhooks import WebhookVerificationError

from tests.processes.test_cli import command
from tests.support.citus import on_citus
from tests.support.lists import TABLES
from tests.support.shop import LIST, ORGANIZATION, Shop, problem
from tests.support.sinks import receiver
from tests.support.until import until
from tests.web.test_http import unchanged
from waiting_list.access.api_keys import Scope, create_api_key
from waiting_list.app import create_app
from waiting_list.cli.notices import NOTICE_FIELDS
from waiting_list.lists.models import ListKey, organization_list_id
from waiting_list.notifications import notices
from waiting_list.notifications.models import NoticeStatus
from waiting_list.notifications.webhooks import webhook_secret
from waiting_list.postgres.pool import Pool, connection
from waiting_list.postgres.statements import sql
from waiting_list.settings import Settings

URL = "https://shop.example/hook"
T0 = datetime(2030, 1, 1, tzinfo=UTC)
OWN = organization_list_id(ORGANIZATION)
FLOOR = ListKey("off_1", "rep_1").list_id
ENDED = ("sent", "dead", "dropped")
KEY = {"Idempotency-Key": "one"}


@pytest.fixture
def pool(app: FastAPI) -> Pool:
    """The application's own."""
    opened: Pool = app.state.service.pool
    return opened


async def create(shop: Shop, **fields: Any) -> dict[str, Any]:
    return await shop.made("POST", "/webhooks", {"url": URL} | fields)


async def another(shop: Shop, pool: Pool, organization_id: str = "org_2", *scopes: Scope) -> Shop:
    created, _ = await create_api_key(pool, organization_id, name="t", scopes=scopes or [Scope.ADMIN])
    return Shop(shop.http, created.key)


async def notice(
    pool: Pool,
    webhook_id: str | None,
    status: str = "dead",
    *,
    list_id: UUID = OWN,
    at: datetime = T0,
    organization_id: str = ORGANIZATION,
    **more: Any,
) -> str:
    """One that was tried ten times, or was never."""
    notice_id = uuid4()
    values = {
        "list_id": list_id,
        "notice_id": notice_id,
        "organization_id": organization_id,
        "webhook_id": webhook_id,
        "type": "entry.joined" if webhook_id else "joined",
        "status": status,
        "created_at": at,
        "due_at": at + timedelta(days=900),
        "tries": 0 if status == "dropped" else 10,
        "ended_at": None if status == "pending" else at,
    } | more
    places = ", ".join(f"${n}" for n in range(1, len(values) + 1))
    async with connection(pool) as acquired:
        await acquired.execute(f"INSERT INTO outbox ({', '.join(values)}) VALUES ({places})", *values.values())
    return str(notice_id)


async def kept(pool: Pool) -> dict[str, tuple[str, int, bool]]:
    """Of every notice: its status, its tries, and whether it is due."""
    async with connection(pool) as acquired:
        records = await acquired.fetch("SELECT notice_id, status, tries, due_at <= now() AS due FROM outbox")
    return {str(record["notice_id"]): tuple(record)[1:] for record in records}


def ids(page: dict[str, Any]) -> list[str]:
    return [one["notice_id"] for one in page["items"]]


async def everything(shop: Shop, path: str, **query: Any) -> list[dict[str, Any]]:
    """All pages of a listing, two items each."""
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = await shop.made("GET", path, params=query | {"limit": 2} | ({"cursor": cursor} if cursor else {}))
        assert len(page["items"]) <= 2
        items += page["items"]
        if (cursor := page["next_cursor"]) is None:
            return items


async def test_a_webhook_is_made_read_listed_changed_and_deleted(shop: Shop) -> None:
    answer = await shop.organizer("POST", "/webhooks", {"url": URL, "types": ["entry.ready", "entry.left"]})
    assert answer.status_code == 201
    created = answer.json()
    secret = created.pop("secret")
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    assert (
        created.items()
        >= {
            "url": URL,
            "description": "",
            "types": ["entry.ready", "entry.left"],
            "notify_email": None,
            "rotated_at": None,
            "failing_since": None,
            "disabled_at": None,
            "disabled_reason": None,
        }.items()
    )
    path = f"/webhooks/{created['webhook_id']}"
    assert await shop.made("GET", path) == created
    second = await create(shop, description="The second.\nOf two.", notify_email="Ops@Shop.example")
    assert second["notify_email"] == "Ops@shop.example"
    listed = await everything(shop, "/webhooks")
    assert [one["webhook_id"] for one in listed] == [created["webhook_id"], second["webhook_id"]]
    changed = await shop.made("PATCH", path, {"url": f"{URL}/2", "types": []})
    assert changed == created | {"url": f"{URL}/2", "types": []}
    assert await shop.made("PATCH", path, {"description": "x", "notify_email": "a@b.example"}) == changed | {
        "description": "x",
        "notify_email": "a@b.example",
    }
    assert (await shop.made("PATCH", path, {"notify_email": None}))["notify_email"] is None
    deleted = await shop.made("DELETE", path)
    assert deleted == changed | {"description": "x"}
    problem(await shop.organizer("DELETE", path), 404, "webhook_not_found")
    assert len(await everything(shop, "/webhooks")) == 1


async def test_a_secret_is_shown_once_and_stored_nowhere(app: FastAPI, shop: Shop, pool: Pool) -> None:
    created = await shop.made("POST", "/webhooks", {"url": URL}, headers=KEY)
    path = f"/webhooks/{created['webhook_id']}"
    rotated = await shop.made("POST", f"{path}/rotate-secret", headers=KEY | {"Idempotency-Key": "two"})
    assert created["secret"] != rotated["secret"]
    shown = [await shop.made("GET", "/webhooks"), await shop.made("GET", path)]
    shown.append(await shop.made("PATCH", path, {"description": "x"}))
    shown.append(await shop.made("POST", f"{path}/test"))
    shown.append(await shop.made("GET", f"{path}/deliveries"))
    shown.append(await shop.made("DELETE", path))
    text = json.dumps(shown)
    async with connection(pool) as acquired:
        for table in (*TABLES, "signing_keys"):
            text += str(await acquired.fetch(f"SELECT t::text FROM {table} t"))
    assert "whsec" not in text
    for one in (created, rotated):
        secret = one["secret"].removeprefix("whsec_")
        assert secret not in text
        assert base64.b64decode(secret).hex() not in text


async def test_a_secret_follows_from_the_deployment_and_is_another_for_each_webhook_and_rotation(
    shop: Shop, pool: Pool
) -> None:
    first, second = await create(shop), await create(shop)
    path = f"/webhooks/{first['webhook_id']}/rotate-secret"
    rotations = [await shop.made("POST", path) for _ in range(2)]
    async with connection(pool) as acquired:
        derived_from = await acquired.fetchval(sql("read_signing_key"), "derived")
    assert [one["secret"] for one in (first, *rotations)] == [
        webhook_secret(derived_from, first["webhook_id"], version) for version in (1, 2, 3)
    ]
    assert len({one["secret"] for one in (first, second, *rotations)}) == 4
    assert first["rotated_at"] is None
    assert first["created_at"] < rotations[0]["rotated_at"] < rotations[1]["rotated_at"]


async def test_an_organization_has_at_most_20_webhooks_also_when_all_come_at_once(
    app: FastAPI, shop: Shop, pool: Pool
) -> None:
    other = await another(shop, pool)
    calls = [shop.organizer("POST", "/webhooks", {"url": f"{URL}/{n}"}) for n in range(30)]
    answers = await asyncio.gather(*calls, create(other))
    statuses = [answer.status_code for answer in answers if isinstance(answer, httpx.Response)]
    assert (statuses.count(201), statuses.count(409)) == (20, 10)
    async with unchanged(app):
        refused = problem(await shop.organizer("POST", "/webhooks", {"url": URL}), 409, "too_many_webhooks")
    assert refused["maximum"] == 20
    listed = await everything(shop, "/webhooks")
    assert len({one["webhook_id"] for one in listed}) == len(listed) == 20
    await shop.made("DELETE", f"/webhooks/{listed[7]['webhook_id']}")
    await create(shop)


NEVER = "00000000-0000-4000-8000-000000000000"


REFUSED: list[tuple[str, str, Any, int, str]] = [
    *(
        ("POST", "/webhooks", body, 422, "invalid_request")
        for body in (
            {},
            {"url": None},
            {"url": ""},
            {"url": "shop.example"},
            {"url": "ftp://shop.example/hook"},
            {"url": "https://"},
            {"url": "https://user:password@shop.example/"},
            {"url": "https://shop.example:0/"},
            {"url": "https://shop.example:x/"},
            {"url": "https://shop.example/a b"},
            {"url": "https://shöp.example/"},
            {"url": "http://shop.example/hook"},
            {"url": "https://shop.example/" + "x" * 2000},
            {"url": URL, "types": ["entry.gone"]},
            {"url": URL, "types": "entry.left"},
            {"url": URL, "types": None},
            {"url": URL, "types": ["entry.left"] * 21},
            {"url": URL, "notify_email": "nobody"},
            {"url": URL, "notify_email": "a@b.example\nBcc: c@d.example"},
            {"url": URL, "description": "a\x00b"},
            {"url": URL, "description": "x" * 10_001},
            {"url": URL, "secret": "whsec_mine"},
            {"url": URL, "disabled": True},
            {"url": URL, "webhook_id": "wh_mine"},
        )
    ),
    *(
        ("PATCH", "/webhooks/{webhook_id}", body, 422, "invalid_request")
        for body in (
            {},
            {"url": None},
            {"url": "http://shop.example/hook"},
            {"description": None},
            {"types": ["nothing"]},
            {"disabled": None},
            {"disabled": "yes"},
            {"disabled_reason": "x"},
            {"secret": "x"},
            {"failing_since": None},
        )
    ),
    *(
        ("POST", "/webhooks/{webhook_id}/redeliver", body, 422, "invalid_request")
        for body in (
            {},
            {"status": None},
            {"status": "sent"},
            {"status": ["dead"]},
            {"notice_id": ""},
            {"notice_id": 1},
            {"notice_id": NEVER, "status": "dead"},
            {"notice_ids": [NEVER]},
        )
    ),
    ("POST", "/webhooks/{webhook_id}/redeliver", {"notice_id": NEVER}, 404, "notice_not_found"),
    ("POST", "/webhooks/{webhook_id}/redeliver", {"notice_id": "none"}, 404, "notice_not_found"),
    ("POST", "/webhooks/{webhook_id}/redeliver", {"notice_id": "{elsewhere}"}, 404, "notice_not_found"),
    ("POST", "/webhooks/{webhook_id}/redeliver", {"notice_id": "{e_mail}"}, 404, "notice_not_found"),
    ("POST", f"/notices/{NEVER}/resend", None, 404, "notice_not_found"),
    ("POST", "/notices/none/resend", None, 404, "notice_not_found"),
    ("POST", "/webhooks/none/redeliver", {"status": "dead"}, 404, "webhook_not_found"),
    ("POST", "/webhooks/none/redeliver", {"notice_id": "{elsewhere}"}, 404, "webhook_not_found"),
    ("POST", "/webhooks/none/rotate-secret", None, 404, "webhook_not_found"),
    ("POST", "/webhooks/none/test", None, 404, "webhook_not_found"),
    ("PATCH", "/webhooks/none", {"disabled": True}, 404, "webhook_not_found"),
    ("DELETE", "/webhooks/none", None, 404, "webhook_not_found"),
    ("GET", "/webhooks/none", None, 404, "webhook_not_found"),
    ("GET", "/webhooks/none/deliveries", None, 404, "webhook_not_found"),
    *(
        ("GET", path, None, 422, "invalid_request")
        for path in (
            "/webhooks?cursor=x",
            "/webhooks?status=dead",
            "/webhooks/{webhook_id}/deliveries?status=gone",
            "/webhooks/{webhook_id}/deliveries?cursor=e30",
            "/webhooks/{webhook_id}/deliveries?type=entry.left",
            "/notices?channel=fax",
            "/notices?channel=email&channel=x",
            "/notices?status=DEAD",
            "/notices?type=",
            "/notices?webhook_id=x",
            "/notices?limit=501",
        )
    ),
]  # fmt: skip


async def test_what_is_refused_has_changed_nothing(app: FastAPI, shop: Shop, pool: Pool) -> None:
    webhook_id = (await create(shop))["webhook_id"]
    names = {
        "{elsewhere}": await notice(pool, (await create(shop))["webhook_id"]),
        "{e_mail}": await notice(pool, None),
    }
    for method, path, body, status, code in REFUSED:
        named = {"notice_id": names[body["notice_id"]]} if body and body.get("notice_id") in names else body
        async with unchanged(app):
            for headers in ({}, KEY) if method == "POST" else ({},):
                at = path.replace("{webhook_id}", webhook_id)
                answer = await shop.organizer(method, at, named, headers=headers)
                assert answer.status_code == status, (method, path, body, answer.text)
                problem(answer, status, code)


def _cursor(*values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


async def test_a_cursor_of_another_listing_is_malformed(shop: Shop) -> None:
    webhook_id = (await create(shop))["webhook_id"]
    for path in ("/notices", f"/webhooks/{webhook_id}/deliveries"):
        for values in (
            ("2030-01-01T00:00:00+00:00",),
            ("2030-01-01T00:00:00", NEVER),
            ("2030-01-01T00:00:00+00:00", "none"),
            ("2030-01-01T00:00:00+00:00", 1),
            (1, NEVER),
            (None, None),
        ):
            answer = await shop.organizer("GET", path, params={"cursor": _cursor(*values)})
            problem(answer, 422, "invalid_request")


async def test_a_cursor_at_the_end_of_time_is_no_defect(shop: Shop) -> None:
    for path, name in (("/notices", NEVER), ("/webhooks", "x"), ("/api-keys", "x")):
        for instant in ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"):
            answer = await shop.organizer("GET", path, params={"cursor": _cursor(instant, name)})
            problem(answer, 422, "invalid_request")
        for instant in ("0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+23:59"):
            await shop.made("GET", path, params={"cursor": _cursor(instant, name)})


async def test_another_organizations_webhooks_and_notices_answer_as_if_absent(
    app: FastAPI, shop: Shop, pool: Pool
) -> None:
    webhook_id = (await create(shop))["webhook_id"]
    notice_id = await notice(pool, webhook_id)
    other = await another(shop, pool)
    mine = (await create(other))["webhook_id"]
    async with unchanged(app):
        for method, path, body, code in (
            ("GET", "", None, "webhook_not_found"),
            ("PATCH", "", {"disabled": True}, "webhook_not_found"),
            ("DELETE", "", None, "webhook_not_found"),
            ("GET", "/deliveries", None, "webhook_not_found"),
            ("POST", "/redeliver", {"status": "dead"}, "webhook_not_found"),
            ("POST", "/redeliver", {"notice_id": notice_id}, "webhook_not_found"),
            ("POST", "/rotate-secret", None, "webhook_not_found"),
            ("POST", "/test", None, "webhook_not_found"),
        ):
            for headers in ({}, KEY):
                answer = await other.organizer(method, f"/webhooks/{webhook_id}{path}", body, headers=headers)
                problem(answer, 404, code)
        taken = await other.organizer("POST", f"/webhooks/{mine}/redeliver", {"notice_id": notice_id})
        problem(taken, 404, "notice_not_found")
        problem(await other.organizer("POST", f"/notices/{notice_id}/resend"), 404, "notice_not_found")
        sent = await other.made("POST", f"/webhooks/{mine}/redeliver", {"status": "dead"})
        assert sent == {"notices": 0}
        assert (await other.made("GET", "/notices"))["items"] == []
        assert [one["webhook_id"] for one in (await other.made("GET", "/webhooks"))["items"]] == [mine]


async def test_a_read_only_key_reads_and_changes_nothing(app: FastAPI, shop: Shop, pool: Pool) -> None:
    webhook_id = (await create(shop))["webhook_id"]
    notice_id = await notice(pool, webhook_id)
    reader = await another(shop, pool, ORGANIZATION, Scope.READ)
    path = f"/webhooks/{webhook_id}"
    async with unchanged(app):
        for readable in ("/webhooks", path, f"{path}/deliveries", "/notices"):
            await reader.made("GET", readable)
        for method, changing, body in (
            ("POST", "/webhooks", {"url": URL}),
            ("PATCH", path, {"disabled": True}),
            ("DELETE", path, None),
            ("POST", f"{path}/test", None),
            ("POST", f"{path}/rotate-secret", None),
            ("POST", f"{path}/redeliver", {"status": "dead"}),
            ("POST", f"/notices/{notice_id}/resend", None),
        ):
            problem(await reader.organizer(method, changing, body), 403, "forbidden")


async def test_a_repeat_with_the_same_key_does_nothing_and_answers_the_same(
    app: FastAPI, shop: Shop, pool: Pool
) -> None:
    webhook_id = (await create(shop))["webhook_id"]
    path = f"/webhooks/{webhook_id}"
    dead = [await notice(pool, webhook_id) for _ in range(3)]
    calls: list[tuple[str, Any]] = [
        ("/webhooks", {"url": URL}),
        (f"{path}/test", None),
        (f"{path}/rotate-secret", None),
        (f"{path}/redeliver", {"notice_id": dead[0]}),
        (f"{path}/redeliver", {"status": "dead"}),
        (f"/notices/{dead[1]}/resend", None),
    ]
    for number, (call, body) in enumerate(calls):
        headers = {"Idempotency-Key": str(number)}
        first = await shop.organizer("POST", call, body, headers=headers)
        assert first.is_success, first.text
        assert "idempotent-replayed" not in first.headers
        # What has become of it meanwhile does not matter to a repeat.
        async with connection(pool) as acquired:
            await acquired.execute("UPDATE outbox SET status = 'dead', tries = 10, ended_at = now()")
            await acquired.execute("UPDATE webhooks SET description = $1", str(number))
        async with unchanged(app):
            again = await shop.organizer("POST", call, body, headers=headers)
            assert (again.status_code, again.content) == (first.status_code, first.content)
            assert again.headers["idempotent-replayed"] == "true"
            for other, another_body in calls:
                if (other, another_body) != (call, body):
                    refused = await shop.organizer("POST", other, another_body, headers=headers)
                    problem(refused, 422, "idempotency_key_reused")
    await shop.made("POST", f"{path}/rotate-secret")
    assert (await shop.made("POST", f"{path}/rotate-secret", headers={"Idempotency-Key": "2"}))["secret"] == (
        webhook_secret(await _derived_from(pool), webhook_id, 2)
    )


async def _derived_from(pool: Pool) -> bytes:
    async with connection(pool) as acquired:
        secret: bytes = await acquired.fetchval(sql("read_signing_key"), "derived")
    return secret


@pytest.mark.parametrize("call", ["/webhooks", "/test", "/rotate-secret", "/redeliver", "resend"])
async def test_twelve_equal_requests_at_once_are_one(shop: Shop, pool: Pool, call: str) -> None:
    webhook_id = (await create(shop))["webhook_id"]
    notice_id = await notice(pool, webhook_id)
    path = {"/webhooks": call, "resend": f"/notices/{notice_id}/resend"}.get(call, f"/webhooks/{webhook_id}{call}")
    body = {"/webhooks": {"url": URL}, "/redeliver": {"notice_id": notice_id}}.get(call)
    answers = await asyncio.gather(*(shop.organizer("POST", path, body, headers=KEY) for _ in range(12)))
    assert {answer.content for answer in answers} == {answers[0].content}
    assert answers[0].is_success
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 11
    assert len(await everything(shop, "/webhooks")) == 1 + (call == "/webhooks")
    assert len(await everything(shop, "/notices")) == 1 + (call == "/test")


async def test_a_key_that_another_call_uses_at_the_same_time_is_reused(shop: Shop, pool: Pool) -> None:
    for _ in range(5):
        headers = {"Idempotency-Key": str(uuid4())}
        answers = await asyncio.gather(
            shop.organizer("POST", "/api-keys", {"name": "x"}, headers=headers),
            shop.organizer("POST", "/webhooks", {"url": URL}, headers=headers),
        )
        # On Citus both lock all keys, each after what the other has locked. One of them is to be repeated.
        refused = {422, 503} if on_citus() else {422}
        codes = sorted(answer.status_code for answer in answers)
        assert codes[0] == 201
        assert codes[1] in refused


async def test_a_body_that_is_not_asked_for_is_no_defect(shop: Shop) -> None:
    path = f"/webhooks/{(await create(shop))['webhook_id']}/rotate-secret"
    headers = KEY | {"Content-Type": "application/json"}
    for body in (b"{", b"[" * 60_000, b"\xff", b'{"a": 1e999999}x'):
        problem(await shop.organizer("POST", path, content=body, headers=headers), 422, "invalid_request")


async def test_who_disables_a_webhook_enables_it_and_its_failures_are_forgotten(shop: Shop, pool: Pool) -> None:
    created = await create(shop)
    del created["secret"]
    path = f"/webhooks/{created['webhook_id']}"
    async with connection(pool) as acquired:
        await acquired.execute("UPDATE webhooks SET failing_since = $1", T0)
    failing = await shop.made("PATCH", path, {"disabled": False})
    assert failing["failing_since"] == "2030-01-01T00:00:00Z"  # it was not disabled: nothing is forgiven
    disabled = await shop.made("PATCH", path, {"disabled": True})
    assert disabled["disabled_reason"] == "by hand"
    assert disabled["failing_since"] == failing["failing_since"]
    again = await shop.made("PATCH", path, {"disabled": True, "description": "x"})
    assert again == disabled | {"description": "x"}
    assert await shop.made("PATCH", path, {"disabled": False}) == created | {"description": "x"}


async def test_what_a_webhook_was_disabled_for_stays_until_it_is_enabled(shop: Shop, pool: Pool) -> None:
    path = f"/webhooks/{(await create(shop))['webhook_id']}"
    async with connection(pool) as acquired:
        await acquired.execute("UPDATE webhooks SET disabled_at = $1, disabled_reason = 'failed for days'", T0)
    kept_so = await shop.made("PATCH", path, {"disabled": True})
    assert (kept_so["disabled_at"], kept_so["disabled_reason"]) == ("2030-01-01T00:00:00Z", "failed for days")
    enabled = await shop.made("PATCH", path, {"disabled": False})
    assert enabled["disabled_at"] is enabled["disabled_reason"] is enabled["failing_since"] is None


async def test_a_test_is_a_delivery_that_is_due_at_once(shop: Shop, pool: Pool) -> None:
    webhook_id = (await create(shop, types=["list.closed"]))["webhook_id"]
    answer = await shop.organizer("POST", f"/webhooks/{webhook_id}/test")
    assert answer.status_code == 201
    sent = answer.json()
    assert (sent["webhook_id"], sent["type"], sent["status"], sent["tries"]) == (
        webhook_id,
        "webhook.test",
        "pending",
        0,
    )
    assert sent["offer_id"] is sent["representation_id"] is sent["number"] is sent["answer"] is None
    assert sent["due_at"] == sent["created_at"]
    assert (await shop.made("GET", f"/webhooks/{webhook_id}/deliveries"))["items"] == [sent]
    async with connection(pool) as acquired:
        record = await acquired.fetchrow("SELECT list_id, body, organization_id FROM outbox")
    assert record is not None
    assert (record["list_id"], record["organization_id"]) == (OWN, ORGANIZATION)
    body = json.loads(record["body"])
    assert body.keys() == {"type", "timestamp", "data"}
    assert body["type"] == "webhook.test"
    assert datetime.fromisoformat(body["timestamp"]) == datetime.fromisoformat(sent["created_at"])
    assert body["data"]["message"]


async def test_what_happens_in_a_list_is_listed_with_its_place(shop: Shop) -> None:
    webhook_id = (await create(shop, types=["entry.joined", "entry.ready"]))["webhook_id"]
    await shop.stock()
    await shop.join("ada", 2)
    await shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 2})
    listed = await everything(shop, f"/webhooks/{webhook_id}/deliveries")
    assert [(one["type"], one["number"]) for one in listed] == [("entry.ready", 1), ("entry.joined", 1)]
    assert {(one["offer_id"], one["representation_id"]) for one in listed} == {("off_1", "rep_1")}
    assert await everything(shop, "/notices") == listed
    assert "ada" not in json.dumps(listed)


async def test_listings_are_filtered_and_page_through_equal_instants(shop: Shop, pool: Pool) -> None:
    await shop.stock()
    one, two = [(await create(shop))["webhook_id"] for _ in range(2)]
    made = []
    for status in NoticeStatus:
        for webhook_id in (one, two, None):
            for list_id in (OWN, FLOOR):
                made.append(
                    {
                        "notice_id": await notice(pool, webhook_id, status, list_id=list_id),
                        "status": status,
                        "webhook_id": webhook_id,
                        "offer_id": "off_1" if list_id == FLOOR else None,
                    }
                )
    latest = await notice(pool, None, "sent", at=T0 + timedelta(seconds=1), type="ready")

    async def found(path: str = "/notices", **query: Any) -> set[str]:
        listed = await everything(shop, path, **query)
        assert sorted(listed, key=lambda n: (n["created_at"], n["notice_id"]), reverse=True) == listed
        assert len({one["notice_id"] for one in listed}) == len(listed)
        return {one["notice_id"] for one in listed}

    def those(**fields: Any) -> set[str]:
        return {n["notice_id"] for n in made if fields.items() <= n.items()}

    assert await found() == those() | {latest}
    assert await found(status="dead") == those(status="dead")
    assert await found(status=["dead", "dropped"]) == those(status="dead") | those(status="dropped")
    assert await found(channel="email") == those(webhook_id=None) | {latest}
    assert await found(channel="webhook") == those(webhook_id=one) | those(webhook_id=two)
    assert await found(type="ready") == {latest}
    assert await found(type=["ready", "entry.joined"], status="sent") == (
        {latest} | those(status="sent", webhook_id=one) | those(status="sent", webhook_id=two)
    )
    assert await found(offer_id="off_1", representation_id=["rep_1", "rep_2"]) == those(offer_id="off_1")
    assert await found(offer_id="off_2") == await found(offer_id="off_1", representation_id="rep_2") == set()
    deliveries = f"/webhooks/{one}/deliveries"
    assert await found(deliveries) == those(webhook_id=one)
    assert await found(deliveries, status=["pending", "sent"]) == (
        those(webhook_id=one, status="pending") | those(webhook_id=one, status="sent")
    )
    assert ids(await shop.made("GET", "/notices?limit=1")) == [latest]


async def test_a_receivers_answer_is_data_and_an_address_in_it_is_not_shown(shop: Shop, pool: Pool) -> None:
    webhook_id = (await create(shop))["webhook_id"]
    foreign = '<script>alert(1)</script>\x1b[2J\u202e "},{\n'
    await notice(pool, webhook_id, answer=foreign, answer_status=500, latency_ms=12)
    refusal = "550 5.1.1 <Ada.O'Neil+x@mail.example>: user unknown; ada@mail.example, again"
    letter = await notice(pool, None, answer=refusal, answer_status=550, at=T0 + timedelta(seconds=1))
    answer = await shop.organizer("GET", "/notices")
    assert answer.headers["content-type"] == "application/json"
    shown, delivery = answer.json()["items"]
    assert (delivery["answer"], delivery["answer_status"], delivery["latency_ms"]) == (foreign, 500, 12)
    assert "mail.example" not in answer.text
    assert shown["answer"].startswith("550 5.1.1 <")
    assert shown["answer"].endswith(": user unknown; …, again")
    sent = await shop.made("POST", f"/notices/{letter}/resend")
    assert sent["answer"] == shown["answer"]


@pytest.mark.parametrize("status", NoticeStatus)
async def test_one_delivery_is_sent_again_whatever_became_of_it(shop: Shop, pool: Pool, status: str) -> None:
    webhook_id = (await create(shop))["webhook_id"]
    beside = await notice(pool, webhook_id)
    notice_id = await notice(pool, webhook_id, status, tries=4)
    path = f"/webhooks/{webhook_id}/redeliver"
    assert await shop.made("POST", path, {"notice_id": notice_id}) == {"notices": 1}
    # One that is pending anyway loses none of its tries.
    assert await kept(pool) == {
        notice_id: ("pending", 4 if status == "pending" else 0, True),
        beside: ("dead", 10, False),
    }


@pytest.mark.parametrize("channel", ["email", "webhook"])
@pytest.mark.parametrize("status", ENDED)
async def test_a_notice_is_sent_again_and_answers_as_it_stands(
    shop: Shop, pool: Pool, channel: str, status: str
) -> None:
    await shop.stock()
    webhook_id = (await create(shop))["webhook_id"] if channel == "webhook" else None
    notice_id = await notice(pool, webhook_id, status, list_id=FLOOR)
    (before,) = (await shop.made("GET", "/notices"))["items"]
    sent = await shop.made("POST", f"/notices/{notice_id.upper()}/resend")
    assert sent == before | {"status": "pending", "tries": 0, "ended_at": None, "due_at": sent["due_at"]}
    assert sent["offer_id"] == "off_1"
    assert sent["due_at"] < before["due_at"]
    assert (await shop.made("GET", "/notices"))["items"] == [sent]


async def test_all_that_are_dead_are_sent_again_and_nothing_else(
    shop: Shop, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "_CHUNK", 2)
    await shop.stock()
    one, two = [(await create(shop))["webhook_id"] for _ in range(2)]
    dead = [
        await notice(pool, one, list_id=list_id, at=T0 + timedelta(seconds=n // 3))
        for n in range(5)
        for list_id in (FLOOR, OWN)
    ]
    others = [await notice(pool, one, status) for status in ("sent", "dropped", "pending")]
    others += [await notice(pool, two), await notice(pool, None)]
    before = await kept(pool)
    assert await shop.made("POST", f"/webhooks/{one}/redeliver", {"status": "dead"}) == {"notices": 10}
    assert await kept(pool) == before | dict.fromkeys(dead, ("pending", 0, True))
    assert await shop.made("POST", f"/webhooks/{one}/redeliver", {"status": "dead"}) == {"notices": 0}


async def test_a_webhook_goes_with_all_its_deliveries_and_no_others(
    shop: Shop, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waiting_list.notifications.webhooks._CHUNK", 2)
    await shop.stock()
    one, two = [(await create(shop))["webhook_id"] for _ in range(2)]
    for status in NoticeStatus:
        for list_id in (OWN, FLOOR):
            await notice(pool, one, status, list_id=list_id)
    stay = {await notice(pool, two, "pending"), await notice(pool, None, "pending")}
    await shop.made("DELETE", f"/webhooks/{one}")
    assert (await kept(pool)).keys() == stay
    # One that was written by a change under way, or is left of a deletion that was cut off.
    await notice(pool, one, "pending")
    problem(await shop.organizer("DELETE", f"/webhooks/{one}"), 404, "webhook_not_found")
    assert (await kept(pool)).keys() == stay


async def test_a_notice_that_is_forgotten_meanwhile_is_not_found(
    shop: Shop, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    notice_id = await notice(pool, None)
    find = notices._found

    async def find_and_forget(*arguments: Any) -> Any:
        found = await find(*arguments)
        async with connection(pool) as acquired:
            await acquired.execute("DELETE FROM outbox")
        return found

    monkeypatch.setattr(notices, "_found", find_and_forget)
    problem(await shop.organizer("POST", f"/notices/{notice_id}/resend", headers=KEY), 404, "notice_not_found")
    async with connection(pool) as acquired:
        assert await acquired.fetchval("SELECT count(*) FROM idempotency") == 0


async def test_a_delivery_arrives_when_it_is_tried_and_again_under_both_secrets(dsn: str, pool: Pool) -> None:
    settings = Settings(database_url=SecretStr(dsn), webhook_private_addresses=True)
    delivering = create_app(settings)
    transport = httpx.ASGITransport(app=delivering)
    async with (
        receiver() as hook,
        delivering.router.lifespan_context(delivering),
        httpx.AsyncClient(transport=transport, base_url="http://service") as client,
    ):
        shop = await another(Shop(client, ""), pool, ORGANIZATION)
        created = await create(shop, url=hook.url)
        path = f"/webhooks/{created['webhook_id']}"
        sent = await shop.made("POST", f"{path}/test")

        async def arrived(times: int) -> bool:
            listed = (await shop.made("GET", f"{path}/deliveries"))["items"]
            return len(hook.requests) == times and [one["status"] for one in listed] == ["sent"]

        await until(lambda: arrived(1))
        rotated = await shop.made("POST", f"{path}/rotate-secret")
        assert await shop.made("POST", f"{path}/redeliver", {"notice_id": sent["notice_id"]}) == {"notices": 1}
        await until(lambda: arrived(2))
        assert hook.ids == [sent["notice_id"]] * 2
        (headers, body), (headers_again, body_again) = hook.requests
        assert body == body_again
        assert Referee(created["secret"]).verify(body, headers)["type"] == "webhook.test"
        for secret in (created["secret"], rotated["secret"]):
            assert Referee(secret).verify(body_again, headers_again)["type"] == "webhook.test"
        with pytest.raises(WebhookVerificationError):
            Referee(rotated["secret"]).verify(body, headers)


async def test_whoever_delivers_in_this_process_is_told_that_something_is_due(
    app: FastAPI, shop: Shop, pool: Pool
) -> None:
    webhook_id = (await create(shop))["webhook_id"]
    notice_id = await notice(pool, webhook_id)
    wake = app.state.service.engine.wake
    for path, body in (
        (f"/webhooks/{webhook_id}/test", None),
        (f"/webhooks/{webhook_id}/redeliver", {"status": "dead"}),
        (f"/notices/{notice_id}/resend", None),
    ):
        wake.clear()
        await shop.made("POST", path, body)
        assert wake.is_set(), path


@pytest.mark.slow
async def test_the_command_line_lists_what_is_dead_and_sends_it_again(shop: Shop, pool: Pool, dsn: str) -> None:
    await shop.stock()
    await another(shop, pool)
    webhook_id = (await create(shop))["webhook_id"]
    foreign = "\x1b[2J\x1b]0;owned\x07 50\u202e0\r\nnext"
    refused = await notice(pool, webhook_id, list_id=FLOOR, answer=foreign, answer_status=500)
    letter = await notice(pool, None, at=T0 + timedelta(seconds=1), tries=3)
    elsewhere = await notice(pool, None, at=T0 + timedelta(seconds=2), organization_id="org_2")
    sent = await notice(pool, webhook_id, "sent", at=T0 + timedelta(seconds=3))

    def run(*arguments: str) -> tuple[int, str]:
        done = command(*arguments, DATABASE_URL=dsn)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout + done.stderr

    mine = ("--organization", ORGANIZATION)
    code, listed = run("notices", "--status", "dead", *mine)
    header, first, second = listed.splitlines()
    assert (code, header.split()) == (0, [field.upper() for field in NOTICE_FIELDS])
    assert re.fullmatch(rf"{letter} +dead +3 +\S+Z +joined +- +- +- +-", first)
    assert re.match(rf"{refused} +dead +10 +\S+Z +entry\.joined +off_1 +rep_1 +500  ", second)
    assert second.endswith("  \ufffd[2J\ufffd]0;owned\ufffd 50\ufffd0\ufffd\ufffdnext")
    code, newest = run("notices", "--limit", "2")
    assert [line.split()[0] for line in newest.splitlines()[1:3]] == [sent, elsewhere]
    assert newest.endswith("\nThese are the newest 2. To see more, give a higher --limit.\n")
    as_json = json.loads(run("notices", "--status", "dead", "--json", *mine)[1])
    over_http = await shop.made("GET", "/notices?status=dead")
    assert as_json == over_http["items"]
    before = await kept(pool)
    for refusal in (
        ("resend",),
        ("resend", letter, "--all-dead"),
        ("resend", letter, NEVER),
        ("resend", letter, "none"),
        ("resend", letter, elsewhere, *mine),
    ):
        code, said = run(*refusal)
        assert (code, said.count("\n")) == (2, 1), said
    assert await kept(pool) == before
    assert run("resend", letter, sent, *mine) == (0, "The worker will send 2 notices again.\n")
    assert run("resend", "--all-dead", *mine) == (0, "The worker will send 1 notice again.\n")
    again = ("pending", 0, True)
    assert await kept(pool) == before | {letter: again, sent: again, refused: again}
    assert run("resend", "--all-dead") == (0, "The worker will send 1 notice again.\n")
    assert (await kept(pool))[elsewhere] == again
    assert run("notices", "--status", "dead") == (0, "There are no such notices.\n")
    assert run("notices", "--status", "dead", "--json") == (0, "[]\n")
