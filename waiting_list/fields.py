"""Define the types of single fields: how values are checked, and how the OpenAPI document shows that."""

import re
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Literal, Protocol, Self
from urllib.parse import urlsplit

from email_validator import EmailNotValidError
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    Strict,
)
from pydantic_core import CoreSchema, PydanticCustomError

from waiting_list import email_addresses
from waiting_list.timezones import check_timezone

INT32_MAX = 2**31 - 1
MOST_ID_CHARACTERS = 200
"""The most characters of an id. Each has at most four bytes in UTF-8."""
LOCAL_ADDRESS = "local_address"
"""The type of the error for an address of a local network that the service does not accept."""
LOCAL_ADDRESS_HINT = (
    "This is an address of a local network: the operator can allow its domain with WAITING_LIST_MAIL_LOCAL_DOMAINS"
)
"""What an organizer must know in addition."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_HTML = re.compile(r"<[A-Za-z/!?]")
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)", re.ASCII)


def _without_controls(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError("must not have NUL or control characters")
    return value


def _without_nul(value: str) -> str:
    # PostgreSQL stores any text but NUL; lines and tabs are welcome in a description.
    if "\x00" in value:
        raise ValueError("must not have NUL characters")
    return value


def _plain(value: str) -> str:
    if _UNSEEN.search(value):
        raise ValueError("must not have control characters besides line breaks and tabs")
    # Escaped, it would harm nobody; but readers would see the tags.
    if _HTML.search(value):
        raise ValueError("must be plain text, without HTML")
    if not value.strip():
        raise ValueError("must not be blank")
    return value


def _rfc3339(value: object) -> object:
    # A bare number would be taken for seconds since 1970.
    if isinstance(value, datetime) or (isinstance(value, str) and _RFC_3339.fullmatch(value)):
        return value
    raise ValueError("must be an instant with its offset, such as 2030-01-31T20:00:00+01:00")


def _within_years(value: datetime) -> datetime:
    # Room to add a hold, or to shift to any timezone, without leaving the calendar.
    if not 1900 <= value.year <= 9000:
        raise ValueError("must lie between the years 1900 and 9000")
    return value


def _with_hyphens(value: str) -> str:
    return value.replace("_", "-")


def _address(value: str) -> str:
    try:
        return email_addresses.normalize(value)
    except EmailNotValidError as error:
        local = email_addresses.normalize_local(value)
        if local is None:
            raise ValueError("must be an e-mail address, such as ada@example.org") from error
        if not email_addresses.is_accepted(local):
            raise PydanticCustomError(
                LOCAL_ADDRESS, "must be an e-mail address, such as ada@example.org. Check the part after the @"
            ) from error
        return local


def _web_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole or parts.username is not None or not value.isascii() or any(one.isspace() for one in value):
        raise ValueError("must be an address such as https://shop.example/path, without a user or spaces")
    return value


def _with_pass(value: str) -> str:
    if "{pass}" not in _web_address(value):
        raise ValueError("must have {pass} where the purchase pass goes")
    return value


# The validators' rules as patterns, because readers of the OpenAPI document do not see the validators.
_NO_CONTROLS = {"pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$"}
_SEEN = {"pattern": r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$"}
_NO_NUL = {"pattern": r"^[^\u0000]*$"}
Id = Annotated[
    str,
    Strict(),
    Field(min_length=1, max_length=MOST_ID_CHARACTERS, json_schema_extra=_NO_CONTROLS),
    AfterValidator(_without_controls),
]
Text = Annotated[str, Strict(), Field(max_length=10_000, json_schema_extra=_NO_NUL), AfterValidator(_without_nul)]
Title = Annotated[
    str,
    Strict(),
    Field(min_length=1, max_length=500, json_schema_extra=_NO_CONTROLS),
    AfterValidator(_without_controls),
]
PlainLine = Annotated[Title, AfterValidator(_plain)]
PlainText = Annotated[
    str, Strict(), Field(min_length=1, max_length=10_000, json_schema_extra=_SEEN), AfterValidator(_plain)
]
DrawSource = Annotated[Id, AfterValidator(_plain)]
# What looks the same must be the same: everybody computes the lots from it.
Randomness = Annotated[str, Strict(), Field(min_length=1, max_length=1000, pattern=r"^ *[!-~][ -~]*$")]
Address = Annotated[str, Field(max_length=2000, json_schema_extra=_NO_CONTROLS), AfterValidator(_without_controls)]
Timezone = Annotated[str, Strict(), AfterValidator(check_timezone)]
Instant = Annotated[AwareDatetime, BeforeValidator(_rfc3339), AfterValidator(_within_years)]
Stock = Annotated[int, Strict(), Field(ge=0, le=INT32_MAX)]
Quantity = Annotated[int, Strict(), Field(ge=1, le=INT32_MAX)]
Flag = Annotated[bool, Strict()]
Email = Annotated[
    str, Strict(), Field(max_length=254, json_schema_extra={"format": "email"}), AfterValidator(_address)
]
StoredEmail = Annotated[str, Field(json_schema_extra={"format": "email"})]
"""An address that was valid when it was stored. The setting of the accepted domains may have changed since."""
WebAddress = Annotated[
    str, Strict(), Field(max_length=2000, json_schema_extra={"format": "uri"}), AfterValidator(_web_address)
]
PurchaseAddress = Annotated[
    str, Strict(), Field(max_length=2000, json_schema_extra={"pattern": r"\{pass\}"}), AfterValidator(_with_pass)
]
TimeOfDay = Annotated[str, Strict(), Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Locale = Literal["en", "de", "es", "fr", "it"]
"""The languages of e-mails and pages."""
LanguageTag = Annotated[
    str,
    Strict(),
    Field(
        max_length=100,
        pattern=r"^[A-Za-z]{1,8}([-_][A-Za-z0-9]{1,8})*$",
        description="The fan's language, as a tag such as `fr-CA` (BCP 47). The service writes in the nearest "
        "language that it has, else in English.",
    ),
    AfterValidator(_with_hyphens),
]
"""A language as people name theirs, also one without a translation."""
NO_OTHER_NAMES: dict[str, Any] = {"additionalProperties": False}
"""What the OpenAPI document adds to an object whose names are language tags."""


class Row(Protocol):
    """A row of a table, or of a query: its columns by name."""

    def __getitem__(self, name: str, /) -> Any: ...


class Frozen(BaseModel):
    """A value that cannot change, and does not accept unknown fields.

    The OpenAPI document shows answers as they are: always with every field, and open to new ones.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_serialization_defaults_required=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        shown = handler(schema)
        if handler.mode == "serialization":
            handler.resolve_ref_schema(shown).pop("additionalProperties", None)
        return shown

    @classmethod
    def from_record(cls, record: Row, **given: Any) -> Self:
        """Make the value of a row that has a column for each field, but for those that are `given`. Columns that
        no field has are passed over.

        Raises KeyError if a column is missing: a default never stands in for one.
        """
        names = _columns(cls, *given)
        # Not by keywords, because each poll comes through here, and Python would copy them twice.
        return cls.model_validate(dict(zip(names, map(record.__getitem__, names), strict=True)) | given)


@lru_cache(maxsize=1024)  # more than there are models with rows, each with few sets of given fields
def _columns(kind: type[BaseModel], *given: str) -> tuple[str, ...]:
    return tuple(name for name in kind.model_fields if name not in given)
