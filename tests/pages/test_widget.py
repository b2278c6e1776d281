"""The files of the widget: its texts in every language, its types, its page, and no code that a strict policy
forbids."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel import Locale as BabelLocale

from tests.support.shop import Shop
from waiting_list.fields import Locale
from waiting_list.i18n import LOCALES
from waiting_list.lists.models import LeftReason
from waiting_list.lists.queries.why_waiting import FanEntry, Reason
from waiting_list.pages.static_files import static
from waiting_list.pages.widget_texts import widget_texts
from waiting_list.problems import Problem

ROOT = Path(__file__).parent.parent.parent
SCRIPT = (ROOT / "waiting_list" / "pages" / "static" / "widget.js").read_text()
RULES = (ROOT / "waiting_list" / "pages" / "static" / "widget-rules.js").read_text()
TYPES = (ROOT / "waiting_list" / "pages" / "static" / "widget.d.ts").read_text()
PAGE = (ROOT / "docs" / "widget.md").read_text()

# As many signs as fit where the text stands on a phone: in the large button, beside a field, above a figure or a
# field, in a line of its own.
_LONGEST = {
    22: ("buy", "save"),
    26: ("undo", "buy_n", "give_back", "leave_no", "keep_held", "decline"),
    38: (
        *("position", "tickets_ahead", "number", "left", "email", "tickets", "minimum", "fewer", "spare", "leave"),
        *("join", "rules", "change", "pause", "resume", "tell_not_opened", "tell_closed", "tell_full"),
    ),
    46: ("stay", "ask_for"),
}


def forms(locale: Locale, name: str) -> list[str]:
    text = widget_texts(locale)[name]
    return [text] if isinstance(text, str) else list(text.values())


@pytest.mark.parametrize("locale", LOCALES)
def test_every_language_has_every_text_and_none_is_longer_than_its_place(locale: Locale) -> None:
    texts = widget_texts(locale)
    assert texts.keys() == widget_texts("en").keys()
    assert all(form.strip() for name in texts for form in forms(locale, name))
    categories = BabelLocale.parse(locale, sep="-").plural_form
    for name, text in texts.items():
        if isinstance(text, dict):
            assert "other" in text, name
            assert text.keys() <= categories.tags | {"other"}, name
    for most, names in _LONGEST.items():
        for name in names:
            for form in forms(locale, name):
                shown = re.sub(r"{\w+}", "12", form)
                assert len(shown) <= most, f"{name}: {shown}"


def test_the_plural_forms_are_called_as_browsers_call_them() -> None:
    assert widget_texts("en")["n_tickets"] == {"one": "{num} ticket", "other": "{num} tickets"}
    assert widget_texts("fr")["waiting"] == {
        "one": "{num} personne attend.",
        "other": "{num} personnes attendent.",
    }


def test_french_has_its_own_marks() -> None:
    for name in widget_texts("fr"):
        for form in forms("fr", name):
            assert "'" not in form, name
            assert not re.search(r"\w [:;!?]", form), f"{name}: a space that may break"


def test_every_text_is_used_and_every_text_that_is_used_is_there() -> None:
    texts = widget_texts("en").keys()
    by_the_service = {*Reason, *LeftReason, "not_opened", "closed", "full"}
    refusals = {name for name in texts if name.startswith("no_")}
    composed = {f"{verb}_{part}" for verb in ("leave", "decline", "give_back") for part in ("ask", "sure")} | {
        "after_leave",
        "after_requeue",
        "work_always",
        "work_adaptive",
        "nothing_free_next",
        "tell_not_opened",
        "tell_closed",
        "tell_full",
        "pause",
        "resume",
    }
    code = SCRIPT + RULES
    quoted = set(re.findall(r"\"(\w+)\"", code))
    assert texts - quoted - composed - by_the_service - refusals == set()
    codes = {problem.code for problem in every_problem()} | {"email", "tickets_minimum", "undo", "reason"}
    assert {name.removeprefix("no_").removesuffix("_by_email") for name in refusals} <= codes
    called = set(re.findall(r"[#.\b]?text\(\"(\w+)\"", code)) | set(re.findall(r"\btext: \"(\w+)\"", code))
    assert called
    assert (called | composed) - texts == set()
    assert {*Reason, *LeftReason} - {LeftReason.ENDED} <= texts


def every_problem(problem: type[Problem] = Problem) -> Iterator[type[Problem]]:
    for child in problem.__subclasses__():
        yield child
        yield from every_problem(child)


async def test_the_script_has_at_most_12_kilobytes_when_zipped(shop: Shop) -> None:
    """As the service sends it: with the addresses of all languages, without lines of comments."""
    served = await shop.http.get("/static/widget.js", headers={"Accept-Encoding": "gzip"})
    assert int(served.headers["content-length"]) <= 12 * 1024
    assert re.findall(r"^ ", served.text, re.MULTILINE) == []


async def test_each_language_is_a_file_that_every_page_may_load_and_keep_for_ever(shop: Shop) -> None:
    script = (await shop.http.get(static("widget.js"))).text
    found = re.search(r"const LANGUAGES = ({.*});", script)
    assert found
    versions: dict[str, str] = json.loads(found[1])
    assert versions.keys() == {locale.lower() for locale in LOCALES}
    for locale in LOCALES:
        answer = await shop.http.get(f"/static/widget-{locale.lower()}.json?v={versions[locale.lower()]}")
        assert answer.json() == widget_texts(locale)
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        zipped = await shop.http.get(answer.url.path, headers={"Accept-Encoding": "gzip"})
        assert int(zipped.headers["content-length"]) < 5_000


def test_it_makes_no_markup_and_no_inline_style() -> None:
    for forbidden in (
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "document.write",
        "eval(",
        "new Function",
        ".style",
    ):
        assert forbidden not in SCRIPT + RULES
    assert "//" not in re.sub(r"^\s*//.*$|; // .*$|// .*$", "", SCRIPT, flags=re.MULTILINE).replace("\\/\\/", "")
    assert 'credentials: "omit"' in SCRIPT


def test_what_a_page_can_set_and_hear_is_documented_and_typed() -> None:
    colours = SCRIPT[SCRIPT.index("const COLOURS") :].partition("};")[0]
    names = re.findall(r'"?([a-z-]+)"?: \[', colours)
    variables = {f"--waiting-list-{name}" for name in [*names, "radius", "font"]}
    assert variables >= set(re.findall(r"--waiting-list-[a-z]+", SCRIPT))
    assert variables == set(re.findall(r"`(--waiting-list-[a-z-]+)`", PAGE))
    observed = re.search(r"observedAttributes = \[(.*?)\]", SCRIPT)
    assert observed
    attributes = re.findall(r'"([\w-]+)"', observed[1])
    typed = TYPES[TYPES.index("interface WaitingListAttributes") :].partition("}")[0]
    assert set(re.findall(r'^  "?([\w-]+)"?\??:', typed, re.MULTILINE)) == set(attributes)
    assert [one for one in attributes if f"`{one}`" not in PAGE] == []
    # The service's statuses are events as well.
    events = {*re.findall(r'#emit\("([\w-]+)"', SCRIPT), "ready", "left"}
    assert events == set(re.findall(r'"waiting-list:([\w-]+)":', TYPES))
    assert [one for one in events if f"`waiting-list:{one}`" not in PAGE] == []
    members = {*re.findall(r"^  (?:get|set) (\w+)\(", SCRIPT, re.MULTILINE), "refresh"}
    element = TYPES[TYPES.index("interface WaitingListElement ") :].partition("\n}")[0]
    assert members == set(re.findall(r"^  (?:readonly )?(\w+)(?=[:(])", element, re.MULTILINE)) - {
        "addEventListener"
    }
    parts = " ".join(re.findall(r'part: "([\w ]+)"', SCRIPT)).split()
    assert [part for part in parts if f"`{part}`" not in PAGE] == []


def test_the_types_have_the_fields_of_an_entry() -> None:
    entry = TYPES[TYPES.index("interface WaitingListEntry ") :].partition("}")[0]
    assert set(re.findall(r"^  (\w+)\??:", entry, re.MULTILINE)) == FanEntry.model_fields.keys()
    for reason in Reason:
        assert f'"{reason}"' in TYPES
    for left in LeftReason:
        assert f'"{left}"' in entry
