"""The facts that an organizer's own words may name, such as `{event}`: check the names, and fill in the facts.

Such a text is no template. Each name in braces stands for one plain text, and no other brace is accepted.
"""

import re
from collections.abc import Mapping

PLACEHOLDERS = ("event", "ticket_type", "date", "venue", "tickets")
"""The names: the title of the event, the name of the offer, the start of the show, the name of the venue, and the
number of tickets, held or else wanted."""
_BRACES = re.compile(r"\{(?P<name>[A-Za-z0-9_ ]*)\}|[{}]")


def check_placeholders(text: str) -> str:
    """Return the text. Raises ValueError if it has a brace that belongs to no placeholder."""
    for found in _BRACES.finditer(text):
        if found["name"] not in PLACEHOLDERS:
            known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
            raise ValueError(f"must have braces only in a placeholder, which is one of {known}")
    return text


def filled(text: str, facts: Mapping[str, str]) -> str:
    """Return a checked text with its facts. A fact that has no value leaves its place empty."""
    return _BRACES.sub(lambda found: facts.get(found["name"] or "", ""), text)
