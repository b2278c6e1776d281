"""Fold e-mail addresses that lead to one mailbox, so that limits and promises count mailboxes and not spellings.

The key serves only to compare and count; e-mails go to the given address. Each source is a provider's own page:

- Capitals make no difference. A domain counts in its ASCII form (UTS 46), so `bücher.example` is
  `xn--bcher-kva.example`.
- Everywhere, the part after a `+` is a tag (RFC 5233 calls it a subaddress). Gmail, Outlook, iCloud, Fastmail and
  Proton do so. A server may give another meaning to the `+`; then two of its users count as one, unless the caller
  keeps tags.
- Gmail ignores dots, and googlemail.com is gmail.com: support.google.com/mail/answer/7436150.
- Yahoo: `name-tag` is a disposable address, and no other name has a hyphen: Yahoo's help on disposable addresses,
  and its patent application US 2006/0041621.
- Proton ignores dots, hyphens and underscores (`removeEmailAlias` of its web client), and keeps a name for one
  person at all its domains: proton.me/support/addresses-and-aliases.
- iCloud gives an address of me.com or mac.com its twin at icloud.com: support.apple.com/118230.
- Fastmail: `tag@name.fastmail.com` is `name+tag@fastmail.com`: its help on subdomain addressing.
- Yandex gives a name to one person at all its domains: yandex.com/support/id/authorization/email.html.
"""

import re
from functools import lru_cache

from waiting_list.email_addresses import split

_DOMAINS = {
    "googlemail.com": "gmail.com",
    "me.com": "icloud.com",
    "mac.com": "icloud.com",
    "pm.me": "proton.me",
    "protonmail.com": "proton.me",
    "protonmail.ch": "proton.me",
    "ya.ru": "yandex.ru",
    "yandex.com": "yandex.ru",
    "yandex.by": "yandex.ru",
    "yandex.kz": "yandex.ru",
    "yandex.ua": "yandex.ru",
}
_YAHOO = re.compile(r"yahoo\.(com?\.)?[a-z]{2}|yahoo\.com|ymail\.com|rocketmail\.com|myyahoo\.com")
_FASTMAIL = re.compile(r"(?P<name>[^.@]+)\.(?P<domain>fastmail\.(com|fm))")


@lru_cache(maxsize=10_000)
def mailbox(email: str, *, ignore_tags: bool = True) -> str:
    """Return the key of the mailbox that an address leads to: lower case, ASCII, without tags.

    Without `ignore_tags`, an address with another tag has another key. The mailbox of a mailbox is itself. For a
    text that is no address, the key is the text in lower case.
    """
    found = split(email)
    if found is None:
        return email.lower()
    name, domain = (part.lower() for part in found)
    if within := _FASTMAIL.fullmatch(domain):
        name, domain = f"{within['name']}+{name}", within["domain"]
    domain = _DOMAINS.get(domain, domain)
    tagged, name = name, _before(name, "+")
    tag = "" if ignore_tags else tagged.removeprefix(name)
    if domain == "gmail.com":
        name = name.replace(".", "")
    elif domain == "proton.me":
        name = re.sub("[._-]", "", name) or name
    elif ignore_tags and _YAHOO.fullmatch(domain):
        name = _before(name, "-")
    return f"{name}{tag}@{domain}"


def _before(name: str, sign: str) -> str:
    # A name that begins with the sign has no tag, because an address needs a name.
    return name.partition(sign)[0] or name
