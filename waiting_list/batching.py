"""Batch requests: those that arrive for a list while one transaction runs share the next one."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from functools import partial
from typing import Generic, TypeAlias, TypeVar

import structlog

from waiting_list.problems import Problem, Unavailable
from waiting_list.telemetry.metrics import QUEUED_REQUESTS

log = structlog.get_logger(__name__)

K = TypeVar("K", bound=Hashable)
R = TypeVar("R")
A = TypeVar("A")
_Future: TypeAlias = asyncio.Future[A | BaseException]
_Waiting: TypeAlias = tuple[R, _Future[A]]
_GIVE_SECONDS = 0.002
"""How long answers wait for the next batch: another process may have the lock that it needs."""


class Batcher(Generic[K, R, A]):
    """Group requests by key (a list). There is no timer: a batch starts as soon as the one before it ends.

    Two requests for which `alone_with` returns the same value (not None) are never in one batch. `run` does one
    batch, and returns an answer or a Problem for each request. Its first call of `take` closes the batch. It makes
    that call late, so that requests can join the batch while it waits for a lock or a connection. If `run` fails
    for any other reason, the batcher runs each request alone, so that one failure stays alone.

    If a whole batch waits already, `run` begins it before the callers of the last one get their answers: they get
    them when `run` takes it, at most _GIVE_SECONDS later. So this process writes answers and reads requests while
    the database works. For this, `batch_limit` is small; where one answer is for all, give the `queue_limit`.
    """

    def __init__(
        self,
        run: Callable[[K, Callable[[], Sequence[R]]], Awaitable[Sequence[A | Problem]]],
        *,
        queue_limit: int,
        batch_limit: int = 64,
        alone_with: Callable[[R], Hashable | None] = lambda _: None,
    ) -> None:
        self._run = run
        self._queue_limit = queue_limit
        self._batch_limit = batch_limit
        self._alone_with = alone_with
        self._queues: dict[K, deque[_Waiting[R, A]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def submit(self, key: K, request: R) -> A:
        """Return the answer to one request after the commit of its batch.

        Raises the request's Problem, and at once Unavailable if too many requests wait for this key.
        """
        queue = self._queues.get(key)
        if queue is not None and len(queue) >= self._queue_limit:
            raise Unavailable("Too many requests are waiting. Try again in a moment.")
        QUEUED_REQUESTS.inc()
        future: _Future[A] = asyncio.get_running_loop().create_future()
        if queue is None:
            self._queues[key] = deque([(request, future)])
            task = asyncio.create_task(self._drain(key))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            queue.append((request, future))
        answer = await future
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def _drain(self, key: K) -> None:
        queue = self._queues[key]
        answered: list[tuple[_Future[A], A | BaseException]] = []
        try:
            while queue:
                if len(queue) < self._batch_limit:
                    # First let in all requests that have reached this process: two turns of the loop bring a
                    # request from its socket to here. Else a busy process would make many small batches.
                    _give(answered)
                    for _turn in range(4):
                        await asyncio.sleep(0)
                batch: list[_Waiting[R, A]] = []
                give = partial(_give, answered)
                timer = asyncio.get_running_loop().call_later(_GIVE_SECONDS, give)

                def take(batch: list[_Waiting[R, A]] = batch, give: Callable[[], None] = give) -> Sequence[R]:
                    if not batch:
                        batch.extend(self._next_batch(queue))
                        give()
                    return [request for request, _ in batch]

                answers = await self._answers(key, take)
                timer.cancel()
                answered = [(future, answer) for (_, future), answer in zip(batch, answers, strict=True)]
        finally:
            _give(answered)
        del self._queues[key]

    def _next_batch(self, queue: deque[_Waiting[R, A]]) -> list[_Waiting[R, A]]:
        batch: list[_Waiting[R, A]] = []
        seen: set[Hashable] = set()
        while queue and len(batch) < self._batch_limit:
            marker = self._alone_with(queue[0][0])
            if marker is not None and marker in seen:
                break
            seen.add(marker)
            batch.append(queue.popleft())
        QUEUED_REQUESTS.dec(len(batch))
        return batch

    async def _answers(self, key: K, take: Callable[[], Sequence[R]]) -> Sequence[A | BaseException]:
        try:
            return await self._run(key, take)
        except Problem as problem:
            return [problem] * len(take())
        except Exception as error:
            requests = take()
            if len(requests) == 1:
                return [error]
            log.exception("batch_failed", size=len(requests))
            return [(await self._answers(key, partial(_only, request)))[0] for request in requests]


def _give(answered: list[tuple[_Future[A], A | BaseException]]) -> None:
    for future, answer in answered:
        if not future.cancelled():
            future.set_result(answer)
    answered.clear()


def _only(request: R) -> Sequence[R]:
    return [request]
