"""The files that pages load: kept for ever under their version, checked again without it, small to send."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

from tests.support.shop import Shop, problem
from waiting_list.pages.static_files import static

FOLDER = Path(str(files("waiting_list.pages") / "static"))


@pytest.mark.parametrize(
    "name", ["style.css", "page.js", "icon.svg", "widget.js", "challenge.js", "widget-fr.json"]
)
async def test_a_file_is_kept_for_ever_under_its_version_and_else_for_minutes(shop: Shop, name: str) -> None:
    for address, kept in (
        (static(name), "public, max-age=31536000, immutable"),
        (f"/static/{name}", "public, max-age=300"),
        (f"/static/{name}?v=older", "public, max-age=300"),
    ):
        answer = await shop.http.get(address)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == kept
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["x-content-type-options"] == "nosniff"
        known = await shop.http.get(address, headers={"If-None-Match": answer.headers["etag"]})
        assert (known.status_code, known.content) == (304, b"")


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.css") if "swagger" not in path.name))
def test_a_style_holds_for_all_media_but_where_it_says_otherwise(name: str) -> None:
    """A brace too few, and all that follows is for print alone."""
    text, depth, inside = (FOLDER / name).read_text(), 0, []
    for line in re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL).splitlines():
        if depth and line and not line.startswith((" ", "}")):
            inside.append(line)
        depth += line.count("{") - line.count("}")
    assert (depth, inside) == (0, [])


def test_the_pages_have_one_scale_of_type() -> None:
    """Another size is one that somebody made up. Sizes in a plot and in print are no text."""
    text = "".join((FOLDER / name).read_text() for name in ("style.css", "dashboard.css"))
    screen = re.sub(r"@media print \{.*?\n\}", "", text, flags=re.DOTALL)
    sizes = set(re.findall(r"font(?:-size)?: ([^;\n]*[\d)](?:/[\d.]+)?)(?= |;)", screen))
    steps = {"tiny", "small", "text", "large", "title", "figure"}
    assert set(re.findall(r"--(\w+): [\d.]+rem;", screen)) == steps
    assert {size.partition("/")[0] for size in sizes} <= {f"var(--{step})" for step in steps} | {"11px"}
    assert len(sizes) > len(steps)


async def test_a_file_is_zipped_for_who_can_unzip_it(shop: Shop) -> None:
    plain = await shop.http.get("/static/page.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    zipped = await shop.http.get("/static/page.js", headers={"Accept-Encoding": "gzip"})
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.content == plain.content
    assert int(zipped.headers["content-length"]) < len(plain.content) / 2
    assert zipped.headers["etag"] != plain.headers["etag"]  # two forms, two strong tags
    assert not zipped.headers["etag"].startswith("W/")


async def test_only_the_widget_and_what_it_loads_may_be_loaded_by_pages_of_others(shop: Shop) -> None:
    for name in ("style.css", "dashboard.css", "page.js", "live.js", "icon.svg"):
        answer = await shop.http.get(f"/static/{name}")
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in answer.headers
    for name in ("widget.js", "widget-rules.js", "challenge.js", "widget.d.ts", "widget-en.json"):
        answer = await shop.http.get(f"/static/{name}")
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("name", ["nothing.css", "..%2Fpage.py", "%2e%2e/page.py", "style.css%00", ".", "%FF"])
async def test_nothing_else_is_there(shop: Shop, name: str) -> None:
    answer = await shop.http.get(f"/static/{name}")
    assert answer.status_code in (404, 422), answer.text
    if answer.status_code == 404:
        problem(answer, 404, "not_found")
