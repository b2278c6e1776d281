"""Write what is pushed to a device: encrypted for it (RFC 8291), and signed for its push service (RFC 8292)."""

import base64
import hashlib
import json
import time
from collections.abc import Mapping
from gettext import NullTranslations
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from waiting_list import page_addresses as to
from waiting_list.access.signing_keys import PushKey
from waiting_list.fields import Locale
from waiting_list.i18n import known, offered, shown_instant, shown_time, spoken, translations
from waiting_list.lists.models import Entry
from waiting_list.notifications.turns import is_quiet
from waiting_list.postgres.pool import Record

_TOKEN_SECONDS = 12 * 3600
"""How long a push service may take a signature for valid; RFC 8292 allows a day."""
_LONGEST_SECONDS = 24 * 3600
"""How long a push service keeps what has no deadline for a device that is off."""
_SOON_SECONDS = 12 * 3600
"""Up to here a time needs no date."""
_TITLE = 100
"""The most characters of a title on a lock screen."""


class PushMessage(NamedTuple):
    """One message: the body and the headers that a push service takes."""

    body: bytes
    headers: dict[str, str]


def write_push(
    about: Mapping[str, Any], device: Record, *, link: str | None, key: PushKey, public_url: str, public_path: str
) -> PushMessage:
    """Return what to push about an entry that is ready: what a lock screen may show, and where it leads.

    The body is encrypted for the device, so that the push service can read neither. `link` is the path of the
    private link, for a device that came by it.
    """
    # Late, because most processes never push.
    from webpush import WebPush, WebPushSubscription  # type: ignore[import-untyped]  # noqa: PLC0415

    entry = Entry.from_record(about)
    languages, asked = about["languages"], about["locale"]
    locale = known(offered(languages, spoken(asked)) if languages else asked)
    texts = translations(locale)
    path = link or to.of_list(to.PLACE, entry)
    said = {
        "title": about["event_title"][:_TITLE],
        "body": _held(entry, about, texts, locale),
        "path": public_path + path,
        "tag": f"{about['list_id']} {entry.number}",
        "lang": locale,
        "silent": is_quiet(about),
    }
    subscription = WebPushSubscription.model_validate(
        {"endpoint": device["endpoint"], "keys": {"auth": device["auth"], "p256dh": device["p256dh"]}}
    )
    # Its own signature leaves out the port of the push service, so it is made below.
    sealed = WebPush(key.private_pem, key.public_pem, subscriber="nobody@invalid").get(
        json.dumps(said, ensure_ascii=False, separators=(",", ":")), subscription
    )
    until, now = entry.ready_until, about["now"]
    ttl = min(_LONGEST_SECONDS, max(0, int((until - now).total_seconds()))) if until else _LONGEST_SECONDS
    topic = base64.urlsafe_b64encode(hashlib.sha256(str(said["tag"]).encode()).digest())[:32].decode()
    headers = {
        "Authorization": signature(key, device["endpoint"], public_url=public_url),
        "Content-Type": "application/octet-stream",
        "Content-Encoding": "aes128gcm",
        "TTL": str(ttl),
        # A later message about this place replaces one that the device has not fetched.
        "Topic": topic,
        "Urgency": "high",
    }
    return PushMessage(sealed.encrypted, headers)


def signature(key: PushKey, endpoint: str, *, public_url: str) -> str:
    """Return the header that says who sends (RFC 8292), for the push service of an endpoint."""
    import jwt  # noqa: PLC0415 - as above

    parts = urlsplit(endpoint)
    claims = {
        "aud": parts._replace(path="", query="", fragment="").geturl(),
        "exp": int(time.time()) + _TOKEN_SECONDS,
        "sub": public_url,
    }
    return f"vapid t={jwt.encode(claims, key.private_pem, algorithm='ES256')}, k={key.public}"


def _held(entry: Entry, about: Mapping[str, Any], texts: NullTranslations, locale: Locale) -> str:
    until, zone, count = entry.ready_until, about["timezone"], entry.tickets_held
    if until is None:
        return texts.ngettext("%(num)s ticket is held for you.", "%(num)s tickets are held for you.", count) % {
            "num": count
        }
    if (until - about["now"]).total_seconds() < _SOON_SECONDS:
        return texts.ngettext(
            "%(num)s ticket is held for you until %(time)s.",
            "%(num)s tickets are held for you until %(time)s.",
            count,
        ) % {"num": count, "time": shown_time(until, zone, locale=locale)}
    return texts.ngettext(
        "%(num)s ticket is held for you until %(until)s.",
        "%(num)s tickets are held for you until %(until)s.",
        count,
    ) % {"num": count, "until": shown_instant(until, zone, locale=locale)}
