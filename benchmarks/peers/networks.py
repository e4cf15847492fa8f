"""The networks in PyTorch, by Riffle's names, in both presets. Their parts are those of the parity fixtures, which hold Riffle's arithmetic against PyTorch's.

Needs PyTorch 1.13 or later (Debian: python3-torch, run with /usr/bin/python3).
"""
import pathlib
import sys

from torch import nn

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "tests/Riffle.Tests/Fixtures"))
from make_parity import MobileNet, ShuffleNet, UnitV1, UnitV2, initialise  # noqa: E402

V1_WIDTH = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}
V2_WIDTHS = {0.5: (48, 96, 192), 1.0: (116, 232, 464), 1.5: (176, 352, 704), 2.0: (244, 488, 976)}

SIZE = {"tiny": 56, "imagenet": 224}
CLASSES = {"tiny": 200, "imagenet": 1000}
UNITS = {"tiny": (2, 4, 2), "imagenet": (4, 8, 4)}
STEM_STRIDE = {"tiny": 1, "imagenet": 2}


def divisible(value, divisor):
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


def build(name, preset="tiny"):
    """The network, with weights and running statistics at random so that nothing in it is trivial."""
    model = describe(name, preset)
    initialise(model)
    return model


def describe(name, preset):
    scale, classes = float(name.rsplit("-x", 1)[1]), CLASSES[preset]
    if name.startswith("mobilenet"):
        return MobileNet(scale, classes)
    if name.startswith("shufflenet-v2"):
        unit, stem, widths, last = (lambda i, o, _, stride: UnitV2(i, o, stride)), 24, V2_WIDTHS[scale], 2048 if scale == 2 else 1024
    else:
        groups = int(name.split("-g")[1].split("-")[0])
        first = divisible(V1_WIDTH[groups] * scale, 4 * groups)
        unit, stem, widths, last = (lambda i, o, f, s: UnitV1(i, o, groups, f, s)), divisible(24 * scale, groups), (first, 2 * first, 4 * first), None
    model = ShuffleNet(stem, widths, unit, last, classes)
    model.conv1[0].stride = (STEM_STRIDE[preset],) * 2
    for stage, width, units in zip(("stage2", "stage3", "stage4"), widths, UNITS[preset]):
        made = getattr(model, stage)
        setattr(model, stage, nn.Sequential(*made, *(unit(width, width, False, 1) for _ in range(units - len(made)))))
    return model
