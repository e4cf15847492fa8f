"""Riffle beside PyTorch in training, measured alternately in one run. usage: compare.py [MODEL ...] [--rounds 3] [--threads 2] [--batch 128]

Prints a Markdown table: the median of each side over the rounds, the median of the ratios within a round (lowest and highest behind it), and the
share that Riffle reached of the peak measured in the same process. Build first: dotnet build -c Release. PyTorch is the one of the Python that runs this.
"""
import argparse
import json
import pathlib
import platform
import statistics
import subprocess
import sys

here = pathlib.Path(__file__).resolve().parent
parser = argparse.ArgumentParser()
parser.add_argument("models", nargs="*", default=["shufflenet-v1-g3-x1.0"])
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--batch", type=int, default=128)
options = parser.parse_args()


def run(*command):
    shape = ["--threads", str(options.threads), "--batch", str(options.batch)]
    return json.loads(subprocess.run([*command, *shape], check=True, capture_output=True, text=True).stdout)


def processor():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines() if pathlib.Path("/proc/cpuinfo").exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor())


print(f"{processor()}, {options.threads} threads, batch {options.batch}, {options.rounds} rounds\n")
print("| model | Riffle, images/s | PyTorch, images/s | ratio (lowest to highest) | share of peak |")
print("| --- | --- | --- | --- | --- |")
for model in options.models:
    ours, theirs = [], []
    for _ in range(options.rounds):
        ours.append(run("dotnet", str(here / "Riffle.Benchmarks/bin/Release/net10.0/Riffle.Benchmarks.dll"), model))
        theirs.append(run(sys.executable, str(here / "pytorch_training.py"), model))
    rates = [[result["images_per_second"] for result in side] for side in (ours, theirs)]
    ratios = [a / b for a, b in zip(*rates)]
    share = statistics.median(result["share_of_peak"] for result in ours)
    print(f"| {model} | {statistics.median(rates[0]):.0f} | {statistics.median(rates[1]):.0f} "
          f"| {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) | {100 * share:.0f} % |", flush=True)
