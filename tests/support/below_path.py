"""The service below a path: a small proxy that does so, and a walk along every address of its pages."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx

from waiting_list import page_addresses

PATH = "/waiting"
_OF_A_KIND = 3
"""How many addresses that differ only in their ids a walk asks for."""


@dataclass
class PathProxy:
    """A proxy that serves the service below PATH: it passes the path on, or `strips` it from the request.

    It records the targets of requests that left the path.
    """

    upstream: int
    strips: bool
    port: int = 0
    strays: list[str] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            method, target, rest = head.decode("latin-1").split(" ", 2)
            if re.match(rf"{PATH}(?:[/?]|$)", target):
                target = (target.removeprefix(PATH) or "/") if self.strips else target
                rest = re.sub(r"\r\nconnection:[^\r]*", "", rest, flags=re.IGNORECASE)
                rest = rest.replace("\r\n", "\r\nConnection: close\r\n", 1)
                there, back = await asyncio.open_connection("127.0.0.1", self.upstream)
                back.write(f"{method} {target} {rest}".encode("latin-1"))
                ways = [asyncio.create_task(_pass_on(*way)) for way in ((reader, back), (there, writer))]
                # The client has left, or the service has answered.
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()
                back.close()
            else:
                self.strays.append(target)
                writer.write(b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 5\r\n\r\nstray")
        writer.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def path_proxy(upstream: int, *, strips: bool) -> AsyncIterator[PathProxy]:
    """Run the proxy on a free port of the loopback."""
    proxy = PathProxy(upstream, strips)
    async with await asyncio.start_server(proxy, "127.0.0.1", 0, limit=1 << 17) as server:
        proxy.port = server.sockets[0].getsockname()[1]
        yield proxy
        server.close()


class _Addresses(HTMLParser):
    """Find the addresses in a page: in links, files and forms, and wherever else an attribute has one."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.got: list[str] = []
        self.posted: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        for name, value in attributes:
            if value is None or (tag, name) in (("input", "value"), ("option", "value")):
                continue
            is_address = name in ("href", "src", "action") or value.startswith(("/", "http://", "https://"))
            if is_address and not value.startswith("#"):
                is_form = name == "action" and found.get("method") == "post"
                (self.posted if is_form else self.got).append(value)


async def walk(client: httpx.AsyncClient, public_url: str, starts: Iterable[str]) -> set[str]:
    """Follow every address of these pages and of the pages that they lead to. Return the kinds that were reached.

    Each address of the host must be below the public one. The walk asks for some of each kind, which must answer.
    It sends no form that changes data: it sends each one empty, as if from another site.
    """
    host, path = urlsplit(public_url).netloc, urlsplit(public_url).path
    asked: set[tuple[str, str]] = set()
    kinds: Counter[tuple[str, str, bool]] = Counter()
    todo = [(public_url + start, "the start") for start in starts]

    def is_new(method: str, address: str) -> bool:
        kind = (method, kind_of(urlsplit(address).path.removeprefix(path)), "?" in address)
        if (method, address) in asked or kinds[kind] == _OF_A_KIND:
            return False
        asked.add((method, address))
        kinds[kind] += 1
        return True

    def meet(addresses: Iterable[str], page: str) -> list[str]:
        joined = [urljoin(page, one).partition("#")[0] for one in addresses]
        ours = [one for one in joined if urlsplit(one).netloc == host]
        for one in ours:
            assert f"{urlsplit(one).path}/".startswith(f"{path}/"), f"{page} leads to {one}"
        return [one for one in ours if "{" not in one]  # a pattern, which a script fills

    while todo:
        address, page = todo.pop(0)
        if not is_new("GET", address):
            continue
        async with client.stream("GET", address) as answer:
            assert answer.status_code < 400, f"{page} leads to {address}: {answer.status_code}"
            if answer.is_redirect:
                todo += [(one, address) for one in meet([answer.headers["location"]], address)]
                continue
            kind = answer.headers.get("content-type", "").partition(";")[0]
            if kind == "text/event-stream":
                continue
            await answer.aread()
        if kind == "text/css":
            todo += [(one, address) for one in meet(re.findall(r"url\(['\"]?([^)'\"]+)", answer.text), address)]
        if kind != "text/html":
            continue
        found = _Addresses(answer.text)
        todo += [(one, address) for one in meet(found.got, address)]
        for one in meet(found.posted, address):
            if is_new("POST", one):
                sent = await client.post(one, headers={"Sec-Fetch-Site": "cross-site"})
                assert sent.status_code not in (404, 405), f"{address} sends to {one}: {sent.status_code}"
                assert sent.status_code < 500, one
    return {kind for _, kind, _ in kinds}


def kind_of(path: str) -> str:
    """Return a path, or a pattern of page_addresses.py, with a star in place of each id."""
    return "/".join(part if part in _WORDS else "*" for part in path.split("/"))


_WORDS = {
    word
    for name, value in vars(page_addresses).items()
    if name.isupper()
    for word in re.sub(r"\{.*?\}", "", value).split("/")
}
