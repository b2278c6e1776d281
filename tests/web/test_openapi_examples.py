"""The examples of the OpenAPI document are true: a running service takes every body, and answers as they say.

The walk makes every call of the document once. It sends each POST with an Idempotency-Key twice.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI

from tests.support.shop import EVENT, Shop, declared_answers, listening, shape_of
from waiting_list.lists import verbs
from waiting_list.lists.engine import SERVICE
from waiting_list.lists.models import ListKey
from waiting_list.notifications.phones import phone_code
from waiting_list.postgres.pool import connection
from waiting_list.web.openapi_document import inlined
from waiting_list.web.openapi_texts import SOMETIMES

Json = dict[str, Any]
KNOWN = {
    "event_id": "ev_001",
    "offer_id": "off_001",
    "representation_id": "rep_001",
    "user_id": "u1",
    "tile": "0/000.p/1",
    "sequence": "1",
}
FROM_ELSEWHERE = {"X-Forwarded-For": "203.0.113.9"}
"""The address of a caller whom the rate limits count."""


def assert_alike(example: Any, answered: Any, where: str) -> None:
    """Check that an answer has the fields of its example, also inside."""
    if isinstance(example, dict) and isinstance(answered, dict) and "kty" not in example:
        if not where.endswith(("before", "after")):
            assert example.keys() == answered.keys(), where
        for name in example.keys() & answered.keys():
            assert_alike(example[name], answered[name], f"{where}.{name}")
    elif isinstance(example, list) and isinstance(answered, list) and example:
        for one in answered:
            assert_alike(example[0], one, f"{where}[]")


@dataclass
class Walk:
    """Calls the service by operation id, with the bodies of the document."""

    document: Json
    http: httpx.AsyncClient
    key: str
    tokens: dict[str, str] = field(default_factory=dict)
    sent: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    """By operation id: the numbers of the bodies that were sent."""
    headers: defaultdict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    """By operation id and status: the headers that came."""

    def __post_init__(self) -> None:
        self.calls = {
            call["operationId"]: (method.upper(), path, call)
            for path, calls in self.document["paths"].items()
            for method, call in calls.items()
        }

    async def credentials(self, call: Json, fan: str) -> dict[str, str]:
        match [name for one in call["security"] for name in one]:
            case ["apiKey"]:
                return {"Authorization": f"Bearer {self.key}"}
            case ["userToken"]:
                if fan not in self.tokens:
                    self.tokens[fan] = (await self("create_user_token", but={"user_id": fan}))["token"]
                return {"Authorization": f"Bearer {self.tokens[fan]}"}
        return {}

    async def __call__(
        self,
        name: str,
        number: int = 1,
        *,
        but: Mapping[str, Any] | None = None,
        status: int = 0,
        fan: str = "u1",
        headers: Mapping[str, str] | None = None,
        **ids: str,
    ) -> Any:
        """Make a call with one of its bodies, and return what it answers.

        `but` has values that only this service knows, in place of those of the example.
        """
        method, path, call = self.calls[name]
        options: Json = {"headers": await self.credentials(call, fan) | FROM_ELSEWHERE | dict(headers or {})}
        if "requestBody" in call:
            (media,) = call["requestBody"]["content"].values()
            options["json"] = [one["value"] for one in media["examples"].values()][number - 1] | dict(but or {})
            self.sent[name].add(number)
        if any(parameter["name"] == "Idempotency-Key" for parameter in call["parameters"]):
            options["headers"]["Idempotency-Key"] = uuid4().hex
        address = path.format(**KNOWN | ids)
        answer = await self.http.request(method, address, **options)
        assert answer.is_success or answer.status_code == status, f"{name}: {answer.text}"
        assert not status or answer.status_code == status
        self.headers[name, str(answer.status_code)] |= set(answer.headers)
        if "Idempotency-Key" in options["headers"]:
            again = await self.http.request(method, address, **options)
            assert again.content == answer.content
            self.headers[name, str(answer.status_code)] |= set(again.headers)
        declared = call["responses"][str(answer.status_code)].get("content", {})
        if "application/json" not in declared:
            return answer.text
        (example,) = declared["application/json"]["examples"].values()
        assert_alike(example["value"], answer.json(), name)
        return answer.json()

    async def first_event(self, fan: str) -> str:
        """Return the first event of a fan's live stream."""
        method, path, call = self.calls["watch_entry"]
        headers = await self.credentials(call, fan) | FROM_ELSEWHERE
        async with self.http.stream(method, path.format(**KNOWN), headers=headers) as answer:
            self.headers["watch_entry", "200"] |= set(answer.headers)
            async for line in answer.aiter_lines():
                if line.startswith("data:"):
                    return line
        raise AssertionError("the stream ended without an event")


async def test_the_service_takes_and_answers_what_the_document_shows(app: FastAPI, shop: Shop) -> None:
    document = inlined(app.openapi())
    async with connection(app.state.service.pool) as acquired:
        await acquired.execute("INSERT INTO mail_seen (is_only, seen_at) VALUES (true, now())")
    async with listening(app) as url:
        hooks = {"response": [declared_answers(app)]}
        async with (
            httpx.AsyncClient(base_url=url, event_hooks=hooks, timeout=20, trust_env=False) as http,
            httpx.AsyncClient(base_url=url, timeout=20, trust_env=False) as unchecked,
        ):
            walk = Walk(document, http, shop.key)
            await catalogue(walk)
            await keys_and_webhooks(walk)
            await phones(walk, await app.state.service.signing_keys.derived_secret())
            await story(walk)
            await messages(walk)
            await joins_by_email(walk)
            walk.http = unchecked  # the check would wait for the end of the stream
            assert "rep_001" in await walk.first_event("u5")
            walk.http = http
            await the_end(walk)
    bodies = {
        name: set(range(1, len(media["examples"]) + 1))
        for name, (_, _, call) in walk.calls.items()
        for media in call.get("requestBody", {}).get("content", {}).values()
    }
    assert walk.sent == bodies
    for name, (_, _, call) in walk.calls.items():
        for status, response in call["responses"].items():
            if status < "400":
                sent = walk.headers[name, status]
                assert {one.lower() for one in response["headers"]} <= sent, f"{name} {status}"
    assert {one.lower() for one in SOMETIMES} <= set().union(*walk.headers.values())


async def catalogue(walk: Walk) -> None:
    for name in ("put_event", "put_representation", "put_offer", "put_inventory"):
        for status in (201, 200):
            await walk(name, status=status)
    for name in ("get_event", "get_representation", "get_offer", "get_inventory"):
        await walk(name)
    for name in ("list_events", "list_representations", "list_offers", "list_inventory", "list_upcoming_events"):
        assert (await walk(name))["items"]
    for number in (1, 2):
        await walk("cancel_representation", number)
    await walk("reinstate_representation")
    gone = {"event_id": "ev_2", "representation_id": "rep_2", "offer_id": "off_2"}
    await walk("put_event", event_id="ev_2")
    for name in ("put_representation", "put_offer"):
        await walk(name, but={"event_id": "ev_2"}, **gone)
    await walk("put_inventory", **gone)
    await draw(walk, **gone)
    for name in ("delete_inventory", "delete_offer", "delete_representation", "delete_event"):
        await walk(name, **gone)
    for name in ("get_checkpoint", "get_ledger_keys", "read_ledger", "get_tile", "get_change_receipt"):
        await walk(name)
    for name in ("is_live", "is_ready", "get_metrics", "get_version", "get_jwks"):
        await walk(name)


async def draw(walk: Walk, **ids: str) -> None:
    draw_at = datetime.now(UTC) + timedelta(seconds=0.5)
    drawn = {"order": "draw", "draw_at": draw_at.isoformat(), "draw_source": "the lottery of this day"}
    assert (await walk("configure", but=drawn, **ids))["draw_commitment"]
    while datetime.now(UTC) < draw_at:
        await asyncio.sleep(0.02)
    assert (await walk("draw", **ids))["drawn_at"]


async def keys_and_webhooks(walk: Walk) -> None:
    key_id = (await walk("create_api_key"))["key_id"]
    await walk("create_api_key", 2)
    assert (await walk("list_api_keys"))["items"]
    await walk("rotate_api_key", key_id=key_id)
    await walk("revoke_api_key", key_id=key_id)
    webhook_id = (await walk("create_webhook"))["webhook_id"]
    other_id = (await walk("create_webhook", 2))["webhook_id"]
    for name in ("get_webhook", "change_webhook", "rotate_webhook_secret"):
        await walk(name, webhook_id=webhook_id)
    await walk("change_webhook", 2, webhook_id=webhook_id)
    notice_id = (await walk("test_webhook", webhook_id=webhook_id))["notice_id"]
    assert (await walk("list_deliveries", webhook_id=webhook_id))["items"]
    await walk("redeliver", webhook_id=webhook_id)
    await walk("redeliver", 2, but={"notice_id": notice_id}, webhook_id=webhook_id)
    assert (await walk("list_notices"))["items"]
    await walk("resend_notice", notice_id=notice_id)
    assert (await walk("list_webhooks"))["items"]
    await walk("delete_webhook", webhook_id=other_id)
    for number in (2, 3, 4, 5, 1):
        await walk("change_organization", number)
    await walk("get_organization")


async def phones(walk: Walk, secret: bytes) -> None:
    await walk("set_gateway")
    await walk("get_gateway")
    await walk("test_gateway")
    number = (await walk("join", fan="u9"))["number"]
    await walk("set_phone", fan="u9")
    code = phone_code(secret, ListKey("off_001", "rep_001").list_id, number, "+33612345678", 1)
    await walk("verify_phone", but={"code": code}, fan="u9")
    await walk("get_phone", fan="u9")
    await walk("remove_phone", fan="u9")
    await walk("leave", fan="u9")
    await walk("delete_gateway")


async def joins_by_email(walk: Walk) -> None:
    for number, status in ((1, 201), (1, 202), (2, 201)):
        await walk("join_by_email", number, status=status)


async def wishes_by_email(walk: Walk) -> None:
    for status in (201, 202):
        await walk("make_wish_by_email", status=status)


async def story(walk: Walk) -> None:
    await walk("create_user_token", 2)
    await walk("join")
    await walk("join", 3, fan="u3")
    await walk("join_for_user")
    assert (await walk("get_queue"))["waiting"] == 3
    tag = (await walk.http.get("/v1/user/waiting-lists/off_001/rep_001/queue")).headers["etag"]
    await walk("get_queue", headers={"If-None-Match": tag}, status=304)
    await walk("get_waiting_list")
    await walk("get_entry")
    assert (await walk("list_my_entries"))["items"]
    for name in ("set_contact", "get_contact", "get_receipt"):
        await walk(name)
    await walk("change")
    await pauses(walk)
    await walk("leave", fan="u3")
    await walk("change_for_user", user_id="u2")
    for number in (1, 2, 3):
        await walk("move", number)
    assert (await walk("list_entries"))["items"]
    await walk("get_entry_of_user")
    assert "u1" in await walk("export_entries")
    assert (await walk("list_waiting_lists"))["items"]
    await walk("configure")
    assert (await walk("add_stock"))["promoted"][0]["user_id"] == "u1"
    await walk("buy", 2)
    assert (await walk("get_entry", fan="u2"))["status"] == "ready"
    await walk("buy", user_id="u2")
    await walk("join", fan="u4")
    await walk("add_stock")
    for number in (2, 1):
        await walk("extend", number, user_id="u4")
    assert (await walk("give_back", fan="u4"))["tickets_held"] == 1
    ready = await walk("get_entry", fan="u4")
    await walk("checkout_with_pass", but={"purchase_pass": ready["purchase_pass"]})
    ready = await walk("get_entry", fan="u4")
    bought = await walk("buy_with_pass", but={"purchase_pass": ready["purchase_pass"]})
    assert bought["left_reason"] == "bought"
    await walk("add_total_stock")
    await walk("remove_total_stock")
    for name, number in (("add_stock", 1), ("remove_stock", 1), ("add_stock", 1), ("remove_stock", 2)):
        await walk(name, number)
    await walk("configure", 2)
    await walk("join", fan="u5")
    await walk("add_stock")
    assert (await walk("promote"))["promoted"][0]["user_id"] == "u5"
    await walk("give_back_for_user", user_id="u5")
    await walk("grant", user_id="u8")
    await walk("grant", 2, user_id="u9")
    await walk("extend_all")
    await walk("checkout", user_id="u5")
    assert (await walk("get_history"))["items"]
    assert (await walk("list_changes"))["items"]
    assert (await walk("get_statistics"))["periods"]
    await walk("get_settings")


async def pauses(walk: Walk) -> None:
    changed = await walk("change", but={"tickets_minimum": 2})
    assert (await walk("undo", but={"undo": changed["undo"]}))["tickets_minimum"] == 1
    assert (await walk("pause"))["paused_at"]
    assert (await walk("unpause"))["paused_at"] is None
    for number in (1, 2):
        assert (await walk("pause_for_user", number, user_id="u2"))["paused_at"]
    await walk("unpause_for_user", user_id="u2")
    await transfers(walk)


async def transfers(walk: Walk) -> None:
    await walk("configure", but={"transfer": True})
    await walk("join", fan="u10")
    offered = await walk("offer_transfer", fan="u10")
    assert await walk("get_transfer", fan="u10") == offered
    assert (await walk("take_transfer_back", fan="u10"))["email"] is None
    await walk("leave", fan="u10")


async def messages(walk: Walk) -> None:
    for number in (1, 2):
        await walk("message", number)
    await walk("message_event")
    for number in (2, 1):
        await walk("change_wording", number)
    assert (await walk("get_wording"))["emails"]
    for number in (1, 2):
        assert (await walk("preview_wording", number))["subject"] == "2 for Jazz Festival: your turn!"
    await walk("reset_wording")


async def the_end(walk: Walk) -> None:
    await walk("list_lookalikes")
    numbers = [(await walk("join", number, fan=fan))["number"] for number, fan in ((1, "u6"), (2, "u7"))]
    removed = await walk("remove_lookalikes", but={"numbers": numbers})
    await walk("restore", but={"undo": removed["undo"]})
    await walk("make_link", user_id="u6")
    await walk("revoke_link", user_id="u6")
    await walk("remove", user_id="u6")
    await walk("sign_out_user", user_id="u7")
    exported = await walk("export_user")
    assert exported["entries"]
    await walk("erase")
    for number, fan in ((1, "w1"), (2, "w2")):
        wish = await walk("make_wish", number, fan=fan)
    assert (await walk("list_my_wishes", fan="w2"))["items"]
    for name in ("get_wish", "withdraw_wish"):
        await walk(name, fan="w2", wish_id=wish["wish_id"])
    await wishes_by_email(walk)
    await walk("configure", but={"open": False})
    alert = await walk("ask_for_alert")
    await walk("take_alert_back", alert_id=alert["alert_id"])


async def test_webhooks_receive_what_the_document_shows(app: FastAPI, shop: Shop) -> None:
    document = app.openapi()
    hooks = inlined(document)["webhooks"]
    webhook = await shop.made("POST", "/webhooks", {"url": "https://shop.example/hook"})
    await shop.stock(10, 0)
    types = [name for name in hooks if not name.startswith("webhook.")]
    await shop.made("PATCH", f"/webhooks/{webhook['webhook_id']}", {"types": types})
    assert (await shop.http.get("/v1/user/waiting-lists/off_1/rep_1/checkpoint")).is_success
    await shop.join("ada", 2)
    await shop.made("PATCH", "/waiting-lists/off_1/rep_1", {"open": False})
    await shop.made("PATCH", "/waiting-lists/off_1/rep_1", {"open": True})
    await shop.user("ada", "PATCH", body={"tickets_wanted": 1, "tickets_minimum": 1})
    await shop.made("POST", "/inventory/off_1/rep_1/add-stock", {"quantity": 1})
    await shop.user("ada", "DELETE")
    await shop.made("POST", "/waiting-lists/off_1/rep_1/entries/bob/grant", {"tickets": 1})
    await shop.made("PATCH", "/waiting-lists/off_1/rep_1", {"transfer": True})
    engine, key, offer = app.state.service.engine, ListKey("off_1", "rep_1"), uuid4()
    to = verbs.TransferOffer(offer, "bob@mail.example", "")
    await engine.run(key, SERVICE, verbs.offer_transfer, user_id="bob", offer=to)
    await engine.run(key, SERVICE, verbs.transfer, transfer_id=offer, new_user_id="cleo", email=to.email)
    date = await shop.made("GET", "/representations/rep_1")
    later = datetime.fromisoformat(date["start_datetime"]) + timedelta(minutes=30)
    dates = {name: date[name] for name in ("event_id", "end_datetime")} | {"start_datetime": later.isoformat()}
    await shop.made("PUT", "/representations/rep_1", dates)
    await shop.made("PUT", "/events/ev_1", EVENT | {"venue_name": "Zénith"})
    await shop.made("POST", f"/webhooks/{webhook['webhook_id']}/test")
    async with connection(app.state.service.pool) as acquired:
        bodies = await acquired.fetch("SELECT type, body FROM outbox WHERE webhook_id = $1", webhook["webhook_id"])
    seen = set()
    for type_, body in bodies:
        media = hooks[type_]["post"]["requestBody"]["content"]["application/json"]
        validator = shape_of(media["schema"], document["components"])
        validator.validate(_json(body))
        (example,) = media["examples"].values()
        assert_alike(example["value"], _json(body), type_)
        seen.add(type_)
    # One webhook never hears that it was disabled: tests/notifications/test_dispatcher.py has that delivery.
    assert seen == hooks.keys() - {"webhook.disabled"}


def _json(body: str) -> Any:
    return httpx.Response(200, content=body).json()
