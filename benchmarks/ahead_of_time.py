"""Compares programs compiled by NativeAOT with the runtime's compiler, by turns, as a Markdown table. usage: ahead_of_time.py [--rounds N] [--seconds S] [--models MODEL ...]

Publishes Riffle.Aot.Benchmarks under artifacts/ahead-of-time, once for the runtime's compiler and once by NativeAOT for each instruction set. All processes stay alive and take
turns within a round; the first round warms up. A cell is the median over the rounds of the ratio of NativeAOT's speed to the other's within a round, with the lowest and the
highest in brackets; above 1, NativeAOT is faster. One thread. Run it on a machine that does nothing else; it needs clang or gcc.
"""
import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROJECT = ROOT / "benchmarks/Riffle.Aot.Benchmarks"
# What is compared: the instruction set named to NativeAOT, the vectors' bits, and what makes the other side the same machine.
SIDES = [
    ("x86-64-v3", "256", {"DOTNET_EnableAVX512": "0"}),
    ("x86-64-v4", "256", {}),
    ("x86-64-v4", "512", {}),
]


def publish(instructions):
    """The program, compiled ahead of time for some instructions, or, for None, left to the runtime's compiler."""
    folder = ROOT / "artifacts/ahead-of-time" / (instructions or "jit")
    options = ["--no-self-contained"]
    if instructions:
        linker = "clang" if shutil.which("clang") else "gcc"
        options = ["-p:PublishAot=true", f"-p:IlcInstructionSet={instructions}", f"-p:CppCompilerAndLinker={linker}"]
    subprocess.run(["dotnet", "publish", PROJECT, "-c", "Release", "-r", "linux-x64", "-v", "q", "-nologo", "-o", folder,
                    "--artifacts-path", f"{folder}-build", *options], check=True, stdout=sys.stderr)
    return folder / PROJECT.name


class Side:
    """A process that measures when it is asked."""

    def __init__(self, program, compiler, bits, environment):
        self.process = subprocess.Popen([program], env={**os.environ, "RIFFLE_VECTOR": bits, **environment}, text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        told = self.process.stdout.readline().split()
        if told != [compiler, bits]:
            sys.exit(f"{program} is {told}, not {compiler} at {bits} bits; does this machine have such vectors?")

    def speed(self, model, batch, seconds):
        print(model, batch, seconds, file=self.process.stdin)
        return float(self.process.stdout.readline())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0].split(" usage:")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.3, help="for each measurement of a round")
    parser.add_argument("--models", nargs="+", default=["shufflenet-v1-g3-x1.0"], metavar="MODEL")
    parser.add_argument("--sides", nargs="+", type=int, default=range(len(SIDES)), metavar="N", help="rows to measure, from 0; default: all")
    parser.add_argument("--built", action="store_true", help="measure what an earlier run has published")
    options = parser.parse_args()
    sides = [SIDES[i] for i in options.sides]
    if not options.built:
        for instructions in [None, *dict.fromkeys(side[0] for side in sides)]:
            publish(instructions)
    print("| network | instructions | bits | images in a batch | JIT, images/s | AOT, images/s | AOT to JIT |\n| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    folder = ROOT / "artifacts/ahead-of-time"
    for instructions, bits, environment in sides:
        pair = [Side(folder / "jit" / PROJECT.name, "JIT", bits, environment), Side(folder / instructions / PROJECT.name, "AOT", bits, {})]
        for model in options.models:
            for batch in [1, 128]:
                rounds = []
                for turn in range(options.rounds + 1):
                    # Who begins changes, because a machine that has just rested is faster.
                    order = [0, 1] if turn % 2 == 0 else [1, 0]
                    speeds = {i: pair[i].speed(model, batch, options.seconds) for i in order}
                    rounds.append((speeds[0], speeds[1]))
                jit, aot = zip(*rounds[1:])
                ratios = [b / a for a, b in zip(jit, aot)]
                print(f"| {model} | {instructions} | {bits} | {batch} | {statistics.median(jit):,.0f} | {statistics.median(aot):,.0f} "
                      f"| {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f}) |", flush=True)


if __name__ == "__main__":
    main()
