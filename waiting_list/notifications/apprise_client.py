"""Send text messages through an Apprise URL: an optional extra, for operators who allow it.

Apprise reaches any network, past the guard of webhooks. So the operator names the schemes that organizations may
use, `WAITING_LIST_APPRISE_SCHEMES`; by default there are none. The library is imported when the first such address
is saved or used.
"""

import asyncio
import logging
import threading
import time
from importlib.util import find_spec
from urllib.parse import quote

from waiting_list.notifications.retry_policy import LONGEST_ANSWER, Attempt, Outcome
from waiting_list.problems import InvalidRequest
from waiting_list.settings import Settings

_TO = "{to}"
_SAMPLE = "+33612345678"
_SECONDS = 20.0


def allowed_schemes(settings: Settings) -> list[str]:
    """Return the schemes of Apprise URLs that organizations may use."""
    return [one for one in map(str.strip, settings.apprise_schemes.lower().split(",")) if one]


def masked_url(url: str) -> str:
    """Return a gateway's address without the password that an Apprise URL contains."""
    scheme = url.partition("://")[0].lower()
    return url if scheme in ("https", "http") else f"{scheme}://…"


async def check_apprise(url: str, settings: Settings) -> None:
    """Refuse an Apprise URL that cannot be used here. Raises InvalidRequest."""
    scheme = url.partition("://")[0].lower()
    if "://" not in url or scheme not in allowed_schemes(settings):
        allowed = "".join(f", or {one}://" for one in allowed_schemes(settings))
        raise InvalidRequest.of("body.url", f"must begin with https://{allowed}")
    if find_spec("apprise") is None:
        raise InvalidRequest.of("body.url", "needs Apprise, which is not installed on this service")
    if _TO not in url:
        raise InvalidRequest.of("body.url", "must have {to} where the phone number goes")
    if not await asyncio.to_thread(_is_known, url):
        raise InvalidRequest.of("body.url", "is not an address that Apprise understands")


async def send_apprise(url: str, to: str, text: str, settings: Settings) -> Attempt:
    """Try once to send a text message through an Apprise URL. Raises no failure of the network or the library.

    Apprise tells success and failure apart, and no more: every failure is tried again.
    """
    started = time.monotonic()
    scheme = url.partition("://")[0].lower()
    if scheme not in allowed_schemes(settings):
        return Attempt(Outcome.DEAD, None, f"this service does not allow {scheme}:// any more", 0)
    try:
        async with asyncio.timeout(_SECONDS):
            why = await asyncio.to_thread(_notify, url, to, text)
    except TimeoutError:
        why = f"no answer within {_SECONDS:g} s"
    except ImportError:
        why = "Apprise is not installed on this service"
    except Exception as error:
        why = f"Apprise failed: {type(error).__name__}"
    latency_ms = round((time.monotonic() - started) * 1000)
    return Attempt(Outcome.SENT if why is None else Outcome.RETRY, None, (why or "")[:LONGEST_ANSWER], latency_ms)


def _filled(url: str, to: str) -> str:
    return url.replace(_TO, quote(to, safe=""))


def _is_known(url: str) -> bool:
    import apprise  # noqa: PLC0415 - an optional extra

    return apprise.Apprise.instantiate(_filled(url, _SAMPLE), suppress_exceptions=True) is not None


def _notify(url: str, to: str, text: str) -> str | None:
    """Send, and return why that failed; None if it did not."""
    import apprise  # noqa: PLC0415 - as above

    log = logging.getLogger("apprise")
    log.propagate = False  # it names the fans' numbers
    heard = _Heard()
    log.addHandler(heard)
    try:
        # The service itself, because Apprise as a whole would send in threads of its own.
        sender = apprise.Apprise.instantiate(_filled(url, to), suppress_exceptions=True)
        if sender is None:
            return "Apprise does not understand the address"
        if sender.notify(body=text):
            return None
    finally:
        log.removeHandler(heard)
    return " ".join(heard.lines) or "Apprise could not send it"


class _Heard(logging.Handler):
    """Hears the warnings of this thread alone, because others send for other organizations."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._thread = threading.get_ident()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if threading.get_ident() == self._thread:
            self.lines.append(record.getMessage())
