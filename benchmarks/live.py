"""How long an event takes from its commit to a listener, alone and beside a thousand idle ones."""

import asyncio
import json
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import psutil
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.processes import ROOT, Place, Server

IDLE = 1_000
ROUNDS = 5
STEPS = 40
EVENTS = "subscription($id: ID!) { agentEvents(projectId: $id) { cursor } }"


class Fleet:
    """A server with two projects: one to be idle in, one to work in."""

    def __init__(self, server: Server) -> None:
        self.url = server.address or ""
        self.headers = server.sign_in()
        self.http = httpx.AsyncClient(base_url=f"{self.url}/api/v1", headers=self.headers, timeout=30)

    async def make(self) -> None:
        """Makes the projects and an agent in one of them."""
        kind = await self.post(
            "agent-types", {"name": "T", "slug": "t", "personality_prompt": "P.", "primary_model": "m"}
        )
        self.quiet = (await self.post("projects", {"name": "Quiet", "slug": "quiet"}))["id"]
        self.busy = (await self.post("projects", {"name": "Busy", "slug": "busy"}))["id"]
        agent = await self.post(f"projects/{self.busy}/agents", {"agent_type_id": kind["id"], "name": "A"})
        self.agent, self.version = f"projects/{self.busy}/agents/{agent['id']}", 1

    async def post(self, path: str, body: object = None) -> dict[str, str]:
        """Sends a request; returns the answer."""
        found: dict[str, str] = (await self.http.post(path, json=body)).raise_for_status().json()
        return found

    async def step(self) -> float:
        """Moves the agent; returns when the answer came."""
        await self.post(f"{self.agent}/{'pause' if self.version % 2 else 'resume'}")
        self.version += 1
        return time.perf_counter()

    async def listen(self, stack: AsyncExitStack, project: str) -> ClientConnection:
        """Opens a socket that listens to a project."""
        address = self.url.replace("http", "ws") + "/graphql"
        socket = await stack.enter_async_context(
            connect(address, subprotocols=[Subprotocol("graphql-transport-ws")], ping_interval=None)
        )
        await socket.send(json.dumps({"type": "connection_init", "payload": self.headers}))
        await socket.recv()
        payload = {"query": EVENTS, "variables": {"id": project}}
        await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
        return socket


async def event_of(socket: ClientConnection) -> float:
    """Waits for an event; returns when it came."""
    while json.loads(await socket.recv())["type"] != "next":
        pass
    return time.perf_counter()


async def latencies(fleet: Fleet, socket: ClientConnection) -> list[float]:
    """Returns how many ms each event came after the answer to the request that made it."""
    found = []
    for _ in range(STEPS):
        heard = asyncio.create_task(event_of(socket))
        answered = await fleet.step()
        found.append((await heard - answered) * 1000)
        await asyncio.sleep(0.01)
    return found


async def measure(server: Server) -> None:
    fleet = Fleet(server)
    await fleet.make()
    process = psutil.Process(server.process.pid)
    alone, beside = [], []
    before = process.memory_info().rss
    async with AsyncExitStack() as stack:
        socket = await fleet.listen(stack, fleet.busy)
        await asyncio.sleep(1)
        for _ in range(ROUNDS):
            alone += await latencies(fleet, socket)
            async with AsyncExitStack() as idle:
                for _ in range(IDLE // 50):
                    await asyncio.gather(*(fleet.listen(idle, fleet.quiet) for _ in range(50)))
                await asyncio.sleep(3)
                cpu = sum(process.cpu_times()[:2])
                await asyncio.sleep(5)
                cpu, grown = sum(process.cpu_times()[:2]) - cpu, process.memory_info().rss - before
                beside += await latencies(fleet, socket)
    for name, values in (("alone", alone), (f"beside {IDLE} idle", beside)):
        ordered = sorted(values)
        p99 = ordered[int(len(ordered) * 0.99) - 1]
        print(f"{name:20} median {statistics.median(values):6.2f} ms   p99 {p99:6.2f} ms   {len(values)} events")
    print(f"ratio of medians     {statistics.median(beside) / statistics.median(alone):.2f}")
    print(f"idle listeners       {cpu / 5 * 100:.1f} % of a core, {grown / IDLE / 1024:.0f} KiB each")
    await everyone(fleet)


async def everyone(fleet: Fleet) -> None:
    async with AsyncExitStack() as stack:
        sockets = [await fleet.listen(stack, fleet.busy) for _ in range(IDLE)]
        await asyncio.sleep(2)
        last = []
        for _ in range(ROUNDS):
            heard = [asyncio.create_task(event_of(socket)) for socket in sockets]
            answered = await fleet.step()
            last.append((max(await asyncio.gather(*heard)) - answered) * 1000)
        print(f"{IDLE} who listen to it  the last of them hears it after {statistics.median(last):.0f} ms (median)")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Place(Path(folder)) as place:
        Path(folder).chmod(0o755)
        asyncio.run(measure(place.serve(**ROOT, access_token_minutes=60)))


if __name__ == "__main__":
    main()
