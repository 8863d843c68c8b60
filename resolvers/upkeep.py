"""Upkeep: what those who run the server do now and then."""

from datetime import timedelta

from sqlalchemy import Table

from resolvers.context import Guest
from resolvers.store import pruning, tallies
from resolvers.store.pruning import ALLOW, BATCH, EXPIRIES


async def recount(guest: Guest) -> int:
    """Counts everything anew, while nobody writes, and mends what was counted wrong; returns how much that was."""
    async with guest.store.write() as db:
        return await tallies.recount(db)


async def prune(guest: Guest, event_days: int | None = None) -> dict[str, int]:
    """Removes what has expired, and events that are older, if asked to; returns how many of each, by their table."""
    removed = {table.name: await _expired(guest, table) for table in EXPIRIES}
    if event_days is not None:
        removed["events"] = await _events(guest, timedelta(days=event_days))
    return removed


async def _expired(guest: Guest, table: Table) -> int:
    count, batch = 0, BATCH
    while batch == BATCH:
        async with guest.store.write() as db:
            batch = (await db.execute(pruning.expired(table))).changed
        count += batch
    return count


async def _events(guest: Guest, age: timedelta) -> int:
    count, batch, place = 0, BATCH, 0
    # Whoever follows the log waits for its writers, and so for each batch.
    while batch == BATCH:
        async with guest.store.write() as db:
            await db.execute(ALLOW)
            batch, place = (await db.execute(pruning.pruned(place, age))).one()
        count += batch
    return count
