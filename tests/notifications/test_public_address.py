"""Attacks by the address of a webhook: the service refuses each without a connection.

With the guard off, each attack reaches the test's server. Only DNS is replaced, by one that answers as the
attacker likes.
"""

import asyncio
import contextlib
import errno
import re
import socket
from collections.abc import AsyncIterator, Iterable, Sequence
from ipaddress import ip_address
from typing import NamedTuple

import aiohttp
import pytest
import pytest_asyncio
from aiohttp.abc import AbstractResolver, ResolveResult

from tests.support.receivers import delivered, receiving, status
from waiting_list.notifications.public_address import check_url, is_public
from waiting_list.notifications.retry_policy import Attempt, Outcome
from waiting_list.notifications.webhook_client import WebhookClient
from waiting_list.problems import InvalidRequest
from waiting_list.settings import Settings

GUARDED = Settings(webhook_timeout_seconds=0.5)
OPEN = Settings(webhook_timeout_seconds=5, webhook_private_addresses=True)
NOWHERE = "2e00::1"
"""A public address that IANA has given to nobody."""


class Attack(NamedTuple):
    """An address, with PORT where the listener's goes, and whether it gets there when nobody guards."""

    url: str
    reaches: bool = False


def literal(host: str) -> Attack:
    return Attack(f"https://{host}:PORT/")


def loopback(host: str) -> Attack:
    return Attack(f"https://{host}:PORT/", reaches=True)


ATTACKS = {
    "loopback": loopback("127.0.0.1"),
    "loopback, its other end": literal("127.255.255.254"),
    "unspecified": loopback("0.0.0.0"),  # noqa: S104
    "this network": literal("0.1.2.3"),
    "private 10/8": literal("10.0.0.1"),
    "private 172.16/12, first": literal("172.16.0.0"),
    "private 172.16/12, last": literal("172.31.255.255"),
    "private 192.168/16": literal("192.168.1.1"),
    "link-local": literal("169.254.1.1"),
    "metadata of most clouds": literal("169.254.169.254"),
    "metadata of Alibaba": literal("100.100.100.200"),
    "metadata of Oracle": literal("192.0.0.192"),
    "platform of Azure": literal("168.63.129.16"),
    "carrier-grade NAT, first": literal("100.64.0.0"),
    "carrier-grade NAT, last": literal("100.127.255.255"),
    "protocol assignments": literal("192.0.0.8"),
    "protocol assignments that are reachable": literal("192.0.0.9"),
    "documentation 1": literal("192.0.2.1"),
    "documentation 2": literal("198.51.100.1"),
    "documentation 3": literal("203.0.113.1"),
    "relay of 6to4": literal("192.88.99.1"),
    "benchmarking, first": literal("198.18.0.0"),
    "benchmarking, last": literal("198.19.255.255"),
    "multicast": literal("224.0.0.1"),
    "multicast, SSDP": literal("239.255.255.250"),
    "multicast, global": literal("233.252.0.1"),
    "reserved": literal("240.0.0.1"),
    "broadcast": literal("255.255.255.255"),
    "decimal": literal("2130706433"),
    "octal": literal("017700000001"),
    "hexadecimal": loopback("0x7f000001"),
    "short": literal("127.1"),
    "shortest": literal("0"),
    "dotted octal": literal("0177.0.0.01"),
    "dotted hexadecimal": loopback("0x7f.0x0.0x0.0x1"),
    "a mixture": loopback("0x7F.1"),
    "fullwidth dots": loopback("127。0。0。1"),
    "fullwidth digits": loopback("１２７.０.０.１"),
    "circled digits": loopback("①②⑦.⓪.⓪.①"),
    "trailing dot": literal("127.0.0.1."),
    "percent-encoded": loopback("127.0.0.%31"),
    "percent-encoded end": loopback("127.0.0.1%00.example.com"),
    "IPv6 loopback": loopback("[::1]"),
    "IPv6 loopback in full": loopback("[0000:0000:0000:0000:0000:0000:0000:0001]"),
    "IPv6 unspecified": loopback("[::]"),
    "IPv4-mapped loopback": loopback("[::ffff:127.0.0.1]"),
    "IPv4-mapped loopback in hexadecimal": loopback("[::ffff:7f00:1]"),
    "IPv4-mapped private": literal("[::ffff:10.0.0.1]"),
    "IPv4-mapped metadata": literal("[::ffff:a9fe:a9fe]"),
    "IPv4-compatible loopback": literal("[::127.0.0.1]"),
    "IPv4-compatible public": literal("[::8.8.8.8]"),
    "IPv4-translated": literal("[::ffff:0:127.0.0.1]"),
    "6to4 of loopback": literal("[2002:7f00:1::1]"),
    "6to4 of private": literal("[2002:a00:1::1]"),
    "6to4 of public": literal("[2002:808:808::1]"),
    "Teredo with a private client": literal("[2001:0:808:808:0:0:f5ff:fffe]"),
    "Teredo with a private server": literal("[2001:0:a00:1::1]"),
    "NAT64 of loopback": literal("[64:ff9b::127.0.0.1]"),
    "NAT64 of private": literal("[64:ff9b::10.0.0.1]"),
    "NAT64 of metadata": literal("[64:ff9b::a9fe:a9fe]"),
    "NAT64 for local use": literal("[64:ff9b:1::8.8.8.8]"),
    "IPv6 link-local": literal("[fe80::1]"),
    "IPv6 link-local with a zone": literal("[fe80::1%25lo]"),
    "IPv6 link-local with a raw zone": literal("[fe80::1%lo]"),
    "IPv6 loopback with a zone": literal("[::1%25lo]"),
    "IPv6 public with a zone": literal("[2606:4700:4700::1111%25lo]"),
    "unique local": literal("[fd00::1]"),
    "unique local, the other half": literal("[fc00::1]"),
    "metadata of AWS over IPv6": literal("[fd00:ec2::254]"),
    "site-local": literal("[fec0::1]"),
    "IPv6 multicast": literal("[ff02::1]"),
    "IPv6 multicast, global": literal("[ff0e::1]"),
    "IPv6 documentation": literal("[2001:db8::1]"),
    "IPv6 documentation, the newer": literal("[3fff::1]"),
    "IPv6 benchmarking": literal("[2001:2::1]"),
    "IPv6 protocol assignments": literal("[2001:1::1]"),
    "ORCHID": literal("[2001:20::1]"),
    "discard": literal("[100::1]"),
    "segment routing": literal("[5f00::1]"),
    "IPv6 not given out": literal("[4000::1]"),
    "localhost": loopback("localhost"),
    "localhost in capitals": loopback("LocalHost"),
    "localhost with a dot": loopback("localhost."),
    "a name below localhost": loopback("a.localhost"),
    "a name without a dot": loopback("postgres"),
    "a name for internal use": loopback("metadata.google.internal"),
    "a name on the local network": loopback("printer.local"),
    "a name of a bare dot": literal("."),
    "user before the host": Attack("https://example.com@127.0.0.1:PORT/", reaches=True),
    "user and password before the host": Attack("https://example.com:443@127.0.0.1:PORT/", reaches=True),
    "user with a blank": Attack("https://example.com &@127.0.0.1:PORT/", reaches=True),
    "fragment that looks like a host": Attack("https://127.0.0.1:PORT#@example.com/", reaches=True),
    "backslash before the user": Attack("https://example.com\\@127.0.0.1:PORT/"),
    "backslash after the host": Attack("https://127.0.0.1:PORT\\@example.com/"),
    "backslashes for slashes": Attack("https:\\\\127.0.0.1:PORT/"),
    "no slashes": Attack("https:127.0.0.1:PORT/"),
    "text after IPv6": Attack("https://[::1]:PORT.example.com/"),
    "plain HTTP": Attack("http://127.0.0.1:PORT/", reaches=True),
    "plain HTTP to a public address": Attack("http://8.8.8.8/"),
    "HTTP in capitals": Attack("HTTP://127.0.0.1:PORT/", reaches=True),
    "another protocol": Attack("gopher://127.0.0.1:PORT/"),
    "a protocol of aiohttp's own": Attack("tcp://127.0.0.1:PORT/"),
    "a web socket": Attack("wss://127.0.0.1:PORT/"),
    "a file": Attack("file:///etc/passwd"),
}

DNS_ATTACKS: dict[str, Sequence[str]] = {
    "a name of loopback": ["127.0.0.1"],
    "a name of IPv6 loopback": ["::1"],
    "a name of private addresses only": ["10.0.0.1", "192.168.0.1", "fd00::1"],
    "a name of IPv4-mapped loopback": ["::ffff:127.0.0.1"],
    "a name of NAT64 of loopback": ["64:ff9b::7f00:1"],
    "a name with a zone": ["::1%lo"],
    "a name of a private and a public address": ["127.0.0.1", NOWHERE],
    "a name of a public and a private address": [NOWHERE, "127.0.0.1"],
    "a name of every kind": [NOWHERE, "127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254"],
    "an answer that would be looked up again": ["localhost"],
    "an answer in short form": ["127.1"],
    "an answer in decimal": ["2130706433"],
}


HERE = {"127.0.0.1", "::1", "::ffff:127.0.0.1", "localhost", "127.1", "2130706433"}


class Names(AbstractResolver):
    """The attacker's DNS: these addresses, for each time that it is asked; the last of them for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = answers
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        answer = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        kinds = {one: socket.AF_INET6 if ":" in one else socket.AF_INET for one in answer}
        return [
            ResolveResult(hostname=host, host=one, port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST)
            for one, kind in kinds.items()
            if family in (socket.AF_UNSPEC, kind)
        ]

    async def close(self) -> None:
        """Nothing is open."""


class Neighbourhood(Names):
    """The DNS of a network in which every name is a machine next door. Addresses are read by the C library."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        except socket.gaierror:
            return await super().resolve(host, port, family)
        return await Names([str(found[0][4][0])]).resolve(host, port, family)


class Listener:
    """Counts who connects. Use `listener`."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._came: asyncio.Queue[int] = asyncio.Queue()

    async def accept(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hangs up."""
        self._came.put_nowait(writer.get_extra_info("peername")[1])
        writer.close()

    async def connections(self) -> int:
        """How many came since it was asked last. They are accepted in their order: once our own, in IPv4 and in
        IPv6, are, nobody who came before is left out."""
        own, others = set(), 0
        for host in ("127.0.0.1", "::1"):
            _, writer = await asyncio.open_connection(host, self.port)
            own.add(writer.get_extra_info("sockname")[1])
            writer.close()
        while own:
            peer = await asyncio.wait_for(self._came.get(), 30)
            others += peer not in own
            own.discard(peer)
        return others


@pytest_asyncio.fixture(scope="module")
async def listener() -> AsyncIterator[Listener]:
    """Listens on one port of loopback, in IPv4 and in IPv6."""
    with contextlib.ExitStack() as stack:
        four = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        made = Listener(four.getsockname()[1])
        six = stack.enter_context(socket.create_server(("::1", made.port), family=socket.AF_INET6))
        servers = [await asyncio.start_server(made.accept, sock=one) for one in (four, six)]
        yield made
        for server in servers:
            server.close()


class Indoors(WebhookClient):
    """A client behind a wall: what the guard lets out of this machine meets with no route."""

    def _open(self, info: aiohttp.AddrInfoType) -> socket.socket:
        opened = super()._open(info)
        with contextlib.suppress(ValueError):  # a name: the system would look it up here
            address = ip_address(str(info[4][0]))
            address = getattr(address, "ipv4_mapped", None) or address
            if not (address.is_loopback or address.is_unspecified):
                opened.close()
                raise OSError(errno.ENETUNREACH, "no route")
        return opened


async def attempt(url: str, settings: Settings, *, resolver: AbstractResolver | None = None) -> Attempt:
    """One delivery by a client of its own."""
    client = Indoors(settings, resolver=resolver)
    try:
        return await delivered(client, url)
    finally:
        await client.close()


def cases(attacks: Iterable[str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("name", list(attacks))


@cases(ATTACKS)
async def test_an_attack_by_address_makes_no_connection(listener: Listener, name: str) -> None:
    url = ATTACKS[name].url.replace("PORT", str(listener.port))
    tried = await attempt(url, GUARDED, resolver=Neighbourhood(["127.0.0.1"]))
    assert tried[:2] == (Outcome.RETRY, None)
    assert re.fullmatch(r"the address \S+ is not allowed|not a web address|only https is allowed", tried.answer)
    assert await listener.connections() == 0


@cases(name for name, attack in ATTACKS.items() if attack.reaches)
async def test_without_the_guard_an_attack_by_address_reaches_us(listener: Listener, name: str) -> None:
    url = ATTACKS[name].url.replace("PORT", str(listener.port))
    await attempt(url, OPEN, resolver=Neighbourhood(["127.0.0.1"]))
    assert await listener.connections() == 1


@cases(ATTACKS)
def test_an_attack_by_address_is_refused_at_registration(name: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check_url(ATTACKS[name].url.replace("PORT", "8443"), GUARDED)
    assert refused.value.extra["errors"][0]["field"] == "body.url"


@cases(DNS_ATTACKS)
async def test_an_attack_by_dns_makes_no_connection(listener: Listener, name: str) -> None:
    names = Names(DNS_ATTACKS[name])
    url = f"https://shop.example:{listener.port}/"
    check_url(url, GUARDED)
    tried = await attempt(url, GUARDED, resolver=names)
    assert tried[:2] == (Outcome.RETRY, None)
    if NOWHERE not in DNS_ATTACKS[name]:
        assert re.fullmatch(r"the address \S+ is not allowed", tried.answer)
    assert await listener.connections() == 0
    assert names.asked == 1


@cases(name for name, answer in DNS_ATTACKS.items() if HERE.intersection(answer))
async def test_without_the_guard_an_attack_by_dns_reaches_us(listener: Listener, name: str) -> None:
    here = [one for one in DNS_ATTACKS[name] if one in HERE]
    await attempt(f"https://shop.example:{listener.port}/", OPEN, resolver=Names(here))
    assert await listener.connections() >= 1


@pytest.mark.parametrize("first", [[NOWHERE], ["127.0.0.1"]], ids=["public first", "private first"])
async def test_dns_that_changes_between_two_questions_makes_no_connection(
    listener: Listener, first: list[str]
) -> None:
    names = Names(first, ["127.0.0.1"], [NOWHERE, "::1"], ["::1"])
    for asked in range(1, 5):
        tried = await attempt(f"https://shop.example:{listener.port}/", GUARDED, resolver=names)
        assert (tried.status, names.asked) == (None, asked)
    assert await listener.connections() == 0


@pytest.mark.parametrize("host", ["localhost", "0x7f000001"])
async def test_the_real_dns_makes_no_connection_either(listener: Listener, host: str) -> None:
    url = f"https://{host}:{listener.port}/"
    assert (await attempt(url, GUARDED)).answer.endswith("is not allowed")
    assert await listener.connections() == 0
    await attempt(url, OPEN)
    assert await listener.connections() >= 1


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
async def test_a_redirect_makes_no_connection(listener: Listener, code: int, host: str) -> None:
    location = f"Location: http://{host}:{listener.port}/\r\nRefresh: 0; url=http://{host}:{listener.port}/"
    answer = f"HTTP/1.1 {code} There\r\n{location}\r\nContent-Length: 0\r\n\r\n".encode()
    async with receiving(answer) as receiver:
        tried = await attempt(f"http://127.0.0.1:{receiver.port}/", OPEN)
    assert tried.status == code
    assert await listener.connections() == 0


async def test_the_guard_lets_a_public_address_through() -> None:
    tried = await attempt("https://shop.example/", GUARDED, resolver=Names([NOWHERE]))
    assert tried.status is None
    assert "unreachable" in tried.answer


async def test_of_a_name_with_a_thousand_addresses_few_are_tried(listener: Listener) -> None:
    names = Names([f"127.0.{n // 250}.{n % 250 + 1}" for n in range(1000)])
    opened = CountingClient(GUARDED, resolver=names)
    tried = await delivered(opened, f"https://shop.example:{listener.port}/")
    await opened.close()
    assert tried.answer.endswith("is not allowed")
    assert len(set(opened.addresses)) == 16
    assert await listener.connections() == 0


class CountingClient(Indoors):
    """Notes for which addresses it was asked to open a socket."""

    def __init__(self, settings: Settings, *, resolver: AbstractResolver | None = None) -> None:
        self.addresses: list[str] = []
        super().__init__(settings, resolver=resolver)

    def _open(self, info: aiohttp.AddrInfoType) -> socket.socket:
        self.addresses.append(info[4][0])
        return super()._open(info)


async def test_every_connection_passes_the_guard_once() -> None:
    async with receiving(status(200)) as receiver:
        for host in ("127.0.0.1", "shop.example"):
            client = CountingClient(OPEN, resolver=Names(["::1", "127.0.0.1"]))
            for _ in range(3):
                assert (await delivered(client, f"http://{host}:{receiver.port}/")).status == 200
            await client.close()
            # Nobody listens on ::1 there, so both addresses of the name are tried, and the second is used thrice.
            assert client.addresses == (["127.0.0.1"] if host == "127.0.0.1" else ["::1", "127.0.0.1"])


@pytest.mark.parametrize(
    "address",
    [
        *("1.0.0.0", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255"),
        *("128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255"),
        *("192.0.1.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255"),
        *("2001:200::1", "2001:4860:4860::8888", "2003::1", "2606:4700:4700::1111", "2a00:1450::1", NOWHERE),
        *("::ffff:8.8.8.8", "64:ff9b::8.8.8.8"),
    ],
)
def test_the_neighbours_of_special_ranges_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        *(
            "https://shop.example/hook",
            "https://shop.example:8443/a?b=c",
            "https://8.8.8.8/",
            "HTTPS://Shop.Example",
        ),
        *(
            "https://[2606:4700:4700::1111]/",
            "https://shop.example./",
            "https://bücher.example/",
            "https://a_b.io/",
        ),
        *(
            "https://localhost.example/",
            "https://internal.example/",
            "https://1e1.example/",
            "https://10.example/",
        ),
    ],
)
def test_a_public_address_may_be_registered(url: str) -> None:
    check_url(url, GUARDED)


@cases(name for name, attack in ATTACKS.items() if attack.reaches)
def test_for_development_a_private_address_may_be_registered(name: str) -> None:
    check_url(ATTACKS[name].url.replace("PORT", "8443"), OPEN)
