"""The pool: each connection with one task at a time, none lost, and whoever waits longest comes first."""

import asyncio
import random
from typing import Any

import pytest

from resolvers.store.pool import Pool


class Driver:
    """A connection that tells when two have it."""

    def __init__(self) -> None:
        self.closed = self.held = False

    def is_closed(self) -> bool:
        return self.closed

    async def close(self, **_: float) -> None:
        await asyncio.sleep(0)
        self.closed = True


class Opening:
    """Opens drivers, or fails to when told so."""

    def __init__(self) -> None:
        self.made: list[Driver] = []
        self.fails = False

    async def __call__(self) -> Driver:
        await asyncio.sleep(0)
        if self.fails:
            raise OSError("nobody there")
        self.made.append(Driver())
        return self.made[-1]

    @property
    def open(self) -> int:
        return sum(not driver.closed for driver in self.made)


@pytest.fixture
def opening() -> Opening:
    return Opening()


async def test_an_idle_connection_is_lent_again(opening: Opening):
    pool = Pool(opening, 3, 1)
    first = await pool.lend()
    pool.give_back(first)
    assert await pool.lend() is first
    assert len(opening.made) == 1


async def test_who_waits_longest_comes_first(opening: Opening):
    pool, order = Pool(opening, 1, 5), []
    held = await pool.lend()

    async def wait(number: int) -> None:
        driver = await pool.lend()
        order.append(number)
        pool.give_back(driver)

    waiting = [asyncio.create_task(wait(number)) for number in range(5)]
    await asyncio.sleep(0)
    pool.give_back(held)
    await asyncio.gather(*waiting)
    assert order == [0, 1, 2, 3, 4]
    assert pool.busy == 0


async def test_patience_ends(opening: Opening):
    pool = Pool(opening, 1, 0.01)
    held = await pool.lend()
    with pytest.raises(TimeoutError):
        await pool.lend()
    pool.give_back(held)
    assert await pool.lend() is held


async def test_a_closed_connection_makes_room(opening: Opening):
    pool = Pool(opening, 1, 1)
    first = await pool.lend()
    pool.give_back(first)
    first.closed = True
    assert await pool.lend() is not first


async def test_what_cannot_be_opened_makes_room_for_who_waits(opening: Opening):
    pool = Pool(opening, 1, 1)
    held = await pool.lend()
    waiting = asyncio.create_task(pool.lend())
    await asyncio.sleep(0)
    opening.fails = True
    pool.drop(held)
    with pytest.raises(OSError, match="nobody there"):
        await waiting
    opening.fails = False
    assert (await pool.lend()) in opening.made
    assert pool.busy == 1


async def test_closing_takes_what_is_lent_as_it_comes_back(opening: Opening):
    pool = Pool(opening, 2, 1)
    held, idle = await pool.lend(), await pool.lend()
    pool.give_back(idle)
    await pool.close()
    assert idle.closed
    assert not held.closed
    pool.give_back(held)
    await asyncio.sleep(0.01)
    assert held.closed


@pytest.mark.parametrize("seed", range(5))
async def test_in_a_crowd_that_gives_up_at_any_moment_none_is_lost_or_shared(opening: Opening, seed: int):
    pool, chance = Pool(opening, 4, 0.02), random.Random(seed)

    async def use() -> None:
        driver: Any = await pool.lend()
        assert not driver.held
        assert not driver.closed
        driver.held = True
        try:
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
            driver.closed = chance.random() < 0.1
        finally:
            driver.held = False
            (pool.drop if chance.random() < 0.1 else pool.give_back)(driver)

    tasks = []
    for _ in range(2_000):
        tasks.append(asyncio.create_task(use()))
        opening.fails = chance.random() < 0.05
        if chance.random() < 0.3:
            chance.choice(tasks[-20:]).cancel()
        if chance.random() < 0.5:
            await asyncio.sleep(0)
        assert opening.open <= 4
    opening.fails = False
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert not [error for error in done if isinstance(error, AssertionError)]
    await asyncio.sleep(0.01)
    assert pool.busy == 0
    all_four = [await pool.lend() for _ in range(4)]
    assert len(set(all_four)) == 4
