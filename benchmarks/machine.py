"""What was measured, where and with what: told in the report beside the figures."""

import os
import platform
import re
import subprocess
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import psutil

from benchmarks import npm
from benchmarks.client import CONNECTIONS, WRK
from benchmarks.place import ROOT, Place

PYTHON = ("strawberry-graphql", "fastapi", "pydantic", "sqlalchemy", "asyncpg", "uvicorn", "uvloop", "orjson")
NODE = ("mercurius", "graphql-jit", "graphql-yoga", "fastify", "graphql", "pg")


def described(place: Place) -> dict[str, str]:
    """Returns what a reader must know of the machine, the client and the versions."""
    postgres = str(place.ask("SHOW server_version")[0][0]).split()[0]
    python = [f"{name} {version(name)}" for name in PYTHON]
    parts = [f"PostgreSQL {postgres}", f"Python {platform.python_version()} with {_list(python)}"]
    if npm.missing() is None:
        known = npm.packages()
        parts.append(f"Node {npm.version()} with {_list(f'{name} {known[name]}' for name in NODE)}")
    return {
        "machine": _processor(),
        "cores": str(os.cpu_count()),
        "ram": f"{psutil.virtual_memory().total / 1024**3:.0f}",
        "system": f"{platform.system()} {platform.machine()}",
        "client": _client(),
        "connections": str(CONNECTIONS),
        "versions": ";\n".join(parts),
        "revision": _revision(),
    }


def _list(items: Iterable[str]) -> str:
    return ", ".join(items)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _client() -> str:
    if not WRK:
        return "the bundled client"
    told = subprocess.run([WRK, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"\d+(\.\d+)+", told.stdout + told.stderr)
    return f"wrk {found[0]}" if found else "wrk"


def _revision() -> str:
    try:
        told = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True,
                              check=True)  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return "(no repository)"
    return told.stdout.strip()
