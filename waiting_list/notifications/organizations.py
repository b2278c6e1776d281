"""What an organization says of itself: the sender of its e-mails, and whom its fans can ask.

The e-mails come from the deployment's address, whatever an organization sets. So SPF and DKIM hold, and no
organization can write in the name of another domain.
"""

import json
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, Strict, StringConstraints

from waiting_list.fields import (
    NO_OTHER_NAMES,
    Email,
    Frozen,
    Id,
    LanguageTag,
    Locale,
    PlainLine,
    PlainText,
    Row,
    StoredEmail,
)
from waiting_list.looks import Accent, Look, image_address, palette
from waiting_list.postgres.pool import Pool, connection
from waiting_list.postgres.statements import sql
from waiting_list.problems import InvalidRequest

_OTHER_SENDER = re.compile(r"[@<>\u200e\u200f\u2028-\u202e\u2066-\u2069]")

_REPLY_TO = "Address that gets the replies to e-mails (`Reply-To`); null: the sender's address."


def _is_a_name(value: str) -> str:
    # Mail programs show the name alone, so it must not pass for an address.
    if _OTHER_SENDER.search(value):
        raise ValueError("must be a name, without an address")
    return value


def _each_once(value: list[Locale]) -> list[Locale]:
    if len(set(value)) < len(value):
        raise ValueError("names a language twice")
    return value


class OrganizationFields(Frozen):
    """What an organization says of itself. Each field is null or empty until it is set.

    `footer` is plain text by language. A fan gets their language, else English, else the first one.
    """

    sender_name: Annotated[PlainLine, StringConstraints(max_length=100), AfterValidator(_is_a_name)] | None = (
        Field(
            default=None,
            description="Name of the sender (`From`); null: the deployment's. The address stays the deployment's.",
        )
    )
    reply_to: Email | None = Field(default=None, description=_REPLY_TO)
    contact: Annotated[PlainLine, StringConstraints(max_length=200)] | None = Field(
        default=None,
        description="Whom fans can ask: an e-mail address, a web address or a few words. E-mails and the pages of "
        "fans show it; null: they name no contact.",
    )
    personal_data_kept_days: Annotated[int, Strict()] | None = Field(
        default=None,
        ge=1,
        le=36_500,
        description="How many days after the end of a list the worker erases its fans; null: as many as the "
        "deployment's setting says. It cannot be more than those.",
    )
    accent: Accent | None = Field(
        default=None,
        description="Colour of links and buttons for fans, such as `#1b4f9c`; null: ours. It needs a contrast of "
        "3:1 with a light page. Text in it is made darker or lighter until it has 4.5:1.",
    )
    languages: Sequence[str] | None = Field(
        default=None,
        description="The languages of pages and e-mails for fans. A fan who reads none of them gets the first; "
        "null: all that the service speaks.",
    )
    footer: dict[LanguageTag, Annotated[PlainText, StringConstraints(max_length=1000)]] = Field(
        default_factory=dict,
        max_length=20,
        description="Plain text at the end of every e-mail to fans, by language, such as `en`.",
        json_schema_extra=NO_OTHER_NAMES,
    )


class OrganizationChange(OrganizationFields):
    """The fields to change. Omitted fields keep their values; null or an empty `footer` removes one."""

    languages: (
        Annotated[
            list[Locale], Field(min_length=1, json_schema_extra={"uniqueItems": True}), AfterValidator(_each_once)
        ]
        | None
    ) = Field(
        default=None, description="The languages of pages and e-mails for fans, the organization's own first."
    )
    logo_url: None = Field(default=None, description="null removes the logo. The dashboard uploads one.")

    @property
    def given(self) -> dict[str, Any]:
        """Return the fields that the client sent, and only those."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Organization(OrganizationFields):
    """An organization, as its e-mails and the pages of its fans present it."""

    organization_id: Id
    reply_to: StoredEmail | None = Field(default=None, description=_REPLY_TO)
    accent: str | None = Field(default=None, description="Colour of links and buttons for fans; null: ours.")
    logo_url: str | None = Field(
        default=None, description="Address of the logo that was uploaded on the dashboard, as PNG; null: none."
    )

    @classmethod
    def from_record(cls, record: Row, **given: Any) -> Self:
        """Make the organization of a row of `organizations`."""
        made = {"footer": json.loads(record["footer"]), "logo_url": image_address(record["logo"])}
        return super().from_record(record, **made, **given)

    @property
    def look(self) -> Look:
        """How pages and e-mails present the organization."""
        colors = palette(self.accent) if self.accent else None
        return Look(
            name=self.sender_name,
            logo_url=self.logo_url,
            accent=self.accent,
            colors=colors,
            languages=self.languages,
        )

    def at(self, public_url: str) -> Self:
        """Return the organization with a logo that programs elsewhere find."""
        return self if self.logo_url is None else self.model_copy(update={"logo_url": public_url + self.logo_url})


async def organization(pool: Pool, organization_id: str) -> Organization:
    """Return what an organization says of itself. Raises Unavailable."""
    async with connection(pool) as acquired:
        record = await acquired.fetchrow(sql("read_organization"), organization_id)
    return Organization.from_record(record) if record else Organization(organization_id=organization_id)


async def change(
    pool: Pool, organization_id: str, changes: OrganizationChange, *, longest_kept: timedelta | None = None
) -> Organization:
    """Change the given fields, for every e-mail that is sent from now on.

    `longest_kept` is how long the deployment keeps the fans of a list that ended; None: for ever. An organization
    cannot keep them longer. Raises InvalidRequest, Unavailable.
    """
    given = changes.given
    if not given:
        raise InvalidRequest.of("body", "give at least one field")
    days = changes.personal_data_kept_days
    if days is not None and longest_kept is not None and timedelta(days=days) > longest_kept:
        longest = longest_kept / timedelta(days=1)
        raise InvalidRequest.of(
            "body.personal_data_kept_days", f"must be at most {longest:g}, the days of the deployment"
        )
    async with connection(pool) as acquired:
        record = await acquired.fetchrow(
            sql("upsert_organization"),
            organization_id,
            changes.sender_name,
            changes.reply_to,
            changes.contact,
            json.dumps(changes.footer, ensure_ascii=False),
            list(given),
            changes.personal_data_kept_days,
            changes.accent,
            changes.languages,
        )
    assert record is not None
    return Organization.from_record(record)
