"""What is kept of a person: all of it in the export, none of it left after an erasure or a pruning, and each place
of it in docs/personal-data.md."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from tests.support.lists import Lists
from tests.support.shop import ORGANIZATION, Shop, declared_answers
from tests.support.sinks import Mailbox, Receiver, mail_server, receiver
from tests.support.until import until, working
from waiting_list.access import email_sign_in
from waiting_list.access.api_keys import Scope, create_api_key
from waiting_list.access.email_sign_in import SignIn
from waiting_list.access.sign_outs import SignOuts
from waiting_list.access.signing_keys import SigningKeys
from waiting_list.app import create_app
from waiting_list.audit.run import audit_lists
from waiting_list.lists import verbs
from waiting_list.lists.contact import Contact
from waiting_list.lists.engine import SERVICE, Caller
from waiting_list.lists.models import CLOCK, ListKey
from waiting_list.lists.queries.wishes import make_wish
from waiting_list.lists.wishes import Choice
from waiting_list.maintenance import Maintenance
from waiting_list.notifications.dispatcher import Dispatcher
from waiting_list.personal_data import export_and_erase
from waiting_list.postgres.pool import Pool, connection
from waiting_list.settings import Settings
from waiting_list.web.request import Services

MARK = "7f3e9c1d"
"""In everything that is the person's."""
ADA = f"ada-{MARK}"
ADDRESS = f"ada.{MARK}@example.org"
CONTACT = {"email": ADDRESS, "name": f"Ada {MARK}", "locale": "fr", "email_verified": True}
PAGE = (Path(__file__).parent.parent.parent / "docs" / "personal-data.md").read_text()
NOT_MARKED = {
    ("contacts", "locale"),
    ("alerts", "locale"),
    ("transfers", "locale"),
    ("alerts", "fan_id"),
    ("sign_ins", "locale"),
    ("idempotency", "user_id"),
}
"""Personal, but with no room for a mark, or written by earlier versions only."""


class Cell(NamedTuple):
    """One value in the database."""

    table: str
    column: str
    value: Any

    @property
    def is_marked(self) -> bool:
        text = self.value if isinstance(self.value, str) else json.dumps(self.value)
        return MARK in text or MARK.encode().hex() in text


@dataclass
class Office:
    """The service, with a mail server and a webhook's receiver."""

    shop: Shop
    service: Services
    mailbox: Mailbox
    hook: Receiver

    @property
    def pool(self) -> Pool:
        return self.service.pool

    def dispatcher(self) -> Dispatcher:
        return Dispatcher(self.pool, self.service.settings, self.service.signing_keys, self.service.engine)

    async def rows(self, statement: str, *arguments: Any) -> list[Any]:
        async with connection(self.pool) as acquired:
            return list(await acquired.fetch(statement, *arguments))

    async def cells(self) -> list[Cell]:
        """Every column of every row of every table."""
        found = []
        for table, *_ in await self.rows("SELECT DISTINCT c.table_name FROM " + COLUMNS):
            for (row,) in await self.rows(f"SELECT to_jsonb(t)::text FROM {table} t"):
                found += [Cell(table, name, value) for name, value in json.loads(row).items()]
        return found

    async def marked(self) -> list[Cell]:
        return [cell for cell in await self.cells() if cell.is_marked]

    async def settled(self) -> bool:
        """Whether every notice that is due was answered at least once."""
        ((many,),) = await self.rows(
            "SELECT count(*) FROM outbox WHERE status = 'pending' AND answer IS NULL AND type <> 'reminder'"
        )
        return bool(many == 0)

    async def join(self, user_id: str, where: str, **headers: str) -> httpx.Response:
        contact = CONTACT if user_id == ADA else {"email": f"{user_id}@example.org", "email_verified": True}
        token = (await self.shop.made("POST", "/user-tokens", {"user_id": user_id} | contact))["token"]
        answer = await self.shop.http.post(
            f"/v1/user/waiting-lists/{where}/entry",
            headers={"Authorization": f"Bearer {token}"} | headers,
            json={"tickets_wanted": 2, "tickets_minimum": 1},
        )
        assert answer.status_code == 201, answer.text
        return answer

    async def once(self, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """An organizer's POST with an Idempotency-Key."""
        answer = await self.shop.organizer("POST", path, body, headers={"Idempotency-Key": f"key {path}"})
        assert answer.is_success, answer.text
        return answer

    async def live_a_life(self) -> None:
        """Ada waits in one list, is ready in the next, has left and joined again, has bought, and waits again
        after a hold that lapsed; and everybody is told of it. Bob is before her, or beside her."""
        made = await self.shop.made("POST", "/webhooks", {"url": self.hook.url})
        assert made["types"] == []
        for n in range(1, 6):
            await self.shop.stock(where=f"off_{n}/rep_{n}")
        first = "/waiting-lists/off_1/rep_1"
        await self.shop.made("PATCH", first, {"open": False})
        asked = await self.shop.http.post(f"/v1/user{first}/alerts", json={"email": ADDRESS, "locale": "fr"})
        assert asked.status_code == 202
        await self.shop.made("PATCH", first, {"open": True})
        await self.join("bob", "off_1/rep_1")
        await self.shop.made("PATCH", first, {"transfer": True})
        offered = await self.shop.user("bob", "POST", f"{first}/entry/transfer", {"email": ADDRESS})
        assert offered.status_code == 200, offered.text
        await self.join(ADA, "off_1/rep_1", **{"Idempotency-Key": "first"})
        await self.join(ADA, "off_2/rep_2")
        await make_wish(
            self.service.pool,
            uuid4(),
            organization_id=ORGANIZATION,
            user_id=ADA,
            choice=Choice.KEEP_UNTIL_BOUGHT,
            lists=[ListKey(f"off_{n}", f"rep_{n}") for n in (1, 2)],
        )
        await self.once("/inventory/off_2/rep_2/add-stock", {"quantity": 2})
        await self.join("bob", "off_3/rep_3")
        await self.join(ADA, "off_3/rep_3")
        await self.shop.user(ADA, "DELETE", "/waiting-lists/off_3/rep_3/entry")
        await self.join(ADA, "off_3/rep_3")
        moved = {"to": "first", "reason": f"won, says {MARK}"}
        await self.once(f"/waiting-lists/off_3/rep_3/entries/{ADA}/move", moved)
        await self.join(ADA, "off_4/rep_4")
        await self.once("/inventory/off_4/rep_4/add-stock", {"quantity": 2})
        await self.once(f"/waiting-lists/off_4/rep_4/entries/{ADA}/purchase", {"quantity": 2})
        await self.shop.made("PATCH", "/waiting-lists/off_5/rep_5", {"after_expiry": "requeue"})
        fifth, engine, then = ListKey("off_5", "rep_5"), self.service.engine, datetime.now(UTC) - timedelta(days=2)
        fan, contact = Caller(ORGANIZATION, "user"), Contact(**CONTACT)
        await engine.at(then).run(fifth, fan, verbs.join, user_id=ADA, tickets_wanted=1, contact=contact)
        await engine.at(then).run(fifth, fan, verbs.join, user_id="bob", tickets_wanted=1)
        await engine.at(then).run(fifth, Caller(ORGANIZATION, "organizer:x"), verbs.add_stock, quantity=1)
        await engine.run(fifth, SERVICE, verbs.expire)
        self.hook.echoes, self.hook.answers = True, [200] * 100
        self.mailbox.answers = [f"550 5.1.1 <{ADDRESS}>: no such user", f"451 {ADDRESS}, later"]
        async with working(self.dispatcher()):
            await until(self.settled, seconds=20)
        ((notice_id,),) = await self.rows(
            "SELECT notice_id::text FROM outbox WHERE webhook_id IS NOT NULL AND body LIKE $1 LIMIT 1", f"%{MARK}%"
        )
        await self.once(f"/notices/{notice_id}/resend")
        await self.rows(
            "INSERT INTO push_subscriptions SELECT list_id, number, gen_random_uuid(), $1, $1, $1, true, now()"
            " FROM entries WHERE user_id = $2 AND status = 'waiting'",
            f"https://push.example/{MARK}",
            ADA,
        )
        await self.rows(
            "INSERT INTO phones SELECT list_id, number, $1, $1, true, 1, now(), 0, now(), NULL"
            " FROM entries WHERE user_id = $2 AND status = 'waiting'",
            f"+33{MARK}",
            ADA,
        )


COLUMNS = (
    "information_schema.columns c JOIN information_schema.tables t"
    " ON t.table_name = c.table_name AND t.table_schema = c.table_schema"
    " WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'"
)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as served:
        yield served


@pytest_asyncio.fixture
async def office(dsn: str, mailbox: Mailbox) -> AsyncIterator[Office]:
    app = create_app(
        Settings(
            database_url=SecretStr(dsn),
            worker=False,
            smtp_host="127.0.0.1",
            smtp_port=mailbox.port,
            smtp_security="none",
            webhook_private_addresses=True,
        )
    )
    hooks = {"response": [declared_answers(app)]}
    async with receiver() as hook, app.router.lifespan_context(app):
        service = app.state.service
        created, _ = await create_api_key(service.pool, ORGANIZATION, name="tests", scopes=[Scope.ADMIN])
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://service", event_hooks=hooks) as client:
            yield Office(Shop(client, created.key), service, mailbox, hook)


def strings(value: Any) -> Iterator[str]:
    """Every string in a JSON value."""
    match value:
        case str():
            yield value
        case dict():
            for one in value.values():
                yield from strings(one)
        case list():
            for one in value:
                yield from strings(one)


async def test_all_that_is_kept_of_a_person_is_exported_and_none_is_left_after_an_erasure(office: Office) -> None:
    await office.live_a_life()
    asked = SignIn(ORGANIZATION, ADDRESS.upper().replace(MARK.upper(), MARK), "fr", f"/?from={MARK}")
    await email_sign_in.ask_to_sign_in(office.pool, asked)
    marked = await office.marked()
    assert {(cell.table, cell.column) for cell in marked} == await personal_texts(office)
    assert not any(cell.column == "answer" and "@" in str(cell.value) for cell in await office.cells())
    export = await office.shop.made("GET", f"/users/{ADA}/export")
    assert {cell.value for cell in marked} - set(strings(export)) == set()
    bobs = await office.shop.made("GET", "/users/bob/export")

    office.hook.gate.clear()
    office.hook.requests.clear()
    await office.shop.user(ADA, "PATCH", "/waiting-lists/off_1/rep_1/entry", {"tickets_wanted": 1})

    async def under_way() -> bool:
        return any(MARK.encode() in body for _, body in office.hook.requests)

    async with working(office.dispatcher()):
        await until(under_way)
        assert (await office.shop.made("DELETE", f"/users/{ADA}"))["waiting_lists"] == 5
        office.hook.gate.set()
    assert await office.marked() == []
    kept = (
        "entries", "contacts", "history", "notices", "sign_ins", "pushes", "phones", "suppressions", "alerts",
        "wishes", "transfers", "shared_links",
    )  # fmt: skip
    empty: dict[str, Any] = {name: [] for name in kept}
    assert await office.shop.made("GET", f"/users/{ADA}/export") == {"user_id": ADA} | empty
    await is_clean(office)
    after = await office.shop.made("GET", "/users/bob/export")
    assert after["contacts"] == bobs["contacts"]
    assert [one for one in after["history"] if one in bobs["history"]] == bobs["history"]
    ids = {one["notice_id"] for one in bobs["notices"]}
    assert ids <= {one["notice_id"] for one in after["notices"]}


async def test_a_request_that_is_repeated_after_the_erasure_brings_nobody_back(office: Office) -> None:
    await office.live_a_life()
    paths = {
        "/inventory/off_2/rep_2/add-stock": {"quantity": 2},
        f"/waiting-lists/off_3/rep_3/entries/{ADA}/move": {"to": "first", "reason": f"won, says {MARK}"},
        f"/waiting-lists/off_4/rep_4/entries/{ADA}/purchase": {"quantity": 2},
    }
    first = {path: (await office.once(path, body)).json() for path, body in paths.items()}
    assert [one["user_id"] for one in first["/inventory/off_2/rep_2/add-stock"]["promoted"]] == [ADA]
    assert {one["user_id"] for one in first.values() if "user_id" in one} == {ADA}
    await office.shop.made("DELETE", f"/users/{ADA}")
    before = await office.cells()
    for path, body in paths.items():
        again = await office.once(path, body)
        assert again.headers["idempotent-replayed"] == "true"
        assert again.json() == nameless(first[path])
    joined = await office.join(ADA, "off_1/rep_1", **{"Idempotency-Key": "first"})
    assert joined.headers["idempotent-replayed"] == "true"
    assert (joined.json()["number"], joined.json()["user_id"]) == (2, None)
    assert [cell for cell in await office.cells() if cell.table != "allowances"] == [
        cell for cell in before if cell.table != "allowances"
    ]


def nameless(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer without whom it is about, nor a pass for them."""
    gone = {"user_id": None, "purchase_pass": None, "promoted": [*map(nameless, answer.get("promoted", []))]}
    return answer | {name: value for name, value in gone.items() if name in answer}


async def test_none_is_left_of_anybody_in_a_list_that_was_pruned(office: Office) -> None:
    await office.live_a_life()
    await office.rows("UPDATE representations SET start_datetime = now() - interval '1 minute'")
    await office.rows("UPDATE wishes SET created_at = now() - interval '2 days'")
    lists = [f"off_{n}/rep_{n}" for n in range(1, 6)]
    for where in lists:
        await office.service.engine.run(ListKey(*where.split("/")), SERVICE, verbs.end)
    before = [await office.shop.made("GET", f"/waiting-lists/{where}/statistics") for where in lists]
    assert await office.marked() != []

    async def pruned() -> bool:
        ((left,),) = await office.rows("SELECT count(*) FROM inventory WHERE pruned_at IS NULL")
        return bool(left == 0)

    workers = (Maintenance(office.pool, office.service.engine, personal_data_kept=timedelta(0)) for _ in range(3))
    async with working(*workers):
        await until(pruned)
    assert await office.marked() == []
    assert {row[0] for row in await office.rows("SELECT user_id FROM entries")} == {None}
    assert await office.rows("SELECT number FROM contacts") == []
    await is_clean(office)
    assert [await office.shop.made("GET", f"/waiting-lists/{where}/statistics") for where in lists] == before


async def is_clean(office: Office) -> None:
    async for report in audit_lists(office.pool):
        assert report.finding is None, report.finding


async def test_who_has_only_asked_to_sign_in_is_a_person_too(office: Office) -> None:
    secret = await office.service.signing_keys.derived_secret()
    ada, bob = (email_sign_in.fan_id(secret, ORGANIZATION, f"{name}@example.org") for name in ("ada", "bob"))
    for name in ("Ada", "bob"):
        await email_sign_in.ask_to_sign_in(office.pool, SignIn(ORGANIZATION, f"{name}@example.org", "en", "/"))
    assert ada in await export_and_erase.users_of(
        office.pool, office.service.signing_keys, ORGANIZATION, "ADA@example.org"
    )
    export = await office.shop.made("GET", f"/users/{ada}/export")
    assert [one["email"] for one in export["sign_ins"]] == ["Ada@example.org"]
    await office.shop.made("DELETE", f"/users/{ada}")
    assert [row[0] for row in await office.rows("SELECT email FROM sign_ins")] == ["bob@example.org"]
    ((left,),) = await office.rows("SELECT count(*) FROM outbox")
    assert left == 1, "nor is anything to be sent"
    assert (await office.shop.made("GET", f"/users/{bob}/export"))["sign_ins"] != []


async def test_what_somebody_asked_with_anothers_address_is_not_exported(office: Office) -> None:
    """Whoever joins may give any address; it is theirs once it is verified."""
    await office.shop.stock()
    await office.shop.join("eve", email="bob@example.org")
    await email_sign_in.ask_to_sign_in(office.pool, SignIn(ORGANIZATION, "bob@example.org", "en", "/"))
    assert (await office.shop.made("GET", "/users/eve/export"))["sign_ins"] == []
    assert "eve" in await export_and_erase.users_of(
        office.pool, office.service.signing_keys, ORGANIZATION, "Bob@example.org"
    )


async def test_a_person_of_another_organization_is_another_person(lists: Lists) -> None:
    await lists.join("ada", email="ada@example.org", email_verified=True)
    service = Settings()
    signing_keys = SigningKeys(lists.pool)
    for organization_id, left in (("org_2", 1), (ORGANIZATION, 0)):
        export = await export_and_erase.export_user(
            lists.pool, signing_keys, "ada", organization_id=organization_id
        )
        assert (len(export.entries), len(export.contacts)) == (1 - left, 1 - left)
        found = await export_and_erase.users_of(lists.pool, signing_keys, organization_id, "ada@example.org")
        assert ("ada" in found) == (not left)
        caller = Caller(organization_id, CLOCK)
        erased = await export_and_erase.erase_user(
            lists.pool, lists.engine, signing_keys, SignOuts(lists.pool, service), caller, "ada"
        )
        assert erased.waiting_lists == 1 - left
        ((many,),) = await lists.rows("SELECT count(*) FROM entries WHERE user_id IS NOT NULL")
        assert many == left


def documented() -> dict[str, dict[str, set[str]]]:
    """The columns that each section of the page names, by table."""
    found: dict[str, dict[str, set[str]]] = {}
    for section in PAGE.split("\n## ")[1:]:
        title = section.partition("\n")[0]
        for table, columns in re.findall(r"^\| `(\w+)` \| ([^|]+) \|", section, re.MULTILINE):
            names = set(re.findall(r"`(\w+)`", columns)) or {columns}
            found.setdefault(title, {}).setdefault(table, set()).update(names)
    return found


async def personal_texts(office: Office) -> set[tuple[str, str]]:
    """The columns with text of fans, as the page says."""
    fans = documented()["Fans"]
    records = await office.rows(f"SELECT c.table_name, c.column_name, c.data_type FROM {COLUMNS}")
    texts = {(table, column) for table, column, kind in records if kind in ("text", "jsonb", "ARRAY")}
    return {one for one in texts - NOT_MARKED if one[1] in fans.get(one[0], ())}


async def test_every_column_is_on_the_page_about_personal_data_once(pool: Pool) -> None:
    async with connection(pool) as acquired:
        records = await acquired.fetch(f"SELECT c.table_name, c.column_name FROM {COLUMNS}")
    there: dict[str, set[str]] = {}
    for table, column in records:
        there.setdefault(table, set()).add(column)
    told: dict[str, list[str]] = {}
    for tables in documented().values():
        for table, columns in tables.items():
            told.setdefault(table, []).extend(there.get(table, {"?"}) if columns == {"all"} else columns)
    assert {table: sorted(columns) for table, columns in told.items()} == {
        table: sorted(columns) for table, columns in there.items()
    }
