"""Safe retries across kill -9: what was asked for is there, once."""

import asyncio
import random
from pathlib import Path
from typing import Any

import httpx

from tests.processes import ROOT, Place, Server

SPAWNS = 200


class Client:
    """A client that sends every spawn with a key of its own, and knows which were answered."""

    def __init__(self, server: Server) -> None:
        self.headers = server.sign_in()
        with httpx.Client(base_url=f"{server.address}/api/v1", headers=self.headers) as http:
            kind = {"name": "T", "slug": "t", "personality_prompt": "P.", "primary_model": "m"}
            self.kind = http.post("/agent-types", json=kind).json()["id"]
            self.project = http.post("/projects", json={"name": "P", "slug": "p"}).json()["id"]
        self.answers: dict[int, Any] = {}

    async def spawn_all(self, address: str, *, after: int = -1, crash: Any = None) -> int:
        """Sends all spawns, sixteen at a time; returns how many were answered."""
        gate, answered = asyncio.Semaphore(16), 0
        async with httpx.AsyncClient(base_url=f"{address}/api/v1", headers=self.headers, timeout=30) as http:

            async def spawn(number: int) -> None:
                nonlocal answered
                async with gate:
                    body = {"agent_type_id": self.kind, "name": f"Agent {number}"}
                    headers = {"Idempotency-Key": f"spawn-{number}"}
                    reply = await http.post(f"/projects/{self.project}/agents", json=body, headers=headers)
                assert reply.status_code == 201, reply.text
                assert self.answers.setdefault(number, reply.content) == reply.content
                answered += 1
                if answered == after:
                    crash()

            await asyncio.gather(*map(spawn, range(SPAWNS)), return_exceptions=crash is not None)
        return answered

    def agents(self, address: str) -> list[str]:
        """Returns the names of all agents there are."""
        names: list[str] = []
        with httpx.Client(base_url=f"{address}/api/v1", headers=self.headers) as http:
            for page in (1, 2, 3):
                found = http.get(f"/projects/{self.project}/agents", params={"limit": 100, "page": page})
                names += [agent["name"] for agent in found.json()["data"]]
        return names


async def test_a_killed_server_has_made_everything_once_when_all_is_sent_again(tmp_path: Path, prepared: Path):
    with Place(tmp_path) as place:
        first = place.settle(prepared).serve(**ROOT)
        client = Client(first)
        before = await client.spawn_all(first.address, after=random.randint(20, 120), crash=first.kill)
        assert 0 < before < SPAWNS
        second = place.serve(**ROOT)
        assert await client.spawn_all(second.address) == SPAWNS
        assert sorted(client.agents(second.address)) == sorted(f"Agent {number}" for number in range(SPAWNS))
