"""What fans search upcoming events for: words, a venue, dates, and what can be had now."""

import unicodedata
from datetime import date
from typing import NamedTuple

_MOST_WORDS = 10
_LETTERS = str.maketrans("øđł", "odl")
"""Letters that have no accent to take away, as find_upcoming_events.sql reads them, too."""
_LIKE = str.maketrans({one: f"\\{one}" for one in "\\%_"})


class EventSearch(NamedTuple):
    """A search for upcoming events. Each part narrows it; none finds all.

    Words are found anywhere in title, description and venue, in any order, whatever their case and accents; those
    of `place` in the name and the address of the venue. `first` and `last` are days in the event's timezone.
    `available` leaves out events of which no fan could have a ticket or a place in line now.
    """

    words: str | None = None
    place: str | None = None
    first: date | None = None
    last: date | None = None
    available: bool = False

    @property
    def is_given(self) -> bool:
        """Whether it leaves anything out."""
        return self != EventSearch()

    @property
    def parameters(self) -> tuple[list[str] | None, list[str] | None, date | None, date | None, bool]:
        """The parameters of find_upcoming_events.sql that it stands for."""
        return _patterns(self.words), _patterns(self.place), self.first, self.last, self.available


def _patterns(text: str | None) -> list[str] | None:
    """Return a pattern for each of the first words of a text; None without a word."""
    bare = "".join(one for one in unicodedata.normalize("NFD", text or "") if unicodedata.category(one) != "Mn")
    words = bare.lower().translate(_LETTERS).translate(_LIKE).split()
    return [f"%{word}%" for word in words[:_MOST_WORDS]] or None
