"""Declare the presets of a list's settings: what suits a kind of show, and why.

A preset only names values. The settings page shows what it would change, and an organizer confirms that.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from waiting_list.lists.list_settings import SETTINGS
from waiting_list.lists.setting import N_
from waiting_list.lists.setting_values import AfterExpiry, HoldStep, JoinChallenge, Policy
from waiting_list.lists.settings_models import ListSettings, SettingsChange


class Preset(NamedTuple):
    """Values for some settings, each with its reason. The texts are for organizers, marked with `N_`."""

    label: str
    about: str
    rules: Mapping[str, tuple[Any, str]]
    """The value and the reason of each setting, by its name. All other settings stay as they are."""

    def over(self, kept: ListSettings) -> SettingsChange:
        """Return all settings of a list as they are with this preset."""
        own = {name: getattr(kept, name) for name in SETTINGS}
        return SettingsChange.model_validate(own | {name: value for name, (value, _) in self.rules.items()})

    def is_in(self, kept: ListSettings) -> bool:
        """Return whether a list has all values of this preset."""
        return all(getattr(kept, name) == value for name, (value, _) in self.rules.items())


def _steps(**minutes: int) -> tuple[HoldStep, ...]:
    return tuple(HoldStep(days_before=int(days[1:]), hold_minutes=each) for days, each in minutes.items())


_BOTS = N_("Popular shows attract bots. The check runs only while many fans join at once.")
_ASLEEP = N_("A deadline at night is missed by fans who are asleep.")
_NEAR = N_("The closer the show, the sooner another fan must get the chance.")
PRESETS: Mapping[str, Preset] = {
    "club": Preset(
        N_("Club night"),
        N_("Standing, sold until the doors open. Every ticket is the same, and speed counts."),
        {
            "policy": (Policy.SKIP, N_("All tickets are alike, so a single one does not wait for a group.")),
            "skip_limit": (10, N_("A group in front is skipped ten times at most, and then it is their turn.")),
            "hold_minutes": (120, N_("Guests decide quickly and have their phones at hand.")),
            "hold_steps": (_steps(d1=60, d0=20), _NEAR),
            "quiet_from": ("03:00", _ASLEEP),
            "quiet_until": ("10:00", _ASLEEP),
            "after_expiry": (AfterExpiry.LEAVE, N_("A guest without an answer has other plans by now.")),
            "reminder_minutes": (30, N_("A late reminder fits a short hold.")),
            "join_challenge": (JoinChallenge.ADAPTIVE, _BOTS),
        },
    ),
    "arena": Preset(
        N_("Arena"),
        N_("Thousands in line, and resellers among them. One person gets one place."),
        {
            "policy": (Policy.SKIP, N_("With so many in line, single tickets always find a fan at once.")),
            "skip_limit": (25, N_("A group in front waits a little longer, and the order stays honest.")),
            "hold_minutes": (720, N_("Half a day reaches fans at work and at school.")),
            "hold_steps": (_steps(d7=240, d1=60, d0=30), _NEAR),
            "quiet_from": ("23:00", _ASLEEP),
            "quiet_until": ("08:00", _ASLEEP),
            "after_expiry": (AfterExpiry.LEAVE, N_("Many are waiting: an offer that lapses goes to the next.")),
            "reminder_minutes": (60, N_("An hour is enough to find a card and to buy.")),
            "verify_email": (True, N_("An unread address must not hold up the line.")),
            "one_place_per_address": (True, N_("Resellers join many times with one address.")),
            "skip_failed_addresses": (True, N_("An offer that cannot arrive only delays everyone behind.")),
            "join_challenge": (JoinChallenge.ADAPTIVE, _BOTS),
        },
    ),
    "theatre": Preset(
        N_("Theatre, seats matter"),
        N_("Numbered seats for people who come in pairs. The order counts more than speed."),
        {
            "policy": (Policy.STRICT, N_("A pair waits for two seats, and keeps its place.")),
            "idle_minutes": (1440, N_("A single seat that does not fit the first goes to others after a day.")),
            "hold_minutes": (1440, N_("A day lets a couple agree on a date.")),
            "hold_steps": (_steps(d3=240, d0=60), _NEAR),
            "quiet_from": ("22:00", _ASLEEP),
            "quiet_until": ("09:00", _ASLEEP),
            "after_expiry": (AfterExpiry.REQUEUE, N_("A regular who missed one email keeps a chance.")),
            "requeue_limit": (1, N_("Once is fair to those behind.")),
            "reminder_minutes": (120, N_("Your audience may read emails only a few times a day.")),
            "email_required": (True, N_("An email is how this audience learns that it is their turn.")),
        },
    ),
}
"""The presets, by the name that forms send."""
