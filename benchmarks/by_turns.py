"""Compares the speed of two commits by turns, as a Markdown table. usage: by_turns.py BEFORE [AFTER] [--rounds N] [--models MODEL ...]

A MODEL may end in @imagenet: then it is measured at 224×224, one image only.

Both commits are built in worktrees of their own, under artifacts/turns. In each round they take turns for each network, so that both meet the same machine. A cell is the
median over the rounds of the ratio of AFTER's speed to BEFORE's within a round, with the lowest and the highest in brackets; above 1, AFTER is faster. Run it on a machine
that does nothing else. AFTER is HEAD unless given. RIFFLE_VECTOR chooses the vectors, as always.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODELS = ["shufflenet-v1-g3-x1.0", "shufflenet-v1-g3-x0.25", "shufflenet-v1-g8-x1.0", "shufflenet-v2-x1.0", "shufflenet-v2-x0.5", "mobilenet-v1-x1.0"]
COLUMNS = ["one image", "batch of 128", "training"]


def build(commit):
    """The command line of a commit, built once."""
    name = subprocess.run(["git", "rev-parse", "--short", commit], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    tree = ROOT / "artifacts/turns" / name
    if not tree.exists():
        subprocess.run(["git", "worktree", "add", "--detach", str(tree), name], cwd=ROOT, check=True, stdout=sys.stderr)
    program = tree / "riffle"
    subprocess.run([program, "--version"], check=True, stdout=sys.stderr)
    return name, program


def speeds(program, model, options):
    """Images a second: one image and a batch on one thread, and training on two."""
    name, _, preset = model.partition("@")
    trains = not preset and not options.no_train
    command = [program, "benchmark", name, "--seconds", str(options.seconds), "--json", "--preset", preset or "tiny",
               "--batch", "1" if preset else "1,128", *([] if trains else ["--no-train"])]
    results = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return [*(result["images_per_second"] for result in results), *([results[0]["train_images_per_second"]] if trains else [])]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0].split(" usage:")[0])
    parser.add_argument("before")
    parser.add_argument("after", nargs="?", default="HEAD")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1, help="for each measurement of a round")
    parser.add_argument("--no-train", action="store_true", help="inference only")
    parser.add_argument("--models", nargs="+", default=MODELS, metavar="MODEL")
    options = parser.parse_args()
    (before, old), (after, new) = build(options.before), build(options.after)
    print(f"{after} against {before}, {options.rounds} rounds by turns\n\n| network | {' | '.join(COLUMNS)} |\n| --- |{' ---: |' * len(COLUMNS)}")
    for model in options.models:
        ratios = []
        for turn in range(options.rounds):
            # Who begins changes, because a machine that has just rested is faster.
            first, second = (old, new) if turn % 2 == 0 else (new, old)
            measured = {first: speeds(first, model, options)}
            measured[second] = speeds(second, model, options)
            ratios.append([b / a for a, b in zip(measured[old], measured[new])])
        cells = [f"{statistics.median(column):.2f} ({min(column):.2f} to {max(column):.2f})" for column in zip(*ratios)]
        print(f"| {model} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
