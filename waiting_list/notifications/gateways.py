"""Keep the gateway of an organization: the address that sends its text messages.

It is an HTTPS address that takes a signed POST for each text message, or an Apprise URL with `{to}`, if the
operator allows its scheme.
"""

import base64
import secrets
from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from waiting_list.fields import Frozen, Id, LanguageTag
from waiting_list.key_material import derived
from waiting_list.notifications.apprise_client import check_apprise, masked_url
from waiting_list.notifications.channels import GATEWAY
from waiting_list.notifications.public_address import check_url
from waiting_list.postgres.pool import Pool, Record, clock, connection
from waiting_list.postgres.statements import sql
from waiting_list.problems import GatewayNotFound
from waiting_list.settings import Settings

WEB = ("https", "http")
"""The schemes of gateways that take a signed POST."""
_PREFIX = r"^\+[1-9][0-9]{0,5}$"


def _one_line(value: str) -> str:
    if not value.isprintable() or any(one.isspace() for one in value):
        raise ValueError("must be an address without spaces")
    return value


class GatewayFields(Frozen):
    """The gateway that sends an organization's text messages, and the beginnings of the numbers that it texts."""

    url: Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_one_line)] = Field(
        description="The HTTPS address that sends text messages; or an Apprise URL with `{to}` where the phone "
        "number goes, if the operator allows its scheme. Answers show the scheme of that alone."
    )
    prefixes: tuple[Annotated[str, Field(pattern=_PREFIX)], ...] = Field(
        min_length=1,
        max_length=50,
        description="The beginnings of the phone numbers that the organization texts, such as `+33`.",
    )


class Gateway(GatewayFields):
    """The gateway of an organization. Of an Apprise URL, which has a password, `url` shows the scheme alone."""

    gateway_id: str = Field(description="The id of the gateway.")
    created_at: datetime


class SetGateway(Gateway):
    """The gateway with the `secret` that signs what it gets; null for an Apprise URL, which is not signed."""

    secret: str | None = Field(
        description="The secret that signs what the gateway gets, only in this answer; null for an Apprise URL."
    )


class GatewayTest(Frozen):
    """Where a text message goes that only tests the gateway."""

    phone: Annotated[Id, Field(max_length=40)] = Field(
        description="A mobile number with one of the prefixes. Without its country it has the first prefix."
    )
    locale: LanguageTag | None = Field(
        default=None, description="The language of the text message. English by default."
    )


async def gateway(pool: Pool, organization_id: str) -> Gateway | None:
    """Return the gateway of an organization, if it has one. Raises Unavailable."""
    async with connection(pool) as acquired:
        record = await acquired.fetchrow(sql("read_gateway"), organization_id)
    return _gateway(record) if record else None


async def set_gateway(
    pool: Pool, settings: Settings, secret: bytes, organization_id: str, fields: GatewayFields
) -> SetGateway:
    """Set the gateway of an organization. Its secret stays until the gateway is deleted.

    Raises InvalidRequest for an address that text messages would not reach, Unavailable.
    """
    is_web = urlsplit(fields.url).scheme in WEB
    if is_web:
        check_url(fields.url, settings)
    else:
        await check_apprise(fields.url, settings)
    async with connection(pool) as acquired:
        new_id = GATEWAY + secrets.token_hex(8)
        record = await acquired.fetchrow(
            sql("upsert_gateway"), organization_id, new_id, fields.url, fields.prefixes, await clock(acquired)
        )
    assert record is not None
    shown = _gateway(record)
    signs = gateway_secret(secret, shown.gateway_id) if is_web else None
    return SetGateway(**shown.model_dump(), secret=signs)


async def delete_gateway(pool: Pool, organization_id: str) -> Gateway:
    """Delete the gateway of an organization: the worker gives up what is due to it.

    Raises GatewayNotFound, Unavailable.
    """
    async with connection(pool) as acquired:
        record = await acquired.fetchrow(sql("delete_gateway"), organization_id)
    if record is None:
        raise GatewayNotFound
    return _gateway(record)


def gateway_secret(secret: bytes, gateway_id: str) -> str:
    """Derive the secret that signs what a gateway gets, in the format of Standard Webhooks."""
    return f"whsec_{base64.b64encode(derived(secret, 'gateway', gateway_id)).decode()}"


def _gateway(record: Record) -> Gateway:
    return Gateway.from_record(record, url=masked_url(record["url"]))
