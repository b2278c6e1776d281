"""Render e-mails: from a context and a template to a message. This module uses no database and no transport.

`notifications/templates` has the texts: for each kind a `.txt`, whose first line is the subject, and a `.html`.
Text of a fan or an organizer is data only: the renderer removes control characters and characters that turn the
direction of text, escapes HTML, and lets the `email` package make headers from parts, never from spliced text.

An e-mail comes in the organizer's name, so a fan must not send a text of their own to strangers. Before the
address is verified, an e-mail has no text of the fan. After that it has their name, unless the name contains a
web address.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import parseaddr
from functools import lru_cache
from pathlib import Path
from traceback import extract_tb
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from jinja2 import TemplateError
from jinja2.sandbox import SandboxedEnvironment

from waiting_list.email_addresses import split
from waiting_list.fields import Locale
from waiting_list.i18n import environment, in_language, known, shown_instant
from waiting_list.lists.notice_kinds import EmailKind
from waiting_list.looks import OURS, Palette, logo_in_email
from waiting_list.notifications.letter_wishes import OtherPlace
from waiting_list.notifications.placeholders import filled
from waiting_list.settings import Settings

log = structlog.get_logger(__name__)

_LONGEST = 200
"""The most characters of a name or title in an e-mail."""
_LONGEST_TEXT = 10_000
"""The most characters of a line of an organizer's message."""
_LONGEST_NAME = 100
"""The most characters of a person's name in the header To."""
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")
_SPACES = re.compile(" {2,}")
_LINK = re.compile(r"https?://[!-~]+")
_BLANK_LINES = re.compile(r"\n\s*\n\s*\n")
_SUBJECT = "Subject: "
_DOTS = str.maketrans(
    dict.fromkeys("\u3002\u00b7\u0701\u0702\u06d4\u2e31\u2e33\ua4f8\u2027\u2219\u22c5\u30fb", ".")
)
"""Characters that browsers (UTS 46) or readers take for the dot of a domain."""
_WEB_ADDRESS = re.compile(r"[/\\:@]|\bwww\b|\w\s*\.(\w{2}|[^\W\x00-\x7f])", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class EmailContext:
    """The facts that an e-mail to a fan may show. Templates omit facts that are None.

    `number` is the arrival number, and with `requeued` the new one. `position` and `tickets_ahead` are exact at
    the moment of sending; before a draw, which `draws_at` announces, they are None. `link` is the fan's private
    page. `buy_link` is where the fan buys the held tickets, and `calendar_link` the calendar file of the entry.
    `proof_link` is where the fan gets receipts from the ledger.
    Templates see neither `name` nor `email` until `email_verified`. `sender_name`, `reply_to`,
    `organizer_contact`, `logo_link`, `colors` and `footer`, by language, are the organization's. `own_subject` and
    `own_opening` are the organizer's words, with placeholders; None: ours. A member who has yet to join is
    `invited_to` an organization, `invited_as` a role. `wish_places` are the fan's other places of the same wish.
    """

    organization_id: str
    locale: str | None
    email: str
    email_verified: bool = False
    name: str | None = None
    event_title: str | None = None
    offer_name: str | None = None
    venue_name: str | None = None
    venue_address: str | None = None
    timezone: str = "UTC"
    start_datetime: datetime | None = None
    number: int | None = None
    position: int | None = None
    tickets_ahead: int | None = None
    draws_at: datetime | None = None
    tickets_wanted: int = 1
    tickets_minimum: int = 1
    tickets_held: int = 0
    ready_until: datetime | None = None
    start_datetime_before: datetime | None = None
    venue_name_before: str | None = None
    venue_address_before: str | None = None
    ready_until_before: datetime | None = None
    offered_until: datetime | None = None
    requeued: bool = False
    cancelled: bool = False
    cancelled_reason: str | None = None
    link: str | None = None
    buy_link: str | None = None
    calendar_link: str | None = None
    proof_link: str | None = None
    verify_link: str | None = None
    must_verify: bool = True
    unsubscribe_link: str | None = None
    sender_name: str | None = None
    reply_to: str | None = None
    organizer_contact: str | None = None
    logo_link: str | None = None
    colors: Palette | None = None
    footer: Mapping[str, str] = field(default_factory=dict)
    own_subject: str | None = None
    own_opening: str | None = None
    message_subject: str | None = None
    message_lines: tuple[str, ...] = ()
    invited_to: str | None = None
    invited_as: str | None = None
    wish_choice: str | None = None
    wish_places: tuple[OtherPlace, ...] = ()


class _OneLineHeader(UnstructuredHeader, BaseHeader):
    """A header that stays on one line, because the library would hide a long address in encoded words."""

    def fold(self, *, policy: "Policy[Any]") -> str:
        return f"{self.name}: {self}{policy.linesep}"


_HEADERS = HeaderRegistry()
_HEADERS.map_to_type("List-Unsubscribe", _OneLineHeader)
_POLICY = SMTP.clone(header_factory=_HEADERS, cte_type="7bit")


class EmailRenderer:
    """Render the e-mails of a deployment."""

    def __init__(self, settings: Settings) -> None:
        self.public_url = settings.public_url
        name, address = parseaddr(settings.mail_from)
        self._from = Address(_plain(name), addr_spec=address)
        self._host = (urlsplit(settings.public_url).hostname or "localhost").encode("idna").decode()
        if ":" in self._host:
            self._host = f"[{self._host}]"
        self._template_folder = settings.template_folder
        self._failed: set[tuple[str, str]] = set()

    def render(self, kind: EmailKind, context: EmailContext, *, notice_id: UUID) -> EmailMessage:
        """Return the e-mail to the fan of this context, in their language.

        A notice that is sent again has the same Message-ID. With an `unsubscribe_link`, mail programs unsubscribe
        with one click (RFC 8058). If an organizer's template fails, the renderer logs it once and uses ours, so
        that the fan does not miss the offer. Raises ValueError if the context has no valid address.
        """
        return self._message(kind, _shown(context), context, notice_id=notice_id)

    def render_webhook_disabled(
        self,
        to: str,
        *,
        url: str,
        reason: str,
        since: datetime | None,
        notice_id: UUID,
        locale: str | None = None,
    ) -> EmailMessage:
        """Return the e-mail to an organizer whose webhook was disabled; `since` is when it began to fail. Raises
        ValueError if `to` is not an address."""
        context = EmailContext(organization_id="", locale=locale, email=to)
        shown = _shown(context) | {"url": _plain(url, longest=2000), "reason": _plain(reason), "since": since}
        return self._message(EmailKind.WEBHOOK_DISABLED, shown, context, notice_id=notice_id)

    def _message(
        self, kind: EmailKind, shown: dict[str, Any], context: EmailContext, *, notice_id: UUID
    ) -> EmailMessage:
        locale = known(context.locale)
        words = _words(kind, context, shown, locale)
        shown["opening_lines"] = words["own_opening"].splitlines()
        subject, text, html = self._render_texts(kind, shown | {"locale": locale}, locale, context.organization_id)
        message = EmailMessage(policy=_POLICY)
        sender = _plain(context.sender_name or "", longest=_LONGEST_NAME) or self._from.display_name
        message["From"] = Address(sender, addr_spec=self._from.addr_spec)
        if context.reply_to:
            message["Reply-To"] = Address(addr_spec=_address(context.reply_to))
        message["To"] = Address(_plain(shown["name"], longest=_LONGEST_NAME), addr_spec=_address(context.email))
        message["Subject"] = words["own_subject"] or subject
        message["Date"] = datetime.now(UTC)
        message["Message-ID"] = f"<{notice_id}@{self._host}>"
        message["Auto-Submitted"] = "auto-generated"
        if shown["unsubscribe_link"]:
            message["List-Unsubscribe"] = f"<{shown['unsubscribe_link']}>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message.set_content(text, cte="quoted-printable")
        message.add_alternative(html, subtype="html", cte="quoted-printable")
        message["Content-Language"] = locale  # last, because setting the content removes it
        return message

    def _render_texts(
        self, kind: EmailKind, shown: dict[str, Any], locale: Locale, organization_id: str
    ) -> tuple[str, str, str]:
        ours = environment(locale)
        if self._template_folder is not None and organization_id:
            theirs = environment(locale, organization_id=organization_id, template_folder=self._template_folder)
            try:
                return _render_with(theirs, kind, shown)
            except Exception as error:
                if (organization_id, kind) not in self._failed:
                    self._failed.add((organization_id, kind))
                    # Only class and place, because the message of an error may quote the fan.
                    place = extract_tb(error.__traceback__)[-1]
                    log.warning(
                        "template_failing",
                        organization_id=organization_id,
                        letter=kind,
                        error=type(error).__name__,
                        place=f"{Path(place.filename).name}:{place.lineno}",
                    )
        return _render_with(ours, kind, shown)


def _render_with(templates: SandboxedEnvironment, kind: EmailKind, shown: dict[str, Any]) -> tuple[str, str, str]:
    """Return subject, text and HTML. Raises TemplateError, and any other error of a template."""
    first, _, text = templates.get_template(f"mail/{kind}.txt").render(shown).strip().partition("\n")
    if not first.startswith(_SUBJECT):
        raise TemplateError(f"the first line of mail/{kind}.txt does not begin with '{_SUBJECT}'")
    html = templates.get_template(f"mail/{kind}.html").render(shown)
    return _plain(first.removeprefix(_SUBJECT)), _BLANK_LINES.sub("\n\n", text.strip()) + "\n", html


def _words(kind: EmailKind, context: EmailContext, shown: Mapping[str, Any], locale: Locale) -> dict[str, str]:
    """Return the organizer's subject and opening with their facts; empty where the e-mail has our words."""
    # Whatever the words for the end of a list, nobody must read past a cancellation.
    cancelled = kind is EmailKind.ENDED and context.cancelled
    start, tickets = context.start_datetime, context.tickets_held or context.tickets_wanted
    facts = {
        "event": shown["event_title"] or "",
        "ticket_type": shown["offer_name"] or "",
        "date": shown_instant(start, context.timezone, locale=locale) if start else "",
        "venue": shown["venue_name"] or "",
        "tickets": str(tickets),
    }
    texts = {name: "" if cancelled else getattr(context, name) or "" for name in ("own_subject", "own_opening")}
    return {
        name: "\n".join(_plain(filled(line, facts), longest=_LONGEST_TEXT) for line in text.splitlines())
        for name, text in texts.items()
    }


def _shown(context: EmailContext) -> dict[str, Any]:
    """Return the values for templates: plain text, and only links to the web."""
    shown = {one.name: getattr(context, one.name) for one in fields(context)}
    for name, value in shown.items():
        if name.endswith("link"):
            shown[name] = value if value and _LINK.fullmatch(value) else None
        elif isinstance(value, str) and name != "timezone":
            shown[name] = _plain(value)
    shown["colors"] = context.colors or OURS
    shown["logo_size"] = logo_in_email(shown["logo_link"]) if shown["logo_link"] else None
    footer = in_language(context.footer, context.locale) if context.footer else ""
    shown["footer_lines"] = [_plain(line, longest=_LONGEST_TEXT) for line in footer.splitlines()]
    for name in ("footer", "own_subject", "own_opening"):
        del shown[name]
    shown["message_lines"] = [_plain(line, longest=_LONGEST_TEXT) for line in context.message_lines]
    shown["wish_places"] = [
        one._replace(event_title=_plain(one.event_title), offer_name=_plain(one.offer_name))
        for one in context.wish_places
    ]
    if not context.email_verified:
        shown["name"] = shown["email"] = ""
    elif context.name is None or has_web_address(context.name):
        shown["name"] = ""
    return shown


def has_web_address(text: str) -> bool:
    """Return whether a mail program or a reader could take a part of a name for a web address.

    That holds for a name with a slash, a colon, an at sign, or a dot right before two letters: `St. John` and `J.
    R. R.` are names, `Dr.Ada` is not. The check ignores accents and invisible characters, and knows other dots.
    """
    bare = "".join(
        one
        for one in unicodedata.normalize("NFKD", text)
        if unicodedata.category(one) not in ("Mn", "Me", "Cf", "Cc")
    )
    return _WEB_ADDRESS.search(bare.translate(_DOTS)) is not None


def _plain(text: str, *, longest: int = _LONGEST) -> str:
    """Return one line, without control characters and characters that turn the direction of text."""
    # Python before 3.12.5 decodes an encoded word in a header's text, line breaks included (CVE-2024-6923).
    text = text.replace("=?", "= ?")
    line = _SPACES.sub(" ", _CONTROLS.sub(" ", text)).strip()
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


@lru_cache(maxsize=1000)
def _address(text: str) -> str:
    """Return the address in ASCII, with an international domain in its encoded form."""
    found = split(text)
    if found is None:
        raise ValueError("not an e-mail address")
    return "@".join(found)
