"""The organizer's own words in the e-mails about an event: a subject and an opening, for each kind and language.

The words replace no more than the subject. What is held, until when, and the links stay in every e-mail, because
they come from the templates.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from waiting_list.fields import Frozen, LanguageTag, PlainLine, PlainText
from waiting_list.i18n import known
from waiting_list.lists.notice_kinds import EmailKind
from waiting_list.notifications.email_examples import EXAMPLE_ID, example_context
from waiting_list.notifications.email_rendering import EmailRenderer
from waiting_list.notifications.organizations import organization
from waiting_list.notifications.placeholders import PLACEHOLDERS, check_placeholders
from waiting_list.postgres.pool import Pool, Record, connection, transaction
from waiting_list.postgres.statements import sql
from waiting_list.problems import EventNotFound, InvalidRequest

WordedKind = Literal[
    EmailKind.JOINED,
    EmailKind.READY,
    EmailKind.REMINDER,
    EmailKind.EXTENDED,
    EmailKind.REVOKED,
    EmailKind.CHANGED,
    EmailKind.EXPIRED,
    EmailKind.ENDED,
    EmailKind.REMOVED,
    EmailKind.VERIFY,
]
"""The e-mails that an organizer can word: those about an entry. A message is the organizer's own words anyway."""
_KIND = "Kind of e-mail."
MOST_WORDINGS = 200
"""The most kinds and languages that one event may have words for."""


class Wording(Frozen):
    """The organizer's words in one kind of e-mail, in one language. null: the words of the service."""

    kind: WordedKind = Field(description=_KIND)
    locale: LanguageTag = Field(
        description="Language of the words, such as `en`. They go to fans of that language or one near it, and to "
        "fans whose e-mail is in it."
    )
    subject: Annotated[PlainLine, StringConstraints(max_length=200), AfterValidator(check_placeholders)] | None = (
        Field(default=None, description="Subject, with placeholders.")
    )
    opening: (
        Annotated[PlainText, StringConstraints(max_length=1000), AfterValidator(check_placeholders)] | None
    ) = Field(
        default=None,
        description="Plain text between the greeting and what the e-mail must say, with placeholders.",
    )

    @property
    def key(self) -> tuple[str, str]:
        """What it is for. Case makes no other language."""
        return self.kind, self.locale.lower()


class WordingChange(Frozen):
    """The words to change. Others stay. Without subject and opening, an e-mail has the service's words again."""

    emails: list[Wording] = Field(
        min_length=1, max_length=MOST_WORDINGS, description="Words to change, by kind and language."
    )

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        if len({one.key for one in self.emails}) < len(self.emails):
            raise ValueError("emails must name each kind and language once")
        return self


class EventWording(Frozen):
    """The organizer's words in the e-mails about an event, and the placeholders that they may have."""

    event_id: str
    placeholders: tuple[str, ...] = Field(description="Names that words may have in braces, such as `{event}`.")
    emails: tuple[Wording, ...] = Field(description="Words, by kind and language.")


class EmailPreview(Frozen):
    """How an e-mail looks, with made-up facts: its subject, its plain text and its HTML."""

    kind: WordedKind = Field(description=_KIND)
    locale: str = Field(description="Language that was asked for.")
    subject: str = Field(description="Subject of the e-mail.")
    text: str = Field(description="Plain text of the e-mail.")
    html: str = Field(description="HTML of the e-mail.")


async def wording(pool: Pool, organization_id: str, event_id: str) -> EventWording:
    """Return the organizer's words in the e-mails about an event. Raises EventNotFound, Unavailable."""
    async with connection(pool) as acquired:
        record = await acquired.fetchrow(sql("read_wording"), event_id, organization_id)
    return _worded(event_id, _stored(record))


async def change(pool: Pool, organization_id: str, event_id: str, changes: Collection[Wording]) -> EventWording:
    """Change the words for these kinds and languages, for every e-mail that is sent from now on.

    Raises EventNotFound, InvalidRequest, Unavailable.
    """
    async with transaction(pool) as acquired:
        record = await acquired.fetchrow(sql("lock_wording"), event_id, organization_id)
        words = {one.key: one for one in _stored(record)} | {one.key: one for one in changes}
        kept = [one for one in words.values() if one.subject is not None or one.opening is not None]
        if len(kept) > MOST_WORDINGS:
            raise InvalidRequest.of("body.emails", f"an event has words for at most {MOST_WORDINGS} e-mails")
        await _write(acquired, event_id, organization_id, kept)
    return _worded(event_id, kept)


async def reset(pool: Pool, organization_id: str, event_id: str) -> EventWording:
    """Give all e-mails about an event the words of the service again. Raises EventNotFound, Unavailable."""
    async with transaction(pool) as acquired:
        _stored(await acquired.fetchrow(sql("lock_wording"), event_id, organization_id))
        await _write(acquired, event_id, organization_id, [])
    return _worded(event_id, [])


async def preview(
    pool: Pool, renderer: EmailRenderer, organization_id: str, event_id: str, asked: Wording
) -> EmailPreview:
    """Return how an e-mail about an event would look; a field that was not given has the stored words.

    Raises EventNotFound, Unavailable.
    """
    async with connection(pool) as acquired:
        record = await acquired.fetchrow(sql("read_wording"), event_id, organization_id)
    stored = next((one for one in _stored(record) if one.key == asked.key), None)
    assert record is not None
    sender = await organization(pool, organization_id)
    given: dict[str, Any] = {
        name: getattr(asked, name) for name in ("subject", "opening") if name in asked.model_fields_set
    }
    words = (stored or asked).model_copy(update=given)
    context = replace(
        example_context(asked.kind, locale=asked.locale, organization_id=organization_id),
        event_title=record["title"],
        venue_name=record["venue_name"],
        venue_address=record["venue_address"],
        timezone=record["timezone"],
        sender_name=sender.sender_name,
        organizer_contact=sender.contact,
        footer=sender.footer,
        logo_link=renderer.public_url + sender.logo_url if sender.logo_url else None,
        colors=sender.look.colors,
        own_subject=words.subject,
        own_opening=words.opening,
    )
    letter = renderer.render(asked.kind, context, notice_id=EXAMPLE_ID)
    text, html = (letter.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    return EmailPreview(
        kind=asked.kind,
        locale=asked.locale,
        subject=letter["Subject"],
        text=text.get_content(),
        html=html.get_content(),
    )


def words_for(stored: Sequence[Mapping[str, Any]], kind: EmailKind, locale: str | None) -> dict[str, Any]:
    """Return the words of an e-mail to a fan: in their language, in one near it, or in that of the e-mail."""
    by_tag = {one["locale"].lower(): one for one in stored if one["kind"] == kind}
    wanted = (locale or "").lower()
    near = (tag for tag in by_tag if tag.partition("-")[0] == wanted.partition("-")[0])
    words = next((by_tag[tag] for tag in (wanted, *near, known(locale)) if tag in by_tag), None)
    return {"own_subject": words["subject"], "own_opening": words["opening"]} if words else {}


async def _write(acquired: Any, event_id: str, organization_id: str, words: Sequence[Wording]) -> None:
    content = json.dumps([one.model_dump() for one in words], ensure_ascii=False)
    await acquired.execute(sql("write_wording"), event_id, organization_id, content)


def _stored(record: Record | None) -> list[Wording]:
    if record is None:
        raise EventNotFound("There is no such event.")
    return [Wording.model_construct(**one) for one in json.loads(record["wording"])]


def _worded(event_id: str, words: Sequence[Wording]) -> EventWording:
    ordered = tuple(sorted(words, key=lambda one: (list(EmailKind).index(EmailKind(one.kind)), one.locale)))
    return EventWording.model_construct(event_id=event_id, placeholders=PLACEHOLDERS, emails=ordered)
