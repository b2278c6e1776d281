"""Declare the settings of a list, each once, and the columns that follow from them."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from waiting_list.fields import Flag, Instant, PurchaseAddress, Quantity, Stock, TimeOfDay
from waiting_list.lists.draw_settings import PROMOTION, DrawSettings
from waiting_list.lists.setting import (
    N_,
    DeclaredSetting,
    Group,
    Kind,
    Setting,
    Stored,
    declared_settings,
)
from waiting_list.lists.setting_values import AfterExpiry, HoldStep, JoinChallenge, Policy

JOINING = Group("joining", N_("Who can join"), N_("Say until when fans may join, and how many may wait."))
ADDRESSES = Group(
    "addresses",
    N_("Email addresses"),
    N_("Addresses that work are how fans learn that it is their turn. They also keep one person to one place."),
)
HOLDS = Group(
    "holds",
    N_("How long tickets are held"),
    N_("A ready fan has this long to buy. Long holds are kind to fans, short ones fill the room."),
)
EXPIRY = Group(
    "expiry",
    N_("If a fan does not buy in time"),
    N_("The tickets go to the next in line. Say what becomes of the fan."),
)
BUYING = Group("buying", N_("Buying"), N_("Where fans buy, and when we remind them of it."))
_QUIET_HOURS = N_("Enter two different times of day, or leave both empty.")


class DeclaredSettings(DrawSettings):
    """All settings, in the order of the API and of the columns, with the defaults of the columns."""

    model_config = ConfigDict(extra="forbid")

    open: Annotated[
        Flag,
        Setting(
            migration=1,
            group=JOINING,
            label=N_("Open to new fans"),
            field_label=N_("Open to new fans. Closing keeps everyone already in line."),
            moves_queue=True,
            has_column=False,  # `waiting_list_open`, beside `closed_by_hand`
        ),
    ] = Field(default=True, description="Whether fans may join. Closing the list keeps everyone already in line.")
    policy: Annotated[
        Policy,
        Setting(
            migration=1,
            group=PROMOTION,
            label=N_("If the first in line wants more tickets than are free"),
            choices={
                Policy.STRICT: N_("wait for more tickets (strict)"),
                Policy.SKIP: N_("offer them to the next fan who can take them (skip)"),
            },
            moves_queue=True,
        ),
    ] = Field(
        default=Policy.STRICT,
        description="Which fan is promoted when the first in line wants more tickets than are free.",
    )
    skip_limit: Annotated[
        Stock,
        Setting(
            migration=1,
            group=PROMOTION,
            label=N_("How many fans may go ahead of the first"),
            field_label=N_("How many fans may go ahead of the first (skip)"),
            under="policy",
            moves_queue=True,
        ),
    ] = Field(default=10, description="How many fans may be promoted ahead of the first in line (policy `skip`).")
    idle_minutes: Annotated[
        Quantity | None,
        Setting(
            migration=40,
            group=PROMOTION,
            label=N_("When free tickets wait too long for the first"),
            field_label=N_("Offer them to fans behind the first, once, after (strict; empty: never)"),
            when_null=N_("the list waits for the first"),
            kind=Kind.DURATION,
            under="policy",
            moves_queue=True,
        ),
    ] = Field(
        default=None,
        description="After how many minutes fans behind get free tickets that are too few for the first in line, "
        "once (policy `strict`); null: never.",
    )
    hold_minutes: Annotated[
        Quantity | None,
        Setting(
            migration=1,
            group=HOLDS,
            label=N_("Hold tickets for"),
            field_label=N_("Hold tickets for (empty: until the list ends)"),
            when_null=N_("until the list ends"),
            kind=Kind.DURATION,
        ),
    ] = Field(default=1440, description="How long a hold lasts, in minutes; null: until the list ends.")
    hold_steps: Annotated[
        tuple[HoldStep, ...],
        Setting(
            migration=4,
            group=HOLDS,
            label=N_("Shorter holds near the show"),
            expects=N_("Use each number of days only once."),
            kind=Kind.STEPS,
            stored=Stored(list[list[int]], HoldStep.pairs, HoldStep.all),
        ),
    ] = Field(
        default=(),
        max_length=20,
        description="Shorter holds near the show. If several steps apply, the one closest to the show wins.",
    )
    quiet_from: Annotated[
        TimeOfDay | None,
        Setting(
            migration=4,
            group=HOLDS,
            label=N_("Quiet hours from"),
            field_label=N_("Quiet hours: no deadline between"),
            expects=_QUIET_HOURS,
            kind=Kind.TIME_OF_DAY,
        ),
    ] = Field(
        default=None,
        description="Start of the quiet hours, in the event's timezone. Holds do not expire in them. Notices of "
        "a turn wait for their end, on all channels, unless that takes more than half of the time to buy.",
    )
    quiet_until: Annotated[
        TimeOfDay | None,
        Setting(
            migration=4,
            group=HOLDS,
            label=N_("Quiet hours until"),
            field_label=N_("and"),
            expects=_QUIET_HOURS,
            kind=Kind.TIME_OF_DAY,
        ),
    ] = Field(default=None, description="End of the quiet hours. A deadline inside them moves to this time.")
    hold_grace_seconds: Annotated[
        Stock,
        Field(le=900),
        Setting(
            migration=29,
            group=HOLDS,
            label=N_("More time for a payment"),
            field_label=N_("More time for a payment under way (0: none)"),
            kind=Kind.DURATION,
        ),
    ] = Field(
        default=900,
        description="How many seconds a `checkout` keeps a hold beyond its deadline, once; 0: not at all.",
    )
    after_expiry: Annotated[
        AfterExpiry,
        Setting(
            migration=1,
            group=EXPIRY,
            label=N_("Fans who do not buy in time"),
            choices={
                AfterExpiry.LEAVE: N_("leave the list"),
                AfterExpiry.REQUEUE: N_("go to the end of the line"),
            },
        ),
    ] = Field(default=AfterExpiry.LEAVE, description="What happens to a user when a hold expires.")
    automatic: Annotated[
        Flag,
        Setting(
            migration=1,
            group=PROMOTION,
            label=N_("Offer tickets automatically"),
            field_label=N_("Offer free tickets to the next in line automatically"),
            form_order=-1,
            moves_queue=True,
        ),
    ] = Field(default=True, description="Whether free tickets go to the next in line at once.")
    max_waiting: Annotated[
        Quantity | None,
        Setting(
            migration=1,
            group=JOINING,
            label=N_("Maximum number of waiting fans"),
            field_label=N_("Maximum number of waiting fans (empty: no limit)"),
            when_null=N_("no limit"),
        ),
    ] = Field(default=None, description="Maximum number of waiting fans; null: no limit.")
    closes_at: Annotated[
        Instant | None,
        Setting(
            migration=1,
            group=JOINING,
            label=N_("List ends on"),
            field_label=N_("List ends on, local time of the event (empty: when the show begins)"),
            when_null=N_("when the show begins"),
            expects=N_("Enter a date and time, no later than the start of the show."),
            moves_queue=True,
        ),
    ] = Field(
        default=None, description="When the list ends, if before the show starts; null: when the show starts."
    )
    verify_email: Annotated[
        Flag,
        Setting(
            migration=4,
            group=ADDRESSES,
            label=N_("Skip unconfirmed email addresses"),
            field_label=N_("Skip fans who have not confirmed their email address"),
            moves_queue=True,
        ),
    ] = Field(
        default=False,
        description="Whether fans with an unverified e-mail address are skipped until they verify it.",
    )
    reminder_minutes: Annotated[
        Quantity | None,
        Setting(
            migration=4,
            group=BUYING,
            label=N_("Reminder before the deadline"),
            field_label=N_("Remind fans before the deadline (empty: never)"),
            kind=Kind.DURATION,
            when_null=N_("never"),
        ),
    ] = Field(
        default=60, description="How many minutes before a hold expires the fan gets a reminder; null: never."
    )
    purchase_url: Annotated[
        PurchaseAddress | None,
        Setting(
            migration=4,
            group=BUYING,
            label=N_("Purchase page"),
            field_label=N_("Purchase page: an address with {pass}, and {tickets} if the shop wants it"),
            expects=N_("Enter an address such as https://shop.example/buy?pass={pass}, with {pass} in it."),
            form_order=-1,
            kind=Kind.ADDRESS,
        ),
    ] = Field(
        default=None,
        description="Address where fans buy. `{pass}` stands for the purchase pass, `{tickets}` for the quantity.",
    )
    join_challenge: Annotated[
        JoinChallenge,
        Setting(
            migration=14,
            group=JOINING,
            label=N_("Bot check when joining"),
            field_label=N_(
                "Bot check when joining: the fan’s browser works"  # noqa: RUF001 - as the pages write it
                " for a few seconds, which slows bots down"
            ),
            choices={
                JoinChallenge.OFF: N_("never"),
                JoinChallenge.ADAPTIVE: N_("when many fans join at once"),
                JoinChallenge.ALWAYS: N_("always"),
            },
            form_order=1,
        ),
    ] = Field(
        default=JoinChallenge.OFF,
        description="When a fan who joins must solve a challenge. Organizers never have to.",
    )
    one_place_per_address: Annotated[
        Flag | None,
        Setting(
            migration=15,
            group=ADDRESSES,
            label=N_("One entry per confirmed email address"),
            field_label=N_(
                "One entry per confirmed email address, aliases included. Fans already on the list stay."
            ),
            follows="verify_email",
        ),
    ] = Field(
        default=None,
        description="Whether a verified mailbox, with its aliases, gets only one place; null: as `verify_email`.",
    )
    ignore_address_tags: Annotated[
        Flag,
        Setting(
            migration=36,
            group=ADDRESSES,
            under="one_place_per_address",
            label=N_("Tags in email addresses ignored"),
            field_label=N_("Count ada+jazz@example.org as ada@example.org"),
        ),
    ] = Field(
        default=True,
        description="Whether `one_place_per_address` ignores the tag of an address, such as `+jazz`.",
    )
    requeue_limit: Annotated[
        Quantity | None,
        Setting(
            migration=31,
            group=EXPIRY,
            label=N_("Times a fan may go to the end of the line"),
            field_label=N_("How many times in a row this can happen to a fan (empty: no limit)"),
            under="after_expiry",
            when_null=N_("no limit"),
        ),
    ] = Field(
        default=1,
        description="How often in a row a user whose hold expires waits again, with `requeue`; null: no limit.",
    )
    email_required: Annotated[
        Flag,
        Setting(
            migration=34,
            group=ADDRESSES,
            label=N_("Email address required"),
            field_label=N_("Only with an email address. This is so whenever unconfirmed addresses are skipped."),
            form_order=-1,
            implied_by="verify_email",
        ),
    ] = Field(
        default=False,
        description="Whether an entry must have an e-mail address; always true with `verify_email`.",
    )
    skip_failed_addresses: Annotated[
        Flag,
        Setting(
            migration=41,
            group=ADDRESSES,
            label=N_("Skip email addresses that fail"),
            field_label=N_("Skip fans whose emails come back, until they give another address"),
            moves_queue=True,
        ),
    ] = Field(
        default=False,
        description="Whether fans whose e-mails come back are skipped until they have an address that works.",
    )
    public_ledger: Annotated[
        Flag,
        Setting(
            migration=64,
            group=JOINING,
            label=N_("Public ledger"),
            field_label=N_("Anyone can check the order: we publish every change, with numbers and without people"),
            form_order=2,
        ),
    ] = Field(
        default=True,
        description="Whether the service publishes the signed ledger of the list, which shows no person.",
    )
    transfer: Annotated[
        Flag,
        Setting(
            migration=66,
            group=JOINING,
            label=N_("Fans can give their place to another person"),
            field_label=N_("Let fans give their place to another person, once"),
            form_order=2,
        ),
    ] = Field(
        default=False,
        description="Whether fans may give their places to others, who accept them by e-mail; each place once.",
    )


SETTINGS: Mapping[str, DeclaredSetting] = declared_settings(DeclaredSettings)
"""Every setting, by name."""
FORM: Mapping[Group, Sequence[DeclaredSetting]] = {
    group: sorted(
        (one for one in SETTINGS.values() if one.setting.group is group), key=lambda one: one.setting.form_order
    )
    for group in (JOINING, ADDRESSES, PROMOTION, HOLDS, EXPIRY, BUYING)
}
"""The form on the dashboard: its groups from top to bottom, each with its settings in order."""
WITH_COLUMN = tuple(one for one in SETTINGS.values() if one.setting.has_column)
"""The settings that have a column of their own name."""
COLUMNS = tuple(one.name for one in WITH_COLUMN)
"""The columns that settings have."""
STORED_DEFAULTS: Mapping[str, Any] = {one.name: one.store(one.default) for one in WITH_COLUMN}
"""The value of each column in a new list."""
_IN_EVERY_HISTORY = 1
"""The first row of every history has the settings of this migration and of those before it."""
LATER_COLUMNS = tuple(one.name for one in WITH_COLUMN if one.setting.migration > _IN_EVERY_HISTORY)
"""The columns that the first row of an older history lacks."""
