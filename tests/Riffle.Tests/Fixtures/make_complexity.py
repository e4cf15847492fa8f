"""Writes complexity.torchvision.json: multiply-adds and parameters of torchvision's MobileNets, counted on its own modules, for ComplexityTests.cs.

Run with torchvision from 0.14 on, in this folder: `python3 make_complexity.py`. A convolution or a linear layer costs one multiply-add for each weight that an
output value sums over; everything else costs nothing. The two sets are Riffle's presets: `imagenet` is torchvision's network as it is, `tiny` has images of
56x56, 200 classes and a first convolution of stride 1.
"""
import json

import torch
from torch import nn
from torchvision import models

FAMILIES = {
    "mobilenet-v2": (models.mobilenet_v2, ("1.0", "0.5", "1.4", "0.75", "0.35", "0.1")),
    "mobilenet-v3-large": (models.mobilenet_v3_large, ("1.0", "0.75", "1.25", "0.5", "0.1")),
    "mobilenet-v3-small": (models.mobilenet_v3_small, ("1.0", "0.75", "1.25", "0.5", "0.1")),
}
PRESETS = {"tiny": (56, 200, 1), "imagenet": (224, 1000, 2)}


def count(model, size):
    macs = 0

    def add(module, _, output):
        nonlocal macs
        macs += output.numel() * module.weight[0].numel()

    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.register_forward_hook(add)
    with torch.no_grad():
        model.eval()(torch.zeros(1, 3, size, size))
    return {"macs": macs, "parameters": sum(p.numel() for p in model.parameters())}


def network(build, scale, classes, stride):
    model = build(width_mult=float(scale), num_classes=classes)
    model.features[0][0].stride = (stride, stride)
    return model


def main():
    counts = {
        preset: {
            f"{family}-x{scale}": count(network(build, scale, classes, stride), size)
            for family, (build, scales) in FAMILIES.items() for scale in scales
        }
        for preset, (size, classes, stride) in PRESETS.items()
    }
    with open("complexity.torchvision.json", "w") as file:
        json.dump(counts, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
