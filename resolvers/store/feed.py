"""The event log as it grows: one reader for each process, and a seat for each of those who listen."""

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, TextClause, select, text

from resolvers.domain.errors import Code, Refusal
from resolvers.domain.events import AGENT_KINDS, Event
from resolvers.domain.users import Viewer
from resolvers.store.engine import Store, many
from resolvers.store.pruning import check_kept
from resolvers.store.records import EVENT
from resolvers.store.statements import among, statement
from resolvers.store.tables import events
from resolvers.store.visibility import standing

BATCH = 500
WAITING = 200  # events that a slow reader may have waiting; what is more, it reads from the log itself
LOOK_SECONDS = 1.0  # how often to look without having heard of anything
SETTLE_SECONDS = 0.003
SETTLE_PATIENCE = 5.0

# Places in the log are given out before a transaction commits, so one can become visible after a later one. Whoever may
# still fill a place below those that are visible holds this lock until it ends.
PROBE = """
    SELECT (SELECT coalesce(max(sequence), 0) FROM events) AS newest,
           ARRAY(SELECT virtualtransaction FROM pg_locks
                 WHERE locktype = 'relation' AND relation = 'events'::regclass AND mode = 'RowExclusiveLock'
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS writers
"""


@statement
def probe() -> TextClause:
    """Selects the newest place in the log, and who may still fill one below it."""
    return text(PROBE)


@statement
def logged(after: int, upto: int, project_ids: list[UUID], agent_id: UUID | None) -> Select[Any]:
    """Selects what happened to the agents of these projects, or to one of them, between two places in the log."""
    wanted = select(*EVENT).where(events.c.sequence > after, events.c.sequence <= upto)
    wanted = wanted.where(among(events.c.project_id, project_ids), events.c.kind.in_(AGENT_KINDS))
    if agent_id is not None:
        wanted = wanted.where(events.c.subject_id == agent_id)
    return wanted.order_by(events.c.sequence).limit(BATCH)


class Seat:
    """Someone who listens: what they listen to, and what waits for them, in bounded memory."""

    def __init__(self, who: Viewer, project_id: UUID, agent_id: UUID | None, *, behind: bool) -> None:
        self.who, self.project_id, self.agent_id = who, project_id, agent_id
        self.waiting: deque[Event] = deque()
        self.began: int | None = None
        self._behind = behind
        self._ended: BaseException | None = None
        self._call = asyncio.Event()

    def wants(self, event: Event) -> bool:
        """Tells whether an event is one that they listen to."""
        return event.project_id == self.project_id and self.agent_id in (None, event.subject_id)

    def begin(self, place: int) -> None:
        """Says that everything after this place will be offered."""
        self.began = place
        self._call.set()

    def offer(self, found: Sequence[Event]) -> None:
        """Lets events wait for them; of more than there is room for, they read all from the log."""
        self.waiting.extend(found)
        if len(self.waiting) > WAITING:
            self.waiting.clear()
            self._behind = True
        self._call.set()

    def catch_up(self) -> bool:
        """Tells whether there is something to read from the log; what comes from now on waits again."""
        behind, self._behind = self._behind, False
        return behind

    def end(self, reason: BaseException) -> None:
        """Makes this the last that they hear."""
        self._ended = self._ended or reason
        self._call.set()

    def check(self) -> None:
        """Raises what it was ended by."""
        if self._ended is not None:
            raise self._ended

    async def taken(self) -> int:
        """Waits until everything that comes is offered; returns the place from which on that is so."""
        while self.began is None:
            await self.called()
        return self.began

    async def called(self) -> None:
        """Waits until something has come, or raises what it was ended by."""
        await self._call.wait()
        self._call.clear()
        self.check()


class Mark(NamedTuple):
    """A place in the log, and those who may still write below it."""

    place: int
    writers: frozenset[str]


class Feed:
    """Reads the log once for all seats of a process, and looks at the rights of each before it hands anything on."""

    def __init__(self, store: Store) -> None:
        self.stopping = False
        self._store = store
        self._seats: set[Seat] = set()
        self._reading: asyncio.Task[None] | None = None
        self._place = 0  # everything up to it is in the log for good, and has been offered
        self._mark: Mark | None = None

    @contextmanager
    def seat(self, who: Viewer, project_id: UUID, agent_id: UUID | None, *, behind: bool) -> Iterator[Seat]:
        """Takes a seat, and leaves it at the end; who is behind has earlier events to read first."""
        seat = Seat(who, project_id, agent_id, behind=behind)
        self._seats.add(seat)
        self._store.bell.ring_here()
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
            self._reading.add_done_callback(self._over)
        try:
            yield seat
        finally:
            self._seats.discard(seat)

    async def between(self, seat: Seat, place: int) -> list[Event]:
        """Reads from the log what a seat has not been offered, after a place; at most BATCH events."""
        found = await self._logged(place, self._place, [seat.project_id], seat.agent_id)
        async with self._store.read() as db:
            await check_kept(db, [seat.project_id], place)
        await self._look([seat])
        seat.check()
        return found

    async def settled(self) -> int:
        """Returns a place with nothing yet to come below it, for who reads the log only once."""
        found, end = await self._probe(), time.monotonic() + SETTLE_PATIENCE
        writers = found.writers
        while writers:
            if time.monotonic() > end:
                message = "The log is being written for a long time; try again soon."
                raise Refusal(Code.UNAVAILABLE, message, headers={"Retry-After": "1"})
            await asyncio.sleep(SETTLE_SECONDS)
            writers &= (await self._probe()).writers
        return found.place

    def stop(self) -> None:
        """Ends all seats, because the server stops; who listens goes on elsewhere, after the last cursor."""
        self.stopping = True
        for seat in self._seats:
            seat.end(Refusal(Code.UNAVAILABLE, "The server is stopping; go on after the last cursor."))

    async def close(self) -> None:
        """Stops reading."""
        self.stop()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    async def _read(self) -> None:
        looked, wait, self._place = 0.0, 0.0, -1
        while self._seats:
            await self._store.bell.wait(wait)
            try:
                if time.monotonic() - looked >= LOOK_SECONDS:
                    looked = time.monotonic()
                    await self._store.bell.check()
                    await self._look(self._seats)
                wait = await self._go_on()
            except Refusal:
                wait = LOOK_SECONDS  # the database is away; nothing was handed on, so nothing is lost

    def _over(self, reading: asyncio.Task[None]) -> None:
        bug = None if reading.cancelled() else reading.exception()
        if bug is not None:
            for seat in self._seats:
                seat.end(bug)

    async def _go_on(self) -> float:
        """Hands on what is in the log for good; returns how long to wait for more, in seconds."""
        new = [seat for seat in self._seats if seat.began is None]
        settled = await self._settled()
        if settled is not None:
            if self._place >= 0 and await self._hand_on(settled):
                return 0.0
            self._place = settled
            for seat in new:
                seat.begin(settled)
        return LOOK_SECONDS if self._mark is None else SETTLE_SECONDS

    async def _settled(self) -> int | None:
        """Returns a place with nothing yet to come below it, or None while someone may still write there."""
        found, mark = await self._probe(), self._mark
        if not found.writers:
            self._mark = None
            return found.place
        if mark is not None and mark.writers & found.writers:
            return None
        self._mark = found
        return mark and mark.place

    async def _probe(self) -> Mark:
        async with self._store.read() as db:
            newest, writers = (await db.execute(probe())).one()
        return Mark(newest, frozenset(writers))

    async def _hand_on(self, settled: int) -> bool:
        """Offers events up to a place to whoever wants them; tells whether there are more than fit into one batch."""
        if settled == self._place:
            return False
        projects = list({seat.project_id for seat in self._seats})
        found = await self._logged(self._place, settled, projects)
        wanted = {seat: own for seat in self._seats if (own := [event for event in found if seat.wants(event)])}
        await self._look(wanted)
        for seat, own in wanted.items():
            seat.offer(own)
        if len(found) == BATCH:
            self._place = found[-1].sequence
            return True
        return False

    async def _logged(
        self, place: int, settled: int, project_ids: list[UUID], agent_id: UUID | None = None
    ) -> list[Event]:
        async with self._store.read() as db:
            return await many(db, logged(place, settled, project_ids, agent_id), Event)

    async def _look(self, seats: Iterable[Seat]) -> None:
        """Ends the seats of those who have lost their session or sight of the project."""
        asked = list(seats)
        if not asked:
            return
        wanted = standing(
            [seat.who.id for seat in asked], [seat.who.session_id for seat in asked], [s.project_id for s in asked]
        )
        async with self._store.read() as db:
            for row in await db.execute(wanted):
                if not row.signed_in:
                    asked[row.number - 1].end(Refusal(Code.UNAUTHENTICATED, "This session has ended; sign in again."))
                elif not row.sees:
                    asked[row.number - 1].end(Refusal(Code.NOT_FOUND))
