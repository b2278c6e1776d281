"""Define how a setting is declared. list_settings.py declares the settings of a list.

A declaration is a field of a pydantic model. The field gives the name, the type, the bounds, the default and the
description. The `Setting` in its Annotated type gives the rest. `declared_settings` joins both.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import reduce
from operator import or_
from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

from waiting_list.fields import INT32_MAX


def N_(message: str) -> str:  # noqa: N802 - the name that gettext and its tools give it
    """Mark a text to be translated where it is shown."""
    return message


class Kind(StrEnum):
    """How a form asks for a setting."""

    CHECK = "check"
    NUMBER = "number"
    DURATION = "duration"
    """A number whose unit the name ends in; a form offers larger units, too."""
    CHOICE = "choice"
    INSTANT = "instant"
    TIME_OF_DAY = "time_of_day"
    ADDRESS = "address"
    TEXT = "text"
    STEPS = "steps"


class Group(NamedTuple):
    """Settings that a form shows together, under this legend and with this sentence."""

    name: str
    """What the texts of their rules are called (`_rule_texts.html`)."""
    legend: str
    about: str


class Stored(NamedTuple):
    """How to store a value for which PostgreSQL has no type: the type in the column, and both conversions."""

    type: Any
    store: Callable[[Any], Any]
    load: Callable[[Any], Any]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The properties of a setting that its field does not have. The texts are for organizers, marked with `N_`."""

    migration: int
    """The number of the migration that added the column."""
    group: Group
    label: str
    """Its name in tables and in the history."""
    field_label: str = ""
    """The label of the form field, if it differs."""
    when_null: str = "–"  # noqa: RUF001 - what tables show for nothing
    """The text for null."""
    choices: Mapping[str, str] = field(default_factory=dict)
    """The text of each value of an enum."""
    expects: str = ""
    """What the form field accepts. For a number, this follows from its bounds."""
    kind: Kind | None = None
    """How a form asks for it, if this does not follow from the type."""
    form_order: int = 0
    """The order within the group: the lowest first, equals in the order of their declarations."""
    moves_queue: bool = False
    """Whether a change can make a waiting fan ready, so that promotion must run again."""
    under: str | None = None
    """The setting without which this one means little: the form shows it below."""
    follows: str | None = None
    """The setting that gives the value while this one is null."""
    implied_by: str | None = None
    """The setting that makes this one true, whatever its own value."""
    stored: Stored | None = None
    """How it is stored, if that differs from how clients see it."""
    has_column: bool = True
    """Whether it has a column of its own name."""


@dataclass(frozen=True, kw_only=True)
class DeclaredSetting:
    """A setting with the properties of its field and of its `Setting`."""

    name: str
    setting: Setting
    default: Any
    """The default, as clients send it."""
    type: Any
    """The type that clients see, without bounds."""
    shown_default: Any
    """The default, as clients see it."""
    column_type: Any
    nullable: bool
    kind: Kind
    minimum: int | None
    maximum: int | None
    max_length: int | None

    @property
    def label(self) -> str:
        """Its name in tables and in the history."""
        return self.setting.label

    @property
    def field_label(self) -> str:
        """The label of its form field."""
        return self.setting.field_label or self.setting.label

    @property
    def has_maximum(self) -> bool:
        """Whether it is a number with a bound of its own, below that of its column."""
        return self.maximum is not None and self.maximum < INT32_MAX

    def store(self, value: Any) -> Any:
        """Turn a value that a client sent into what the column holds."""
        return self.setting.stored.store(value) if self.setting.stored else value

    def load(self, value: Any) -> Any:
        """Turn what the column holds into what clients see."""
        return self.setting.stored.load(value) if self.setting.stored else value


def declared_settings(model: type[BaseModel]) -> dict[str, DeclaredSetting]:
    """Return every setting that a model declares, by name, in its order.

    Raises StopIteration for a field without a `Setting`, and KeyError for a setting that follows a later one.
    """
    schema = model.model_json_schema()["properties"]
    declared: dict[str, DeclaredSetting] = {}
    for name, info in model.model_fields.items():
        setting = next(one for one in info.metadata if isinstance(one, Setting))
        followed = declared[setting.follows] if setting.follows else None
        sent, stored = plain_type(info.annotation), setting.stored
        bounds = _bounds(schema[name])
        declared[name] = DeclaredSetting(
            name=name,
            setting=setting,
            default=info.default,
            type=followed.type if followed else sent,
            shown_default=followed.shown_default if followed else info.default,
            column_type=stored.type if stored else sent,
            nullable=type(None) in get_args(sent),
            kind=setting.kind or _kind(info, sent),
            minimum=bounds.get("minimum"),
            maximum=bounds.get("maximum"),
            max_length=bounds.get("maxLength"),
        )
    return declared


def plain_type(hint: Any) -> Any:
    """Strip what Annotated adds to a type and to the members of a union."""
    if hint is AwareDatetime:
        return datetime
    origin = get_origin(hint)
    if origin is Annotated:
        return plain_type(get_args(hint)[0])
    if origin in (Union, UnionType):
        return reduce(or_, map(plain_type, get_args(hint)))
    return hint


def enum_of(hint: Any) -> type[StrEnum] | None:
    """Return the enum of a type that may be null, or None for any other type."""
    for part in (hint, *get_args(hint)):
        if isinstance(part, type) and issubclass(part, StrEnum):
            return part
    return None


def _bounds(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((one for one in schema.get("anyOf", ()) if one.get("type") != "null"), schema)


def _kind(info: FieldInfo, hint: Any) -> Kind:
    parts = {hint, *get_args(hint)}
    for type_, kind in ((bool, Kind.CHECK), (int, Kind.NUMBER), (datetime, Kind.INSTANT), (str, Kind.TEXT)):
        if type_ in parts:
            return kind
    assert enum_of(hint) is not None, f"say the kind of {info!r}"
    return Kind.CHOICE
