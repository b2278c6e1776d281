"""Know the IANA timezones, whichever the machine has, and the nearest right names for wrong ones."""

from difflib import get_close_matches
from functools import cache
from importlib.resources import files

TIMEZONES = frozenset((files("tzdata") / "zones").read_text().split()) - {"Factory"}
"""The names of the IANA database. `Factory` means that no zone was chosen; `localtime` is a machine's own."""
CITIES = sorted(
    name
    for name in TIMEZONES
    if name.partition("/")[0]
    in ("Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
)
"""The names that people choose from, one or more for each country."""
_LONGEST = 50
_ABBREVIATIONS = {
    "CET": "Europe/Berlin or Europe/Paris",
    "EET": "Europe/Athens or Europe/Helsinki",
    "WET": "Europe/Lisbon",
    "GMT": "Europe/London",
    "BST": "Europe/London",
    "IST": "Asia/Kolkata or Europe/Dublin",
    "MSK": "Europe/Moscow",
    "TRT": "Europe/Istanbul",
    "SAST": "Africa/Johannesburg",
    "JST": "Asia/Tokyo",
    "KST": "Asia/Seoul",
    "SGT": "Asia/Singapore",
    "HKT": "Asia/Hong_Kong",
    "AEST": "Australia/Sydney or Australia/Brisbane",
    "ACST": "Australia/Adelaide",
    "AWST": "Australia/Perth",
    "NZST": "Pacific/Auckland",
    "AST": "America/Halifax",
    "EST": "America/New_York",
    "CST": "America/Chicago",
    "MST": "America/Denver",
    "PST": "America/Los_Angeles",
    "BRT": "America/Sao_Paulo",
    "ART": "America/Argentina/Buenos_Aires",
}
# The same places in summer: CEST, EEST, WEST; AEDT, ACDT, NZDT; ADT, EDT, CDT, MDT, PDT.
_SUMMER = {name.replace("ST", "DT") if name.endswith("ST") else f"{name[:-1]}ST": name for name in _ABBREVIATIONS}


def check_timezone(name: str) -> str:
    """Return the name if it is an IANA timezone. Raises ValueError with the nearest right names."""
    if name in TIMEZONES:
        return name
    guess = _nearest(name)
    raise ValueError("must be an IANA timezone, such as Europe/Paris" + (f". Nearest: {guess}" if guess else ""))


def _nearest(name: str) -> str:
    wanted = name.strip()
    if not wanted or len(wanted) > _LONGEST:  # a comparison with a long text takes long
        return ""
    short = wanted.upper()
    if found := _ABBREVIATIONS.get(short) or _ABBREVIATIONS.get(_SUMMER.get(short, "")):
        return found
    key = wanted.casefold().replace(" ", "_")
    names = _names()
    if key in names:
        return names[key]
    close = (names[one] for one in get_close_matches(key, names, n=6, cutoff=0.75))
    return " or ".join([*dict.fromkeys(close)][:2])


@cache
def _names() -> dict[str, str]:
    """The names in lower case, whole and without their continent."""
    cities = {name.rpartition("/")[2].casefold(): name for name in sorted(TIMEZONES, reverse=True)}
    return cities | {name.casefold(): name for name in sorted(TIMEZONES)}
