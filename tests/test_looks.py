"""The colour of an organization: read on light and on dark pages, or refused."""

import re
from importlib.resources import files

import pytest
from pydantic import TypeAdapter, ValidationError

from waiting_list import looks
from waiting_list.looks import OURS, Accent, contrast, palette

ACCENT: TypeAdapter[str] = TypeAdapter(Accent)
STYLE = (files("waiting_list.pages") / "static" / "style.css").read_text()


def grounds() -> list[set[str]]:
    """The grounds of style.css, on light and on dark pages."""
    light, dark = re.findall(r":root \{(.*?)\n *\}", STYLE, flags=re.DOTALL)[:2]
    return [set(re.findall(r"--(?:ground|paper|soft): (#\w{6});", part)) for part in (light, dark)]


def test_the_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    assert contrast("#123456", "#123456") == 1


@pytest.mark.parametrize("accent", ["#000000", "#1b4f9c", "#c2185b", "#e4572e", "#00796b", "#ff0000", "#0000ff"])
def test_text_and_buttons_are_read_on_every_ground_of_the_pages(accent: str) -> None:
    assert ACCENT.validate_python(accent) == accent
    colours = palette(accent)
    for ours, text, on in (
        (colours.light, colours.on_light, grounds()[0]),
        (colours.dark, colours.on_dark, grounds()[1]),
    ):
        assert contrast(ours, text) >= 4.5
        assert len(on) >= 2
        assert all(contrast(ours, ground) >= 4.5 for ground in on)


def test_a_colour_that_is_read_stays_as_it_is() -> None:
    assert palette("#1b4f9c").light == "#1b4f9c"
    assert palette("#9cc2ff").dark == "#9cc2ff"
    assert (OURS.light in STYLE, OURS.dark in STYLE) == (True, True)


@pytest.mark.parametrize("pale", ["#ffff00", "#ffffff", "#ffd54f"])
def test_a_pale_colour_is_refused_with_its_contrast_and_the_nearest_that_is_read(pale: str) -> None:
    with pytest.raises(ValidationError, match=r"has a contrast of 1\.\d:1 .* needs 3:1") as refused:
        ACCENT.validate_python(pale)
    (nearest,) = re.findall(r"is (#\w{6})", str(refused.value))
    assert ACCENT.validate_python(nearest) == nearest


@pytest.mark.parametrize("wrong", ["red", "#12345", "#1234567", "123456", "#12345g", "#123456;}", ""])
def test_only_a_colour_is_a_colour(wrong: str) -> None:
    with pytest.raises(ValidationError, match="such as #1b4f9c"):
        ACCENT.validate_python(wrong)


def test_capitals_are_the_same_colour() -> None:
    assert ACCENT.validate_python("#1B4F9C") == "#1b4f9c"
    assert looks.style_of("#1b4f9c").count(".branded") == 2
