"""What is compared, and the Markdown of what was measured."""
import dataclasses
import statistics
from collections.abc import Callable

import engines
from engines import Case

TINY = ["shufflenet-v1-g3-x1.0", "shufflenet-v1-g3-x0.25", "shufflenet-v1-g8-x1.0", "shufflenet-v2-x1.0", "shufflenet-v2-x0.5", "mobilenet-v1-x1.0"]
LARGEST = ["shufflenet-v1-g3-x1.0", "shufflenet-v2-x1.0", "mobilenet-v1-x1.0"]
NAMES = {engines.libtorch: "libtorch", engines.onnx_runtime: "ONNX Runtime", engines.ncnn: "ncnn"}
SIDE = {"tiny": 56, "imagenet": 224}


@dataclasses.dataclass(frozen=True)
class Table:
    title: str
    models: list
    peers: list
    preset: str = "tiny"
    batch: int = 1
    threads: tuple = (1,)
    training: bool = False
    ours: Callable = engines.riffle

    @property
    def sides(self):
        return [self.ours, *self.peers]

    def cases(self, models):
        """For each network its cases, one for each number of threads."""
        return {model: [Case(model, self.preset, self.batch, threads, self.training) for threads in self.threads]
                for model in self.models if models is None or model in models}


TABLES = {
    "training": Table("Training, 56×56, batch 128, 2 threads", [*TINY[:1], "shufflenet-v1-g3-x0.5", *TINY[1:]], [engines.libtorch], batch=128, threads=(2,), training=True),
    "fine-tuning": Table("Training, 224×224, batch 32, 2 threads", ["shufflenet-v2-x0.5", "shufflenet-v2-x1.0", "mobilenet-v1-x0.5"], [engines.libtorch],
                         "imagenet", 32, (2,), training=True),
    "scaling": Table("Training, 56×56, batch 128, from one thread to two", LARGEST, [], batch=128, threads=(1, 2), training=True),
    "image": Table("Inference of one image, 56×56, 1 thread", TINY, [engines.onnx_runtime]),
    "batch": Table("Inference, 56×56, batch 128, 1 thread", TINY, [engines.onnx_runtime], batch=128),
    "large-image": Table("Inference of one image, 224×224, 1 and 2 threads", LARGEST, [engines.ncnn, engines.onnx_runtime], "imagenet", threads=(1, 2)),
    "start": Table("From the start of the process to the first prediction", LARGEST, [], ours=engines.riffle_start),
}


def name(side):
    """The key of a side in a round."""
    return side.__name__


def markdown(table, rows):
    """The table of the rows of one vector width, each with its case and its rounds; a round holds what each side gave."""
    baseline = {row["case"]["model"]: row["rounds"] for row in rows if row["case"]["threads"] == 1}
    with_threads = len(table.threads) > 1
    unit = "ms" if table.batch == 1 else "images/s"
    head = ["model", *["threads"] * with_threads, f"Riffle, {unit}"]
    for peer in table.peers:
        head += [NAMES[peer], "ratio (lowest to highest)"]
    if with_threads:
        head += ["gain over 1 thread", "gain of the peak"]
    has_peak = "peak_gflops" in rows[0]["rounds"][0][name(table.ours)]
    if has_peak:
        head += [f"{side}, of peak" for side in ("Riffle", *(NAMES[peer] for peer in table.peers))]

    body = []
    for row in rows:
        rounds, threads = row["rounds"], row["case"]["threads"]
        ours = each(rounds, table.ours, "images_per_second")
        cells = [row["case"]["model"], *[str(threads)] * with_threads, figure(rounds, table, table.ours)]
        for peer in table.peers:
            cells += [figure(rounds, table, peer), spread(ratios(ours, each(rounds, peer, "images_per_second")))]
        if with_threads:
            alone = baseline.get(row["case"]["model"])
            cells += [spread(ratios(each(rounds, table.ours, field), each(alone, table.ours, field))) if threads > 1 and alone else ""
                      for field in ("images_per_second", "peak_gflops")]
        if has_peak:
            cells += [share(rounds, table, side) for side in table.sides]
        body.append(cells)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *body))


def each(rounds, side, field):
    return [found[name(side)][field] for found in rounds]


def ratios(above, below):
    return [a / b for a, b in zip(above, below)]


def spread(values):
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def figure(rounds, table, side):
    """Three digits, or all those before the point."""
    value = statistics.median(each(rounds, side, "median_ms" if table.batch == 1 else "images_per_second"))
    return f"{value:.{max(0, 3 - len(str(int(value))) * (value >= 1))}f}"


def share(rounds, table, side):
    """Of the peak that Riffle measured: two operations for a multiply-add, and three times as many in training."""
    shares = []
    for found in rounds:
        macs = found[name(side)].get("macs", found[name(table.ours)]["macs"])
        operations = 2 * (3 if table.training else 1) * macs * found[name(side)]["images_per_second"]
        shares.append(operations / (1e9 * found[name(table.ours)]["peak_gflops"]))
    return f"{100 * statistics.median(shares):.0f} %"
