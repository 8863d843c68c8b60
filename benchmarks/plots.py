"""The plots of the report, as SVG that reads on light and on dark pages."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

from benchmarks.goals import grown
from benchmarks.results import Results, Summary
from benchmarks.work import WORK

INK, PALE = "#1f2328", "#e6edf3"
OURS, OTHERS, BELOW, LINE = "#2f81f7", "#8b949e", "#d29922", "#cf222e"
SETTINGS = {
    "svg.fonttype": "none", "svg.hashsalt": "roster", "font.family": "sans-serif", "font.size": 9,
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": OTHERS, "xtick.color": INK, "ytick.color": INK,
    "axes.spines.top": False, "axes.spines.right": False, "figure.constrained_layout.use": True,
}  # fmt: skip
DARK = "".join(f'[style*="{what}: {INK}"]{{{what}:{PALE} !important}}' for what in ("fill", "stroke"))
STYLE = f"<style>@media (prefers-color-scheme: dark){{{DARK}}}</style>"


def draw(results: Results, folder: Path) -> set[str]:
    """Draws what there is to draw; returns the names."""
    folder.mkdir(exist_ok=True)
    mpl.use("svg")
    found = set()
    with mpl.rc_context(SETTINGS):
        for name, make in PLOTS.items():
            path = folder / f"{name}.svg"
            path.unlink(missing_ok=True)
            if figure := make(results):
                figure.savefig(path, transparent=True, metadata={"Date": None})
                plt.close(figure)
                head, mark, rest = path.read_text().partition("<defs>")
                path.write_text("\n".join(line.rstrip() for line in (head + STYLE + mark + rest).splitlines()) + "\n")
                found.add(name)
    return found


def _panels(results: Results, fill: Callable[[Any, str, dict[str, Summary]], None]) -> Any:
    doors = [
        (f"({work.letter}) {'GraphQL' if door == 'graphql' else 'REST'}", door, results.works(work.letter))
        for work in WORK
        for door in work.doors
    ]
    some = [
        (title, {n.split()[0]: own for n, own in found.items() if n.endswith(door)}) for title, door, found in doors
    ]
    some = [(title, found) for title, found in some if len(found) > 1]
    if not some:
        return None
    columns = min(3, len(some))
    rows = -(-len(some) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(3.2 * columns, 1.7 * rows), squeeze=False)
    for axes, (title, found) in zip(grid.flat, some, strict=False):
        axes.set_title(title, loc="left")
        fill(axes, title, dict(reversed(found.items())))
    for axes in list(grid.flat)[len(some) :]:
        axes.set_visible(False)
    return figure


def _throughput(results: Results) -> Any:
    def fill(axes: Any, _: str, found: dict[str, Summary]) -> None:
        rates = [own.rate / found["roster"].rate for own in found.values()]
        bars = axes.barh(list(found), rates, color=[OURS if name == "roster" else OTHERS for name in found])
        axes.bar_label(bars, [f"{rate:.2f}" for rate in rates], padding=2)
        axes.margins(x=0.15)

    figure = _panels(results, fill)
    if figure:
        figure.supxlabel("requests per second, Roster = 1")
    return figure


def _processor(results: Results) -> Any:
    def fill(axes: Any, _: str, found: dict[str, Summary]) -> None:
        server, postgres = ([getattr(own, part) for own in found.values()] for part in ("server", "postgres"))
        axes.barh(list(found), server, color=[OURS if name == "roster" else OTHERS for name in found])
        axes.barh(list(found), postgres, left=server, color=BELOW)

    figure = _panels(results, fill)
    if figure:
        figure.supxlabel("ms of processor time for one request: the server, and in yellow PostgreSQL")
    return figure


def _growth(results: Results) -> Any:
    questions = list(reversed(results.study("h").get("questions", [])))
    if not questions:
        return None
    figure, axes = plt.subplots(figsize=(7, 2.6))
    costs = [grown(results, question) for question in questions]
    axes.bar_label(axes.barh(questions, costs, color=OURS), [f"{cost:.2f}" for cost in costs], padding=2)
    axes.axvline(1.5, color=LINE, linestyle="--", linewidth=1)
    small, large = results.study("h")["sizes"]
    axes.set_xlabel(f"cost at {large:,} agents, at {small:,} = 1; the goal is the dashed line")
    axes.margins(x=0.12)
    return figure


def _memory(results: Results) -> Any:
    held = results.study("lasting").get("held", [])
    if not held:
        return None
    figure, axes = plt.subplots(figsize=(7, 2.4))
    axes.plot(*zip(*held, strict=True), color=OURS)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("requests answered")
    axes.set_ylabel("MiB")
    return figure


PLOTS = {"throughput": _throughput, "processor": _processor, "growth": _growth, "memory": _memory}
