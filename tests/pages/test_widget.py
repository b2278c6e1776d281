"""The file of the widget: the same texts in both languages, no code that a strict policy forbids, and its page.

The widget is one file for pages of other sites, so its texts are not in the catalogues. These tests compare them.
"""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SCRIPT = (ROOT / "waiting_list" / "pages" / "static" / "widget.js").read_text()
PAGE = (ROOT / "docs" / "widget.md").read_text()


def texts(language: str) -> dict[str, str]:
    """The texts of a language by their names; one that has two forms is both together."""
    block = re.search(rf"^  {language}: {{\n(.*?)^  }},\n", SCRIPT, re.DOTALL | re.MULTILINE)
    assert block
    return dict(re.findall(r"^    (\w+): (.+?),\n(?=    \w|$|\Z)", block[1], re.DOTALL | re.MULTILINE))


def test_both_languages_say_the_same_things() -> None:
    english, french = texts("en"), texts("fr")
    assert len(english) > 50
    assert list(english) == list(french)
    for name, text in english.items():
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", french[name])), name
        assert ("one:" in text) == ("one:" in french[name]), name


def test_french_has_its_own_marks() -> None:
    for name, text in texts("fr").items():
        assert "'" not in text, name
        assert not re.search(r"\w [:;!?](?! \{)", re.sub(r"(one|other): ", "", text)), (
            f"{name}: a space that may break"
        )


def test_every_text_is_used_and_every_text_that_is_used_is_there() -> None:
    code = SCRIPT[SCRIPT.index("const SORRY") :]
    named = set(re.findall(r"\"(\w+)\"", code)) | {
        "left_ended",
        "after_leave",
        "after_requeue",
        "leave_sure",
        "decline_sure",
        "give_back_sure",
        "work_always",
        "work_adaptive",
    }
    closed_and_left = {"not_opened", "bought", "cancelled", "removed"}  # by the names that the service gives them
    assert set(texts("en")) - named - closed_and_left == set()


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
        assert forbidden not in SCRIPT
    assert "//" not in re.sub(r"^\s*//.*$|; // .*$|// .*$", "", SCRIPT, flags=re.MULTILINE).replace("\\/\\/", "")
    assert 'credentials: "omit"' in SCRIPT


def test_what_a_shop_can_set_is_documented() -> None:
    variables = set(re.findall(r"--waiting-list-[a-z-]+", SCRIPT))
    assert variables == set(re.findall(r"`(--waiting-list-[a-z-]+)`", PAGE))
    observed = re.search(r"observedAttributes = \[(.*?)\]", SCRIPT)
    assert observed
    for attribute in re.findall(r'"([\w-]+)"', observed[1]):
        assert f"`{attribute}`" in PAGE
    for event in re.findall(r'#emit\("([\w-]+)"', SCRIPT):
        assert f"`waiting-list:{event}`" in PAGE
    parts = " ".join(re.findall(r'part: "([\w ]+)"', SCRIPT)).split()
    assert [part for part in parts if f"`{part}`" not in PAGE] == []
