"""Writes RESULTS.md: every figure, the goals and the words around them from one run's results."""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from string import Template

from benchmarks.goals import GOALS, grown, kept, late
from benchmarks.place import ROOT
from benchmarks.registry import CONTENDERS
from benchmarks.results import Results, Summary
from benchmarks.work import WORK

HERE = Path(__file__).parent
TEMPLATE = HERE / "RESULTS.template.md"
PLOTS = {"throughput": "Throughput", "processor": "Processor time", "growth": "Growth", "memory": "Memory"}
HEAD = ("contender", "Roster is", "requests/s", "p50 ms", "p99 ms", "CPU s/1,000: server", "PostgreSQL", "memory MiB")


def write(results: Results, path: Path) -> None:
    """Writes the report and, beside it, its plots."""
    try:
        from benchmarks import plots  # noqa: PLC0415 — matplotlib is only for them
    except ImportError:
        drawn: set[str] = set()
    else:
        drawn = plots.draw(results, path.parent / "plots")
    path.write_text(text(results, drawn))


def text(results: Results, drawn: Iterable[str] = ()) -> str:
    """Returns the report; of its plots, those that were drawn."""
    own = {f"plot_{name}": f"![{words}](plots/{name}.svg)\n" if name in drawn else "" for name, words in PLOTS.items()}
    parts = {
        "goals": _goals(results),
        "works": "\n".join(_works(results)),
        "contenders": _contenders(results),
        "missing": _missing(results),
        "growth_table": _growth(results),
        "workers_table": _compared(results, "workers", "1 worker"),
        "memory_table": _lasting(results),
        "logins_table": _logins(results),
        "spread_table": _compared(results, "spread", "16 projects"),
        "profiles": "\n".join(_profiles(results)) or "No goal of a work was missed.\n",
    }
    filled = Template(TEMPLATE.read_text()).substitute(results.kept["run"], **parts, **own)
    return filled.replace("\n\n\n", "\n\n")


def table(head: Iterable[str], rows: Iterable[Iterable[str]], words: int = 1) -> str:
    """Writes a table; its first columns are words, and the others figures."""
    lines = [tuple(head), *map(tuple, rows)]
    lines.insert(1, tuple("---" if number < words else "---:" for number in range(len(lines[0]))))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _goals(results: Results) -> str:
    rows = [(goal.work, goal.says, *goal.outcome(results)) for goal in GOALS]
    return table(("work", "goal", "measured", "outcome"), rows, words=4)


def _works(results: Results) -> Iterator[str]:
    for work in WORK:
        found = results.works(work.letter)
        if not found:
            continue
        yield f"### ({work.letter}) {work.title[0].upper()}{work.title[1:]}\n"
        for door in work.doors:
            rows = {name.split()[0]: own for name, own in found.items() if name.endswith(f" {door}")}
            if rows:
                title = {"graphql": "GraphQL", "rest": "REST"}[door]
                yield table((f"{title}: {HEAD[0]}", *HEAD[1:]), _beside(rows)) + "\n"


def _beside(found: dict[str, Summary]) -> Iterator[tuple[str, ...]]:
    first = found["roster"]
    for name, own in found.items():
        ratio = "" if own is first else f"{first.rate / own.rate:.2f} × as fast"
        yield name, ratio, *_figures(own)


def _figures(own: Summary) -> tuple[str, ...]:
    times = f"{own.p50:.1f}", f"{own.p99:.1f}", f"{own.server:.2f}", f"{own.postgres:.2f}"
    return f"{own.rate:,.0f}", *times, f"{own.memory:.0f}"


def _compared(results: Results, study: str, base: str) -> str:
    found = results.ways(study)
    if not found:
        return NOTHING
    rows = [(name, f"{own.rate / found[base].rate:.2f} ×", *_figures(own)) for name, own in found.items()]
    return table(("", f"of {base}", *HEAD[2:]), rows)


def _growth(results: Results) -> str:
    study = results.study("h")
    if not study:
        return NOTHING
    found, (small, large) = results.ways("h"), study["sizes"]
    rows = []
    for question in study["questions"]:
        few, many = found[f"{question}: {small}"], found[f"{question}: {large}"]
        computed = (many.server + many.postgres) / (few.server + few.postgres)
        rates = f"{few.rate:,.0f}", f"{many.rate:,.0f}", f"{few.p99:.1f}", f"{many.p99:.1f}"
        rows.append((question, f"{grown(results, question):.2f} ×", f"{computed:.2f} ×", *rates))
    sizes = f"requests/s at {small:,}", f"at {large:,}", f"p99 ms at {small:,}", f"at {large:,}"
    return table(("question", "it costs", "CPU, both together", *sizes), rows)


def _lasting(results: Results) -> str:
    held: list[tuple[int, float]] = results.study("lasting").get("held", [])
    if not held:
        return NOTHING
    wanted = [held[-1][0] * part / 10 for part in range(11)]
    rows = [next(one for one in held if one[0] >= least) for least in wanted]
    early = held[-1][1] / kept(results)
    cells = [(f"{requests:,}", f"{memory / early:.3f} ×", f"{memory:.1f}") for requests, memory in rows]
    return table(("requests answered", "of a tenth of the way", "MiB"), cells)


def _logins(results: Results) -> str:
    study, found = results.study("logins"), results.ways("logins")
    if not study:
        return NOTHING
    rows = []
    for connections in study["connections"]:
        quiet, busy = found[f"quiet, {connections}"], found[f"busy, {connections}"]
        times = f"{quiet.p99:.1f}", f"{busy.p99:.1f}", f"{quiet.p50:.1f}", f"{busy.p50:.1f}"
        rows.append((str(connections), f"{late(results, connections):.2f} ×", *times))
    return table(("connections that list", "p99 rises to", "p99 ms quiet", "busy", "p50 ms quiet", "busy"), rows)


def _profiles(results: Results) -> Iterator[str]:
    """Tells where the time goes in each work that has missed a goal."""
    missed = {goal.work for goal in GOALS if "not reached" in goal.outcome(results)[1]}
    for letter, found in results.study("profiles").items():
        if f"({letter})" in missed:
            rows = [(f"`{name}`", f"{share * 100:.1f} %") for name, share in found]
            yield table((f"({letter})", "of the time"), rows) + "\n"


def _contenders(results: Results) -> str:
    there = {name.split()[0] for work in WORK for name in results.works(work.letter)}
    rows = [(one.name, one.what, one.notes) for one in CONTENDERS.values() if one.name in there]
    return table(("name", "what", "how"), rows, words=3)


def _missing(results: Results) -> str:
    missing, failed = results.kept["missing"], results.kept["failed"]
    lines = [f"- **{name}** could not run: {why}." for name, why in missing.items()]
    lines += [f"- **{title}** could not be measured: {why}" for title, why in failed.items()]
    return "\n".join(["Missing in this run:\n", *lines, ""]) if lines else "None was missing.\n"


NOTHING = "Not measured in this run."


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description="Writes the report anew.")
    parser.add_argument("results", type=Path, nargs="?", default=HERE / "results.json")
    parser.add_argument("--out", type=Path, default=HERE / "RESULTS.md")
    asked = parser.parse_args()
    write(Results.read(asked.results), asked.out)
    print(asked.out.resolve().relative_to(ROOT))


if __name__ == "__main__":
    main()
