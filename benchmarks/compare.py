"""Riffle beside PyTorch (training) and ONNX Runtime (inference) as Markdown tables. usage: compare.py [--models MODEL ...] [--what training,inference]

The output is what is committed as results/<CPU>.md, made on a machine that does nothing else. Within a round the sides take turns, so that both meet the same
machine; a figure is the median over the rounds, a ratio that of the ratios within each round, with the lowest and the highest behind it. The share of the peak
is by multiply-adds, of the peak that Riffle measured in the same round. benchmarks/peers/setup.sh installs the peers; PyTorch is the one of the Python that
runs this. A model is NAME or NAME@imagenet; the latter is measured in inference of one image alone.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = ROOT / "benchmarks/peers"
PACKAGES = pathlib.Path(os.environ.get("RIFFLE_PEERS", pathlib.Path.home() / ".cache/riffle-peers")) / "node_modules"
MODELS = ["shufflenet-v1-g3-x1.0", "shufflenet-v1-g3-x0.5", "shufflenet-v1-g3-x0.25", "shufflenet-v1-g8-x1.0", "shufflenet-v2-x1.0", "shufflenet-v2-x0.5",
          "mobilenet-v1-x1.0", "shufflenet-v2-x1.0@imagenet"]
SIZE = {"tiny": 56, "imagenet": 224}
BATCH = 128
TRAINING_THREADS = 2


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0].split(" usage:")[0])
    parser.add_argument("--models", nargs="+", default=MODELS, metavar="MODEL")
    parser.add_argument("--what", default="training,inference", help="training, inference or both with a comma")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3, help="for each measurement of a round")
    parser.add_argument("--free-batch", action="store_true", help="ONNX Runtime gets one file for all batch sizes instead of one for each, and is slower")
    parser.add_argument("--quick", action="store_true", help="one round of half a second, to see that everything works; not to be published")
    options = parser.parse_args()
    options.what = options.what.split(",")
    if not set(options.what) <= {"training", "inference"}:
        parser.error("--what is training, inference or training,inference")
    if options.quick:
        options.rounds, options.seconds = 1, 0.5
    return options


def run(*command):
    """The output of a command; its progress is not shown unless it fails."""
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, env={**os.environ, "NODE_PATH": str(PACKAGES)})
    if result.returncode != 0:
        sys.exit(f"{shlex.join(map(str, command))}\n{result.stderr}failed; benchmarks/peers/setup.sh installs the peers")
    return result.stdout


def riffle(model, preset, seconds, *arguments):
    return json.loads(run(ROOT / "riffle", "benchmark", model, "--preset", preset, "--seconds", seconds, "--json", *arguments))


def training_round(model, seconds):
    """Images per second of both sides, and the share of the peak of both."""
    ours = riffle(model, "tiny", seconds, "--threads", TRAINING_THREADS, "--train-batch", BATCH, "--batch", 1)[0]
    theirs = json.loads(run(
        sys.executable, PEERS / "pytorch_training.py", model, "--threads", TRAINING_THREADS, "--batch", BATCH, "--seconds", seconds))
    return {"peer": theirs["peer"], "bits": ours["vector_bits"], "peak": ours["train_peak_gflops"], "work": 6 * ours["macs"],
            "ours": ours["train_images_per_second"], "theirs": theirs["images_per_second"]}


def inference_round(model, preset, batch, seconds, onnx):
    ours = riffle(model, preset, seconds, "--threads", 1, "--batch", batch, "--no-train")[0]
    theirs = json.loads(run("node", PEERS / "onnxruntime_inference.js", onnx, SIZE[preset], batch, 1, seconds))
    return {"peer": theirs["peer"], "bits": ours["vector_bits"], "peak": ours["peak_gflops"], "work": 2 * ours["macs"],
            "ours": ours["images_per_second"], "theirs": theirs["images_per_second"],
            "ours_ms": (ours["median_ms"], ours["p95_ms"]), "theirs_ms": (theirs["median_ms"], theirs["p95_ms"])}


def exported(folder, model, preset, batch):
    """The ONNX file of a network for a batch size, made when it is first asked for."""
    file = pathlib.Path(folder, f"{model}.{preset}.{batch}.onnx")
    if not file.exists():
        run(sys.executable, PEERS / "export_onnx.py", model, file, "--preset", preset, "--batch", batch)
    return file


def median(rounds, value):
    return statistics.median(value(each) for each in rounds)


def ratio(rounds):
    ratios = [each["ours"] / each["theirs"] for each in rounds]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def share(rounds, side):
    return f"{100 * median(rounds, lambda each: each['work'] * each[side] / 1e9 / each['peak']):.0f} %"


def throughput_row(name, rounds):
    return [name, f"{median(rounds, lambda each: each['ours']):.0f}", f"{median(rounds, lambda each: each['theirs']):.0f}", ratio(rounds),
            share(rounds, "ours"), share(rounds, "theirs")]


def latency_row(name, rounds):
    def milliseconds(side):
        return [f"{median(rounds, lambda each: each[side][i]):.3f}" for i in range(2)]
    return [name, *milliseconds("ours_ms"), *milliseconds("theirs_ms"), ratio(rounds), share(rounds, "ours"), share(rounds, "theirs")]


def table(title, head, rows):
    print(f"\n## {title}\n")
    for cells in (head, ["---"] * len(head), *rows):
        print("| " + " | ".join(cells) + " |", flush=True)


def measure(options, names, one_round):
    """For each model its rounds. Rounds go round all models, so that a disturbance does not hit all rounds of one."""
    rounds = {name: [] for name in names}
    for number in range(options.rounds):
        for name in names:
            print(f"round {number + 1} of {options.rounds}: {name}", file=sys.stderr)
            rounds[name].append(one_round(name))
    return rounds


def processor():
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor() or platform.machine())


def describe(options, measured):
    """The head of the document: what was measured, where, with what."""
    commit = run("git", "-C", ROOT, "rev-parse", "--short", "HEAD").strip()
    changed = " with changes" if run("git", "-C", ROOT, "status", "--porcelain", "--untracked-files=no").strip() else ""
    peers = sorted({each["peer"] for each in measured})
    bits = sorted({each["bits"] for each in measured})
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"# {processor()}, {cores} core{'s' * (cores != 1)}, vectors of {', '.join(map(str, bits))} bits\n")
    print(f"{datetime.date.today()}, Riffle at {commit}{changed}, .NET SDK {run('dotnet', '--version').strip()}, {', '.join(peers)}, "
          f"Python {platform.python_version()}, {platform.system()} on {platform.machine()}\n")
    print(f"    {shlex.join([pathlib.Path(sys.executable).as_posix(), 'benchmarks/compare.py', *sys.argv[1:]])}\n")
    print(f"Medians of {options.rounds} round{'s' * (options.rounds != 1)}, {options.seconds:g} s for each figure of a round; "
          "ratios above 1 mean that Riffle is faster. [How it is measured](../README.md).")


def main():
    options = parse()
    parts = {model: (model.partition("@")[0], model.partition("@")[2] or "tiny") for model in options.models}
    tiny = [model for model, (_, preset) in parts.items() if preset == "tiny"]
    training = measure(options, tiny, lambda model: training_round(model, options.seconds)) if "training" in options.what else {}
    one, many = {}, {}
    if "inference" in options.what:
        with tempfile.TemporaryDirectory() as folder:
            def inference(batch):
                return lambda model: inference_round(*parts[model], batch, options.seconds, exported(folder, *parts[model], "free" if options.free_batch else batch))
            one = measure(options, list(parts), inference(1))
            many = measure(options, tiny, inference(BATCH))

    describe(options, [each for part in (training, one, many) for rounds in part.values() for each in rounds])
    shares = ["Riffle, of peak", "peer, of peak"]
    if training:
        table(f"Training, {TRAINING_THREADS} threads, batch {BATCH}, images per second", ["model", "Riffle", "PyTorch", "ratio (lowest to highest)", *shares],
              [throughput_row(*item) for item in training.items()])
    if one:
        table("Inference of one image, 1 thread, milliseconds",
              ["model", "Riffle, median", "p95", "ONNX Runtime, median", "p95", "ratio (lowest to highest)", *shares],
              [latency_row(*item) for item in one.items()])
    if many:
        table(f"Inference, 1 thread, batch {BATCH}, images per second", ["model", "Riffle", "ONNX Runtime", "ratio (lowest to highest)", *shares],
              [throughput_row(*item) for item in many.items()])


main()
