"""Declare the settings of the draw: whether lots decide the order of a list, when, and by what chance."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from waiting_list.fields import DrawSource, Instant
from waiting_list.lists.setting import N_, Group, Setting
from waiting_list.lists.setting_values import Order

PROMOTION = Group(
    "promotion",
    N_("Who gets tickets"),
    N_("Tickets go to the first in line. Say what happens if there are too few."),
)
DrawCommitment = Annotated[
    str | None, Field(description="The SHA-256 of the secret of the draw, in hex; null without a draw.")
]
DrawnAt = Annotated[datetime | None, Field(description="When the lots were drawn; null before.")]


class DrawSettings(BaseModel):
    """The settings of the draw, the first of a list's."""

    order: Annotated[
        Order,
        Setting(
            migration=70,
            group=PROMOTION,
            label=N_("Order of the line"),
            choices={
                Order.ARRIVAL: N_("by arrival: first come, first served"),
                Order.DRAW: N_("by lot: everyone who joins before the draw has the same chance"),
            },
            form_order=-1,
        ),
    ] = Field(
        default=Order.ARRIVAL,
        description="What decides the order: the arrival, or a draw among everyone who joined before it. "
        "It can be changed until the first fan joins.",
    )
    draw_at: Annotated[
        Instant | None,
        Setting(
            migration=70,
            group=PROMOTION,
            label=N_("Draw on"),
            field_label=N_("Draw on, local time of the event"),
            expects=N_("Enter a date and time that lie ahead, before the list ends."),
            form_order=-1,
            under="order",
        ),
    ] = Field(
        default=None,
        description="From when on the lots can be drawn, among those who joined before. Required with order "
        "`draw`. It can be moved while it lies ahead, to an instant that lies ahead.",
    )
    draw_source: Annotated[
        DrawSource | None,
        Setting(
            migration=70,
            group=PROMOTION,
            label=N_("Public randomness of the draw"),
            field_label=N_("Public randomness of the draw, such as the lottery numbers of a named day"),
            form_order=-1,
            under="order",
        ),
    ] = Field(
        default=None,
        description="Which public randomness the draw will use: a text for people, or `drand`, the round of the "
        "drand network at `draw_at`. Without one, it says that the organizer enters a value. It can be changed "
        "until the first fan joins.",
    )
