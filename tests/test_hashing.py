"""Passwords are hashed apart from what answers requests: few at a time, and with less claim to the processor."""

import asyncio
import os
import sys
import threading

import pytest

from resolvers.hashing import NICENESS, Hasher

PASSWORD = "Correct-Horse-7"


def light(at_once: int) -> Hasher:
    return Hasher(memory_kib=64, rounds=1, at_once=at_once)


async def test_no_more_are_hashed_at_once_than_may_be(monkeypatch: pytest.MonkeyPatch):
    hasher, turn, running, most = light(2), threading.Semaphore(2), 0, 0
    real = hasher._context.hash

    def counted(password: str) -> str:
        nonlocal running, most
        assert turn.acquire(blocking=False)
        running += 1
        most = max(most, running)
        try:
            return real(password)
        finally:
            running -= 1
            turn.release()

    monkeypatch.setattr(hasher._context, "hash", counted)
    hashed = await asyncio.gather(*(hasher.hash(PASSWORD) for _ in range(30)))
    assert len(set(hashed)) == 30
    assert most <= 2


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a priority for each thread")
async def test_hashing_stands_back_and_the_loop_does_not():
    hasher = light(1)
    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    there = await hasher._apart(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    assert there == min(19, max(before, NICENESS))
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before


async def test_who_gives_up_waiting_is_not_hashed_for():
    hasher, done, go = light(1), [], threading.Event()
    first = asyncio.ensure_future(hasher._apart(go.wait))
    second = asyncio.ensure_future(hasher._apart(lambda: done.append("second")))
    await asyncio.sleep(0)
    second.cancel()
    go.set()
    await first
    await hasher._apart(lambda: done.append("third"))
    assert done == ["third"]
    assert second.cancelled()
