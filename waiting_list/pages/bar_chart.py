"""Lay out the bars of a chart, which templates draw as SVG. No I/O here."""

from collections.abc import Sequence
from typing import NamedTuple


class Bar(NamedTuple):
    """A bar in units of the drawing, and its value."""

    x: float
    y: float
    width: float
    height: float
    value: int


class Plot(NamedTuple):
    """The bars of a chart, side by side. The highest is as high as the chart."""

    width: int
    height: int
    bars: tuple[Bar, ...]


def plot(values: Sequence[int], *, width: int = 640, height: int = 120) -> Plot:
    """Lay out one bar for each value. Values are not negative.

    The height of a bar is proportional to its value, and at least 1 if the value is not zero.
    """
    top = max(1, *values) if values else 1
    step = width / max(1, len(values))
    gap = min(2.0, step / 4)
    bars = []
    for index, value in enumerate(values):
        high = max(1.0, height * value / top) if value else 0.0
        bars.append(
            Bar(
                round(index * step + gap / 2, 1),
                round(height - high, 1),
                round(step - gap, 1),
                round(high, 1),
                value,
            )
        )
    return Plot(width, height, tuple(bars))
