"""Writes onnx/*.onnx and onnx/*.json: networks as PyTorch exports them, in the ways in which exporters write the same thing, for OnnxImportTests.cs.

Run with PyTorch 1.13 and onnx 1.12 (Debian: python3-torch, python3-onnx) in this folder: `/usr/bin/python3 make_onnx.py`. Each NAME.json holds two images as bytes
(base64, N×H×W×3) and what PyTorch makes of them in double precision: logits or probabilities. The networks are those of torchvision and of
others in shape, with few channels, so that the files are small.
"""
import base64
import io
import json
import pathlib
import struct

import onnx
import torch
import torch.nn.functional as F
from onnx import helper
from torch import nn

from make_parity import MobileNet, ShuffleNet, UnitV1, UnitV2, initialise

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HERE = pathlib.Path(__file__).resolve().parent / "onnx"


def conv(cin, cout, kernel, stride=1, padding=0, groups=1, bias=False):
    return nn.Conv2d(cin, cout, kernel, stride, padding, groups=groups, bias=bias)


class MobileNetV2(nn.Module):
    """Inverted residuals with ReLU6, as torchvision's, and its classifier with dropout."""
    def __init__(self):
        super().__init__()

        def norm(layer, relu=True):
            return [layer, nn.BatchNorm2d(layer.out_channels)] + [nn.ReLU6()] * relu

        def unit(cin, cout, stride, t):
            return nn.Sequential(
                *norm(conv(cin, cin * t, 1)), *norm(conv(cin * t, cin * t, 3, stride, 1, cin * t)), *norm(conv(cin * t, cout, 1), relu=False))

        self.stem = nn.Sequential(*norm(conv(3, 8, 3, 2, 1)))
        self.units = nn.ModuleList([unit(8, 8, 1, 3), unit(8, 12, 2, 3), unit(12, 12, 1, 3), unit(12, 16, 2, 2)])
        self.head = nn.Sequential(*norm(conv(16, 40, 1)))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(40, 10))

    def forward(self, x):
        x = self.stem(x)
        for unit in self.units:
            y = unit(x)
            x = x + y if y.shape == x.shape else y
        return self.classifier(torch.flatten(F.adaptive_avg_pool2d(self.head(x), (1, 1)), 1))


class ResNet(nn.Module):
    """7x7 stem, dense 3x3 convolutions, a strided 1x1 shortcut: what a general network of pools and sums has."""
    def __init__(self, grouped=1):
        super().__init__()

        def norm(layer):
            return [layer, nn.BatchNorm2d(layer.out_channels)]

        self.stem = nn.Sequential(*norm(conv(3, 8, 7, 2, 3)), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        self.left = nn.Sequential(*norm(conv(8, 16, 3, 2, 1, grouped)), nn.ReLU(), *norm(conv(16, 16, 3, 1, 1, grouped)))
        self.right = nn.Sequential(*norm(conv(8, 16, 1, 2)))
        self.tail = nn.Sequential(*norm(conv(16, 20, 3, 1, 1)), nn.ReLU())
        self.fc = nn.Linear(20, 10)

    def forward(self, x):
        x = self.stem(x)
        return self.fc(self.tail(F.relu(self.left(x) + self.right(x))).mean((2, 3)))


class Padded(nn.Module):
    """Pads of TensorFlow's kind: 0,1,0,1 in a node of their own before strides of 2; ceil_mode; means that leave padding out; a flat image of 3x3."""
    def __init__(self):
        super().__init__()
        self.stem, self.deep = conv(3, 8, 3, 2, bias=True), conv(8, 8, 3, 2, 0, 8, bias=True)
        self.wide, self.fc = conv(8, 12, 5, 1, 2, 4, bias=True), nn.Linear(12 * 9, 10)

    def forward(self, x):
        x = F.relu6(self.stem(F.pad(x, (0, 1, 0, 1))))
        x = F.relu(self.deep(F.pad(x, (0, 1, 0, 1))))
        x = F.max_pool2d(x, 3, 2, 0, ceil_mode=True)
        x = F.avg_pool2d(F.relu(self.wide(x)), 3, 1, 1, count_include_pad=False)
        return torch.softmax(self.fc(F.max_pool2d(x, 2, 2, 1).flatten(1)), 1)


class Stacked(nn.Module):
    """Shuffles by stacking and by cutting a matrix of groups; batch norm before a convolution; arithmetic with numbers for each channel."""
    def __init__(self):
        super().__init__()
        self.stem, self.norm, self.mix = conv(3, 12, 3, 2, 1), nn.BatchNorm2d(24), conv(12, 12, 1)
        self.scale, self.matrix = nn.Parameter(torch.rand(1, 12, 1, 1)), nn.Parameter(torch.randn(36, 10) / 6)

    def forward(self, x):
        x = F.relu(self.stem(x))
        y = torch.stack((x, self.mix(x) * self.scale), 2).flatten(1, 2)
        y = F.relu(self.norm(y))
        n, c, h, w = y.shape
        pairs = y.reshape(n, c // 2, 2, h, w)
        left, right = pairs[:, :, 0], pairs[:, :, 1]
        y = torch.cat((left, F.relu(self.mix(right) - 0.25), x), 1)
        return torch.matmul(F.avg_pool2d(y, 16).squeeze(-1).squeeze(-1), self.matrix) + 0.5


class Authors(nn.Module):
    """ShuffleNet v2's units as its authors shuffle: images and channels merged, cut along the first axis. A tracer keeps data.size() as numbers. ReLU6, and a
    mean in two steps."""
    def __init__(self):
        super().__init__()

        def norm(layer, relu=True):
            return [layer, nn.BatchNorm2d(layer.out_channels)] + [nn.ReLU6()] * relu

        self.stem = nn.Sequential(*norm(conv(3, 16, 3, 2, 1)))
        self.units = nn.ModuleList([
            nn.Sequential(*norm(conv(8, 8, 1)), *norm(conv(8, 8, 3, 1, 1, 8), relu=False), *norm(conv(8, 8, 1))) for _ in range(2)])
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        x = self.stem(x)
        for unit in self.units:
            n, c, h, w = x.data.size()
            y = x.reshape(n * c // 2, 2, h * w).permute(1, 0, 2).reshape(2, -1, c // 2, h, w)
            x = torch.cat((y[0], unit(y[1])), 1)
        return self.fc(x.mean(3).mean(2))


class Unit(nn.Module):
    """Takes images from 0 to 1, blue first, and normalises them itself; a mean over rows, then over columns."""
    def __init__(self):
        super().__init__()
        self.stem, self.fc = conv(3, 8, 3, 2, 1, bias=True), nn.Linear(8, 10)
        self.register_buffer("mean", torch.tensor(MEAN[::-1]).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(DEVIATION[::-1]).view(1, 3, 1, 1))

    def forward(self, x):
        x = self.stem((x[:, [2, 1, 0]] - self.mean) / self.deviation)
        return torch.log_softmax(self.fc(torch.clamp(F.relu(x), max=6).mean(2, keepdim=True).mean(3, keepdim=True).flatten(1)), 1)


class MobileNetV3(nn.Module):
    """Hard-swish, and squeeze-and-excite with a hard sigmoid: torch's own functions, or arithmetic and ReLU6 as implementations before them had. A
    classifier of two layers."""
    def __init__(self, by_hand=False):
        super().__init__()
        self.by_hand = by_hand

        def norm(layer):
            return nn.Sequential(layer, nn.BatchNorm2d(layer.out_channels))

        self.stem = norm(conv(3, 8, 3, 2, 1))
        self.wide, self.deep, self.narrow = norm(conv(8, 24, 1)), norm(conv(24, 24, 5, 2, 2, 24)), norm(conv(24, 12, 1))
        self.squeeze, self.excite = conv(24, 8, 1, bias=True), conv(8, 24, 1, bias=True)
        self.fc1, self.fc2 = nn.Linear(12, 16), nn.Linear(16, 10)

    def hard_sigmoid(self, x):
        return F.relu6(x + 3) / 6 if self.by_hand else F.hardsigmoid(x)

    def hard_swish(self, x):
        return x * F.relu6(x + 3) / 6 if self.by_hand else F.hardswish(x)

    def forward(self, x):
        x = self.deep(self.hard_swish(self.wide(self.hard_swish(self.stem(x)))))
        x = x * self.hard_sigmoid(self.excite(F.relu(self.squeeze(F.adaptive_avg_pool2d(x, 1)))))
        x = self.narrow(self.hard_swish(x))
        return self.fc2(self.hard_swish(self.fc1(F.adaptive_avg_pool2d(x, 1).flatten(1))))


class Excited(nn.Module):
    """SiLU, and squeeze-and-excite of two matrices and a sigmoid, whose factors are given rows and columns by view."""
    def __init__(self):
        super().__init__()
        self.stem, self.deep, self.head = conv(3, 8, 3, 2, 1, bias=True), conv(8, 8, 3, 1, 1, 8, bias=True), conv(8, 20, 1, bias=True)
        self.squeeze, self.excite, self.fc = nn.Linear(8, 4), nn.Linear(4, 8), nn.Linear(20, 10)

    def forward(self, x):
        x = F.silu(self.deep(F.silu(self.stem(x))))
        factors = torch.sigmoid(self.excite(F.relu(self.squeeze(x.mean((2, 3))))))
        y = self.head(x * factors.view(x.shape[0], -1, 1, 1))
        return self.fc((y * torch.sigmoid(y)).mean((2, 3)))


class Pixels(nn.Module):
    """Takes pixels from 0 to 255, N x H x W x 3, and normalises them itself."""
    def __init__(self, network):
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(1, 3, 1, 1))

    def forward(self, x):
        return self.network((x.permute(0, 3, 1, 2) / 255 - self.mean) / self.deviation)


def shufflenet_v1(groups=2):
    return ShuffleNet(8, (16, 32, 64), lambda i, o, first, s: UnitV1(i, o, groups, first, s), None, 10)


def shufflenet_v2():
    return ShuffleNet(8, (16, 24, 32), lambda i, o, _, s: UnitV2(i, o, s), 40, 10)


def mobilenet_v1():
    return MobileNet(0.0625, 10)


# Name, network, image size, and how it is exported: opset, whether the batch is free, and what else torch is told, or "images": how many it traces.
CASES = [
    ("shufflenet-v1-fixed-batch", shufflenet_v1, 32, 13, False, {}),
    ("shufflenet-v1-free-batch", lambda: shufflenet_v1(4), 32, 11, True, {}),
    ("shufflenet-v1-unfolded", shufflenet_v1, 32, 16, True, {"do_constant_folding": False, "training": torch.onnx.TrainingMode.PRESERVE}),
    ("shufflenet-v2-fixed-batch", shufflenet_v2, 32, 17, False, {}),
    ("shufflenet-v2-free-batch", shufflenet_v2, 32, 13, True, {}),
    ("shufflenet-v2-old-operators", shufflenet_v2, 32, 9, True, {}),
    ("mobilenet-v1", mobilenet_v1, 32, 13, True, {"keep_initializers_as_inputs": True}),
    ("mobilenet-v2", MobileNetV2, 32, 12, True, {}),
    ("mobilenet-v3", MobileNetV3, 32, 14, True, {}),
    ("mobilenet-v3-old-operators", MobileNetV3, 32, 11, True, {}),
    ("mobilenet-v3-by-hand", lambda: MobileNetV3(by_hand=True), 32, 13, False, {}),
    ("excited", Excited, 32, 13, True, {}),
    ("resnet", ResNet, 36, 13, True, {}),
    ("resnext", lambda: ResNet(4), 35, 13, True, {"training": torch.onnx.TrainingMode.PRESERVE}),
    ("padded", Padded, 34, 13, True, {}),
    ("stacked", Stacked, 32, 13, True, {}),
    ("pixels", lambda: Pixels(shufflenet_v2()), 32, 13, True, {}),
    ("authors-one-image", Authors, 32, 13, False, {"images": 1}),
    ("authors-four-images", Authors, 32, 9, False, {"images": 4}),
    ("authors-traced", Authors, 32, 17, True, {"images": 1}),
    ("unit", Unit, 32, 13, True, {}),
]


def images_of(size):
    generator = torch.Generator().manual_seed(size)
    return torch.randint(0, 256, (2, size, size, 3), generator=generator)


def write(name, model, size, file):
    pixels = images_of(size)
    mean, deviation = torch.tensor(MEAN, dtype=torch.float64), torch.tensor(DEVIATION, dtype=torch.float64)
    inputs = pixels.double() if isinstance(model, Pixels) else ((pixels.double() / 255 - mean) / deviation).permute(0, 3, 1, 2)
    inputs = (pixels.double() / 255).permute(0, 3, 1, 2) if isinstance(model, Unit) else inputs
    with torch.no_grad():
        output = model.double()(inputs)
        output = output.exp() if isinstance(model, Unit) else output
    assert output.shape == (2, 10)
    (HERE / f"{name}.onnx").write_bytes(file)
    (HERE / f"{name}.json").write_text(json.dumps({
        "size": size, "pixels": base64.b64encode(bytes(pixels.flatten().tolist())).decode(), "probabilities": isinstance(model, (Padded, Unit)),
        "output": [float(f"{value:.9g}") for value in output.flatten().tolist()]}) + "\n")


def smaller(model):
    """Weights of half precision, kept without loss in floats; the files hold floats."""
    for value in model.state_dict().values():
        if value.is_floating_point():
            value.copy_(value.half())


def main():
    HERE.mkdir(exist_ok=True)
    for name, make, size, opset, free, options in CASES:
        torch.manual_seed(7)
        model = make()
        initialise(model)
        smaller(model)
        model.eval()
        options = dict(options)
        count = options.pop("images", 2)
        images = torch.rand(count, size, size, 3) if isinstance(model, Pixels) else torch.rand(count, 3, size, size)
        buffer = io.BytesIO()
        torch.onnx.export(
            model, images, buffer, opset_version=opset, input_names=["images"], output_names=["output"],
            dynamic_axes={"images": {0: "batch"}, "output": {0: "batch"}} if free else None, **options)
        write(name, model, size, buffer.getvalue())
        print(name, len(buffer.getvalue()), sorted({node.op_type for node in onnx.load_from_string(buffer.getvalue()).graph.node}))


if __name__ == "__main__":
    main()
