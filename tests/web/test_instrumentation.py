"""What operators see of the service: request ids, logs, metrics, readiness."""

import asyncio
import io
import json
import logging
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import structlog
from fastapi import FastAPI
from pydantic import SecretStr
from structlog.testing import capture_logs

from tests.access.test_rate_limits import served
from tests.conftest import _FAST
from tests.processes.test_cli import command
from tests.support.attacked import statuses, wire
from tests.support.lists import Lists
from tests.support.shop import LIST, ORGANIZATION, Shop
from tests.support.until import until
from waiting_list.access.user_tokens import User
from waiting_list.app import create_app
from waiting_list.audit.run import remember_audit
from waiting_list.postgres import outage
from waiting_list.postgres.embedded import embedded
from waiting_list.postgres.migrate import migrate
from waiting_list.postgres.pool import Pool, connect_pool, connection
from waiting_list.settings import Settings
from waiting_list.telemetry import logs
from waiting_list.web import deployment_metrics
from waiting_list.web.deployment_metrics import DeploymentMetrics

ROOT = Path(__file__).parent.parent.parent
ENTRY = f"/v1/user/waiting-lists/{LIST}/entry"


def values(exposition: str) -> dict[str, float]:
    """Each sample with its labels, and its value."""
    return {
        name: float(value)
        for name, _, value in (
            line.rpartition(" ") for line in exposition.splitlines() if not line.startswith("#")
        )
    }


async def scraped(shop: Shop) -> dict[str, float]:
    return values((await shop.http.get("/metrics")).text)


@contextmanager
def logged(**settings: Any) -> Iterator[io.StringIO]:
    """What the process logs, as `serve` sets it up."""
    root, stream = logging.getLogger(), io.StringIO()
    before, level = root.handlers, root.level
    logging.getLogger("httpx").setLevel(logging.WARNING)  # the tests' own client
    logs.set_up(Settings.model_validate({"log_level": "debug"} | settings))
    structlog.configure(cache_logger_on_first_use=False)  # other tests log in other ways
    root.handlers[0].setStream(stream)  # type: ignore[attr-defined]
    try:
        yield stream
    finally:
        root.handlers = before
        root.setLevel(level)
        structlog.reset_defaults()


async def test_a_request_has_an_id_that_its_answer_and_its_lines_share(app: FastAPI, shop: Shop) -> None:
    answer = await shop.http.get("/v1/user/events")
    assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["X-Request-Id"])
    answer = await shop.http.get("/nowhere", headers={"X-Request-Id": "from-the.proxy_1"})
    assert (answer.status_code, answer.headers["X-Request-Id"]) == (404, "from-the.proxy_1")


@pytest.mark.parametrize("sent", ["", "a b", 'x" level="error', "a" * 65, "\x1b[31m", "é", "{}"])
async def test_an_id_that_could_forge_a_line_is_not_taken(app: FastAPI, shop: Shop, sent: str) -> None:
    answer = await shop.http.get("/version", headers={"X-Request-Id": sent.encode()})
    assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["X-Request-Id"])


async def test_a_defect_is_logged_under_the_id_that_its_answer_has(
    app: FastAPI, shop: Shop, monkeypatch: Any
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("not for clients")

    monkeypatch.setattr("waiting_list.catalogue.queries.upcoming_events", broken)
    with logged(log_json=True) as stream:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            answer = await http.get("/v1/user/events?organization_id=secret-query")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    (line,) = [line for line in lines if line["event"] == "request"]
    assert line["request_id"] == answer.headers["X-Request-Id"]
    assert (line["call"], line["status"]) == ("list_upcoming_events", 500)
    assert "secret-query" not in stream.getvalue()


HOSTILE = 'ada\n{"event": "forged"}\r\x1b[2J\x85\u2028'


@pytest.mark.parametrize("log_json", [True, False])
async def test_whatever_is_logged_stays_on_its_line(log_json: bool) -> None:
    with logged(log_json=log_json) as stream:
        structlog.get_logger("test").warning("told", detail=HOSTILE)
        logging.getLogger("library").warning("told %s", HOSTILE)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2, lines
    assert "\x1b" not in stream.getvalue()
    if log_json:
        assert [json.loads(line)["level"] for line in lines] == ["warning"] * 2


async def test_bad_requests_however_many_are_no_more_than_a_line_of_each_kind(app: FastAPI) -> None:
    bad = (
        b"\x16\x03\x01 is no HTTP\r\n\r\n",
        b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /version HTTP/1.1\r\nHost: x\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    )
    async with wire(app) as raw:
        with logged(log_json=True) as stream:
            for one in bad * 5:
                assert statuses(await raw.said(one))
    lines = Counter(json.loads(line)["event"] for line in stream.getvalue().splitlines())
    assert all(times == 1 for times in lines.values()), lines


async def test_what_a_library_warns_of_again_and_again_is_a_line_and_a_count() -> None:
    line = ("uvicorn.error", "Invalid HTTP request received.")
    with logged(log_json=True) as stream:
        for _ in range(1000):
            logging.getLogger(line[0]).warning(line[1])
        assert [json.loads(one)["event"] for one in stream.getvalue().splitlines()] == [line[1]]
        (repeats,) = logging.getLogger().handlers[0].filters
        assert isinstance(repeats, logs.Repeats)
        repeats.end(line)
        counted = json.loads(stream.getvalue().splitlines()[-1])
        assert (counted["event"], counted["line"], counted["times"]) == ("line_repeated", line[1], 999)
        # From then on it is logged again.
        logging.getLogger(line[0]).warning(line[1])
        assert json.loads(stream.getvalue().splitlines()[-1])["event"] == line[1]


async def test_the_count_is_logged_when_its_time_is_up_though_all_is_quiet() -> None:
    with logged(log_json=True) as stream:
        handler = logging.getLogger().handlers[0]
        handler.filters = [logs.Repeats(seconds=0.05)]
        for _ in range(3):
            logging.getLogger("library").warning("told %s", "anything")

        async def counted() -> bool:
            return "line_repeated" in stream.getvalue()

        await until(counted)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["told anything", "line_repeated"]
    assert (lines[1]["of"], lines[1]["times"]) == ("library", 2)


async def test_defects_and_our_own_lines_are_all_logged() -> None:
    with logged(log_json=True) as stream:
        for _ in range(3):
            structlog.get_logger("waiting_list.test").warning("told")
            try:
                raise RuntimeError
            except RuntimeError:
                logging.getLogger("library").exception("failed")
            structlog.get_logger("waiting_list.web.server_sent_events").info("slow_reader_dropped")
    events = Counter(json.loads(line)["event"] for line in stream.getvalue().splitlines())
    assert events == {"told": 3, "failed": 3, "slow_reader_dropped": 1}


async def test_no_person_and_no_secret_is_in_the_logs(app: FastAPI, shop: Shop, dsn: str) -> None:
    person, email, name = "user-zq81", "zq82@example.org", "Zq83 Zq84"
    async with served(dsn, log_requests=True) as other:
        shop.http = other.http
        with logged(log_json=True) as stream:
            await story(app, shop, person, email, name, stream)


async def story(app: FastAPI, shop: Shop, person: str, email: str, name: str, stream: io.StringIO) -> None:
    """Whatever a person may do, and what is known of it."""
    await shop.stock(available=0)
    service = app.state.service
    contact = {"email": email, "name": name, "locale": "fr"}
    body = {"user_id": person, "tickets_wanted": 2} | contact
    await shop.made("POST", f"/waiting-lists/{LIST}/entries", body)
    token, _ = await service.user_tokens.mint(User(person, ORGANIZATION), expires_in=60)
    bearer = {"Authorization": f"Bearer {token}"}
    link = await shop.made("POST", f"/waiting-lists/{LIST}/entries/{person}/link")
    await shop.http.get(link["url"].replace("http://127.0.0.1:8000", ""))
    await shop.http.get(ENTRY, headers=bearer, params={"no": person})
    await shop.http.post(ENTRY, headers=bearer, content=b'{"name": "Zq83', params={"email": email})
    await shop.http.post("/dashboard/sign-in", data={"api_key": shop.key})
    await shop.http.post("/sign-in/with-token", data={"token": token})
    await shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 2})
    await shop.made("GET", f"/users/{person}/export")
    # What PostgreSQL says of a row that breaks a rule quotes it.
    with pytest.raises(asyncpg.CheckViolationError, match="entries_minimum") as broken:
        async with connection(service.pool) as acquired:
            await acquired.execute("UPDATE entries SET tickets_minimum = 0 WHERE user_id = $1", person)
    assert person in str(broken.value)
    structlog.get_logger("test").error("failed", exc_info=broken.value)
    await shop.made("DELETE", f"/users/{person}")
    text = stream.getvalue()
    assert "entries_minimum" in text
    assert len(text.splitlines()) > 10
    for secret in ("zq8", "Zq8", token, shop.key, shop.key.split("_")[2], link["url"].rpartition("/")[2]):
        assert secret not in text


async def test_every_metric_is_documented_and_every_documented_one_exists(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    await shop.join("ada")
    exposition = (await shop.http.get("/metrics")).text
    kinds = dict(re.findall(r"^# TYPE (waiting_list\w*) (\w+)$", exposition, re.MULTILINE))
    kinds = {name: kind for name, kind in kinds.items() if not name.endswith("_created")}
    page = (ROOT / "docs" / "metrics.md").read_text()
    assert dict(re.findall(r"^\| `(waiting_list\w+)` \| (\w+) \|", page, re.MULTILINE)) == kinds
    assert re.search(
        r"^waiting_list_requests_total\{.*call=\"join\".*status=\"201\".*\} ", exposition, re.MULTILINE
    )


def test_every_event_that_is_logged_is_documented() -> None:
    source = "\n".join(path.read_text() for path in (ROOT / "waiting_list").rglob("*.py"))
    events = set(
        re.findall(
            r"(?:(?:log|get_logger\(__name__\))\.(?:info|warning|error|exception)\(\s*|failing=)\"(\w+)\"", source
        )
    )
    page = (ROOT / "docs" / "logs.md").read_text()
    documented = {
        event
        for line in page.splitlines()
        if line.startswith("| `")
        for event in re.findall(r"`(\w+)`", line.split("|")[1])
    }
    assert documented == events


async def test_what_happens_is_counted(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    before = await scraped(shop)
    for user in ("ada", "bob", "cleo"):
        await shop.join(user, 2)
    await shop.user("ada", "POST", body={"tickets_wanted": 1})
    await shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 4})
    await shop.made("POST", f"/waiting-lists/{LIST}/entries/ada/purchase", {"quantity": 2})
    figures_of(app)
    after = await scraped(shop)

    def grew(name: str) -> float:
        return after.get(name, 0.0) - before.get(name, 0.0)

    verbs = {
        verb: grew(f'waiting_list_entry_changes_total{{verb="{verb}"}}') for verb in ("join", "promote", "buy")
    }
    assert verbs == {"join": 3, "promote": 2, "buy": 1}
    assert grew('waiting_list_requests_total{call="join",status="201"}') == 3
    assert grew('waiting_list_requests_total{call="join",status="409"}') == 1
    assert grew('waiting_list_request_duration_seconds_count{call="join"}') == 4
    assert grew("waiting_list_batch_requests_sum") >= 6
    assert grew("waiting_list_lock_wait_seconds_count") >= 6
    assert after["waiting_list_queued_requests"] == before["waiting_list_queued_requests"]
    assert after["waiting_list_database_connections_in_use"] == 0
    now = {
        name: after[f"waiting_list_{name}"]
        for name in ("lists", "waiting_entries", "ready_entries", "held_tickets")
    }
    assert now == {"lists": 1, "waiting_entries": 1, "ready_entries": 1, "held_tickets": 2}
    assert after["waiting_list_database_up"] == 1


def figures_of(app: FastAPI) -> None:
    """The figures are read anew, as they are every five seconds."""
    app.state.service.deployment_metrics._read_at = float("-inf")


async def test_however_many_ask_at_once_the_figures_are_read_once(pool: Pool) -> None:
    found = DeploymentMetrics(pool)
    for _ in range(2):
        records = await asyncio.gather(*(found.read() for _ in range(50)))
        assert len({id(record) for record in records}) == 1
        found._read_at = float("-inf")


async def test_how_late_a_worker_is_is_known_and_makes_no_process_unready(app: FastAPI, shop: Shop) -> None:
    await shop.stock()
    await shop.join("ada")
    await shop.made("POST", f"/inventory/{LIST}/add-stock", {"quantity": 1})
    ready = (await shop.http.get("/health/ready")).json()
    assert ready == {
        "status": "ready",
        "oldest_due_hold_seconds": 0.0,
        "oldest_due_notice_seconds": 0.0,
        "mail": {"sends": False, "transport": None, "seen_at": None},
        "warnings": [],
    }
    async with connection(app.state.service.pool) as acquired:
        await acquired.execute(
            "UPDATE entries SET ready_until = now() - interval '42 seconds' WHERE status = 'ready'"
        )
    figures_of(app)
    late = await shop.http.get("/health/ready")
    assert late.status_code == 200
    assert 42 <= late.json()["oldest_due_hold_seconds"] < 60
    assert (await shop.http.get("/health/ready?late_seconds=100")).status_code == 200
    assert (await shop.http.get("/health/ready?late_seconds=10")).status_code == 503
    assert (await shop.http.get("/health/ready?late_seconds=x")).status_code == 422
    assert (await scraped(shop))["waiting_list_oldest_due_hold_seconds"] >= 42


async def test_a_schema_that_is_too_old_is_not_ready_and_a_later_one_is(app: FastAPI, shop: Shop) -> None:
    async with connection(app.state.service.pool) as acquired:
        await acquired.execute("INSERT INTO schema_migrations SELECT 9999, 'later', 'x', now()")
        assert (await shop.http.get("/health/ready")).status_code == 200
        await acquired.execute("DELETE FROM schema_migrations WHERE version >= 6")
        app.state.service.health._looked_at = float("-inf")  # as a second later
        assert (await shop.http.get("/health/ready")).status_code == 503


async def test_what_the_last_audit_found_is_in_the_metrics(pool: Pool, lists: Lists) -> None:
    await remember_audit(pool, lists=30, differences=2)
    await remember_audit(pool, lists=31, differences=1)
    found = values((await DeploymentMetrics(pool).exposition()).decode())
    assert (found["waiting_list_audit_lists"], found["waiting_list_audit_differences"]) == (31, 1)
    assert found["waiting_list_audit_timestamp_seconds"] > 1e9


async def test_without_a_database_there_are_metrics_and_one_says_so() -> None:
    away = await connect_pool(Settings(), "postgresql://nobody@127.0.0.1:1/nowhere")
    found = values((await DeploymentMetrics(away).exposition()).decode())
    assert found["waiting_list_database_up"] == 0
    assert "waiting_list_lists" not in found
    await away.close()


async def test_an_outage_is_one_line_and_its_end_another_whoever_meets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage, "_outage", outage._Outage())
    with tempfile.TemporaryDirectory(prefix="wl-test-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with embedded(folder, extra_settings=_FAST) as dsn:
            await migrate(dsn)
            mails = {"mail_folder": tmp_path}
            app = create_app(Settings.model_validate({"database_url": SecretStr(dsn)} | mails))
            running = app.router.lifespan_context(app)
            await running.__aenter__()
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:

            async def status() -> int:
                return (await http.get("/v1/user/events")).status_code

            with capture_logs() as seen:
                statuses = [await status() for _ in range(3)]
                assert statuses == [503] * 3
                # The worker, the delivery and the live entries have all had their turn.
                await asyncio.sleep(1.2)
                with embedded(folder, extra_settings=_FAST):

                    async def is_over() -> bool:
                        await status()
                        return any(one["event"] == "database_reachable_again" for one in seen)

                    await until(is_over, seconds=20)
                    assert await status() == 200
                    events = [one["event"] for one in seen if one["event"] != "request"]
                    assert events == ["database_unreachable", "database_reachable_again"]
                    assert seen[-1]["seconds"] > 0
                    await running.__aexit__(None, None, None)


def test_several_processes_behind_one_address_put_their_counts_together(dsn: str) -> None:
    script = (
        "import os, sys, prometheus_client, asyncio\n"
        "from waiting_list.telemetry.metrics import RATE_LIMITED, OPEN_STREAMS\n"
        "RATE_LIMITED.labels('user').inc(int(sys.argv[1]))\n"
        "OPEN_STREAMS.inc(5)\n"
    )
    report = (
        "import asyncio, sys\n"
        "from waiting_list.postgres.pool import connect_pool\n"
        "from waiting_list.web.deployment_metrics import DeploymentMetrics\n"
        "from waiting_list.telemetry.metrics import OPEN_STREAMS\n"
        "from waiting_list.settings import Settings\n"
        "OPEN_STREAMS.inc(2)\n"
        "async def main():\n"
        "    pool = await connect_pool(Settings(), sys.argv[1])\n"
        "    print((await DeploymentMetrics(pool).exposition()).decode(), end='')\n"
        "    await pool.close()\n"
        "asyncio.run(main())\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(deployment_metrics._SHARED, "")  # restored afterwards
        with deployment_metrics.share_counts():
            shown = [
                subprocess.run(
                    [sys.executable, "-c", *one], check=True, timeout=60, capture_output=True, text=True
                )
                for one in ((script, "3"), (script, "4"), (report, dsn))
            ]
    found = values(shown[-1].stdout)
    assert found['waiting_list_rate_limited_total{limit="user"}'] == 7
    # Those of the processes that have ended are not open any more.
    assert found["waiting_list_open_streams"] == 2


def test_an_audit_from_the_command_line_is_remembered(dsn: str) -> None:
    audited = command("audit", DATABASE_URL=dsn)
    assert audited.returncode == 0, audited.stderr

    async def read() -> dict[str, float]:
        pool = await connect_pool(Settings(), dsn)
        try:
            return values((await DeploymentMetrics(pool).exposition()).decode())
        finally:
            await pool.close()

    assert asyncio.run(read())["waiting_list_audit_timestamp_seconds"] > 1e9


def test_the_dashboard_and_the_alerts_ask_for_metrics_that_exist_and_every_alert_says_what_to_do() -> None:
    known = set(re.findall(r"^\| `(waiting_list\w+)`", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE))
    dashboard = json.loads((ROOT / "ops" / "grafana" / "waiting-list.json").read_text())
    rules = (ROOT / "ops" / "prometheus" / "alerts.yml").read_text()
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]] + [rules]
    names = {
        re.sub("_(bucket|sum|count)$", "", name) for one in asked for name in re.findall(r"waiting_list_\w+", one)
    }
    assert names <= known
    # What is shown nowhere need not be measured.
    assert known - names <= {"waiting_list_lists", "waiting_list_audit_lists"}
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    alerts = re.findall(r"- alert: (\w+)", rules)
    page = (ROOT / "docs" / "alerts.md").read_text()
    assert re.findall(r"^## (\w+)$", page, re.MULTILINE) == alerts
    assert re.findall(r"runbook: (\S+)", rules) == [f"docs/alerts.md#{alert.lower()}" for alert in alerts]
    tested = (ROOT / "ops" / "prometheus" / "alerts_test.yml").read_text()
    assert set(re.findall(r"alertname: (\w+)}", tested)) == set(alerts)
