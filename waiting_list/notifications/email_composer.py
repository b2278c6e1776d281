"""Compose an e-mail at the moment of sending: check that it is still true, and fill in the current facts."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID

from waiting_list import page_addresses as to
from waiting_list.access import member_links
from waiting_list.access.email_sign_in import SignIn, sign_in_token
from waiting_list.access.private_links import link_hash, link_token, verification_code
from waiting_list.access.purchase_passes import PurchasePasses
from waiting_list.access.signing_keys import SigningKeys
from waiting_list.access.transfers import transfer_token
from waiting_list.i18n import in_language, offered, spoken
from waiting_list.lists.list_state import ListStatus, list_state
from waiting_list.lists.models import Entry, LeftReason, Status
from waiting_list.lists.notice_kinds import EmailKind
from waiting_list.looks import look_of_sender
from waiting_list.notifications.email_rendering import EmailContext, EmailRenderer
from waiting_list.notifications.letter_wishes import LetterWish, read_letter_wishes
from waiting_list.notifications.suppressions import suppressed, unsubscribe_code
from waiting_list.notifications.wording import words_for
from waiting_list.postgres.pool import Pool, Record, connection
from waiting_list.postgres.statements import sql
from waiting_list.settings import Settings

ABOUT_TRANSFERS = (EmailKind.TRANSFER_OFFERED, EmailKind.TRANSFERRED)
"""The letters about a place that a fan gives to another person. They do not go to the contact of its entry."""
NO_RECIPIENT = "the e-mail has no recipient any longer"
"""The reason not to send if the fan was erased, has no address any longer, or has unsubscribed."""


class EmailComposer:
    """Compose the e-mails of claimed notices. Each process has one."""

    def __init__(self, pool: Pool, settings: Settings, signing_keys: SigningKeys) -> None:
        self._pool = pool
        self._public_url = settings.public_url
        self._signing_keys = signing_keys
        self._purchase_passes = PurchasePasses(signing_keys)
        self._renderer = EmailRenderer(settings)

    async def read_entries(self, list_id: UUID, numbers: Sequence[int | None]) -> dict[int, Mapping[str, Any]]:
        """Return the facts for e-mails about entries of a list, by number, for each entry with a contact.

        The private links of these entries work from now on. `subscribed` is false if the mailbox has unsubscribed
        from the organization. Raises Unavailable.
        """
        wanted = [number for number in numbers if number is not None]
        if not wanted:
            return {}
        secret = await self._signing_keys.derived_secret()
        async with connection(self._pool) as acquired:
            found = await acquired.fetch(sql("read_letter_facts"), list_id, wanted)
            if new := [one for one in found if not one["has_link"]]:
                named = [(one["number"], one["link_version"]) for one in new]
                hashes = [link_hash(link_token(secret, list_id, *one)) for one in named]
                await acquired.execute(sql("make_links"), list_id, *map(list, zip(*named, strict=True)), hashes)
            silent: set[str] = set()
            if found:
                emails = {one["email"] for one in found if one["email"]}
                silent = set(await suppressed(acquired, secret, found[0]["organization_id"], emails))
        wishes = await read_letter_wishes(self._pool, found)
        words = json.loads(next((one["wording"] for one in found if one["wording"]), "[]"))
        return {
            one["number"]: dict(one)
            | {
                "subscribed": one["subscribed"] and one["email"] not in silent,
                "wording": words,
                "wish": wishes.get(one["number"]),
            }
            for one in found
        }

    async def read_messages(self, list_id: UUID, notices: Sequence[Record]) -> dict[str, Record]:
        """Return what the organizer's messages among these notices say, by the notice's body. Raises
        Unavailable."""
        wanted = {notice["body"] for notice in notices if notice["type"] == EmailKind.MESSAGE}
        if not wanted:
            return {}
        async with connection(self._pool) as acquired:
            found = await acquired.fetch(sql("read_messages"), list_id, [UUID(one) for one in wanted])
        return {str(one["message_id"]): one for one in found}

    async def read_alerts(self, list_id: UUID, notices: Sequence[Record]) -> dict[str, Mapping[str, Any]]:
        """Return the facts for the letters among these notices that say that a list is open, by the notice's body.

        `subscribed` is false if the mailbox has unsubscribed from the organization, and `open` if the list takes
        no fans any more. Raises Unavailable.
        """
        wanted = [UUID(notice["body"]) for notice in notices if notice["type"] == EmailKind.OPENED]
        if not wanted:
            return {}
        secret = await self._signing_keys.derived_secret()
        async with connection(self._pool) as acquired:
            found = await acquired.fetch(sql("read_alerts"), list_id, wanted)
            emails = {one["email"] for one in found}
            organization_id = found[0]["organization_id"] if found else ""
            silent = await suppressed(acquired, secret, organization_id, emails)
        return {
            str(one["alert_id"]): dict(one)
            | {
                "subscribed": one["email"] not in silent,
                "open": list_state(one.__getitem__, one["now"]).list_state is ListStatus.OPEN,
            }
            for one in found
        }

    async def read_transfers(self, list_id: UUID, notices: Sequence[Record]) -> dict[str, Mapping[str, Any]]:
        """Return the facts for the letters about places that fans give to others, by the notice's body.

        `subscribed` is false if the mailbox has unsubscribed from the organization. Raises Unavailable.
        """
        wanted = [UUID(notice["body"]) for notice in notices if notice["type"] in ABOUT_TRANSFERS]
        if not wanted:
            return {}
        secret = await self._signing_keys.derived_secret()
        async with connection(self._pool) as acquired:
            found = await acquired.fetch(sql("read_transfers"), list_id, wanted)
            emails = {one["email"] for one in found if one["email"]}
            organization_id = found[0]["organization_id"] if found else ""
            silent = await suppressed(acquired, secret, organization_id, emails)
        return {
            str(one["transfer_id"]): dict(one) | {"list_id": list_id, "subscribed": one["email"] not in silent}
            for one in found
        }

    async def compose_transfer(self, notice: Record, about: Mapping[str, Any]) -> EmailMessage:
        """Return the e-mail that offers a place, or says that one was given on. Raises Unavailable."""
        secret = await self._signing_keys.derived_secret()
        code = unsubscribe_code(secret, about["organization_id"], about["email"])
        stop = to.address(to.STOP_EMAILS, organization_id=about["organization_id"], mail_code=code)
        link = None
        if notice["type"] == EmailKind.TRANSFER_OFFERED:
            link = to.address(to.TRANSFER, token=transfer_token(secret, about["list_id"], UUID(notice["body"])))
        held = about["status"] == Status.READY
        context = EmailContext(
            **{name: about[name] for name in (*_OPENED_FIELDS, "number", "tickets_wanted", "tickets_held")},
            locale=_locale(about),
            footer=json.loads(about["footer"] or "{}"),
            **look_of_sender(about, self._public_url),
            ready_until=about["ready_until"] if held else None,
            offered_until=about["expires_at"],
            link=link and self._public_url + link,
            unsubscribe_link=self._public_url + stop,
        )
        return self._renderer.render(EmailKind(notice["type"]), context, notice_id=notice["notice_id"])

    async def compose_opened(self, notice: Record, about: Mapping[str, Any]) -> EmailMessage:
        """Return the e-mail that says that a list takes fans. Raises Unavailable."""
        secret = await self._signing_keys.derived_secret()
        organization_id = about["organization_id"]
        code = unsubscribe_code(secret, organization_id, about["email"])
        stop = to.address(to.STOP_EMAILS, organization_id=organization_id, mail_code=code)
        key = {name: about[name] for name in ("offer_id", "representation_id")}
        context = EmailContext(
            **{name: about[name] for name in _OPENED_FIELDS},
            locale=_locale(about),
            footer=json.loads(about["footer"] or "{}"),
            **look_of_sender(about, self._public_url),
            link=self._public_url + to.address(to.LIST, **key),
            unsubscribe_link=self._public_url + stop,
        )
        return self._renderer.render(EmailKind.OPENED, context, notice_id=notice["notice_id"])

    async def compose(self, notice: Record, about: Mapping[str, Any], said: Record | None = None) -> EmailMessage:
        """Return the e-mail to the fan of an entry; `said` is an organizer's message. Raises Unavailable."""
        secret = await self._signing_keys.derived_secret()
        entry = await self._purchase_passes.with_pass(Entry.from_record(about))
        list_id, number = about["list_id"], entry.number
        token = link_token(secret, list_id, number, about["link_version"])
        link = self._public_url + to.address(to.PRIVATE_LINK, token=token)
        code = unsubscribe_code(secret, about["organization_id"], about["email"])
        verify_link = None
        if about["unverified"] and (about["verify_email"] or about["by_email"]):
            verify_code = verification_code(secret, list_id, number, about["email"])
            verify_link = to.below(link, to.VERIFY, code=verify_code)
        locale = _locale(about)
        context = EmailContext(
            **{name: about[name] for name in _SHOWN_FIELDS},
            **_before(notice),
            locale=locale,
            footer=json.loads(about["footer"] or "{}"),
            **look_of_sender(about, self._public_url),
            **words_for(about["wording"], EmailKind(notice["type"]), locale),
            requeued=entry.status is Status.WAITING,
            link=link,
            unsubscribe_link=to.unsubscribe(link, code),
            verify_link=verify_link,
            must_verify=about["verify_email"],
            calendar_link=to.below(link, to.CALENDAR),
            proof_link=f"{link}#proof" if about["public_ledger"] else None,
            buy_link=to.buy_link(about["purchase_url"], entry.purchase_pass, entry.tickets_held),
            **_message(said, locale),
            **_wish(about["wish"]),
        )
        return self._renderer.render(EmailKind(notice["type"]), context, notice_id=notice["notice_id"])

    async def compose_sign_in(self, notice: Record) -> EmailMessage | None:
        """Return the e-mail with the link to sign in; None if the link was used or has expired.

        Raises Unavailable.
        """
        async with connection(self._pool) as acquired:
            record = await acquired.fetchrow(sql("read_sign_in"), notice["notice_id"])
        if record is None:
            return None
        asked, sender = SignIn.from_record(record), {name: record[name] for name in _SENDER_FIELDS}
        token = sign_in_token(await self._signing_keys.derived_secret(), notice["notice_id"])
        context = EmailContext(
            organization_id=asked.organization_id,
            locale=_locale(record),
            email=asked.email,
            **sender,
            footer=json.loads(record["footer"] or "{}"),
            **look_of_sender(record, self._public_url),
            link=self._public_url + to.address(to.SIGN_IN_LINK, token=token),
        )
        return self._renderer.render(EmailKind.SIGN_IN, context, notice_id=notice["notice_id"])

    async def compose_member_link(self, notice: Record) -> EmailMessage | None:
        """Return the e-mail with the link that signs a member in; None if the link was used or has expired, or the
        member is gone. Raises Unavailable."""
        link = await member_links.known_link(self._pool, notice["notice_id"])
        if link is None:
            return None
        token = member_links.link_token(await self._signing_keys.derived_secret(), link.link_id)
        new = next((one for one in link.members if link.is_invitation and not one["joined_at"]), None)
        context = EmailContext(
            organization_id=str(link.members[0]["organization_id"]),
            locale=link.locale,
            email=link.email,
            link=self._public_url + to.address(to.DASHBOARD_SIGN_IN_LINK, token=token),
            invited_to=str(new["organization_name"]) if new else None,
            invited_as=str(new["role"]) if new else None,
        )
        return self._renderer.render(EmailKind.MEMBER_LINK, context, notice_id=notice["notice_id"])

    def compose_webhook_disabled(self, notice: Record) -> EmailMessage:
        """Return the e-mail to an organizer whose webhook was disabled."""
        body = json.loads(notice["body"])
        since = datetime.fromisoformat(body.pop("since"))
        return self._renderer.render_webhook_disabled(**body, since=since, notice_id=notice["notice_id"])


def _locale(record: Record | Mapping[str, Any]) -> str | None:
    """Return the fan's language if the organization offers it, else the organization's own."""
    languages, locale = record["languages"], record["locale"]
    return offered(languages, spoken(locale)) if languages else locale


def _before(notice: Record) -> dict[str, Any]:
    """Return what an e-mail about a change says of the time before it."""
    if notice["type"] != EmailKind.CHANGED:
        return {}
    kept = json.loads(notice["body"])
    was = {name: kept["before"].get(name) for name in ("start_datetime", "venue_name", "venue_address")}
    was["ready_until"] = kept["ready_until_before"]
    instants = ("start_datetime", "ready_until")
    return {
        f"{name}_before": datetime.fromisoformat(value) if name in instants and value else value
        for name, value in was.items()
    }


def _wish(wish: LetterWish | None) -> dict[str, Any]:
    """Return what the context of a letter has of the entry's wish, if there are other places."""
    return {"wish_choice": wish.choice, "wish_places": wish.others} if wish else {}


def _message(said: Record | None, locale: str | None) -> dict[str, Any]:
    """Return what the context of a message has besides: its subject and text in the fan's language."""
    if said is None:
        return {}
    subject, text = (in_language(json.loads(said[name]), locale) for name in ("subject", "content"))
    return {"message_subject": subject, "message_lines": tuple(text.splitlines())}


def reason_not_to_send(notice: Record, about: Mapping[str, Any]) -> str | None:  # noqa: PLR0911, PLR0912 - one for each reason
    """Return why an e-mail is no longer true or needed; None if the worker should send it."""
    if about["email"] is None or not about["subscribed"]:
        return NO_RECIPIENT
    status, left_reason = about["status"], about["left_reason"]
    to_verify = about["unverified"] and about["verify_email"]
    # The hold that the e-mail is about, not a later one of the same entry.
    same_hold = status == Status.READY and about["ready_at"] <= notice["created_at"]
    match EmailKind(notice["type"]):
        case EmailKind.MESSAGE if status == Status.LEFT:
            return "the fan has left the list"
        case EmailKind.JOINED | EmailKind.REVOKED if status != Status.WAITING:
            return "the fan no longer waits"
        case EmailKind.CHANGED if status == Status.LEFT:
            return "the fan has left the list"
        case EmailKind.READY | EmailKind.REMINDER | EmailKind.EXTENDED if (
            not same_hold or about["now"] >= about["ready_until"]
        ):
            return "the hold is over"
        case EmailKind.EXPIRED if status == Status.READY or left_reason not in (None, LeftReason.EXPIRED):
            return "the entry has changed since"
        case EmailKind.VERIFY if status == Status.LEFT or not to_verify:
            return "the address no longer needs verification"
        case EmailKind.JOINED if about["wish"] and about["wish"].is_announced_elsewhere:
            return "the e-mail of another place of the wish names this one"
        case EmailKind.JOINED if notice["created_at"] < about["told_at"]:
            return "a newer e-mail says that the fan joined"
        case EmailKind.VERIFY if notice["created_at"] < about["asked_at"]:
            return "a newer e-mail asks for the verification"
        case EmailKind.REMINDER if about["reminder_minutes"] is None:
            return "the list no longer sends reminders"
        case kind if to_verify and kind not in (EmailKind.JOINED, EmailKind.VERIFY):
            return "the address is not verified yet"
        case _:
            return None


def may_wait(notice: Record, about: Mapping[str, Any]) -> bool:
    """Return whether an e-mail about an entry can come an hour later and cost no fan a ticket.

    An e-mail about a hold cannot. One to verify an address has limits of its own.
    """
    urgent = (EmailKind.READY, EmailKind.REMINDER, EmailKind.EXPIRED, EmailKind.EXTENDED, EmailKind.VERIFY)
    return notice["type"] not in urgent and about["status"] != Status.READY


def seconds_until_due(notice: Record, about: Mapping[str, Any]) -> float | None:
    """Return in how many seconds a reminder is due, if its deadline has moved away since it was planned."""
    if notice["type"] != EmailKind.REMINDER or about["reminder_minutes"] is None:
        return None
    before = timedelta(minutes=about["reminder_minutes"])
    seconds = (about["ready_until"] - before - about["now"]).total_seconds()
    return seconds if seconds > before.total_seconds() / 2 else None


_SENDER_FIELDS = ("sender_name", "reply_to", "organizer_contact")
_OPENED_FIELDS = (
    *_SENDER_FIELDS,
    "organization_id",
    "email",
    "event_title",
    "venue_name",
    "venue_address",
    "timezone",
    "offer_name",
    "start_datetime",
)
_SHOWN_FIELDS = (
    *_OPENED_FIELDS,
    "name",
    "email_verified",
    "cancelled",
    "cancelled_reason",
    "number",
    "position",
    "tickets_ahead",
    "draws_at",
    "tickets_wanted",
    "tickets_minimum",
    "tickets_held",
    "ready_until",
)
