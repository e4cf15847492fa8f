"""Training throughput of PyTorch: one JSON line. usage: pytorch_training.py MODEL [--threads 2] [--batch 128] [--seconds 3]

A step is forward, cross-entropy, backward and Nesterov SGD on a ready batch of 56x56 images in 200 classes, as in `riffle benchmark`. Both memory formats
are tried, and the one with the better median is reported.
"""
import argparse
import json
import statistics
import time

import torch
import torch.nn.functional as F

from networks import CLASSES, SIZE, build

WARM_UP_STEPS, LEAST_STEPS = 2, 5

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--batch", type=int, default=128)
parser.add_argument("--seconds", type=float, default=3, help="time for the steps of each memory format, after a warm-up")
options = parser.parse_args()
torch.set_num_threads(options.threads)


def measure(layout):
    model = build(options.model).train().to(memory_format=layout)
    images = torch.randn(options.batch, 3, SIZE["tiny"], SIZE["tiny"]).to(memory_format=layout)
    labels = torch.randint(0, CLASSES["tiny"], (options.batch,))
    optimiser = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, nesterov=True, weight_decay=1e-4)

    def step():
        start = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        F.cross_entropy(model(images), labels).backward()
        optimiser.step()
        return time.perf_counter() - start

    for _ in range(WARM_UP_STEPS):
        step()
    seconds, begin = [], time.perf_counter()
    while len(seconds) < LEAST_STEPS or time.perf_counter() - begin < options.seconds:
        seconds.append(step())
    return statistics.median(seconds)


medians = {name: measure(layout) for name, layout in (("contiguous", torch.contiguous_format), ("channels last", torch.channels_last))}
best = min(medians, key=medians.get)
print(json.dumps({"peer": "PyTorch " + torch.__version__, "model": options.model, "threads": options.threads, "batch": options.batch,
                  "median_ms": round(1000 * medians[best], 3), "images_per_second": round(options.batch / medians[best], 1), "format": best}))
