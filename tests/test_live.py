"""Live events: nothing is lost, nothing comes twice, and nobody hears what is no longer theirs to hear."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from sqlalchemy import text

from resolvers import agents, auth, events, members, users
from resolvers.context import Context
from resolvers.domain.errors import Code, Refusal
from resolvers.domain.events import Event
from resolvers.domain.ids import new_id
from resolvers.store import feed as feeds
from resolvers.store.engine import Store
from resolvers.store.feed import Feed, Seat
from tests.factories import Factory, Scene


class Ear:
    """Someone who listens in the background, and what they have heard."""

    def __init__(self, ctx: Context, scene: Scene, **more: object) -> None:
        self.heard: list[Event] = []
        self._came = asyncio.Condition()
        self._listening = asyncio.create_task(self._listen(ctx, scene, more))

    async def _listen(self, ctx: Context, scene: Scene, more: dict[str, object]) -> None:
        async with events.follow(ctx, scene.project.id, **more) as following:
            async for event in following:
                async with self._came:
                    self.heard.append(event)
                    self._came.notify_all()

    async def hears(self, count: int) -> list[str]:
        """Waits until this many events have come; returns what all of them were."""
        async with asyncio.timeout(10), self._came:
            await self._came.wait_for(lambda: len(self.heard) >= count or self._listening.done())
        assert len(self.heard) >= count, self._listening
        return [str(event.kind) for event in self.heard]

    async def ends(self) -> Code:
        """Waits until the stream ends; returns why."""
        async with asyncio.timeout(10):
            with pytest.raises(Refusal) as refused:
                await self._listening
        return refused.value.code

    async def leave(self) -> None:
        self._listening.cancel()
        await asyncio.wait([self._listening])


@asynccontextmanager
async def listening(ctx: Context, scene: Scene, **more: object) -> AsyncIterator[Ear]:
    """Someone who listens, from the moment on from which nothing escapes them."""
    ear = Ear(ctx, scene, **more)
    async with asyncio.timeout(10):
        # Taking a seat is told to nobody.
        while not any(seat.began for seat in ctx.feed._seats) and not ear._listening.done():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    yield ear
    await ear.leave()


async def begin(scene: Scene) -> str:
    """Returns the cursor of the first event of the scene's agent."""
    async with events.follow(scene.owner, scene.project.id, after="0") as following:
        return (await anext(aiter(following))).cursor


async def test_what_happens_is_told_as_it_happens(scene: Scene):
    async with listening(scene.viewer, scene) as ear:
        await agents.pause(scene.operator, scene.agent.id)
        await agents.resume(scene.operator, scene.agent.id)
        assert await ear.hears(2) == ["agent.paused", "agent.resumed"]
        assert [event.actor_id for event in ear.heard] == [scene.operator.id] * 2


async def test_a_listener_goes_on_after_its_cursor(scene: Scene):
    first = await begin(scene)
    await agents.pause(scene.operator, scene.agent.id)
    async with listening(scene.viewer, scene, after=first) as ear:
        assert await ear.hears(1) == ["agent.paused"]
        await agents.resume(scene.operator, scene.agent.id)
        assert await ear.hears(2) == ["agent.paused", "agent.resumed"]
    async with listening(scene.viewer, scene, after=ear.heard[0].cursor) as again:
        assert await again.hears(1) == ["agent.resumed"]


async def test_one_agent_is_listened_to_alone(make: Factory, scene: Scene):
    other = await make.agent(scene.operator, scene.project, scene.kind)
    async with listening(scene.viewer, scene, agent_id=other.id) as ear:
        await agents.pause(scene.operator, scene.agent.id)
        await agents.pause(scene.operator, other.id)
        await ear.hears(1)
        assert {event.subject_id for event in ear.heard} == {other.id}


async def test_other_projects_are_not_heard(make: Factory, scene: Scene):
    elsewhere = await make.agent(scene.root, await make.project(scene.root), scene.kind)
    async with listening(scene.root, scene) as ear:
        await agents.pause(scene.root, elsewhere.id)
        await agents.pause(scene.root, scene.agent.id)
        await ear.hears(1)
        assert {event.project_id for event in ear.heard} == {scene.project.id}


async def test_many_writers_are_heard_once_each_and_in_order(make: Factory, scene: Scene):
    first = await begin(scene)
    fleet = [scene.agent] + [await make.agent(scene.operator, scene.project, scene.kind) for _ in range(7)]

    async def work(agent) -> None:
        for _ in range(6):
            await agents.pause(scene.operator, agent.id)
            await agents.resume(scene.operator, agent.id)

    ears = []
    for after in (first, None, first):
        ear = Ear(scene.viewer, scene, after=after)
        ears.append(ear)
        await asyncio.sleep(0.05)
    working = asyncio.gather(*map(work, fleet))
    await asyncio.sleep(0.05)
    late = Ear(scene.viewer, scene, after=first)
    await working
    for ear in (ears[0], ears[2], late):
        await ear.hears(7 + 8 * 12)
        sequences = [event.sequence for event in ear.heard]
        assert len(set(sequences)) == len(sequences) == 7 + 8 * 12
        for agent in fleet:
            own = [event.sequence for event in ear.heard if event.subject_id == agent.id]
            assert own == sorted(own)
            assert [str(event.kind) for event in ear.heard if event.subject_id == agent.id][-2:] == [
                "agent.paused", "agent.resumed",
            ]  # fmt: skip
    await ears[1].hears(8 * 12)
    for ear in (*ears, late):
        await ear.leave()


async def test_an_older_transaction_that_is_still_open_is_waited_for(make: Factory, scene: Scene):
    # Its event has the lower place and becomes visible later: who had gone past it would never see it.
    other = await make.agent(scene.operator, scene.project, scene.kind)
    async with listening(scene.viewer, scene) as ear:
        ear_began = str(next(iter(scene.viewer.feed._seats)).began)
        async with scene.owner.store.write() as db:
            insert = (
                "INSERT INTO events (id, kind, project_id, subject_id, data) VALUES (:id, :kind, :project, :it, '{}')"
            )
            row = {"id": new_id(), "kind": "agent.updated", "project": scene.project.id, "it": scene.agent.id}
            await db.execute(text(insert), row)
            await agents.pause(scene.operator, other.id)
            late = Ear(scene.viewer, scene, after=ear_began)
            await asyncio.sleep(0.3)
            assert ear.heard == late.heard == []
        assert await ear.hears(2) == await late.hears(2) == ["agent.updated", "agent.paused"]
        await late.leave()


async def test_racing_steps_of_one_agent_are_told_in_the_order_in_which_they_were_taken(scene: Scene):
    first = await begin(scene)

    async def step(verb) -> None:
        for _ in range(40):
            with suppress(Refusal):  # another step was quicker
                await verb(scene.operator, scene.agent.id)

    async with listening(scene.viewer, scene, after=first) as ear:
        await asyncio.gather(*map(step, [agents.pause, agents.resume, agents.pause, agents.resume]))
        final = await agents.get(scene.viewer, scene.agent.id)
        kinds = await ear.hears(final.version - 1)
    assert kinds == ["agent.paused", "agent.resumed"] * (len(kinds) // 2) + ["agent.paused"] * (len(kinds) % 2)
    assert [event.data["version"] for event in ear.heard] == list(range(2, final.version + 1))


async def test_who_loses_the_project_hears_no_more(scene: Scene):
    async with listening(scene.viewer, scene) as ear:
        await agents.pause(scene.operator, scene.agent.id)
        await ear.hears(1)
        await members.remove(scene.owner, scene.project.id, scene.viewer.id)
        await agents.resume(scene.operator, scene.agent.id)
        assert await ear.ends() is Code.NOT_FOUND
        assert len(ear.heard) == 1


@pytest.mark.parametrize("way", ["logged out", "deactivated"])
async def test_who_is_signed_in_no_more_hears_no_more(way: str, scene: Scene):
    async with listening(scene.viewer, scene) as ear:
        if way == "logged out":
            await auth.logout_all(scene.viewer)
        else:
            await users.deactivate(scene.root, scene.viewer.id)
        assert await ear.ends() is Code.UNAUTHENTICATED  # though nothing happens in the project


async def test_a_token_is_heard_with_until_it_expires(scene: Scene):
    soon = msgspec.structs.replace(scene.viewer.who, expires_at=datetime.now(UTC) + timedelta(seconds=0.3))
    async with listening(scene.viewer.signed_in(soon), scene) as ear:
        assert await ear.ends() is Code.UNAUTHENTICATED


async def hear_without_pause(stream: AsyncIterator[Event], seat: Seat, event: Event) -> None:
    """Goes on hearing something, since something always waits."""
    async with asyncio.timeout(10):
        while True:
            seat.offer([msgspec.structs.replace(event, sequence=event.sequence + 1)])
            event = await anext(stream)
            await asyncio.sleep(0)


@pytest.mark.parametrize("way", ["expired", "logged out", "put out"])
async def test_a_stream_that_never_pauses_ends_all_the_same(way: str, scene: Scene):
    left = timedelta(seconds=0.5) if way == "expired" else timedelta(hours=1)
    ctx = scene.viewer.signed_in(msgspec.structs.replace(scene.viewer.who, expires_at=datetime.now(UTC) + left))
    async with events.follow(ctx, scene.project.id) as following:
        stream, [seat] = aiter(following), ctx.feed._seats
        await agents.pause(scene.operator, scene.agent.id)
        event = await anext(stream)
        if way == "logged out":
            await auth.logout_all(scene.viewer)
        elif way == "put out":
            await members.remove(scene.owner, scene.project.id, scene.viewer.id)
        with pytest.raises(Refusal, match="NOT_FOUND" if way == "put out" else "UNAUTHENTICATED"):
            await hear_without_pause(stream, seat, event)


async def entered(ctx: Context, scene: Scene, **more: object) -> None:
    async with events.follow(ctx, scene.project.id, **more):
        pass


async def test_strangers_hear_nothing(make: Factory, scene: Scene):
    elsewhere = await make.agent(scene.root, await make.project(scene.root), scene.kind)
    for person, more in ((scene.stranger, {}), (scene.viewer, {"agent_id": elsewhere.id})):
        with pytest.raises(Refusal, match="NOT_FOUND"):
            await entered(person, scene, **more)


@pytest.mark.parametrize("after", ["", "x", "-1", "1.5", "9" * 19, "9" * 5_000, "\u0661", " 1"])
async def test_what_is_no_cursor_is_refused(after: str, scene: Scene):
    with pytest.raises(Refusal, match="VALIDATION_FAILED"):
        await entered(scene.viewer, scene, after=after)
    with pytest.raises(Refusal, match="NOT_FOUND"):  # rights before validity
        await entered(scene.stranger, scene, after=after)


async def test_a_slow_reader_holds_little_and_misses_nothing(monkeypatch, make: Factory, scene: Scene):
    monkeypatch.setattr(feeds, "WAITING", 5)
    async with events.follow(scene.viewer, scene.project.id, after="0") as following:
        stream = aiter(following)
        heard = [await anext(stream)]
        for _ in range(15):
            await agents.pause(scene.operator, scene.agent.id)
            await agents.resume(scene.operator, scene.agent.id)
            [seat] = scene.viewer.feed._seats
            assert len(seat.waiting) <= 5
        async with asyncio.timeout(10):
            while scene.viewer.store.busy:  # noqa: ASYNC110 — the reader for all may yet be reading
                await asyncio.sleep(0.02)
        async with asyncio.timeout(10):
            heard += [await anext(stream) for _ in range(30)]
    assert [event.data["version"] for event in heard] == list(range(1, 32))


async def test_another_process_is_heard_at_once_and_without_its_bell(monkeypatch, database: str, scene: Scene):
    store = Store(database, 2)
    elsewhere = msgspec.structs.replace(scene.operator, store=store, feed=Feed(store))
    monkeypatch.setattr(feeds, "LOOK_SECONDS", 3600.0)
    async with listening(scene.viewer, scene) as ear:
        await asyncio.sleep(0.1)
        await agents.pause(elsewhere, scene.agent.id)
        await ear.hears(1)
    monkeypatch.setattr(feeds, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(store.bell, "ring", lambda: None)
    async with listening(scene.viewer, scene) as ear:
        await agents.resume(elsewhere, scene.agent.id)
        await ear.hears(1)
    await store.close()


async def test_a_listener_connection_that_dies_is_made_anew(monkeypatch, database: str, scene: Scene):
    monkeypatch.setattr(feeds, "LOOK_SECONDS", 0.1)
    cut = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE application_name = 'roster events' AND datname = current_database()"""
    async with listening(scene.viewer, scene) as ear:
        for number in range(3):
            async with scene.owner.store.read() as db:
                await db.execute(text(cut))
            await agents.pause(scene.operator, scene.agent.id)
            await ear.hears(2 * number + 1)
            await agents.resume(scene.operator, scene.agent.id)
            await ear.hears(2 * number + 2)


async def test_a_bug_in_the_reader_ends_the_streams(monkeypatch, scene: Scene):
    async with listening(scene.viewer, scene) as ear:
        monkeypatch.setattr(Feed, "_hand_on", None)
        await agents.pause(scene.operator, scene.agent.id)
        with pytest.raises(TypeError):
            await ear._listening


async def test_many_listeners_cost_no_statement_each(statements: list[str], scene: Scene):
    ears = [Ear(scene.viewer, scene) for _ in range(200)]
    async with asyncio.timeout(30):
        while sum(seat.began is not None for seat in scene.viewer.feed._seats) < 200:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    statements.clear()
    await agents.pause(scene.operator, scene.agent.id)
    for ear in ears:
        await ear.hears(1)
    assert len(statements) < 20
    for ear in ears:
        await ear.leave()
