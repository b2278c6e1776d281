"""How an organization looks to its fans: its name, its logo, and its colour on light and on dark pages.

An organizer gives one colour. Pages use it for links and buttons, so it must be read on both grounds: WCAG 2.2
asks for a contrast of 4.5:1 for text. A colour is made darker on light pages, and lighter on dark ones, until it
has that. A colour that is too pale to be known again after that is refused.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field

from waiting_list import page_addresses as to
from waiting_list.fields import Frozen, Row

_LIGHT_GROUNDS, _DARK_GROUNDS = ("#f3f1ec", "#ffffff"), ("#17161a", "#232228", "#2d2c34")
"""The grounds of pages in style.css, on which links stand."""
_LIGHT_INK, _DARK_INK = "#ffffff", "#10131a"
_TEXT, _SHAPE = 4.5, 3.0
"""The contrasts that WCAG 2.2 asks for: 1.4.3 for text, 1.4.11 for the shape of a button."""
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_STEPS = 100


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours by WCAG 2.2, from 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


class Palette(Frozen):
    """A colour for links and buttons on light and on dark pages, and the colour of text on such a button.

    Each has a contrast of at least 4.5:1 with what it stands on.
    """

    light: str = Field(description="Colour of links and buttons on a light page.")
    on_light: str = Field(description="Colour of the text on such a button.")
    dark: str = Field(description="Colour of links and buttons on a dark page.")
    on_dark: str = Field(description="Colour of the text on such a button.")


OURS = Palette(light="#1b4f9c", on_light="#ffffff", dark="#9cc2ff", on_dark="#10131a")
"""The colours of an organization that has set none."""


@lru_cache(maxsize=1000)
def palette(accent: str) -> Palette:
    """Return the colours of pages for a colour such as `#1b4f9c`."""
    light = _readable(accent, "#000000", _LIGHT_GROUNDS)
    dark = _readable(accent, "#ffffff", _DARK_GROUNDS)
    return Palette(light=light, on_light=_ink(light), dark=dark, on_dark=_ink(dark))


def style_of(accent: str) -> str:
    """Return the style sheet that gives the colour to everything within the class `branded`."""
    colours = palette(accent)
    light, dark = (
        f".branded {{ --accent: {accent}; --on-accent: {text}; }}"
        for accent, text in ((colours.light, colours.on_light), (colours.dark, colours.on_dark))
    )
    return f"{light}\n@media (prefers-color-scheme: dark) {{ {dark} }}\n"


def _checked(value: str) -> str:
    value = value.lower()
    if not _COLOUR.fullmatch(value):
        raise ValueError("must be a colour such as #1b4f9c")
    has = min(contrast(value, ground) for ground in _LIGHT_GROUNDS)
    if has < _SHAPE:
        darker = _readable(value, "#000000", _LIGHT_GROUNDS)
        raise ValueError(
            f"has a contrast of {has:.1f}:1 with a light page and needs {_SHAPE:g}:1; the nearest that is easy to "
            f"read is {darker}"
        )
    return value


Accent = Annotated[str, Field(json_schema_extra={"pattern": "^#[0-9A-Fa-f]{6}$"}), AfterValidator(_checked)]
"""A colour that pages can use."""


class Look(Frozen):
    """How an organization presents itself to fans. Each field is null until the organization sets it."""

    name: str | None = Field(default=None, description="The organization's name.")
    logo_url: str | None = Field(default=None, description="Address of the organization's logo, as PNG.")
    accent: str | None = Field(default=None, description="The organization's colour, such as `#1b4f9c`.")
    colors: Palette | None = Field(
        default=None, description="The colour as pages use it: made darker or lighter until text in it is read."
    )

    languages: Sequence[str] | None = Field(
        default=None,
        description="The languages that the organization offers to its fans, its own first; null: all.",
    )

    @classmethod
    def of(cls, record: Row) -> "Look":
        """Make the look of a row with the columns `organizer_name`, `logo`, `accent` and `languages`."""
        accent = record["accent"]
        return Look.model_construct(
            name=record["organizer_name"],
            logo_url=image_address(record["logo"]),
            accent=accent,
            colors=palette(accent) if accent else None,
            languages=record["languages"],
        )

    def at(self, public_url: str) -> Self:
        """Return the look with a logo that programs elsewhere find."""
        return self if self.logo_url is None else self.model_copy(update={"logo_url": public_url + self.logo_url})


def image_address(image: str | None) -> str | None:
    """Return where pages find an image; None without one."""
    return to.address(to.IMAGE, name=image) if image else None


def logo_in_email(address: str) -> tuple[int, int]:
    """Return the width and height at which an e-mail shows a logo, because mail programs know no maximum."""
    width, height = to.image_size(address)
    scale = min(1.0, 48 / height, 240 / width)
    return max(1, round(width * scale)), max(1, round(height * scale))


def look_of_sender(record: Row, public_url: str) -> dict[str, Any]:
    """Return what an e-mail shows of the columns `logo` and `accent` of an organization."""
    logo, accent = image_address(record["logo"]), record["accent"]
    return {"logo_link": public_url + logo if logo else None, "colors": palette(accent) if accent else None}


def _luminance(colour: str) -> float:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels)
    return sum(weight * one for weight, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _readable(colour: str, towards: str, grounds: tuple[str, ...]) -> str:
    """Return the colour, mixed with as little of another one as text on these grounds needs."""
    parts = [(int(colour[at : at + 2], 16), int(towards[at : at + 2], 16)) for at in (1, 3, 5)]
    for step in range(_STEPS):
        mixed = "#" + "".join(f"{round(own + (other - own) * step / _STEPS):02x}" for own, other in parts)
        if all(contrast(mixed, ground) >= _TEXT for ground in grounds):
            return mixed
    return towards


def _ink(ground: str) -> str:
    # The better of the two is read on every colour that is itself read on the grounds of pages.
    return max((_LIGHT_INK, _DARK_INK), key=lambda ink: contrast(ink, ground))
