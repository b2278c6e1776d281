"""Make the models and rows that follow from the declared settings of a list."""

from collections.abc import Callable
from dataclasses import make_dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from pydantic import BaseModel, create_model, model_validator

from waiting_list.fields import Frozen
from waiting_list.lists.draw_settings import DrawCommitment, DrawnAt
from waiting_list.lists.list_settings import COLUMNS, SETTINGS, WITH_COLUMN, DeclaredSettings
from waiting_list.lists.list_state import ListStatus
from waiting_list.lists.setting import DeclaredSetting, enum_of

_NOT_AS_STORED = tuple(
    one for one in WITH_COLUMN if one.setting.stored or one.setting.follows or one.setting.implied_by
)
_ENUMS = {one.name: enum for one in WITH_COLUMN if (enum := enum_of(one.column_type))}
_IN_EVERY_ANSWER = 4
"""Stored idempotent responses have the settings of this migration and of those before it."""


class SettingsChange(DeclaredSettings, frozen=True):
    """The settings of a list that an organizer changes. Omitted settings keep their values."""

    @model_validator(mode="after")
    def _names_each_day_once(self) -> Self:
        days = [step.days_before for step in self.hold_steps]
        if len(set(days)) < len(days):
            raise ValueError("hold_steps must not name the same days_before twice")
        return self

    @property
    def given(self) -> dict[str, Any]:
        """Return the fields that the client sent, and only those, as they are stored."""
        return {one.name: one.store(getattr(self, one.name)) for one in self._given}

    @property
    def moves_queue(self) -> bool:
        """Return whether a field that the client sent can make a waiting fan ready."""
        return any(one.setting.moves_queue for one in self._given)

    @property
    def _given(self) -> list[DeclaredSetting]:
        return [one for one in SETTINGS.values() if one.name in self.model_fields_set]


Model = TypeVar("Model", bound=BaseModel)


def _as_shown(names: type[Model]) -> type[Model]:
    """Make a model of its own fields and of every setting as clients see it, without bounds."""
    own = {name: (info.annotation, info) for name, info in names.model_fields.items() if name not in SETTINGS}
    shown = {
        one.name: (one.type, one.shown_default if one.setting.migration > _IN_EVERY_ANSWER else ...)
        for one in SETTINGS.values()
    }
    fields: dict[str, Any] = own | shown
    made = create_model(names.__name__, __base__=Frozen, __module__=__name__, __doc__=names.__doc__, **fields)
    return cast("type[Model]", made)


@_as_shown
class ListSettings(DeclaredSettings):
    """The settings of one waiting list, and its state, which is null in a response stored before it existed."""

    offer_id: str
    representation_id: str
    event_id: str
    list_state: ListStatus | None = None
    state_reason: str | None = None
    draw_commitment: DrawCommitment = None
    drawn_at: DrawnAt = None


def shown_settings(stored: Callable[[str], Any]) -> dict[str, Any]:
    """Return every setting as clients see it. `stored` gives the value of a column."""
    shown = {"open": stored("waiting_list_open")} | {name: stored(name) for name in COLUMNS}
    for one in _NOT_AS_STORED:
        follows = one.setting.follows if shown[one.name] is None else None
        shown[one.name] = one.load(shown[follows or one.name])
        if one.setting.implied_by and shown[one.setting.implied_by]:
            shown[one.name] = True
    return shown


_NAMES = ("offer_id", "representation_id", "event_id", "draw_commitment", "drawn_at")


def list_settings_of(stored: Callable[[str], Any]) -> ListSettings:
    """Make the settings of a list. `stored` gives the value of a column."""
    names = {name: stored(name) for name in _NAMES}
    return ListSettings(**names, **shown_settings(stored))


if TYPE_CHECKING:
    # The declarations, read as the attributes of a row: a type checker then knows each by its type.
    class SettingColumns(DeclaredSettings):
        """The columns that settings have in a row of `inventory`."""

        hold_steps: list[list[int]]  # type: ignore[assignment]

else:
    SettingColumns = make_dataclass(
        "SettingColumns", [(one.name, one.column_type) for one in WITH_COLUMN], slots=True
    )


def with_enums(columns: dict[str, Any]) -> dict[str, Any]:
    """Replace the text of enums by their members, in the columns of a row."""
    return columns | {name: enum(columns[name]) for name, enum in _ENUMS.items() if columns[name] is not None}
