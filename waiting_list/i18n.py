"""Translate templates of e-mails and pages into the reader's language.

The source is English. Each other language has a catalogue, `locales/<locale>/LC_MESSAGES/messages.po`.
`make messages` updates it from the templates, and a test demands every translation.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, time, timedelta
from functools import cache, lru_cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path
from types import CodeType
from typing import Any, get_args
from urllib.parse import quote
from zoneinfo import ZoneInfo

from babel import dates, negotiate_locale, numbers, units
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from jinja2 import (
    BytecodeCache,
    ChoiceLoader,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    pass_context,
    select_autoescape,
)
from jinja2.bccache import Bucket
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment, SandboxedEnvironment

from waiting_list.email_addresses import link_to
from waiting_list.fields import Locale

SOURCE: Locale = "en"
"""The language of the templates and of the code."""
LOCALES: tuple[Locale, ...] = get_args(Locale)
LANGUAGES: dict[Locale, str] = {
    "en": "English",
    "de": "Deutsch",
    "es": "Español",
    "fr": "Français",
    "it": "Italiano",
}
_BY_TAG: dict[str, Locale] = {locale.lower(): locale for locale in LOCALES}
_PACKAGE = Path(__file__).parent
_OURS = PrefixLoader(
    {
        "mail": FileSystemLoader(_PACKAGE / "notifications" / "templates"),
        "pages": FileSystemLoader(_PACKAGE / "pages" / "templates"),
    }
)


def spoken(tag: str | None) -> Locale | None:
    """Return the translated language that is nearest to a tag such as `fr-CA` (BCP 47); None if none is near."""
    return _nearest([tag]) if tag else None


def known(tag: str | None) -> Locale:
    """Return the translated language that is nearest to a tag such as `fr-CA`; English if none is near."""
    return spoken(tag) or SOURCE


def preferred(accept_language: str | None, languages: Sequence[Locale] = LOCALES) -> Locale:
    """Return that of the languages which a browser prefers (RFC 9110, 12.5.4); the first if it accepts none.

    Of equal preferences the first wins. An invalid header raises no error.
    """
    tags: list[tuple[float, str]] = []
    for part in (accept_language or "").split(",")[:20]:
        tag, _, parameters = part.partition(";")
        _, _, weight = parameters.partition("q=")
        try:
            quality = float(weight or 1)
        except ValueError:
            continue
        if 0 < quality <= 1:
            tags.append((quality, languages[0] if tag.strip() == "*" else tag.strip()))
    return _nearest([tag for _, tag in sorted(tags, key=lambda one: -one[0])], languages) or languages[0]


def offered(languages: Sequence[str] | None, locale: Locale | None) -> Locale:
    """Return a language if an organization offers it to its fans, else the first that it offers.

    None offers all. Languages that this version does not speak do not count.
    """
    theirs = spoken_of(languages)
    return locale if locale is not None and locale in theirs else theirs[0]


def spoken_of(languages: Sequence[str] | None) -> tuple[Locale, ...]:
    """Return those of an organization's languages that the service speaks; all, if it has chosen none of them."""
    return tuple(_BY_TAG[one] for one in languages or () if one in _BY_TAG) or LOCALES


def _nearest(tags: Sequence[str], languages: Sequence[Locale] = LOCALES) -> Locale | None:
    found = negotiate_locale([tag.replace("_", "-") for tag in tags], languages, sep="-")
    return _BY_TAG[found.lower()] if found else None


def in_language(texts: Mapping[str, str], locale: str | None) -> str:
    """Return the text in a fan's language: the same tag, the same language, English, or else the first."""
    by_tag = {tag.lower(): text for tag, text in texts.items()}
    wanted = (locale or "").lower()
    language = wanted.partition("-")[0]
    near = (tag for tag in by_tag if tag.partition("-")[0] == language)
    chosen = next(tag for tag in (wanted, *near, "en", *by_tag) if tag in by_tag)
    return by_tag[chosen]


@cache
def translations(locale: Locale) -> NullTranslations:
    """Return the catalogue of a language, read once."""
    if locale == SOURCE:
        return NullTranslations()
    with (_PACKAGE / "locales" / locale / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalogue = read_po(file, locale=locale)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


class _Compiled(BytecodeCache):
    """The code of the templates, compiled once for all languages: it has no words in it."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._codes[bucket.key, bucket.checksum] = bucket.code


_compiled = _Compiled()


@lru_cache(maxsize=1000)
def environment(
    locale: Locale, *, organization_id: str | None = None, template_folder: Path | None = None
) -> SandboxedEnvironment:
    """Return the templates in this language, compiled once. Those in the organization's own folder come first.

    That folder is `template_folder` / the id, escaped as in a URL, so that no id leads to another folder. Its
    templates run in a sandbox: they see values, not Python. An undefined name is an error. Values in `.html` are
    escaped; other templates are plain text.

    Filters besides Jinja's: `number`; `date`, `time`, `instant`, the short `brief`, and `day` for its date alone,
    for an aware datetime and the name of a timezone; `duration` for a timedelta; `about` for an estimated
    timedelta, or for its two bounds; `minutes` for a number of minutes; `clock` for a time of day as HH:MM;
    `percent` for a share; `language` for a locale, in that language; `segment` for an id as one part of a path;
    `link_to` for the address of a contact, or None.
    """
    folder = _folder_of(organization_id, template_folder)
    made = ImmutableSandboxedEnvironment(
        loader=_OURS if folder is None else ChoiceLoader([FileSystemLoader(folder), _OURS]),
        autoescape=select_autoescape(("html",), default=False, default_for_string=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        bytecode_cache=_compiled,
        extensions=["jinja2.ext.i18n"],
    )
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_translations(translations(locale), newstyle=True)  # type: ignore[attr-defined]
    made.globals["locale"] = locale
    filters: dict[str, Callable[..., Any]] = {
        # Before a draw, a place has no position.
        "number": lambda value: "\N{EN DASH}" if value is None else shown_number(value, locale=locale),
        "date": lambda value, timezone: shown_date(value, timezone, locale=locale),
        "time": lambda value, timezone: shown_time(value, timezone, locale=locale),
        "instant": lambda value, timezone: shown_instant(value, timezone, locale=locale),
        "parsed": datetime.fromisoformat,
        "clock": lambda value: dates.format_time(time.fromisoformat(value), "short", locale=_region(locale)),
        "duration": lambda value: shown_duration(value, locale=locale),
        "about": lambda value, latest=None: shown_estimate(value, latest, locale=locale),
        "minutes": lambda value: shown_duration(timedelta(minutes=value), locale=locale),
        "brief": lambda value, timezone: shown_brief(value, timezone, locale=locale),
        "day": lambda value, timezone: shown_day(value, timezone, locale=locale),
        "percent": lambda value: numbers.format_percent(value, locale=locale),
        "segment": lambda value: quote(value, safe=""),
        "language": lambda value: LANGUAGES[value],
        "link_to": link_to,
    }
    made.filters |= {name: _when_rendered(function) for name, function in filters.items()}
    return made


def _when_rendered(function: Callable[..., Any]) -> Callable[..., Any]:
    # Jinja works out a constant, such as `3650|number`, when it compiles: in the language that came first. It does
    # not if the filter takes the context.
    @pass_context
    def run(_: Context, *values: object) -> object:
        return function(*values)

    return run


def _folder_of(organization_id: str | None, template_folder: Path | None) -> Path | None:
    if organization_id is None or template_folder is None:
        return None
    name = quote(organization_id, safe="")
    # The only names without a slash that do not name a folder inside.
    if name in ("", ".", ".."):
        return None
    return template_folder / name


def _region(locale: Locale) -> str:
    """Return the locale whose rules dates and times follow: `27 November` and `20:30` in English."""
    return "en_GB" if locale == SOURCE else locale


def shown_date(value: datetime, timezone: str, *, locale: Locale) -> str:
    """Format a date: `Friday, 27 November 2026`."""
    return dates.format_date(value.astimezone(ZoneInfo(timezone)), "full", locale=_region(locale))


def shown_time(value: datetime, timezone: str, *, locale: Locale) -> str:
    """Format a time of day: `20:30 (Paris time)`."""
    _ = translations(locale).gettext
    time = dates.format_time(value, "short", tzinfo=ZoneInfo(timezone), locale=_region(locale))
    if timezone == "UTC" or timezone.startswith("Etc/"):
        return f"{time} ({dates.get_timezone_gmt(value.astimezone(ZoneInfo(timezone)), 'long', locale=locale)})"
    city = dates.get_timezone_location(ZoneInfo(timezone), locale=locale, return_city=True)
    return _("%(time)s (%(city)s time)") % {"time": time, "city": city.rpartition("/")[2]}


@lru_cache(maxsize=1000)
def shown_instant(value: datetime, timezone: str, *, locale: Locale) -> str:
    """Format an instant: `Friday, 27 November 2026 at 20:30 (Paris time)`.

    Results are cached, because the pages of a show repeat the same instants.
    """
    _ = translations(locale).gettext
    date, time = shown_date(value, timezone, locale=locale), shown_time(value, timezone, locale=locale)
    return _("%(date)s at %(time)s") % {"date": date, "time": time}


def shown_brief(value: datetime, timezone: str, *, locale: Locale) -> str:
    """Format an instant briefly: `Fri 27 Nov, 20:30`, with the year if it is not the current one."""
    moment = value.astimezone(ZoneInfo(timezone))
    time = dates.format_time(moment, "short", locale=_region(locale))
    return f"{shown_day(value, timezone, locale=locale)}, {time}"


def shown_shortest(value: datetime, timezone: str, *, locale: Locale) -> str:
    """Format an instant for a text message: `27 Nov, 20:30`."""
    moment = value.astimezone(ZoneInfo(timezone))
    day = dates.format_skeleton("MMMd", moment, locale=_region(locale))
    return f"{day}, {dates.format_time(moment, 'short', locale=_region(locale))}"


def shown_day(value: datetime, timezone: str, *, locale: Locale) -> str:
    """Format the date of an instant briefly: `Fri 27 Nov`, with the year if it is not the current one."""
    moment = value.astimezone(ZoneInfo(timezone))
    same_year = moment.year == datetime.now(moment.tzinfo).year
    return dates.format_skeleton("MMMEd" if same_year else "yMMMEd", moment, locale=_region(locale))


def shown_number(value: float, *, locale: Locale) -> str:
    """Format a number: `1,234.5`."""
    # Tables and plots have thousands of small whole numbers, and every language writes them alike.
    return str(value) if type(value) is int and 0 <= value < 1000 else numbers.format_decimal(value, locale=locale)


def shown_duration(value: timedelta, *, locale: Locale) -> str:
    """Format a duration: `2 hours 30 minutes`, in at most two units, rounded down so that it promises no extra
    time."""
    minutes = max(0, int(value.total_seconds() // 60))
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [("day", days), ("hour", hours), ("minute", 0 if days else minutes)]
    shown = [part for part in parts if part[1]] or [("minute", 0)]
    return " ".join(
        units.format_unit(count, f"duration-{unit}", length="long", locale=locale) for unit, count in shown
    )


def shown_estimate(value: timedelta, latest: timedelta | None = None, *, locale: Locale) -> str:
    """Format an estimate: `28 hours`, or with `latest` `2 to 5 days`.

    It is rounded to one unit, because an estimate must not look exact.
    """
    _ = translations(locale).gettext
    latest = value if latest is None else latest
    unit = _unit_of(latest)
    own = unit if value >= _LENGTHS[unit] / 2 else _unit_of(value)
    first, last = (max(1, round(one / _LENGTHS[of])) for one, of in ((value, own), (latest, unit)))
    shown = units.format_unit(last, f"duration-{unit}", length="long", locale=locale)
    if own == unit and first == last:
        return shown
    earliest = (
        numbers.format_decimal(first, locale=locale)
        if own == unit
        else units.format_unit(first, f"duration-{own}", length="long", locale=locale)
    )
    return _("%(earliest)s to %(latest)s") % {"earliest": earliest, "latest": shown}


_LENGTHS = {"day": timedelta(days=1), "hour": timedelta(hours=1), "minute": timedelta(minutes=1)}


def _unit_of(value: timedelta) -> str:
    """Return the largest unit of which a duration has at least two; otherwise minutes."""
    return next((unit for unit, length in _LENGTHS.items() if value >= 2 * length), "minute")
