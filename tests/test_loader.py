"""Loaders find what is asked for in one turn together, once, and nothing for those who went away."""

import asyncio
from typing import Any

import pytest

from schema.executor.loader import Loader


class Store:
    """Finds the squares of numbers, fails for 13, and notes what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.loader: Loader[int, Any] = Loader(self.find)

    async def find(self, keys: list[int]) -> list[Any]:
        self.asked.append(keys)
        await asyncio.sleep(0.05 if 1 in keys else 0)
        if 13 in keys:
            raise LookupError("13")
        return [KeyError(key) if key < 0 else key * key for key in keys]


async def test_what_is_asked_for_side_by_side_is_found_together_and_once():
    store = Store()

    found = await asyncio.gather(store.loader.load(2), store.loader.load_many([3, 2, 4]), store.loader.load(3))

    assert found == [4, [9, 4, 16], 9]
    assert await store.loader.load_many([4, 5]) == [16, 25]
    assert store.asked == [[2, 3, 4], [5]]


async def test_what_is_under_way_is_waited_for_though_the_rest_is_there_sooner():
    store = Store()
    first = asyncio.ensure_future(store.loader.load_many([1, 2]))
    await asyncio.sleep(0.005)

    assert await asyncio.wait_for(store.loader.load_many([2, 3]), 5) == [4, 9]
    assert await first == [1, 4]
    assert store.asked == [[1, 2], [3]]


@pytest.mark.parametrize(("key", "error"), [(-1, KeyError), (13, LookupError)], ids=["one key", "all keys"])
async def test_a_failure_is_remembered(key: int, error: type[Exception]):
    store = Store()

    for _ in range(2):
        with pytest.raises(error):
            await store.loader.load(key)
        assert isinstance((await store.loader.load_many([key]))[0], error)

    assert store.asked == [[key]]


async def test_nothing_is_found_for_those_who_went_away_and_all_for_those_who_come_then():
    store = Store()
    waiting = [asyncio.ensure_future(store.loader.load_many([1])), store.loader.load(2)]
    await asyncio.sleep(0.005)
    for gone in waiting:
        gone.cancel()
    await asyncio.sleep(0)

    assert await asyncio.wait_for(store.loader.load_many([2, 1]), 5) == [4, 1]
    assert [sorted(keys) for keys in store.asked] == [[1, 2], [1, 2]]


async def test_one_who_stays_gets_what_others_no_longer_wait_for():
    store = Store()
    stays, goes = store.loader.load(1), store.loader.load(2)
    await asyncio.sleep(0.005)
    goes.cancel()

    assert await stays == 1
    assert await store.loader.load(2) == 4
    assert len(store.asked) == 1
