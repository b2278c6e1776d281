"""Find the due notices of the outbox, and start a task for each list and receiver.

The dispatcher reads due notices without locks. For each list and receiver one task then claims a batch (SKIP
LOCKED, so that any number of processes may run), sends it, records the results, and continues until no notice is
due. A claim only moves the row's `due_at` ahead: a process that is killed in the middle leaves rows that are due
again, under the same id. So the service sends every notice at least once, and hardly ever twice.
"""

import asyncio
from datetime import timedelta
from uuid import UUID

import structlog

from waiting_list.access.email_limits import MailboxLimit
from waiting_list.access.signing_keys import SigningKeys
from waiting_list.lists.engine import Engine
from waiting_list.notifications.channels import Channel, ChannelName, channel_of
from waiting_list.notifications.email_composer import EmailComposer
from waiting_list.notifications.email_sender import EmailSender
from waiting_list.notifications.email_transport import open_email_transport
from waiting_list.notifications.phones import UNVERIFIED_KEPT
from waiting_list.notifications.push_sender import PushSender
from waiting_list.notifications.retry_policy import LONGEST_WAITS
from waiting_list.notifications.sms_sender import SmsSender
from waiting_list.notifications.webhook_sender import WebhookSender
from waiting_list.postgres.pool import Pool, clock, connection, snapshot
from waiting_list.postgres.statements import sql
from waiting_list.problems import Unavailable
from waiting_list.settings import Settings

log = structlog.get_logger(__name__)

_LONGEST_SLEEP_SECONDS = 0.5
_SHORTEST_SLEEP_SECONDS = 0.05
_RETRY_SECONDS = 1.0
_CLEANING_SECONDS = 60.0
_GRACE_SECONDS = 5.0
_NOTE_SECONDS = 60.0


class Dispatcher:
    """Send notices until it is stopped. The engine of this process wakes it when it has written new ones."""

    def __init__(self, pool: Pool, settings: Settings, signing_keys: SigningKeys, engine: Engine) -> None:
        self._pool = pool
        self._settings = settings
        self._signing_keys = signing_keys
        self._wake = engine.wake
        composer, transport = EmailComposer(pool, settings, signing_keys), open_email_transport(settings)
        limit = MailboxLimit(pool, settings, signing_keys)
        self._email_sender = (
            EmailSender(pool, settings, composer, transport, limit, engine) if transport is not None else None
        )
        self._composer = composer
        self._channels: dict[ChannelName, Channel] = {}
        self._tasks: dict[tuple[UUID, str | None], asyncio.Task[None]] = {}
        """The running tasks, by list and receiver, as channels.py names them."""
        self._found_more = False
        """Whether the last look found more notices than free tasks."""
        self._failing: set[tuple[UUID, str | None]] = set()
        self._cleaned_at = self._noted_at = float("-inf")

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set. Log each failure once, and try again.

        At the end, running tasks have a few seconds to finish.
        """
        webhooks = WebhookSender(self._pool, self._settings, self._signing_keys)
        pushes = PushSender(self._pool, self._settings, self._signing_keys, self._composer, webhooks)
        texts = SmsSender(self._pool, self._settings, self._signing_keys, self._composer, webhooks)
        self._channels = {"webhook": webhooks, "push": pushes, "sms": texts}
        if self._email_sender is not None:
            self._channels["email"] = self._email_sender
        stopping = asyncio.create_task(stop.wait())
        failing = False
        try:
            while not stop.is_set():
                pause = _LONGEST_SLEEP_SECONDS
                try:
                    self._wake.clear()
                    await self.note_mail()
                    await self.end_old_notices()
                    await self._start_tasks()
                    failing = False
                except Unavailable:
                    pause = _RETRY_SECONDS  # the pool logs the outage
                except Exception as error:
                    pause = _RETRY_SECONDS
                    if not failing:
                        log.warning("delivery_failing", error=repr(error), exc_info=True)
                    failing = True
                await self._sleep(stopping, pause)
        finally:
            stopping.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks.values(), timeout=_GRACE_SECONDS)
            for task in list(self._tasks.values()):
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            for channel in self._channels.values():
                await channel.close()

    async def note_mail(self) -> None:
        """Note in the database that and how this process sends e-mails; at most once a minute. Raises Unavailable.

        So every process can say whether the deployment sends e-mails, though it has no mail settings itself. The
        note stays when the settings go; it then shows since when no worker sends.
        """
        now = asyncio.get_running_loop().time()
        if self._email_sender is None or now - self._noted_at <= _NOTE_SECONDS:
            return
        async with connection(self._pool) as acquired:
            await acquired.execute(sql("note_mail"), self._settings.mail_transport)
        self._noted_at = now

    async def end_old_notices(self) -> None:
        """Give up e-mails that no worker could send in time, and delete the notices that ended `notices_kept_days`
        ago, and the devices and phone numbers of entries that have left.

        It does so at most once a minute, and before this process sends any. Raises Unavailable.
        """
        now = asyncio.get_running_loop().time()
        if now - self._cleaned_at <= _CLEANING_SECONDS:
            return
        kept = timedelta(days=self._settings.notices_kept_days)
        async with connection(self._pool) as acquired:
            await acquired.execute(sql("give_up_letters"), list(LONGEST_WAITS), list(LONGEST_WAITS.values()))
            await acquired.execute(sql("delete_old_notices"), kept)
            await acquired.execute(sql("delete_left_pushes"))
            await acquired.execute(sql("delete_left_phones"), await clock(acquired) - UNVERIFIED_KEPT)
        self._cleaned_at = now

    async def _sleep(self, stopping: asyncio.Task[bool], seconds: float) -> None:
        # At least a moment, so that a busy engine does not cause a look after every commit.
        await asyncio.wait([stopping], timeout=_SHORTEST_SLEEP_SECONDS)
        woken = asyncio.create_task(self._wake.wait())
        await asyncio.wait([stopping, woken], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        woken.cancel()

    async def _start_tasks(self) -> None:
        """Look for due notices, and start a task for each list and receiver that has none. Raises Unavailable."""
        busy = list(self._tasks)
        receivers = {None, *(webhook_id for _, webhook_id in busy)}
        resting = [one for channel in self._channels.values() for one in channel.resting()]
        async with snapshot(self._pool) as acquired:
            due = await acquired.fetch(
                sql("read_due_notices"),
                [list_id for list_id, _ in busy],
                [webhook_id or "" for _, webhook_id in busy],
                [*resting, *(receiver or "" for receiver in receivers if not self._has_room(receiver))],
            )
        self._found_more = False
        for record in due:
            key = record["list_id"], record["webhook_id"]
            if not self._has_room(record["webhook_id"]):
                self._found_more = True
                continue
            task = asyncio.create_task(self._send(*key))
            self._tasks[key] = task
            task.add_done_callback(lambda _, key=key: self._ended(key))  # type: ignore[misc]

    def _has_room(self, receiver: str | None) -> bool:
        """Return whether one more task may send to a receiver."""
        name = channel_of(receiver)
        if (channel := self._channels.get(name)) is None:
            return False
        busy = [other for _, other in self._tasks if channel_of(other) == name]
        return len(busy) < channel.most_tasks and busy.count(receiver) < channel.most_tasks_for_one

    def _ended(self, key: tuple[UUID, str | None]) -> None:
        del self._tasks[key]
        if self._found_more:
            self._wake.set()

    async def _send(self, list_id: UUID, webhook_id: str | None) -> None:
        """Send batch after batch of the due notices of one list to one receiver."""
        key, channel = (list_id, webhook_id), self._channels[channel_of(webhook_id)]
        try:
            while await channel.send_due(list_id, webhook_id):
                pass
            self._failing.discard(key)
        except Unavailable:
            pass  # the next look meets the outage, too
        except Exception:
            # Claimed notices are due again when their lease ends.
            if key not in self._failing:
                log.exception("delivery_failed", list_id=str(list_id), webhook_id=webhook_id)
            self._failing.add(key)
