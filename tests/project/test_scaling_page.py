"""The generated part of docs/scaling.md and its curves: what `make simulate` makes of the committed history."""

from xml.etree import ElementTree

from bench import history
from bench.calibration import Costs
from bench.simulate import DOCS, PAGE, STEPS, draw, page, replaced, run

SVG = "{http://www.w3.org/2000/svg}"


def test_the_page_and_its_curves_are_what_the_simulation_makes_of_the_history() -> None:
    runs = history.read()
    costs = Costs.read(runs)
    steps, habits = run(costs)
    text = PAGE.read_text()
    assert text == replaced(text, page(runs, costs, steps, habits)), "The page is stale: make simulate"
    drawn = draw(steps)
    for name, curve in drawn.items():
        assert (DOCS / f"{name}.svg").read_text() == curve, "A curve is stale: make simulate"
        assert f"]({name}.svg)" in text
        plot = ElementTree.fromstring(curve)  # noqa: S314 - our own
        assert plot.findtext(f"{SVG}title")
        assert any(line.get("class") == "axis" for line in plot.iter(f"{SVG}line"))
    assert set(steps) == set(STEPS)
    assert {path.stem for path in DOCS.glob("scaling-*.svg")} == set(drawn)
