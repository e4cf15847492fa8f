"""Riffle beside libtorch, ONNX Runtime and ncnn as Markdown tables. usage: compare.py [TABLE...] [--bits 512 256] [--models MODEL...] [--save FILE.json]

What it prints is committed as results/<CPU>.md, made on a machine that does nothing else. Within a round the sides take turns, so that both meet the same
machine; a figure is the median over the rounds, a ratio that of the ratios within each round, with the lowest and the highest behind it. The share of the peak
is by multiply-adds, of the peak that Riffle measured in the same round. With --save every round is kept, and what is printed are the tables of all that the
file holds: a comparison can be made in pieces. benchmarks/peers/setup.sh installs the peers; the Python that runs this needs PyTorch for the ONNX files.
"""
import argparse
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import sys

from engines import ROOT, run
from tables import TABLES, markdown, name

WIDTHS = {512: "AVX-512", 256: "AVX2"}
NOTE = ("At 256 bits Riffle, libtorch and ncnn do without AVX-512. ONNX Runtime cannot be told to: where the processor has it, its figures are those with "
        "AVX-512.")


def parse(has):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0].split(" usage:")[0])
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"{', '.join(TABLES)}; default: all")
    parser.add_argument("--bits", nargs="+", type=int, choices=WIDTHS, default=has, help="widths of vectors; default: all that the processor has")
    parser.add_argument("--models", nargs="+", metavar="MODEL", help="only these networks of the tables")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.75, help="for each measurement of a round")
    parser.add_argument("--save", type=pathlib.Path, metavar="FILE.json", help="add what is measured to this file, and print all that it holds")
    parser.add_argument("--render", type=pathlib.Path, metavar="FILE.json", help="measure nothing, print what this file holds")
    parser.add_argument("--quick", action="store_true", help="one round of a fifth of a second, to see that everything works; not to be published")
    options = parser.parse_args()
    if unknown := set(options.tables) - set(TABLES):
        parser.error(f"there is no table {', '.join(unknown)}; there are {', '.join(TABLES)}")
    if missing := set(options.bits) - set(has):
        parser.error(f"--bits: this processor has no vectors of {', '.join(map(str, missing))} bits")
    if options.models and (unknown := set(options.models) - {model for table in TABLES.values() for model in table.models}):
        parser.error(f"--models: no table has {', '.join(unknown)}")
    if options.quick:
        options.rounds, options.seconds = 1, 0.2
    return options


def cpuinfo(field):
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    return next(line.split(":", 1)[1].strip() for line in lines if line.startswith(field))


def machine():
    return {"processor": cpuinfo("model name"), "cores": len(os.sched_getaffinity(0)), "system": f"{platform.system()} on {platform.machine()}"}


def origin():
    """What a row says about how it was made."""
    changed = " with changes" if run("git", "-C", ROOT, "status", "--porcelain", "--untracked-files=no").stdout.strip() else ""
    commit = run("git", "-C", ROOT, "rev-parse", "--short", "HEAD").stdout.strip()
    return {"date": str(datetime.date.today()), "commit": commit + changed, "sdk": run("dotnet", "--version").stdout.strip()}


def measure(title, options):
    """The rows of a table. Rounds go round all its networks, so that a disturbance does not hit all rounds of one; sides begin by turns."""
    table, measured = TABLES[title], {}
    for number in range(options.rounds):
        for model, cases in table.cases(options.models).items():
            for bits in options.bits:
                print(f"{title}, round {number + 1} of {options.rounds}: {model}, {bits} bits", file=sys.stderr)
                for side in table.sides[::-1 if number % 2 else 1]:
                    for case in cases:
                        found = rounded(side(case, bits, options.seconds))
                        measured.setdefault((bits, case), [{} for _ in range(options.rounds)])[number][name(side)] = found
    made = origin()
    for (bits, case), rounds in measured.items():
        check(case, rounds)
        yield {"table": title, "bits": bits, "case": dataclasses.asdict(case), **made, "seconds": options.seconds, "rounds": rounds}


def rounded(found):
    return {field: float(f"{value:.6g}") if isinstance(value, float) else value for field, value in found.items()}


def check(case, rounds):
    """Both sides must have trained the same network."""
    counts = {found["parameters"] for sides in rounds for found in sides.values() if "parameters" in found}
    if len(counts) > 1:
        sys.exit(f"{case.model}: the sides differ in their numbers of parameters: {counts}")


def place(row):
    """What a row is about; a new one replaces an old one."""
    return list(TABLES).index(row["table"]), -row["bits"], TABLES[row["table"]].models.index(row["case"]["model"]), row["case"]["threads"]


def merged(kept, rows):
    return {**kept, "rows": sorted({place(row): row for row in (*kept["rows"], *rows)}.values(), key=place)}


def load(file):
    if not file.exists():
        sys.exit(f"{file} does not exist; --save makes such a file")
    kept = json.loads(file.read_text())
    if not isinstance(kept, dict) or "rows" not in kept:
        sys.exit(f"{file} was not written by this program; give another file")
    return kept


def of_this_machine(kept, file):
    if (here := machine()) != (there := {field: kept[field] for field in here}):
        sys.exit(f"{file} is of another machine: {there}, and this is {here}; give another file")
    return kept


def save(file, kept):
    """One row to a line."""
    lines = ",\n  ".join(json.dumps(row) for row in kept["rows"])
    file.write_text(json.dumps({**kept, "rows": []}, indent=1).replace('"rows": []', f'"rows": [\n  {lines}\n ]') + "\n")


def document(kept):
    rows = kept["rows"]

    def values(field):
        return ", ".join(sorted({str(row[field]) for row in rows}))
    engines = sorted({found["engine"] for row in rows for sides in row["rounds"] for found in sides.values()} - {"Riffle"})
    counts = sorted({len(row["rounds"]) for row in rows})
    print(f"# {kept['processor']}, {kept['cores']} core{'s' * (kept['cores'] != 1)}\n")
    print(f"{values('date')}, Riffle at {values('commit')}, .NET SDK {values('sdk')}, {', '.join(engines)}, {kept['system']}. "
          f"Made by `benchmarks/compare.py`: [how it is measured](../README.md).\n")
    print(f"Medians of {' or '.join(map(str, counts))} round{'s' * (counts != [1])}, {values('seconds')} s for each figure of a round; "
          f"ratios above 1 mean that Riffle is faster. {NOTE}")
    for title, table in TABLES.items():
        of_table = [row for row in rows if row["table"] == title]
        if of_table:
            print(f"\n## {table.title}")
        for bits, instructions in WIDTHS.items():
            if chosen := [row for row in of_table if row["bits"] == bits]:
                print(f"\n{bits} bits ({instructions}):\n\n{markdown(table, chosen)}")


def main():
    options = parse([512, 256] if "avx512f" in cpuinfo("flags").split() else [256])
    if options.render:
        document(load(options.render))
        return
    kept = of_this_machine(load(options.save), options.save) if options.save and options.save.exists() else {**machine(), "rows": []}
    for title in options.tables or TABLES:
        kept = merged(kept, measure(title, options))
        if options.save:
            save(options.save, kept)
    document(kept)


main()
