"""Write a message of an organizer to the fans of one or several lists: one letter for each person."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Annotated, Literal
from uuid import NAMESPACE_OID, uuid4, uuid5

from pydantic import Field, StringConstraints

from waiting_list.fields import NO_OTHER_NAMES, Flag, Frozen, LanguageTag, Text, Title
from waiting_list.lists import verbs
from waiting_list.lists.engine import Caller, Engine
from waiting_list.lists.idempotency import run_once, stored_response
from waiting_list.lists.models import EmailCounts, ListKey, Status
from waiting_list.lists.notice_kinds import EmailKind
from waiting_list.lists.queries.lists import shows
from waiting_list.lists.verbs.message import Message
from waiting_list.notifications.email_rendering import EmailContext, EmailRenderer
from waiting_list.notifications.organizations import organization
from waiting_list.notifications.suppressions import suppressed
from waiting_list.postgres.pool import Connection, Pool, connection, snapshot
from waiting_list.postgres.statements import sql
from waiting_list.problems import EventNotFound, InvalidRequest


class MessageFields(Frozen):
    """A message: to whom, and its subject and text in each language.

    `to` names the states of the entries. A fan gets the language of their entry, else English, else the first one.
    `preview` counts, and sends no e-mail. The history keeps the `reason`.
    """

    to: tuple[Literal[Status.WAITING, Status.READY], ...] = Field(min_length=1, max_length=2)
    subject: dict[LanguageTag, Annotated[Title, StringConstraints(max_length=200)]] = Field(
        min_length=1, max_length=20, json_schema_extra=NO_OTHER_NAMES
    )
    text: dict[LanguageTag, Annotated[Text, StringConstraints(min_length=1)]] = Field(
        min_length=1, max_length=20, json_schema_extra=NO_OTHER_NAMES
    )
    reason: Title | None = None
    preview: Flag = False


class EmailsOfList(EmailCounts):
    """How many letters a message makes in one list, and how many entries it leaves out."""

    offer_id: str
    representation_id: str


class EmailExample(Frozen):
    """How the letter of a message looks in one language: its subject and its plain text."""

    locale: str
    subject: str
    text: str


class MessageResult(Frozen):
    """What a message did, or would do: for all lists together, and for each.

    `message_id` is null for a preview, which has an example of the letter in each language.
    """

    message_id: str | None
    preview: bool
    emails: int
    lists: tuple[EmailsOfList, ...]
    examples: tuple[EmailExample, ...] = ()


async def lists_of_event(pool: Pool, organization_id: str, event_id: str) -> list[ListKey]:
    """Return the lists of an event, in the order of their keys. Raises EventNotFound, Unavailable."""
    async with snapshot(pool) as acquired:
        records = await acquired.fetch(sql("read_lists_to_write_to"), event_id, organization_id)
    if not records:
        raise EventNotFound("There is no such event.")
    return [ListKey(one["offer_id"], one["representation_id"]) for one in records if one["offer_id"] is not None]


async def examples(
    pool: Pool, renderer: EmailRenderer, key: ListKey, asked: MessageFields
) -> tuple[EmailExample, ...]:
    """Return how the letter of a message to the fans of a list looks, in each language. Raises Unavailable."""
    found = await shows(pool, [key])
    show = found[key]._asdict()
    cancelled = show.pop("cancelled_at") is not None
    del show["look"], show["end_datetime"], show["moved_from"], show["sale_link"]
    sender = await organization(pool, show["organization_id"])
    shown = {}
    for locale, text in asked.text.items():
        context = EmailContext(
            **show,
            sender_name=sender.sender_name,
            reply_to=sender.reply_to,
            footer=sender.footer,
            cancelled=cancelled,
            locale=locale,
            email="fan@example.org",
            message_subject=asked.subject[locale],
            message_lines=tuple(text.splitlines()),
        )
        letter = renderer.render(EmailKind.MESSAGE, context, notice_id=NAMESPACE_OID)
        plain = letter.get_body(("plain",))
        assert plain is not None
        shown[locale] = EmailExample(locale=locale, subject=letter["Subject"], text=plain.get_content())
    return tuple(shown.values())


async def send(
    engine: Engine,
    pool: Pool,
    secret: bytes,
    keys: Sequence[ListKey],
    caller: Caller,
    asked: MessageFields,
    *,
    most: int,
    numbers: Collection[int] | None = None,
) -> tuple[MessageResult, bool]:
    """Write the letters of a message, list by list, and return how many; a preview rolls each back.

    With `numbers`, only these entries get it.

    A person gets one letter, also in several lists. If the call is interrupted, a repeat with the same
    Idempotency-Key writes what is missing. With several lists, the call checks all before it changes the first.
    The second value is true for a stored response.

    Raises InvalidRequest, InventoryNotFound, TooManyMessages, IdempotencyKeyReused, Unavailable.
    """
    if asked.subject.keys() != asked.text.keys():
        raise InvalidRequest.of("text", "must have the same languages as subject")
    assert caller.organization_id is not None
    organization_id, once = caller.organization_id, caller.idempotency
    if once and not asked.preview:
        async with connection(pool) as acquired:
            if first := await stored_response(acquired, organization_id, once, MessageResult):
                return first, True
    message_id = uuid5(NAMESPACE_OID, once.key_hash.hex()) if once else uuid4()
    content = Message(message_id, tuple(dict.fromkeys(asked.to)), asked.subject, asked.text, asked.reason, numbers)

    async def silent(acquired: Connection, organization_id: str, emails: Collection[str]) -> Collection[str]:
        return await suppressed(acquired, secret, organization_id, emails)

    async def run(runner: Engine) -> MessageResult:
        written_to: set[str] = set()
        lists = []
        for key in keys:
            done = await runner.run(
                key,
                replace(caller, idempotency=None),
                verbs.message,
                content=content,
                most=most,
                silent=silent,
                written_to=written_to,
            )
            assert done.emails is not None
            lists.append(
                EmailsOfList(
                    offer_id=key.offer_id, representation_id=key.representation_id, **done.emails.model_dump()
                )
            )
        return MessageResult(
            message_id=None if asked.preview else str(message_id),
            preview=asked.preview,
            emails=sum(one.emails for one in lists),
            lists=tuple(lists),
        )

    if asked.preview:
        return await run(engine.preview), False
    if len(keys) > 1:
        await run(engine.preview)
    result = await run(engine)

    async def store(_acquired: Connection, _at: object) -> MessageResult:
        return result

    return await run_once(pool, organization_id, once, MessageResult, store, now=None)
