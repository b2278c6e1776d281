"""Lay out charts with axes, which templates draw as SVG. No I/O here.

A chart has a column for each period, from left to right. Its values are bars, or points of lines.
"""

from collections.abc import Sequence
from typing import NamedTuple

_STEPS = (1, 2, 5)
_INTERVALS = 4
_LABELS = 5


class Column(NamedTuple):
    """The place of a period, in units of the drawing, and what it is: the values of all series."""

    x: float
    width: float
    label: str
    values: tuple[int, ...]


class Chart(NamedTuple):
    """A chart in units of its drawing."""

    width: int
    height: int
    ticks: tuple[int, ...]
    """The values at the gridlines, from the top down to 0, at equal distances."""
    labels: tuple[str, ...]
    """The labels of the horizontal axis, from the first period to the last, at about equal distances."""
    columns: tuple[Column, ...]
    bars: tuple[tuple[float, float, float, float], ...]
    """x, y, width and height of each bar of the first series, without those of zero."""
    lines: tuple[str, ...]
    """The points of each series, as SVG has them."""


def scale(top: int) -> tuple[int, ...]:
    """Return round values from at least `top` down to 0, at equal distances."""
    least = max(1, top)
    step, power = 1, 1
    while step * _INTERVALS < least:
        nearest = next((one for one in _STEPS if one * power * _INTERVALS >= least), None)
        if nearest is None:
            power *= 10
        else:
            step = nearest * power
    return tuple(step * count for count in range(-(-least // step), -1, -1))


def chart(labels: Sequence[str], *series: Sequence[int], width: int = 640, height: int = 160) -> Chart:
    """Lay out one column for each label. Values are not negative, and each series has one for each label."""
    ticks = scale(max((value for values in series for value in values), default=1))
    step = width / max(1, len(labels))
    gap = min(2.0, step / 4)

    def y(value: int) -> float:
        return round(height - height * value / ticks[0], 1)

    columns = [
        Column(round(index * step, 1), round(step, 1), label, tuple(values[index] for values in series))
        for index, label in enumerate(labels)
    ]
    bars = [
        (round(one.x + gap / 2, 1), y(value), round(step - gap, 1), round(height - y(value), 1))
        for one in columns
        if (value := one.values[0])
    ]
    # From edge to edge where there is one period, because a line of one point is not seen.
    places = [(index + 0.5) * step for index in range(len(labels))] if len(labels) > 1 else [0, width]
    lines = [
        " ".join(
            f"{round(place, 1)},{y(values[min(index, len(values) - 1)])}" for index, place in enumerate(places)
        )
        for values in series
        if values
    ]
    return Chart(width, height, ticks, _spread(labels), tuple(columns), tuple(bars), tuple(lines))


def _spread(labels: Sequence[str]) -> tuple[str, ...]:
    if len(labels) <= _LABELS:
        return tuple(labels)
    return tuple(labels[round(place * (len(labels) - 1) / (_LABELS - 1))] for place in range(_LABELS))
