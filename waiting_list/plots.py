"""Where the bars and lines of a plot are drawn: pure. The templates draw them, as SVG."""

from collections.abc import Sequence
from typing import NamedTuple


class Bar(NamedTuple):
    """A bar, in units of the drawing, and what it stands for."""

    x: float
    y: float
    width: float
    height: float
    value: int


class Plot(NamedTuple):
    """Bars for some values, side by side, under a round number that none is above; and a line over their tops."""

    width: int
    height: int
    bars: tuple[Bar, ...]
    top: int

    @property
    def line(self) -> str:
        """The points of a line through the middle of the tops."""
        return " ".join(f"{bar.x + bar.width / 2:.1f},{bar.y:.1f}" for bar in self.bars)


def plot(values: Sequence[int], *, width: int = 640, height: int = 120) -> Plot:
    """A plot of values that are not negative. A bar is as high as its value is of the top; one that is not zero
    can be seen."""
    top = round_top(max(values, default=0))
    step = width / max(1, len(values))
    gap = min(2.0, step / 4)
    bars = []
    for place, value in enumerate(values):
        high = max(1.0, height * value / top) if value else 0.0
        bars.append(
            Bar(
                round(place * step + gap / 2, 1),
                round(height - high, 1),
                round(step - gap, 1),
                round(high, 1),
                value,
            )
        )
    return Plot(width, height, tuple(bars), top)


def round_top(value: int) -> int:
    """The least of 1, 2, 5, 10, 20, 50 … that is not below the value."""
    power = 1
    while True:
        for digit in (1, 2, 5):
            if digit * power >= value:
                return digit * power
        power *= 10
