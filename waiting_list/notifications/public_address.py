"""Check the addresses of webhooks: only public ones, so that no webhook reaches into a private network."""

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from waiting_list.problems import InvalidRequest
from waiting_list.settings import Settings

# Global unicast in IPv6 (RFC 4291, IANA). Outside of it, only addresses that stand for an IPv4 address can be
# public.
_UNICAST = ip_network("2000::/3")
# IPv6 addresses that reach IPv4 through a translator (RFC 6052).
_NAT64 = ip_network("64:ff9b::/96")
# Not public either, though ipaddress in some Python 3.11 says so, or cannot know. In order: protocol assignments;
# the anycast relay of 6to4; the platform's own address on Azure; protocol assignments, among them Teredo; 6to4;
# documentation (RFC 9637).
_SPECIAL = tuple(
    map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16", "2001::/23", "2002::/16", "3fff::/20"))
)
_HOST_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+")
_INTERNAL_NAMES = (".localhost", ".internal", ".local")


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Return whether an address is on the public Internet: global unicast by IANA's registries.

    An IPv6 address that stands for an IPv4 address (mapped, or NAT64) counts as that IPv4 address. Tunnels (6to4,
    Teredo) and addresses with a zone are never public.
    """
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return False
        embedded = IPv4Address(address.packed[-4:]) if address in _NAT64 else address.ipv4_mapped
        if embedded is not None:
            return is_public(embedded)
        if address not in _UNICAST:
            return False
    # is_global says yes to multicast.
    return address.is_global and not address.is_multicast and not any(address in one for one in _SPECIAL)


def is_public_host(host: str) -> bool:
    """Return whether a host, as the resolver gave it, is an address of the public Internet."""
    try:
        return is_public(ip_address(host))
    except ValueError:
        # A name is refused, because the event loop would look it up again, past this check.
        return False


def check_url(url: str, settings: Settings) -> None:
    """Refuse a webhook's address that deliveries would never reach: not https, or a host that is not public.

    This check helps an organizer who mistypes. It does not look names up: the real guard is in WebhookClient, as
    it connects. Raises InvalidRequest.
    """
    # Late, because only those who make a webhook need it.
    from yarl import URL  # noqa: PLC0415

    try:
        parts = URL(url)
        host = (parts.host or "").rstrip(".")
        name = (parts.raw_host or "").rstrip(".").lower()
    except ValueError:
        raise InvalidRequest.of("body.url", "must be a web address") from None
    if settings.webhook_private_addresses:
        return
    if parts.scheme != "https":
        raise InvalidRequest.of("body.url", "must begin with https://")
    literal = _literal(host)
    if literal is not None:
        public = is_public(literal)
    else:
        public = _HOST_NAME.fullmatch(name) is not None and not name.endswith(_INTERNAL_NAMES)
    if not public:
        raise InvalidRequest.of("body.url", "must lead to a host on the public Internet")


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    """Return a host as the address that the C library reads in it: also 127.1, 0x7f000001 or 2130706433."""
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None
