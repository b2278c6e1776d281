"""Ask an external challenge service whether a fan's response is good.

The protocol is the common one of these services (`siteverify`): a form with `secret` and `response`, and a JSON
answer whose `success` is true. The other service must make sure that a response is valid only once.
"""

import asyncio
import json

import structlog

from waiting_list.problems import Unavailable
from waiting_list.settings import Settings

log = structlog.get_logger(__name__)

_SECONDS = 5
_MOST_AT_ONCE = 50
_MOST_BYTES = 64 * 1024


class Verifier:
    """The client of the challenge service. Each process has one."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.challenge_verify_url
        self._secret = settings.challenge_verify_secret
        self._asking = 0
        if self._url is not None:
            # Only then, because it would else delay each start by 80 ms; and already now, not with a fan's call.
            import aiohttp  # noqa: F401, PLC0415

    async def accepts(self, response: str) -> bool:
        """Return whether the response is valid; False if no service is configured.

        The request takes at most five seconds and follows no redirect. Raises Unavailable if the service does not
        answer, or if too many requests wait for it.
        """
        if self._url is None or self._secret is None:
            return False
        if self._asking >= _MOST_AT_ONCE:
            raise Unavailable("The service is checking too many challenge responses. Try again in a moment.")
        import aiohttp  # noqa: PLC0415

        self._asking += 1
        try:
            form = {"secret": self._secret.get_secret_value(), "response": response}
            return await _ask(self._url, form)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            log.warning("challenge_verifier_failing", error=repr(error))
            raise Unavailable("The challenge service does not answer. Try again in a moment.") from error
        finally:
            self._asking -= 1


async def _ask(url: str, form: dict[str, str]) -> bool:
    import aiohttp  # noqa: PLC0415

    async with (
        asyncio.timeout(_SECONDS),
        aiohttp.ClientSession(trust_env=False, cookie_jar=aiohttp.DummyCookieJar()) as session,
        session.post(url, data=form, allow_redirects=False) as answer,
    ):
        if answer.status != 200:
            raise ValueError(f"answered {answer.status}")
        body = bytearray()
        async for part in answer.content.iter_any():
            body += part
            if len(body) > _MOST_BYTES:
                raise ValueError("answered too much")
    found = json.loads(body)
    return isinstance(found, dict) and found.get("success") is True
