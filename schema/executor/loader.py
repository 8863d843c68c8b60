"""A light loader: what is asked for by keys in one turn of the event loop is found together, once."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Batch(Generic[K]):
    """Keys that are looked up together, and who waits for them: for the value of one key, or for all."""

    def __init__(self) -> None:
        self.keys: list[K] = []
        self.waiting: list[tuple[asyncio.Future[Any], K | None]] = []
        self.task: asyncio.Task[None] | None = None
        self.dropped = False

    def waiter(self, key: K | None = None) -> asyncio.Future[Any]:
        """Returns what will have the value of a key, or None when all have theirs."""
        future = asyncio.get_running_loop().create_future()
        future.add_done_callback(self._on_done)
        self.waiting.append((future, key))
        return future

    def _on_done(self, future: asyncio.Future[Any]) -> None:
        if future.cancelled() and self.task and all(other.cancelled() for other, _ in self.waiting):
            self.dropped = self.task.cancel()


class Loader(Generic[K, V]):
    """Finds values by their keys, and remembers them, failures too; `load` gives an exception in place of a value."""

    def __init__(self, load: Callable[[list[K]], Awaitable[Sequence[V | Exception]]]) -> None:
        self._load = load
        self._found: dict[K, V | Exception] = {}
        self._under_way: dict[K, Batch[K]] = {}
        self._next: Batch[K] | None = None

    def load(self, key: K) -> asyncio.Future[V]:
        """Returns the value of one key, or raises why there is none."""
        if key not in self._found:
            return self._batch(key).waiter(key)
        future = asyncio.get_running_loop().create_future()
        _settle(future, self._found[key])
        return future

    async def load_many(self, keys: Sequence[K]) -> list[V | Exception]:
        """Returns the values of several keys, with exceptions in the places of those that have none."""
        found = self._found
        batches = {id(batch): batch for batch in [self._batch(key) for key in keys if key not in found]}
        waiters = [batch.waiter() for batch in batches.values()]
        try:
            for waiter in waiters:
                await waiter
        finally:
            for waiter in waiters:
                waiter.cancel()  # where somebody no longer waits
        return [found[key] for key in keys]

    def _batch(self, key: K) -> Batch[K]:
        batch = self._under_way.get(key)
        if batch is None or batch.dropped:
            if self._next is None or self._next.dropped:
                self._next = Batch()
                self._next.task = asyncio.get_running_loop().create_task(self._run(self._next))
            batch = self._under_way[key] = self._next
            batch.keys.append(key)
        return batch

    async def _run(self, batch: Batch[K]) -> None:
        try:
            await asyncio.sleep(0)  # for those beside who are about to ask
            self._close(batch)
            self._found.update(zip(batch.keys, await self._values(batch.keys), strict=True))
        finally:
            self._close(batch)
            for key in batch.keys:
                if self._under_way[key] is batch:
                    del self._under_way[key]
        for future, wanted in batch.waiting:
            if not future.done():
                _settle(future, None if wanted is None else self._found[wanted])

    def _close(self, batch: Batch[K]) -> None:
        if self._next is batch:
            self._next = None

    async def _values(self, keys: list[K]) -> Sequence[V | Exception]:
        try:
            return await self._load(keys)
        except Exception as error:  # noqa: BLE001 — whoever asked gets it
            return [error] * len(keys)


def _settle(future: asyncio.Future[Any], value: object) -> None:
    if isinstance(value, Exception):
        future.set_exception(value)
        future.exception()  # who asked may be gone by then
    else:
        future.set_result(value)
