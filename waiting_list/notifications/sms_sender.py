"""Send the due text messages of one list through the gateway of its organization."""

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from waiting_list import page_addresses as to
from waiting_list.access.private_links import link_token
from waiting_list.access.signing_keys import SigningKeys
from waiting_list.i18n import known, spoken
from waiting_list.lists.models import Status
from waiting_list.lists.phone_state import CODE_VALID
from waiting_list.notifications.apprise_client import send_apprise
from waiting_list.notifications.email_composer import EmailComposer
from waiting_list.notifications.gateways import WEB, gateway_secret
from waiting_list.notifications.notice_status import NoticeStatus
from waiting_list.notifications.notices import TEXT_TEST
from waiting_list.notifications.phones import PHONE_CODE, phone_code
from waiting_list.notifications.retry_policy import Attempt, Outcome
from waiting_list.notifications.send_batch import (
    BATCH,
    CONNECTIONS_PER_HOST,
    LEASE,
    SendResult,
    record_results,
    send_batch,
)
from waiting_list.notifications.sms_text import code_text, language, test_text, turn_text
from waiting_list.notifications.turns import facts_of_turn, not_now
from waiting_list.notifications.webhook_sender import WebhookSender
from waiting_list.postgres.pool import Pool, Record, connection
from waiting_list.postgres.statements import sql
from waiting_list.settings import Settings

_FAILS_FOR_GOOD = 410
"""What a gateway answers about a number that takes no text messages."""
_REFUSED = (400, 413, 422)
"""What it answers to a message that it will never take."""
_NO_PHONE = "the fan no longer wants text messages, or their number takes none"
_NO_GATEWAY = "the organization no longer sends text messages"
_REST_SECONDS = 30.0
_NUMBER = re.compile(r"\+?[0-9][0-9 ().-]{5,}[0-9]")


class SmsSender:
    """The channel of text messages: write them, and give them to the gateway of the organization.

    It sends through the client of webhooks, which reaches the public Internet only; or through Apprise.
    """

    most_tasks, most_tasks_for_one = 16, 2

    def __init__(
        self,
        pool: Pool,
        settings: Settings,
        signing_keys: SigningKeys,
        composer: EmailComposer,
        webhooks: WebhookSender,
    ) -> None:
        self._pool = pool
        self._settings = settings
        self._signing_keys = signing_keys
        self._composer = composer
        self._webhooks = webhooks
        self._gates: dict[str, asyncio.Semaphore] = {}
        self._resting_until: dict[str, float] = {}

    def resting(self) -> list[str]:
        """Return the gateways to skip for now: they did not answer at all."""
        now = asyncio.get_running_loop().time()
        self._resting_until = {one: until for one, until in self._resting_until.items() if now < until}
        return list(self._resting_until)

    async def send_due(self, list_id: UUID, receiver: str | None) -> int:
        """Claim one batch of a list's text messages, send it and record the results; return how many it claimed.

        Note the numbers that take none. Raises Unavailable.
        """
        async with connection(self._pool) as acquired:
            gateway = await acquired.fetchrow(sql("read_gateway_to_call"), receiver)
            if gateway is None:
                await acquired.execute(sql("give_up_notices"), list_id, receiver, _NO_GATEWAY)
                return 0
            claimed = await acquired.fetch(sql("claim_notices"), list_id, receiver, BATCH, LEASE)
            numbers = [notice["number"] for notice in claimed]
            found = await acquired.fetch(sql("read_phones"), list_id, numbers)
        phones = {phone["number"]: phone for phone in found}
        entries = await self._composer.read_entries(list_id, numbers)

        async def send(notice: Record) -> SendResult:
            return await self._send(gateway, notice, entries.get(notice["number"]), phones.get(notice["number"]))

        gate = self._gates.setdefault(gateway["gateway_id"], asyncio.Semaphore(CONNECTIONS_PER_HOST))
        results = await send_batch(claimed, send, gate=gate)
        gone = [
            one
            for one in results
            if one.attempt and one.attempt.status == _FAILS_FOR_GOOD and one.notice["type"] != TEXT_TEST
        ]
        if gone:
            failed = [one.notice["number"] for one in gone]
            async with connection(self._pool) as acquired:
                which = [phones[number]["phone"] for number in failed]
                await acquired.execute(sql("fail_phones"), list_id, failed, which, gone[0].notice["tried_at"])
        await record_results(self._pool, list_id, results)
        attempts = [one.attempt for one in results if one.attempt]
        if attempts and all(one.status is None and one.outcome is not Outcome.SENT for one in attempts):
            self._resting_until[gateway["gateway_id"]] = asyncio.get_running_loop().time() + _REST_SECONDS
            return 0
        return len(claimed)

    async def close(self) -> None:
        """Close nothing: the client is of the webhooks."""

    async def _send(
        self, gateway: Record, notice: Record, about: Mapping[str, Any] | None, phone: Record | None
    ) -> SendResult:
        if notice["type"] == TEXT_TEST:
            asked = json.loads(notice["body"])
            locale = known(spoken(asked["locale"]))
            return await self._given(gateway, notice, asked["to"], test_text(locale), locale)
        if about is None or phone is None:
            return SendResult(notice, NoticeStatus.DROPPED, reason=_NO_PHONE)
        keys, facts = await self._signing_keys.keys(), facts_of_turn(about)
        locale = language(facts, phone["locale"])
        if notice["type"] == PHONE_CODE:
            if reason := _why_no_code(notice, facts, phone):
                return SendResult(notice, NoticeStatus.DROPPED, reason=reason)
            code = phone_code(keys.derived, facts["list_id"], phone["number"], phone["phone"], phone["codes"])
            text = code_text(facts, locale, code=code)
        else:
            if phone["verified_at"] is None or phone["failed_at"] is not None:
                return SendResult(notice, NoticeStatus.DROPPED, reason=_NO_PHONE)
            if (other := not_now(notice, facts)) is not None:
                return other
            token = link_token(keys.derived, facts["list_id"], notice["number"], facts["link_version"])
            link = self._settings.public_url + to.address(to.PRIVATE_LINK, token=token)
            text = turn_text(facts, locale, link=link)
        return await self._given(gateway, notice, phone["phone"], text, locale)

    async def _given(self, gateway: Record, notice: Record, phone: str, text: str, locale: str) -> SendResult:
        attempt = await self._give(gateway, notice, phone, text, locale)
        return SendResult.of(notice, attempt._replace(answer=_NUMBER.sub("…", attempt.answer)))

    async def _give(self, gateway: Record, notice: Record, phone: str, text: str, locale: str) -> Attempt:
        url: str = gateway["url"]
        if urlsplit(url).scheme not in WEB:
            return await send_apprise(url, phone, text, self._settings)
        body = {
            "type": "sms",
            "timestamp": notice["tried_at"].isoformat(),
            "notice_id": str(notice["notice_id"]),
            "kind": notice["type"],
            "to": phone,
            "text": text,
            "locale": locale,
        }
        client, secret = await self._webhooks.client(), await self._signing_keys.derived_secret()
        attempt = await client.post(
            url,
            notice_id=notice["notice_id"],
            body=json.dumps(body, ensure_ascii=False, separators=(",", ":")),
            secrets=[gateway_secret(secret, gateway["gateway_id"])],
            at=notice["tried_at"],
        )
        return attempt._replace(outcome=Outcome.DEAD) if attempt.status in _REFUSED else attempt


def _why_no_code(notice: Record, about: Mapping[str, Any], phone: Record) -> str | None:
    if about["status"] == Status.LEFT:
        return "the fan has left the list"
    if phone["verified_at"] is not None:
        return "the number is verified"
    if notice["body"] != str(phone["codes"]):
        return "a newer code was asked for"
    if about["now"] >= phone["asked_at"] + CODE_VALID:
        return "the code is too old"
    return None
