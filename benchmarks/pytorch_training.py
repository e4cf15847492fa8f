"""Training throughput of PyTorch, the peer: one JSON line. usage: pytorch_training.py MODEL [--threads 2] [--batch 128] [--steps 6]

A step is forward, cross-entropy, backward and Nesterov SGD on a ready batch of 56x56 images in 200 classes. Both memory formats are tried, and the
faster one's median is reported. Needs PyTorch 1.13 or later (Debian: python3-torch). The networks are those of the parity fixtures.
"""
import argparse
import json
import pathlib
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "tests/Riffle.Tests/Fixtures"))
from make_parity import MobileNet, ShuffleNet, UnitV1, UnitV2  # noqa: E402

V1_WIDTH = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}
V2_WIDTHS = {0.5: (48, 96, 192), 1.0: (116, 232, 464), 1.5: (176, 352, 704), 2.0: (244, 488, 976)}


def divisible(value, divisor):
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


def build(name):
    """The networks in preset tiny: 200 classes, two units in stages 2 and 4, four in stage 3."""
    scale = float(name.rsplit("-x", 1)[1])
    if name.startswith("mobilenet"):
        return MobileNet(scale, 200)
    if name.startswith("shufflenet-v2"):
        unit, stem, widths, last = (lambda i, o, _, stride: UnitV2(i, o, stride)), 24, V2_WIDTHS[scale], 2048 if scale == 2 else 1024
    else:
        groups = int(name.split("-g")[1].split("-")[0])
        first = divisible(V1_WIDTH[groups] * scale, 4 * groups)
        unit, stem, widths, last = (lambda i, o, f, s: UnitV1(i, o, groups, f, s)), divisible(24 * scale, groups), (first, 2 * first, 4 * first), None
    model = ShuffleNet(stem, widths, unit, last, 200)
    model.stage3 = nn.Sequential(*model.stage3, *(unit(widths[1], widths[1], False, 1) for _ in range(2)))
    return model


parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--batch", type=int, default=128)
parser.add_argument("--steps", type=int, default=6)
options = parser.parse_args()
torch.set_num_threads(options.threads)
rates = {}
for name, layout in (("contiguous", torch.contiguous_format), ("channels last", torch.channels_last)):
    model = build(options.model).train().to(memory_format=layout)
    images = torch.randn(options.batch, 3, 56, 56).to(memory_format=layout)
    labels = torch.randint(0, 200, (options.batch,))
    optimiser = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, nesterov=True, weight_decay=1e-4)
    seconds = []
    for step in range(options.steps + 2):
        start = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        F.cross_entropy(model(images), labels).backward()
        optimiser.step()
        if step >= 2:
            seconds.append(time.perf_counter() - start)
    rates[name] = options.batch / statistics.median(seconds)
best = max(rates, key=rates.get)
print(json.dumps({"peer": "pytorch " + torch.__version__, "model": options.model, "threads": options.threads, "batch": options.batch,
                  "images_per_second": round(rates[best], 1), "format": best}))
