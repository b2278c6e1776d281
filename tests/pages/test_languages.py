"""The languages of pages and e-mails: no text is longer than its place allows, and each term has one word.

`test_email_rendering.py` demands that no text is missing and that each has its placeholders.
"""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from waiting_list.i18n import LANGUAGES, LOCALES, SOURCE, environment
from waiting_list.lists.queries.export_layout import spreadsheet

PACKAGE = Path(__file__).parent.parent.parent / "waiting_list"
TEMPLATES = PACKAGE / "pages" / "templates"
GLOSSARY = (PACKAGE.parent / "docs" / "languages.md").read_text()
TRANSLATED = [one for one in LOCALES if one != SOURCE]
ROOM = 24
"""The characters that every button, badge, tab and head of a column has room for."""
GROWTH = 1.6
"""How much longer than the English such a text may be, where that is more."""
_TIGHT = re.compile(
    r"""<(button|th|nav)\b[^>]*>.*?</\1>"""
    r"""|<a\b[^>]*class="button[^>]*>.*?</a>"""
    r"""|<(span|strong|p)\b[^>]*class="badge[^>]*>.*?</\2>"""
    r"""|\{%\ set\ settings_pages\ .*?%\}""",
    re.DOTALL | re.VERBOSE,
)
_OTHER_ADDRESS = {
    "de": r"(?<=[a-zäöüß,] )(Ihr(e[nmrs]?)?|Ihnen|Sie)\b",
    "es": r"(?i)\b(ustedes|usted|introduzca|elija|pulse|escriba)\b",
    "fr": r"(?i)\b(tu|te|ton|tes|toi)\b",
    "it": r"\b(Lei|Suo|Sua|inserisca|scelga)\b|(?i:\bvoi\b)",
}
_TAG = re.compile(r"<[a-zA-Z](?:\{\{.*?\}\}|\{%.*?%\}|[^<>])*?>")
_MESSAGE = re.compile(r'\b(?:gettext|ngettext|_)\(\s*"((?:[^"\\]|\\.)*)"')


@cache
def catalogue(locale: str) -> dict[str, Message]:
    """The messages of a language by their English, or the first form of it."""
    with (PACKAGE / "locales" / locale / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return {forms(one.id)[0]: one for one in read_po(file, locale=locale) if one.id}


def forms(text: str | Sequence[str] | None) -> tuple[str, ...]:
    """A text, or the forms of one that counts."""
    return (text,) if isinstance(text, str) else tuple(text or ())


@cache
def short_texts() -> frozenset[str]:
    """The messages that stand on a button, on a badge, in a menu or at the head of a column."""
    shown = (
        _TAG.sub("", found[0]) for path in TEMPLATES.glob("*.html") for found in _TIGHT.finditer(path.read_text())
    )
    return frozenset(message for text in shown for message in _MESSAGE.findall(text))


@pytest.mark.parametrize("locale", TRANSLATED)
def test_no_text_is_longer_than_its_place_allows(locale: str) -> None:
    assert len(short_texts()) > 150
    for known in ("Tell me", "Overview", "Webhooks", "Held", "unconfirmed"):
        assert known in short_texts()
    for english in short_texts():
        message = catalogue(locale)[english]
        room = max(ROOM, GROWTH * max(map(len, forms(message.id))))
        for text in forms(message.string):
            assert len(text) <= room, f"{text!r} stands where {english!r} has room for {room:.0f} characters"


@pytest.mark.parametrize("locale", TRANSLATED)
def test_a_text_begins_and_ends_as_the_english_does(locale: str) -> None:
    for english, message in catalogue(locale).items():
        for text in forms(message.string):
            assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", english)), text
            assert re.findall(r"</?\w+", text) == re.findall(r"</?\w+", english), text
            assert [text[:1].isspace(), text[-1:].isspace()] == [english[:1].isspace(), english[-1:].isspace()], (
                text
            )
            assert (text[-1] in ".?!") == (english[-1] in ".?!"), text


@pytest.mark.parametrize(("locale", "other"), _OTHER_ADDRESS.items())
def test_each_language_keeps_its_form_of_address(locale: str, other: str) -> None:
    shown = [text for message in catalogue(locale).values() for text in forms(message.string)]
    assert [text for text in shown if re.search(other, text)] == []


@pytest.mark.parametrize("locale", TRANSLATED)
def test_each_term_of_the_glossary_is_the_word_that_the_texts_use(locale: str) -> None:
    head, _, *rows = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in GLOSSARY.splitlines()
        if line.startswith("|")
    )
    assert len(rows) > 30
    column = head.index({"de": "German", "es": "Spanish", "fr": "French", "it": "Italian"}[locale])
    used = "\n".join(text for message in catalogue(locale).values() for text in forms(message.string)).lower()
    assert [row[column] for row in rows if row[column].lower() not in used] == []


@pytest.mark.parametrize("locale", LOCALES)
def test_a_language_has_its_name_its_spreadsheets_and_its_numbers(locale: str, tmp_path: Path) -> None:
    language = next(one for one in LOCALES if one == locale)
    assert LANGUAGES[language]
    assert spreadsheet(language).delimiter == ("," if language == SOURCE else ";")
    # The templates are compiled once for all languages, and what looks constant in them differs nevertheless.
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "own.txt").write_text('{{ 123456|number }} {{ _("Hello,") }}')
    own = {one: environment(one, organization_id="shop", template_folder=tmp_path) for one in LOCALES}
    shown = {one: made.get_template("own.txt").render() for one, made in own.items()}[language]
    assert shown.startswith({"en": "123,456 ", "fr": "123\u202f456 "}.get(locale, "123.456 "))
    assert shown.endswith("Hello,") == (language == SOURCE)


def test_the_languages_share_the_code_of_a_template() -> None:
    first, *others = (environment(one).get_template("pages/sorry.html").root_render_func for one in LOCALES)
    assert all(other.__code__ is first.__code__ for other in others)
