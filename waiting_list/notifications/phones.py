"""Keep the phone numbers to which fans want a text message when it is their turn.

A number gets one text message only, with a code, until its fan has given that code back. Codes are few: for a
number, a fan, a network and an organization (access/email_limits.py), because each costs the organization money,
and some who ask for them earn from it (SMS pumping). So the organization also names the beginnings of numbers
that it texts, and a number must be one that can take text messages.
"""

import hmac
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID, uuid5

from pydantic import Field

from waiting_list.access.email_limits import MailLimits
from waiting_list.fields import Frozen, Id, LanguageTag
from waiting_list.key_material import derived
from waiting_list.lists.models import ListKey
from waiting_list.lists.phone_state import CODE_VALID, PhoneState
from waiting_list.postgres.pool import Pool, Record, clock, connection, transaction
from waiting_list.postgres.statements import sql
from waiting_list.problems import InvalidRequest

PHONE_CODE = "phone_code"
"""The type of the notice with the code."""
MOST_TRIES = 5
"""The most wrong answers to one code."""
UNVERIFIED_KEPT = timedelta(days=1)
"""How long a number is kept that nobody verifies."""
_DIGITS = 6
_TOO_LATE = "is not valid any more: ask for another code"


class PhoneNumber(Frozen):
    """A phone number for text messages, and the language of those."""

    phone: Annotated[Id, Field(max_length=40)] = Field(
        description="A mobile number, such as +33612345678. Without its country it has the first prefix."
    )
    locale: LanguageTag | None = Field(
        default=None, description="The language of the text messages. By default that of the contact."
    )


class PhoneCode(Frozen):
    """The code that a text message brought."""

    code: Annotated[Id, Field(max_length=40)] = Field(description="The six digits that came by text message.")


async def phone_of(pool: Pool, key: ListKey, number: int) -> PhoneState:
    """Return the phone number of an entry, and whether there can be one. Raises Unavailable."""
    return PhoneState.of(await _read(pool, key, number))


async def set_phone(
    pool: Pool,
    limits: MailLimits,
    key: ListKey,
    number: int,
    given: PhoneNumber,
    *,
    by_link: bool,
    address: str | None,
) -> PhoneState:
    """Keep the phone number of an entry, and send it a code. A number that is verified gets none.

    Raises InvalidRequest for a number that the organization does not text, RateLimited, Unavailable.
    """
    known = await _read(pool, key, number)
    if known is None or known["gateway_id"] is None:
        raise InvalidRequest.of("body.phone", "cannot be used: this organizer sends no text messages")
    phone = normalized(given.phone, known["prefixes"])
    if known["phone"] == phone and known["verified_at"] and not known["failed_at"]:
        return PhoneState.of(known)
    await limits.count_code(known["organization_id"], f"{key.list_id}/{number}", phone, address)
    async with transaction(pool) as acquired:
        values = (phone, given.locale, by_link, await clock(acquired))
        kept = await acquired.fetchrow(sql("upsert_phone"), key.list_id, number, *values)
        if kept is None:
            raise InvalidRequest.of("body.phone", "cannot be used: the list is gone")
        asked_at: datetime = kept["asked_at"]
        notice_id = uuid5(key.list_id, f"{PHONE_CODE}/{number}/{asked_at.isoformat()}")
        await acquired.execute(
            sql("insert_phone_code"),
            key.list_id,
            notice_id,
            known["gateway_id"],
            number,
            str(kept["codes"]),
            asked_at,
        )
    return await phone_of(pool, key, number)


async def verify_phone(pool: Pool, secret: bytes, key: ListKey, number: int, code: str) -> PhoneState:
    """Verify the phone number of an entry with the code that it got. Safe to repeat.

    Raises InvalidRequest for a code that is wrong or too old, also after MOST_TRIES wrong ones; Unavailable.
    """
    known, now = await _read_now(pool, key, number)
    if known is None or known["phone"] is None:
        raise InvalidRequest.of("body.code", "cannot be checked: give a phone number first")
    if known["verified_at"] is None:
        if now >= known["asked_at"] + CODE_VALID or known["tries"] >= MOST_TRIES:
            raise InvalidRequest.of("body.code", _TOO_LATE)
        right = phone_code(secret, key.list_id, number, known["phone"], known["codes"])
        sent = "".join(code.split()).encode(errors="replace")
        is_right = hmac.compare_digest(right.encode(), sent)
        async with connection(pool) as acquired:
            counted = await acquired.fetchval(
                sql("try_phone_code"), key.list_id, number, known["codes"], is_right, MOST_TRIES, now
            )
        if not counted:  # answers at once must not be more than they may
            raise InvalidRequest.of("body.code", _TOO_LATE)
        if not is_right:
            raise InvalidRequest.of("body.code", "is not the code that we sent to this number")
    return await phone_of(pool, key, number)


async def remove_phone(pool: Pool, key: ListKey, number: int) -> PhoneState:
    """Forget the phone number of an entry. Safe to repeat. Raises Unavailable."""
    async with connection(pool) as acquired:
        await acquired.execute(sql("delete_phone"), key.list_id, number)
    return await phone_of(pool, key, number)


def phone_code(secret: bytes, list_id: UUID, number: int, phone: str, codes: int) -> str:
    """Derive a code: six digits, others for each entry, number and request. It is stored nowhere."""
    drawn = int.from_bytes(derived(secret, "phone", list_id, number, phone, codes)[:8], "big")
    return f"{drawn % 10**_DIGITS:0{_DIGITS}}"


def normalized(phone: str, prefixes: list[str]) -> str:
    """Return a phone number as E.164 has it, such as `+33612345678`.

    A number without its country is one of the organization's first prefix. Raises InvalidRequest for one that does
    not exist, cannot take text messages, or begins otherwise than the prefixes.
    """
    # Late, because few processes meet a number, and its tables take 15 ms and 5 MB.
    import phonenumbers  # noqa: PLC0415

    wrong = InvalidRequest.of("body.phone", f"must be a mobile number that begins with {' or '.join(prefixes)}")
    try:
        home = phonenumbers.parse(f"{prefixes[0]}000000000").country_code or 0
        region = phonenumbers.region_code_for_country_code(home)
        found = phonenumbers.parse(phone, region)
    except phonenumbers.NumberParseException:
        raise wrong from None
    kinds = phonenumbers.PhoneNumberType
    text = phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164)
    if (
        not phonenumbers.is_valid_number(found)
        or phonenumbers.number_type(found) not in (kinds.MOBILE, kinds.FIXED_LINE_OR_MOBILE)
        or not text.startswith(tuple(prefixes))
    ):
        raise wrong
    return text


async def _read(pool: Pool, key: ListKey, number: int) -> Record | None:
    return (await _read_now(pool, key, number))[0]


async def _read_now(pool: Pool, key: ListKey, number: int) -> tuple[Record | None, datetime]:
    async with connection(pool) as acquired:
        return await acquired.fetchrow(sql("read_phone"), key.list_id, number), await clock(acquired)
