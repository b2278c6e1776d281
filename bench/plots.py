"""Plots as SVG: bars and lines with axes. They carry their own colours for light and for dark screens.

Every bar and every point has a `<title>`, which browsers show as a tooltip.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH = 760
_TOP, _BOTTOM, _RIGHT = 84, 44, 56
_BAR, _GAP = 13, 12
_SHADES = ("s1", "s2", "s3")
_HUES = ("h1", "h2", "h3", "h4", "h5", "h6")
_STYLE = """
svg { font: 13px system-ui, sans-serif; }
text { paint-order: stroke; stroke-width: 3px; stroke-linejoin: round; }
.page { fill: #fff; } text { fill: #3a3f47; stroke: #fff; }
.head { fill: #14171c; font-size: 16px; font-weight: 600; }
.grid { stroke: #e4e7eb; } .axis, .limit { stroke: #7a828e; } .limit { stroke-dasharray: 4 3; }
.s1 { fill: #a3c8f0; } .s2 { fill: #4a8fdc; } .s3 { fill: #1d4f91; }
.h1 { --hue: #2a78d6; } .h2 { --hue: #c65d00; } .h3 { --hue: #12805c; }
.h4 { --hue: #8e44c7; } .h5 { --hue: #b8275f; } .h6 { --hue: #6b7280; }
.line { stroke: var(--hue); stroke-width: 2; fill: none; } .dot, .name { fill: var(--hue); }
@media (prefers-color-scheme: dark) {
.page { fill: #15181d; } text { fill: #b9c0ca; stroke: #15181d; } .head { fill: #f1f3f6; }
.grid { stroke: #2a2f37; } .axis, .limit { stroke: #7f8894; }
.s1 { fill: #2b5687; } .s2 { fill: #4a8fdc; } .s3 { fill: #b5d4f7; }
.h1 { --hue: #6aaef5; } .h2 { --hue: #f2a057; } .h3 { --hue: #4fc79d; }
.h4 { --hue: #c79bf2; } .h5 { --hue: #f281a9; } .h6 { --hue: #a3abb7; }
}
"""


def bars(
    title: str, unit: str, rows: Mapping[str, Mapping[str, float]], *, limit: tuple[float, str] | None = None
) -> str:
    """A group of bars for each row, with the same series in each; a dashed line marks the `limit`."""
    series = list(dict.fromkeys(name for of in rows.values() for name in of))
    left = 24 + 7 * max(map(len, rows))
    plot = WIDTH - left - _RIGHT
    most = max([limit[0] if limit else 0.0, *(value for of in rows.values() for value in of.values())])
    steps = ticks(most)
    scale = plot / steps[-1]
    height = _TOP + sum(_BAR * len(of) + _GAP for of in rows.values()) + _BOTTOM
    drawn = [_legend(series)]
    for step in steps:
        x = left + step * scale
        drawn.append(_line("grid", x, _TOP, x, height - _BOTTOM))
        drawn.append(_text(x, height - _BOTTOM + 18, _tick(step, steps), "middle"))
    y = float(_TOP + _GAP / 2)
    for name, of in rows.items():
        drawn.append(_text(left - 8, y + _BAR * len(of) / 2 + 4, name, "end"))
        for one, value in of.items():
            tip = escape(f"{name}, {one}: {number(value)} {unit}")
            drawn.append(
                f'<rect class="{_SHADES[series.index(one) % 3]}" x="{left}" y="{y:.1f}"'
                f' width="{max(value * scale, 1):.1f}" height="{_BAR - 2}" rx="1.5"><title>{tip}</title></rect>'
            )
            drawn.append(_text(left + value * scale + 5, y + _BAR - 3, number(value), "start", size=11))
            y += _BAR
        y += _GAP
    drawn.append(_line("axis", left, _TOP, left, height - _BOTTOM))
    if limit:
        x = left + limit[0] * scale
        drawn += [_line("limit", x, _TOP - 8, x, height - _BOTTOM), _text(x, _TOP - 13, limit[1], "middle")]
    drawn.append(_text(left + plot / 2, height - 8, unit, "middle"))
    return _svg(title, height, drawn)


def lines(
    title: str,
    x_name: str,
    y_name: str,
    series: Mapping[str, Sequence[tuple[float, float]]],
    *,
    powers: bool = False,
) -> str:
    """A line for each series, named at its end; `powers` makes the horizontal axis one of powers of ten."""
    height, left, right = 380, 64, 24 + max(7 * max(map(len, series)), 40)
    xs = [x for points in series.values() for x, _ in points]
    y_steps = ticks(max(y for points in series.values() for _, y in points))
    first, last = (min(xs), max(xs)) if powers else (0.0, ticks(max(xs))[-1])
    x_steps = (
        [float(10**n) for n in range(round(math.log10(first)), round(math.log10(last)) + 1)]
        if powers
        else ticks(last)
    )

    def across(x: float) -> float:
        part = math.log(x / first) / (math.log(last / first) or 1) if powers else x / last
        return left + part * (WIDTH - left - right)

    def up(y: float) -> float:
        return height - _BOTTOM - y / y_steps[-1] * (height - _TOP - _BOTTOM)

    drawn = []
    for step in y_steps:
        drawn += [
            _line("axis" if not step else "grid", left, up(step), WIDTH - right, up(step)),
            _text(left - 8, up(step) + 4, _tick(step, y_steps), "end"),
        ]
    drawn += [_text(across(step), height - _BOTTOM + 18, number(step), "middle") for step in x_steps]
    drawn += [
        _text(left, _TOP - 14, y_name, "start"),
        _text((left + WIDTH - right) / 2, height - 8, x_name, "middle"),
    ]
    names = _spread({name: up(points[-1][1]) for name, points in series.items()})
    for hue, (name, points) in zip(_HUES, series.items(), strict=False):
        path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in points)
        drawn.append(f'<g class="{hue}"><polyline class="line" points="{path}"/>')
        drawn += [
            f'<circle class="dot" cx="{across(x):.1f}" cy="{up(y):.1f}" r="3.5">'
            f"<title>{escape(f'{name}, {number(x)}: {number(y)}')}</title></circle>"
            for x, y in points
        ]
        end = across(points[-1][0]) + 10
        drawn.append(f'<text class="name" x="{end:.1f}" y="{names[name] + 4:.1f}">{escape(name)}</text></g>')
    return _svg(title, height, drawn)


def ticks(most: float) -> list[float]:
    """Round numbers from 0 to the first that is not less than `most`, four to six of them."""
    size = 10 ** math.floor(math.log10(most or 1))
    step = next(part * size for part in (0.2, 0.25, 0.5, 1, 2) if part * size * 5 >= most)
    return [round(step * n, 10) for n in range(math.ceil(round(most / step, 6)) + 1)]


def number(value: float) -> str:
    """A number in as few digits as its size needs."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _tick(step: float, steps: Sequence[float]) -> str:
    decimals = max(len(f"{one:g}".partition(".")[2]) for one in steps)
    return f"{step:,.{decimals}f}" if step else "0"


def _spread(heights: Mapping[str, float]) -> dict[str, float]:
    """Names at the ends of lines, moved down until none lies upon another."""
    found: dict[str, float] = {}
    least = 0.0
    for name, height in sorted(heights.items(), key=lambda one: one[1]):
        found[name] = max(height, least)
        least = found[name] + 15
    return found


def _legend(series: Sequence[str]) -> str:
    drawn, x = [], WIDTH - _RIGHT + 30
    for index, name in reversed(list(enumerate(series))):
        x -= 7 * len(name) + 30
        drawn.append(f'<rect class="{_SHADES[index % 3]}" x="{x}" y="40" width="11" height="11" rx="1.5"/>')
        drawn.append(_text(x + 16, 50, name, "start"))
    return "".join(drawn) if len(series) > 1 else ""


def _text(x: float, y: float, text: str, anchor: str, *, size: int = 13) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(text)}</text>'


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _svg(title: str, height: float, drawn: Sequence[str]) -> str:
    named = escape(title)
    written = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}">',
        f"<title>{named}</title><style>{_STYLE}</style>",
        '<rect class="page" width="100%" height="100%"/>',
        f'<text class="head" x="16" y="26">{named}</text>',
        *drawn,
        "</svg>",
    ]
    return "\n".join(written) + "\n"
