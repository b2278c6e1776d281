"""Sampled stacks: the layer whose code ran, and a flame graph as SVG.

Reads what `py-spy record --native --full-filenames --format raw` writes: a stack a line, its frames from the
outermost inwards with a semicolon between them, then a count. Frames of C count for the library that they are
from; those of Python itself and of libc count for their caller.
"""

import re
from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

LAYERS = {
    "own code": "#e8743b",
    "FastAPI and Starlette": "#19a979",
    "pydantic": "#b6c62b",
    "uvicorn and httptools": "#5899da",
    "asyncpg": "#945ecf",
    "uvloop and asyncio": "#13a4b4",
    "other libraries": "#d98ba8",
    "standard library": "#a3a9b3",
    "kernel": "#ed4a7b",
}
"""Each layer and its colour."""
WIDTH, ROW, TOP, SIDE = 1200, 17, 92, 12
LEAST = 0.004
"""Frames with a smaller share of the samples are not drawn."""
_FRAME = re.compile(r"(.+) \((.+?)(?::\d+)?\)$")
_PARTS = (
    (r"/waiting_list/", "own code", ""),
    (r"(?:/|-packages/)(?:fastapi|starlette)/", "FastAPI and Starlette", ""),
    (r"/pydantic_core/.*\.so$", "pydantic", "pydantic_core"),
    (r"/pydantic\w*/", "pydantic", ""),
    (r"/(?:uvicorn|httptools)/.*\.py$", "uvicorn and httptools", ""),
    (r"/httptools/|/llhttp/", "uvicorn and httptools", "httptools"),
    (r"/asyncpg/.*\.py$", "asyncpg", ""),
    (r"/asyncpg/", "asyncpg", "asyncpg in C"),
    (r"/uvloop/|/libuv", "uvloop and asyncio", "uvloop"),
    (r"_asynciomodule\.c", "uvloop and asyncio", "asyncio in C"),
    (r"/asyncio/.*\.py$", "uvloop and asyncio", ""),
    (r"/site-packages/.*\.py$", "other libraries", ""),
    (r"/python3\.\d+/.*\.py$|^<frozen", "standard library", ""),
    (r"/Modules/(?!clinic)|libcrypto|libssl", "standard library", "C of the standard library"),
)
"""Of the path of a frame: its layer, and its name where C has no better."""
_LOOP = ("uv_run ", "Runner.run ")
"""What runs the event loop."""
_SYSTEM_CALLS = re.compile(r"writev?|send\w*|readv?|recv\w*|epoll_\w+|connect|close|ioctl|fcntl|getpid|futex")


class Frame(NamedTuple):
    """A function that was running, or had called one that was."""

    name: str
    layer: str


_UVLOOP = Frame("uvloop", "uvloop and asyncio")
_ASYNCIO = Frame("asyncio in C", "uvloop and asyncio")
Stacks = Counter[tuple[Frame, ...]]


def read(raw: str) -> Stacks:
    """The samples, from the event loop inwards."""
    stacks: Stacks = Counter()
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        named = stack.split(";")
        # What starts the process stands below every sample.
        loop = max((n for n, one in enumerate(named) if one.startswith(_LOOP)), default=-1)
        # py-spy now and then finds no frames of C: all code runs in a task of the loop.
        frames = [] if "uv_run" in stack else [_UVLOOP, _ASYNCIO]
        for index, one in enumerate(named[loop + 1 :], loop + 1):
            frame = _frame(one, last=index == len(named) - 1)
            if frame and (not frames or frames[-1] != frame):
                frames.append(frame)
        stacks[tuple(frames) or (_UVLOOP,)] += int(count)
    return stacks


def _frame(text: str, *, last: bool) -> Frame | None:
    match = _FRAME.match(text)
    if match is None:
        return None
    name, path = match.groups()
    if last and "/libc" in path and _SYSTEM_CALLS.fullmatch(name):
        return Frame(name, "kernel")
    for pattern, layer, instead in _PARTS:
        if re.search(pattern, path):
            return Frame(instead or f"{name.replace('<locals>.', '')} ({_module(path)})", layer)
    return None


def _module(path: str) -> str:
    inside = re.sub(r"^.*(?:site-packages/|/lib/python3\.\d+/|/(?=waiting_list/))", "", path)
    return inside.removesuffix(".py").removesuffix("/__init__").removeprefix("waiting_list/")


def shares(stacks: Stacks) -> dict[str, float]:
    """The share of each layer in the samples, by the code that ran."""
    found: Counter[str] = Counter()
    for stack, count in stacks.items():
        found[stack[-1].layer] += count
    return {layer: found[layer] / stacks.total() for layer in LAYERS}


def packages(stacks: Stacks) -> dict[str, float]:
    """The share of each package of our own code, the largest first."""
    found: Counter[str] = Counter()
    for stack, count in stacks.items():
        if stack[-1].layer == "own code":
            found[stack[-1].name.rpartition("(")[2].rstrip(")").partition("/")[0]] += count
    return {name: count / stacks.total() for name, count in found.most_common()}


def table(stacks: Stacks) -> str:
    """The shares as text."""
    rows = []
    for layer, share in shares(stacks).items():
        rows.append(f"  {layer:32} {share:7.1%}")
        if layer == "own code":
            rows += [f"    {name:30} {part:7.1%}" for name, part in packages(stacks).items()]
    return "\n".join([*rows, f"  {'samples':32} {stacks.total():7,}"])


def draw(title: str, stacks: Stacks) -> str:
    """The flame graph: a box is as wide as its share of the samples, and stands upon its caller."""
    whole = stacks.total()
    boxes: list[tuple[int, int, int, Frame]] = []
    depth = _boxes([(stack, count) for stack, count in sorted(stacks.items())], 0, 0, whole, boxes)
    height = TOP + ROW * depth + SIDE
    scale = (WIDTH - 2 * SIDE) / whole
    drawn = []
    classes = {layer: f"l{index}" for index, layer in enumerate(LAYERS)}
    for level, start, count, frame in boxes:
        x, y, width = SIDE + start * scale, height - SIDE - ROW * (level + 1), count * scale
        tip = escape(f"{frame.name}, {frame.layer}: {count / whole:.1%}")
        text = (
            frame.name
            if len(frame.name) * 6.6 < width - 6
            else frame.name[: max(int((width - 18) / 6.6), 0)] + "…"
        )
        label = f'<text x="{x + 3:.1f}" y="{y + 12}">{escape(text)}</text>' if width > 30 else ""
        drawn.append(
            f'<g><title>{tip}</title><rect class="{classes[frame.layer]}" x="{x:.1f}" y="{y}"'
            f' width="{max(width - 0.6, 0.4):.1f}" height="{ROW - 1}"/>{label}</g>'
        )
    named = escape(title)
    style = "".join(f".l{index}{{fill:{colour}}}" for index, colour in enumerate(LAYERS.values()))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}">',
            f"<title>{named}</title><style>text{{font:11px system-ui,sans-serif;fill:#14171c}}"
            f".page{{fill:#fff}}.head{{font-size:16px;font-weight:600}}{style}"
            "@media(prefers-color-scheme:dark){.page{fill:#15181d}.head,.key{fill:#e6e9ee}}</style>",
            '<rect class="page" width="100%" height="100%"/>',
            f'<text class="head" x="{SIDE}" y="26">{named}</text>',
            *_legend(shares(stacks), classes),
            *drawn,
            "</svg>\n",
        ]
    )


def _boxes(
    stacks: Sequence[tuple[tuple[Frame, ...], int]],
    level: int,
    start: int,
    whole: int,
    boxes: list[tuple[int, int, int, Frame]],
) -> int:
    """Adds a box for each function that stands at a level, and those upon it; returns the number of levels."""
    groups: dict[Frame, list[tuple[tuple[Frame, ...], int]]] = {}
    for stack, count in stacks:
        if len(stack) > level:
            groups.setdefault(stack[level], []).append((stack, count))
    depth = level
    for frame, of in groups.items():
        count = sum(one for _, one in of)
        if count >= LEAST * whole:
            boxes.append((level, start, count, frame))
            depth = max(depth, level + 1, _boxes(of, level + 1, start, whole, boxes))
        start += count
    return depth


def _legend(found: dict[str, float], classes: dict[str, str]) -> list[str]:
    drawn = []
    for index, layer in enumerate(LAYERS):
        x, y = SIDE + index % 5 * 236, 40 + index // 5 * 20
        drawn.append(f'<rect class="{classes[layer]}" x="{x}" y="{y}" width="12" height="12" rx="2"/>')
        text = f"{layer} {found.get(layer, 0):.0%}"
        drawn.append(f'<text class="key" x="{x + 18}" y="{y + 10}">{text}</text>')
    return drawn
