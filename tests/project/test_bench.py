"""The page of the benchmark: its plots, its history, and what would make a run worthless."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from bench import flames, history, plots, report
from bench.database import audit
from bench.load import Load, arguments
from bench.measured import check, medians
from bench.rates import MIX
from tests.support.lists import Lists
from waiting_list.postgres.pool import connection

SVG = "{http://www.w3.org/2000/svg}"


def run(rate: float, **changes: Any) -> dict[str, Any]:
    """What the load prints."""
    times = {"p50": 1.0, "p95": 2.0, "p99": 3.0}
    found = {"rate": rate, "ceiling": 1000.0, "cpu": 0.2, "ceiling_cpu": 0.4, "statuses": {"201": 9}, "lost": 0}
    return found | times | {"answered": 9, "used_up": False, "kinds": {"": times}} | changes


def results() -> dict[str, Any]:
    """What a whole run found."""
    mixed = run(700.0, kinds={kind: run(1.0) for kind in dict.fromkeys(MIX)})
    calls = {"joins, one list": medians([run(500.0)]), "mixed, one list": medians([mixed])}
    return {
        "postgresql": "18.6",
        "connections": 128,
        "rounds": 1,
        "seconds": 1.0,
        "rates": {1: calls, 2: calls},
        "pgbench": {"one list": 900.0},
        "storm": run(400.0, asked=400.0),
        "peers": run(
            90.0, clients=8, reached=30, released=9, stretch=10, rates=[90.0, 80.0], release=0.1, peak=99
        ),
        "audit": {"lists": 3, "changes": 40, "entries": 30, "seconds": 0.1},
        "growth": {"join": {1_000: 2.0, 10_000: 3.0}, "poll": {1_000: 1.0, 10_000: 1.0}},
        "delays": {"lapsing": 5, "others": 6, "p50": 1.0, "p99": 2.0, "most": 3.0},
        "memory": {"streams": 5.0, "process": 50.0, "stream": 20.0, "told": 0.1},
        "costs": {"commit": "abc", "calls": {}},
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / history.NAME).write_text((history.FOLDER / history.NAME).read_text())
    report.write(results(), tmp_path)
    return tmp_path


def test_the_page_shows_every_plot_and_each_has_axes_a_title_and_colours_for_the_dark(folder: Path) -> None:
    page = (folder / "RESULTS.md").read_text()
    drawn = sorted((folder / "plots").iterdir())
    assert [path.name for path in drawn] == ["growth.svg", "peers.svg", "ratios.svg", "storm.svg"]
    for path in drawn:
        assert f"](plots/{path.name})" in page
        plot = ElementTree.fromstring(path.read_text())  # noqa: S314 - our own
        assert plot.findtext(f"{SVG}title")
        assert "prefers-color-scheme: dark" in (plot.findtext(f"{SVG}style") or "")
        assert any(line.get("class") == "axis" for line in plot.iter(f"{SVG}line"))
        assert len(list(plot.iter(f"{SVG}title"))) > 2


def test_a_run_is_one_line_of_the_history_which_holds_ratios_and_names_no_machine(folder: Path) -> None:
    before, after = history.read(), history.read(folder)
    assert after[:-1] == before
    added = after[-1]
    assert added["ratios"]["2"] == {"joins, one list": 0.5, "mixed, one list": 0.7}
    always = {"date", "commit", "version", "python", "postgresql", "cores", "ratios"}
    assert set(added) == {*always, "pgbench", "costs"}
    assert all(always <= set(one) <= set(added) for one in before)
    assert added["costs"] == results()["costs"]
    assert f"| {added['date']} | `{added['commit']}` |" in (folder / "RESULTS.md").read_text()
    assert json.dumps(before[0]) in (folder / history.NAME).read_text()


@pytest.mark.parametrize(
    "changes", [{"statuses": {"201": 8, "500": 1}}, {"lost": 1}, {"answered": 0}, {"used_up": True}]
)
def test_a_run_with_a_refusal_a_lost_connection_or_a_repeated_join_fails(changes: dict[str, Any]) -> None:
    check("joins", run(1.0), once=True)
    with pytest.raises(RuntimeError, match="joins"):
        check("joins", run(1.0, **changes), once=True)


async def test_a_run_fails_when_the_audit_finds_that_a_list_lost_a_place(lists: Lists) -> None:
    await lists.join("ada")
    found = await audit(lists.pool, [lists.key])
    assert (found["lists"], found["changes"], found["entries"]) == (1, 2, 1)
    async with connection(lists.pool) as acquired:
        await acquired.execute("DELETE FROM entries")
    with pytest.raises(RuntimeError, match="the audit of"):
        await audit(lists.pool, [lists.key])


@asynccontextmanager
async def answering() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that answers in three parts: its port, and the paths that it was asked for."""
    received: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                received.append((await reader.readuntil(b"\r\n\r\n"))[4:6])
                for part in (b"HTTP/1.1 201 Created\r\ncontent-le", b"ngth: 4\r\n\r\nab", b"cd"):
                    writer.write(part)
                    await writer.drain()

    async with asyncio.timeout(10), await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], received


REQUESTS = [f"GET /{name}\r\n\r\n".encode() for name in "abcdef"]


async def test_the_load_sends_in_order_ends_after_so_many_answers_and_gives_the_times_of_each_kind() -> None:
    given = arguments(["file", "1", "1", "5", "--kinds", "poll,join,poll", "--until", "6", "--every", "2"])
    async with answering() as (port, received):
        found = await Load(REQUESTS, given).run(port, 1)
    assert received == [b"/a", b"/b", b"/c", b"/d", b"/e", b"/f"]
    assert (found["answered"], found["statuses"], found["used_up"]) == (6, {"201": 6}, False)
    assert {kind: of["answered"] for kind, of in found["kinds"].items()} == {"poll": 4, "join": 2}
    assert found["bytes"] == len("HTTP/1.1 201 Created\r\ncontent-length: 4\r\n\r\nabcd")
    assert len(found["marks"]) == 3


async def test_the_load_waits_for_an_answer_of_each_kind_however_short_the_run() -> None:
    async with answering() as (port, _):
        found = await Load(REQUESTS, arguments(["file", "1", "1", "0", "--kinds", "poll,join"])).run(port, 1)
        at_a_rate = await Load(REQUESTS, arguments(["file", "1", "1", "0", "--rate", "50"])).run(port, 1)
    assert all(of["answered"] for of in found["kinds"].values())
    assert at_a_rate["answered"]


def test_the_ticks_of_an_axis_are_round_and_reach_the_most() -> None:
    assert plots.ticks(1.04) == [0, 0.25, 0.5, 0.75, 1.0, 1.25]
    assert plots.ticks(70) == [0, 20, 40, 60, 80]
    assert plots.ticks(100_000) == [0, 20_000, 40_000, 60_000, 80_000, 100_000]


LOOP = "main (/srv/waiting_list/cli/main.py:9);uv_run (/project/build/libuv-x86_64/src/unix/core.c:4)"
SITE = "/srv/.venv/lib/python3.11/site-packages"
SAMPLES = f"""\
{LOOP};app (/srv/waiting_list/web/routes.py:5);PyDict_GetItem (/usr/lib/libpython3.11.so.1.0) 5
{LOOP};app ({SITE}/fastapi/routing.py:7);join (/srv/waiting_list/lists/verbs/join.py:7) 2
{LOOP};app ({SITE}/fastapi/routing.py:7) 1
{LOOP};uv__try_write (/project/uvloop/loop.c:1);write (/usr/lib/x86_64-linux-gnu/libc.so.6) 2
"""


def test_a_sample_counts_for_the_layer_whose_code_ran_and_own_code_for_its_package() -> None:
    stacks = flames.read(SAMPLES)
    found = {layer: share for layer, share in flames.shares(stacks).items() if share}
    assert found == pytest.approx({"own code": 0.7, "FastAPI and Starlette": 0.1, "kernel": 0.2})
    assert flames.packages(stacks) == pytest.approx({"web": 0.5, "lists": 0.2})
    assert "    web                              50.0%" in flames.table(stacks)


def test_a_flame_graph_stands_each_function_upon_its_caller_in_the_colour_of_its_layer() -> None:
    graph = ElementTree.fromstring(flames.draw("Joins & more", flames.read(SAMPLES)))  # noqa: S314 - our own
    assert graph.findtext(f"{SVG}title") == "Joins & more"
    boxes = {box.findtext(f"{SVG}title", ""): box.find(f"{SVG}rect") for box in graph.iter(f"{SVG}g")}
    assert "main (cli/main), own code: 100.0%" not in boxes
    caller = boxes["app (fastapi/routing), FastAPI and Starlette: 30.0%"]
    called = boxes["join (lists/verbs/join), own code: 20.0%"]
    assert caller is not None
    assert called is not None
    assert float(called.attrib["y"]) == float(caller.attrib["y"]) - flames.ROW
    assert float(called.attrib["width"]) < float(caller.attrib["width"])
    assert (called.attrib["class"], caller.attrib["class"]) == ("l0", "l1")
