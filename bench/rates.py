"""How many calls a second: each kind alone, and mixed storms, next to the ceiling's, in turn."""

import itertools
from collections.abc import Iterator

import httpx

from bench import requests
from bench.measured import Run, check, medians, next_to_ceiling, say
from bench.scale import CONNECTIONS, FILLED, POLLING, ROUNDS, SECONDS, prepared
from bench.stage import Server, Stage, ceiling, service
from waiting_list.lists.models import ListKey

MIX = ("poll", "poll", "join", "poll") * 4 + ("poll", "leave", "poll", "purchase")
"""A storm: 14 polls, 4 joins, a leave and a purchase of 20 calls."""
REPEATED = ("polls", "picture", "picture, 304")
"""Calls that change nothing, so that the same ones can be sent again and again."""
MIXES = {"mixed, one list": 1, "mixed, 20 lists": 20}


async def rates(stage: Stage, processes: int) -> dict[str, Run]:
    """The medians of the rounds, for each kind of call."""
    hot, filled = await stage.make_list(), await stage.make_list(waiting=FILLED)
    twenty = [await stage.make_list() for _ in range(20)]
    wanted = prepared(processes)
    sold = await stage.make_list(ready=wanted * ROUNDS)
    storms = {name: await Storm.make(stage, lists, wanted * ROUNDS) for name, lists in MIXES.items()}
    await stage.settle()
    fans = (f"p{processes}f{n}" for n in itertools.count())
    buyers = (f"u{n}" for n in itertools.count(1))
    polls = requests.polls([filled], await stage.tokens(f"u{n}" for n in range(1, POLLING + 1)))
    found: dict[str, list[Run]] = {}
    with service(stage, processes=processes) as served:
        tag = _save_picture(stage, served, filled)
        with ceiling(stage, processes=processes) as bare:
            for server in (bare, served):
                stage.load(server, polls, connections=CONNECTIONS, seconds=0.5)
            for _ in range(ROUNDS):
                joins = requests.joins([hot], await stage.tokens(itertools.islice(fans, wanted)))
                spread = requests.joins(twenty, await stage.tokens(itertools.islice(fans, wanted)))
                bought = requests.purchases([sold], itertools.islice(buyers, wanted), stage.api_key)
                mixed = {name: await storm.calls(fans, wanted) for name, storm in storms.items()}
                for name, sent, same, kinds in (
                    ("joins, one list", joins, joins, ()),
                    ("joins, 20 lists", spread, spread, ()),
                    ("polls", polls, polls, ()),
                    ("picture", requests.pictures(filled), None, ()),
                    ("picture, 304", requests.pictures(filled, tag), None, ()),
                    ("purchases", bought, joins, ()),
                    *((name, calls, as_ceiling(calls, joins, polls), MIX) for name, calls in mixed.items()),
                ):
                    limit = stage.load(bare, same or sent, connections=CONNECTIONS, seconds=SECONDS, kinds=kinds)
                    run = stage.load(served, sent, connections=CONNECTIONS, seconds=SECONDS, kinds=kinds)
                    check(name, limit, once=False)
                    check(name, run, once=name not in REPEATED)
                    found.setdefault(name, []).append(next_to_ceiling(run, limit))
                    say(f"{processes} processes, {name}: {run['rate']:.0f} of {limit['rate']:.0f} a second")
    return {name: medians(runs) for name, runs in found.items()}


class Storm:
    """Lists with fans who poll, fans who leave, and fans who can buy; new fans join."""

    def __init__(self, stage: Stage, lists: list[ListKey], ready: int, leaving: int) -> None:
        self._stage = stage
        self._lists = lists
        self._buyers = [f"u{n}" for n in range(1, ready + 1) for _ in lists]
        self._leaving = (f"u{n}" for n in range(ready + 1, ready + leaving + 1) for _ in lists)
        self._polling = [f"u{n}" for n in range(ready + leaving + 1, ready + leaving + 1 + POLLING // len(lists))]

    @classmethod
    async def make(cls, stage: Stage, lists: int, calls: int) -> "Storm":
        """Lists that are long enough for so many calls of the mix, over all of them."""
        each = calls // len(MIX) // lists + 1
        waiting = each + POLLING // lists
        keys = [await stage.make_list(ready=each, waiting=waiting) for _ in range(lists)]
        return cls(stage, keys, each, each)

    async def calls(self, fans: Iterator[str], wanted: int) -> list[bytes]:
        """So many calls of the mix; each but the polls is possible once."""
        times = wanted // len(MIX)
        tokens, lists = self._stage.tokens, self._lists
        buyers, self._buyers = self._buyers[:times], self._buyers[times:]
        polling = await tokens(self._polling)
        kinds = {
            "poll": itertools.cycle(requests.polls(lists, (token for token in polling for _ in lists))),
            "join": iter(requests.joins(lists, await tokens(itertools.islice(fans, times * MIX.count("join"))))),
            "leave": iter(requests.leaves(lists, await tokens(itertools.islice(self._leaving, times)))),
            "purchase": iter(requests.purchases(lists, buyers, self._stage.api_key)),
        }
        return [next(kinds[kind]) for _ in range(times) for kind in MIX]


def as_ceiling(calls: list[bytes], joins: list[bytes], polls: list[bytes]) -> list[bytes]:
    """The mix for the ceiling, which answers a leave as a poll, and a purchase as a join."""
    joined, polled = itertools.cycle(joins), itertools.cycle(polls)
    return [next(joined if kind in ("join", "purchase") else polled) for kind in MIX * (len(calls) // len(MIX))]


def _save_picture(stage: Stage, server: Server, key: ListKey) -> str:
    url = f"http://127.0.0.1:{server.port}{requests.list_path(key)}/queue"
    with httpx.stream("GET", url, headers={"Accept-Encoding": "gzip"}, trust_env=False) as answer:
        (stage.folder / "picture").write_bytes(b"".join(answer.iter_raw()))
        return str(answer.headers["etag"])
