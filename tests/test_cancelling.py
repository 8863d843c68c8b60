"""Whoever is cancelled, at whatever point, leaves nothing half done and no connection that is not as good as new."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from resolvers import agents
from resolvers.context import Context
from resolvers.domain.agents import Agent, UpdateAgent
from resolvers.domain.drafts import Draft
from resolvers.store.engine import Store
from tests.factories import Scene

Moment = Callable[[asyncio.Task[Any], asyncio.Future[Any] | None], object]
MOMENTS: dict[str, Moment] = {
    "before it waits": lambda task, _: task.cancel(),
    "while it waits": lambda task, _: asyncio.get_running_loop().call_soon(task.cancel),
    "with the answer": lambda task, answer: answer and answer.add_done_callback(lambda _: task.cancel()),
}
AT_WORK = """SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = 'cancelled' AND state <> 'idle'"""
NEW = "SELECT set_config('application_name', 'cancelled', false), current_setting('transaction_isolation')"


class Cancelled:
    """Waits for something, and has itself cancelled when that waits for the nth time."""

    def __init__(self, awaited: Coroutine[Any, Any, Any], turn: int, moment: Moment) -> None:
        self._awaited, self._turn, self._moment = awaited, turn, moment

    def __await__(self) -> Generator[Any, Any, Any]:
        send, given = self._awaited.send, None
        while True:
            try:
                answer = send(given)
            except StopIteration as end:
                return end.value
            if self._turn == 0:
                self._moment(asyncio.current_task(), answer)
            self._turn -= 1
            try:
                send, given = self._awaited.send, (yield answer)
            except BaseException as error:  # noqa: BLE001 — as `yield from` does
                send, given = self._awaited.throw, error


async def run(awaited: Awaitable[Any]) -> Any:
    return await awaited


async def get(ctx: Context, agent: Agent) -> None:
    await agents.get(ctx, agent.id)


async def step(ctx: Context, agent: Agent) -> None:
    now = await agents.get(ctx, agent.id)
    await (agents.pause if now.version % 2 else agents.resume)(ctx, agent.id)


async def change(ctx: Context, agent: Agent) -> None:
    now = await agents.get(ctx, agent.id)
    await agents.update_one(ctx, agent.id, Draft(UpdateAgent, {"name": f"Agent {now.version}"}))


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(("verb", "connection"), [
    (get, "of the pool"), (step, "of the pool"), (change, "of the pool"), (get, "made anew"),
])  # fmt: skip
async def test_what_is_cancelled_at_any_point_leaves_the_pool_as_it_was(  # noqa: PLR0917 — fixtures and parameters
    verb, connection: str, moment: str, database: str, scene: Scene, said: list[dict[str, Any]]
):
    stores, turn, ended = [Store(database, 1)], 0, False
    while not ended:
        if connection == "made anew":
            stores.append(Store(database, 1))
        ctx = msgspec.structs.replace(scene.operator, store=stores[-1])
        task = asyncio.create_task(run(Cancelled(verb(ctx, scene.agent), turn, MOMENTS[moment])))
        await asyncio.wait([task], timeout=30)
        ended = not task.cancelled() and task.exception() is None

        async with asyncio.timeout(10):
            for _ in range(3):
                async with ctx.store.read() as db:
                    assert tuple((await db.execute(text(NEW))).one()) == ("cancelled", "read committed")
            async with scene.owner.store.read() as db:
                while (await db.execute(text(AT_WORK))).scalar():  # noqa: ASYNC110 — a cancelled statement ends untold
                    await asyncio.sleep(0.01)
        turn += 1
    await asyncio.gather(*(store.close() for store in stores))
    assert said == []
    assert turn > 2
    now = await agents.get(scene.viewer, scene.agent.id)
    async with scene.owner.store.read() as db:
        events = await db.execute(text("SELECT count(*) FROM events WHERE subject_id = :id"), {"id": now.id})
        assert events.scalar() == now.version
