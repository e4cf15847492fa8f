"""Riffle and its peers, each measured by a function of its own.

Each takes a case (network, preset, batch size, threads, whether it trains), the width of the vectors, and the seconds of a measurement. Each returns the name
of the engine, `median_ms` of a batch, `images_per_second`, the `macs` of an image, and what else it knows.
"""
import dataclasses
import json
import pathlib
import re
import statistics
import struct
import sys
import tempfile
import time
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "benchmarks/peers"))
from installed import PEERS, PROGRAM, run  # noqa: E402

# The parameter files of ncnn's benchmark, and the multiply-adds of an image, counted in these files. Their ShuffleNet v1 has narrower bottlenecks in the
# first unit of each stage than Riffle's.
NCNN = {
    "mobilenet-v1-x1.0": ("mobilenet", 568_740_352),
    "shufflenet-v1-g3-x1.0": ("shufflenet", 127_061_304),
    "shufflenet-v2-x1.0": ("shufflenet_v2", 144_907_992),
}
NCNN_LOOPS = 10
NCNN_RUNS_PER_SECOND = 5
STARTS = 3
AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}


@dataclasses.dataclass(frozen=True)
class Case:
    model: str
    preset: str
    batch: int
    threads: int
    training: bool


def riffle(case, bits, seconds):
    kind = ["--train-batch", case.batch, "--batch", 1] if case.training else ["--batch", case.batch, "--no-train"]
    found = json.loads(run(
        ROOT / "riffle", "benchmark", case.model, "--preset", case.preset, "--threads", case.threads, "--seconds", seconds, "--json", *kind,
        environment={"RIFFLE_VECTOR": str(bits)}).stdout)[0]
    assert found["vector_bits"] == bits, f"Riffle computed with vectors of {found['vector_bits']} bits"
    of = "train_" if case.training else ""
    return {"engine": "Riffle", **{key: found[key] for key in ("macs", "parameters")},
            **{key: found[of + key] for key in ("median_ms", "images_per_second", "peak_gflops")}}


def riffle_start(case, bits, seconds):
    """The process of one prediction, from its start to its end: the median of a few."""
    with tempfile.TemporaryDirectory() as folder:
        image = pathlib.Path(folder, "image.png")
        image.write_bytes(picture(64))
        times = []
        for _ in range(1 + STARTS):
            start = time.perf_counter()
            run(ROOT / "riffle", "predict", ROOT / f"models/{case.model}.safetensors", image, environment={"RIFFLE_VECTOR": str(bits)})
            times.append(1000 * (time.perf_counter() - start))
    median = statistics.median(times[1:])
    return {"engine": "Riffle", "median_ms": median, "images_per_second": 1000 / median}


def picture(side):
    """A square with two gradients, as a PNG file."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(bytes([0, *(value for x in range(side) for value in (4 * x % 256, 4 * y % 256, 128))]) for y in range(side))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def libtorch(case, bits, seconds):
    return program("libtorch", case.model, "--preset", case.preset, "--threads", case.threads, "--batch", case.batch, "--seconds", seconds,
                   *([] if case.training else ["--inference"]), environment=AVX2 if bits == 256 else {})


def onnx_runtime(case, bits, seconds):
    """Chooses its instructions itself: no setting and no variable limits them."""
    return program("onnxruntime", exported(case), "--threads", case.threads, "--seconds", seconds)


def program(*arguments, environment={}):
    found = json.loads(run(*PROGRAM, *arguments, environment=environment).stdout)
    return {"engine": found.pop("peer"), **{key: value for key, value in found.items() if value is not None}}


def exported(case):
    """The ONNX file of a network for a batch size, made when it is first asked for."""
    file = PEERS / f"onnx/{case.model}.{case.preset}.{case.batch}.onnx"
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        run(sys.executable, ROOT / "benchmarks/peers/export_onnx.py", case.model, file, "--preset", case.preset, "--batch", case.batch)
    return file


def ncnn(case, bits, seconds):
    """The median of the means of several short runs: its benchmark prints no median, and one interruption spoils the mean of a long run."""
    name, macs = NCNN[case.model]
    times = []
    for _ in range(max(1, round(NCNN_RUNS_PER_SECOND * seconds))):
        printed = run(PEERS / f"ncnn-{bits}/benchmark/benchncnn", NCNN_LOOPS, case.threads, 0, -1, 0,
                      f"param={PEERS}/ncnn/benchmark/models/{name}.param", "shape=[224,224,3]").stderr
        times.append(float(re.search(r"avg = *([0-9.]+)", printed)[1]))
    median = statistics.median(times)
    commit = run("git", "-C", PEERS / "ncnn", "rev-parse", "--short", "HEAD").stdout.strip()
    return {"engine": f"ncnn {commit}", "macs": macs, "median_ms": median, "images_per_second": 1000 / median}
