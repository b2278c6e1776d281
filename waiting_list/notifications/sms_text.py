"""Write the text messages: what a fan may read of their turn, in one message of 160 characters if possible.

A message in the alphabet of GSM 03.38 has 160 characters, any other one 70. So letters that this alphabet lacks
lose their accents, and the title of the event gets what the rest leaves.
"""

import unicodedata
from collections.abc import Mapping
from typing import Any

from waiting_list.fields import Locale
from waiting_list.i18n import known, offered, shown_shortest, spoken, translations
from waiting_list.lists.models import Entry

LONGEST = 160
"""The most characters of one message."""
_SHORTEST_TITLE = 12
_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€")
"""Each counts as two characters."""
_PLAIN = {
    "\N{RIGHT SINGLE QUOTATION MARK}": "'", "\N{LEFT SINGLE QUOTATION MARK}": "'", "“": '"', "”": '"', "„": '"',
    "«": '"', "»": '"', "\N{EN DASH}": "-", "—": "-", "…": "...", "\N{NO-BREAK SPACE}": " ",
    "\N{NARROW NO-BREAK SPACE}": " ",
    "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L",
}  # fmt: skip


def plain(text: str) -> str:
    """Return the text in the alphabet of GSM 03.38 as far as possible: letters that it lacks lose their accents.

    A letter of another script stays.
    """
    return "".join(map(_letter, text))


def length(text: str) -> int:
    """Return how many characters a text counts in the alphabet of GSM 03.38."""
    return len(text) + sum(one in _EXTENDED for one in text)


def is_plain(text: str) -> bool:
    """Return whether the alphabet of GSM 03.38 has all letters of a text."""
    return all(one in _BASIC or one in _EXTENDED for one in text)


def language(about: Mapping[str, Any], asked: str | None) -> Locale:
    """Return the language of a text message: that of the page where the number was given, or of the entry."""
    locale, languages = asked or about["locale"], about["languages"]
    return known(offered(languages, spoken(locale)) if languages else locale)


def test_text(locale: Locale) -> str:
    """Return the text message that tests a gateway."""
    return plain(
        translations(locale).gettext("A test: your gateway works. This is how fans learn that it is their turn.")
    )


def turn_text(about: Mapping[str, Any], locale: Locale, *, link: str) -> str:
    """Return the text message about an entry that is ready: the event, the tickets, until when, and the link."""
    entry, texts = Entry.from_record(about), translations(locale)
    until = entry.ready_until
    assert until is not None, "a hold has a deadline"
    held = texts.ngettext(
        "%(num)s ticket held until %(until)s. Buy here: %(link)s",
        "%(num)s tickets held until %(until)s. Buy here: %(link)s",
        entry.tickets_held,
    ) % {
        "num": entry.tickets_held,
        "until": shown_shortest(until, about["timezone"], locale=locale),
        "link": link,
    }
    return _with_title(about["event_title"], f": {held}")


def code_text(about: Mapping[str, Any], locale: Locale, *, code: str) -> str:
    """Return the text message with the code of a number."""
    said = translations(locale).gettext("%(code)s is your code. It is valid for 10 minutes.") % {"code": code}
    return _with_title(about["event_title"], f": {said}")


def _with_title(title: str, rest: str) -> str:
    rest, title = plain(rest), plain(" ".join(title.split()))
    room = max(_SHORTEST_TITLE, LONGEST - length(rest))
    while length(title) > room:
        title = title[:-4].rstrip() + "..."
    return title + rest


def _letter(letter: str) -> str:
    if letter in _BASIC or letter in _EXTENDED:
        return letter
    if letter in _PLAIN:
        return _PLAIN[letter]
    base = unicodedata.normalize("NFKD", letter)
    kept = "".join(one for one in base if not unicodedata.combining(one))
    return kept if kept and is_plain(kept) else letter
