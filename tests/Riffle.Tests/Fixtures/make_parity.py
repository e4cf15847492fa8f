"""Writes parity.*.safetensors: what PyTorch makes of one network of each family, for ParityTests.cs.

Run with PyTorch from 1.13 and torchvision from 0.14 on, in this folder: `python3 make_parity.py [NAME...]`. MobileNet v2 and v3 are torchvision's own
classes; what torchvision does not have is described here. Each file holds, for 24 images of 32x32 in 10 classes:
images, labels    the batch (NCHW)
initial.NAME      every parameter and running statistic, under Riffle's names, which are this file's state_dict names
train_logits, eval_logits   of the initial weights, with the batch's and with the running statistics
gradient.NAME     of the mean cross-entropy at the initial weights; of a large tensor every k-th value, k = max(1, count // 1024)
running.NAME      running statistics after one step
losses            before each of ten steps of Nesterov momentum 0.9, weight decay 1e-4 on kernels alone
final.NAME        every parameter and running statistic after the ten steps, thinned out as the gradients are

The batch and the initial values are rounded to half precision and kept so, without loss. PyTorch computes in double precision, so that the
figures are the mathematics, not one order of summation; `main` also runs in single precision and shows how far that strays.
"""
import json
import struct
import sys

import torch
import torch.nn.functional as F
from torch import nn
from torchvision import models


def block(cin, cout, kernel=1, stride=1, groups=1, relu=True):
    norm = [nn.Conv2d(cin, cout, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(cout)]
    return norm + [nn.ReLU()] * relu


def depthwise(channels, stride, relu=False):
    return block(channels, channels, 3, stride, channels, relu)


def shuffle(x, groups):
    n, c, h, w = x.shape
    return x.view(n, groups, c // groups, h, w).transpose(1, 2).reshape(n, c, h, w)


class UnitV1(nn.Module):
    def __init__(self, cin, cout, groups, first, stride):
        super().__init__()
        mid, self.groups, self.stride = cout // 4, groups, stride
        out = cout - cin if stride == 2 else cout
        self.branch2 = nn.Sequential(
            *block(cin, mid, groups=1 if first else groups), *depthwise(mid, stride), *block(mid, out, groups=groups, relu=False))

    def forward(self, x):
        y = self.branch2[3:](shuffle(self.branch2[:3](x), self.groups))
        return F.relu(x + y if self.stride == 1 else torch.cat([F.avg_pool2d(x, 3, 2, 1), y], 1))


class UnitV2(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        half, self.stride = cout // 2, stride
        if stride == 2:
            self.branch1 = nn.Sequential(*depthwise(cin, 2), *block(cin, half))
        self.branch2 = nn.Sequential(*block(cin if stride == 2 else half, half), *depthwise(half, stride), *block(half, half))

    def forward(self, x):
        left, right = (self.branch1(x), x) if self.stride == 2 else x.chunk(2, 1)
        return shuffle(torch.cat([left, self.branch2(right)], 1), 2)


class ShuffleNet(nn.Module):
    """Stem, max pool, three stages of two units, for v2 a last pointwise convolution, and the classifier."""
    def __init__(self, stem, widths, unit, last, classes):
        super().__init__()
        self.conv1, cin = nn.Sequential(*block(3, stem, 3)), stem
        for stage, width in enumerate(widths):
            setattr(self, f"stage{stage + 2}", nn.Sequential(unit(cin, width, stage == 0, 2), unit(width, width, False, 1)))
            cin = width
        self.conv5 = nn.Sequential(*block(cin, last)) if last else None
        self.fc = nn.Linear(last or cin, classes)

    def forward(self, x):
        x = self.stage4(self.stage3(self.stage2(F.max_pool2d(self.conv1(x), 3, 2, 1))))
        return self.fc((self.conv5(x) if self.conv5 else x).mean((2, 3)))


class MobileNet(nn.Module):
    PLAN = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + [(512, 1)] * 5 + [(1024, 2), (1024, 1)]

    def __init__(self, scale, classes):
        super().__init__()
        cin = int(32 * scale)
        units = [nn.Sequential(*block(3, cin, 3, 2))]
        for width, stride in self.PLAN:
            units.append(nn.Sequential(*depthwise(cin, stride, relu=True), *block(cin, int(width * scale))))
            cin = int(width * scale)
        self.features, self.fc = nn.Sequential(*units), nn.Linear(cin, classes)

    def forward(self, x):
        return self.fc(self.features(x).mean((2, 3)))


# Each with the rate of its ten steps, the lowest bias of its batch norms, and the seed under which disturbing the initial values by 6e-7 of themselves,
# sixteen times over, moves no loss by more than 5e-5.
NETWORKS = {
    "shufflenet-v1-g3-x0.25": (0.005, 0.5, 10, lambda: ShuffleNet(6, (60, 120, 240), lambda i, o, first, s: UnitV1(i, o, 3, first, s), None, 10)),
    "shufflenet-v2-x0.5": (0.005, 0.5, 1, lambda: ShuffleNet(24, (48, 96, 192), lambda i, o, _, s: UnitV2(i, o, s), 1024, 10)),
    "mobilenet-v1-x0.25": (0.005, 0.5, 17, lambda: MobileNet(0.25, 10)),
    "mobilenet-v2-x0.25": (0.001, 1.5, 0, lambda: models.mobilenet_v2(width_mult=0.25, num_classes=10, dropout=0.0)),
    "mobilenet-v3-large-x0.25": (0.005, 0.5, 6, lambda: models.mobilenet_v3_large(width_mult=0.25, num_classes=10, dropout=0.0)),
    "mobilenet-v3-small-x0.25": (0.005, 0.5, 1, lambda: models.mobilenet_v3_small(width_mult=0.25, num_classes=10, dropout=0.0)),
}


def initialise(model, lowest=0.5):
    """Nothing is at its default, so that nothing can be forgotten unseen. Batch norm's biases keep most ReLUs open and the rate is low: otherwise
    ten steps on so few images turn a rounding error, where it opens a ReLU or moves a maximum, into another course of training."""
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.normal_(module.weight, 0, (2 / module.weight[0].numel()) ** 0.5)
        if isinstance(module, (nn.Conv2d, nn.Linear)) and module.bias is not None:
            nn.init.uniform_(module.bias, -0.5, 0.5)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, lowest, lowest + 1)
            nn.init.normal_(module.running_mean, 0, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)


def state(model):
    return {name: value.detach().clone() for name, value in model.state_dict().items() if not name.endswith("num_batches_tracked")}


def thin(value):
    return value.flatten()[::max(1, value.numel() // 1024)]


def record(build, rate, initial, images, labels, dtype):
    """All that PyTorch computes, in one precision."""
    model = build().to(dtype)
    model.load_state_dict({name: value.to(dtype) for name, value in initial.items()}, strict=False)
    images, out, losses = images.to(dtype), {}, []
    with torch.no_grad():
        out["eval_logits"] = model.eval()(images)
    model.train()
    kernels = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() == 1]
    optimiser = torch.optim.SGD([{"params": kernels, "weight_decay": 1e-4}, {"params": others}], lr=rate, momentum=0.9, nesterov=True)
    for step in range(10):
        optimiser.zero_grad()
        logits = model(images)
        loss = F.cross_entropy(logits, labels)
        loss.backward()
        losses.append(loss.detach())
        if step == 0:
            out["train_logits"] = logits.detach()
            out |= {"gradient." + name: thin(p.grad.clone()) for name, p in model.named_parameters()}
            out |= {"running." + name: value for name, value in state(model).items() if ".running_" in name}
        optimiser.step()
    return out | {"losses": torch.stack(losses)} | {"final." + name: thin(value) for name, value in state(model).items()}


def save(path, tensors, metadata):
    """The safetensors format: length of the header, header in JSON, values one after the other."""
    header, blobs, end = {"__metadata__": metadata}, [], 0
    for name, tensor in tensors.items():
        blob = tensor.contiguous().numpy().tobytes()
        kind = {torch.float16: "F16", torch.float32: "F32"}[tensor.dtype]
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [end, end + len(blob)]}
        blobs.append(blob)
        end += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def main():
    for name in sys.argv[1:] or NETWORKS:
        rate, lowest, seed, build = NETWORKS[name]
        torch.manual_seed(seed)
        model = build()
        initialise(model, lowest)
        initial = {key: value.half() for key, value in state(model).items()}
        images, labels = torch.randn(24, 3, 32, 32).half(), torch.arange(24) * 7 % 10
        exact, single = (record(build, rate, initial, images, labels, dtype) for dtype in (torch.float64, torch.float32))
        stray = {key: ((exact[key] - single[key]).abs().max() / exact[key].abs().max()).item() for key in exact}
        worst = {group: max(v for k, v in stray.items() if k.startswith(group)) for group in ("train", "eval", "gradient", "running", "losses", "final")}
        tensors = {"images": images, "labels": labels.float()} | {"initial." + k: v for k, v in initial.items()}
        tensors |= {key: value.float() for key, value in exact.items()}
        units, stride = ("", "2") if name.startswith("mobilenet") else ("2,2,2", "1")
        described = {"model": name, "image_size": "32", "classes": "10", "units": units, "stem_stride": stride, "rate": str(rate)}
        save(f"parity.{name}.safetensors", tensors, described | {"torch": torch.__version__})
        print(name, [round(v, 4) for v in exact["losses"].tolist()], "single precision strays by", {k: f"{v:.0e}" for k, v in worst.items()})


if __name__ == "__main__":
    main()
