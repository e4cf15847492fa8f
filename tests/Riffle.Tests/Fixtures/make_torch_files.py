"""Writes torch.*.pth: what PyTorch saves, for TorchFileTests.cs. Run with any PyTorch from 1.13 on, in this folder: `python3 make_torch_files.py`.

torch.state.pth      a state dict with every kind of tensor that importing meets; value i of a tensor is i / 8 - 1 in the order of its indices
torch.legacy.pth     the same in the form of before PyTorch 1.6
torch.protocol4.pth  a few of them, by pickle protocol 4
torch.training.pth   what training scripts save: the state dict beside an epoch and the state of an optimiser, its names under "module."
torch.module.pth     a whole module, which is a pickle of Python classes and must be refused
torch.system.pth     a pickle that would run a program, beside a tensor
torch.beside.N.pth   a state dict beside what training scripts of the world save with it, by pickle protocol N (by 0 only what PyTorch can save so)
torch.beside.oldN    the same in the form of before PyTorch 1.6
torch.model.pth      a whole model under "model", parallel and with buffers that are not saved, beside an average of it
torch.script.pt      a TorchScript program
torch.phone.ptl      the same for phones
torch.package.pt     a package of torch.package
"""
import argparse
import collections
import dataclasses
import datetime
import decimal
import enum
import functools
import os
import pathlib
import types
from collections import OrderedDict

import numpy

import torch
import torch.package


def values(*shape, dtype=torch.float32):
    count = torch.Size(shape).numel()
    return (torch.arange(count, dtype=torch.float64) / 8 - 1).reshape(shape).to(dtype)


class Attack:
    def __reduce__(self):
        return os.system, ("echo attacked",)


many = torch.zeros(40)
many[5:29] = values(24)
state = OrderedDict(
    float=values(2, 3),
    half=values(2, 3, dtype=torch.float16),
    bfloat=values(2, 3, dtype=torch.bfloat16),
    double=values(2, 3, dtype=torch.float64),
    single=values()[None][0],
    empty=torch.zeros(0, 4),
    transposed=values(4, 3).t().contiguous().t(),
    channels_last=values(2, 3, 2, 2).to(memory_format=torch.channels_last),
    part=many[5:29].reshape(2, 3, 4),
    expanded=(torch.zeros(1) - 1).expand(2, 5),
    counter=torch.tensor(7),
)
state["parameter"] = torch.nn.Parameter(values(3))
assert not state["transposed"].is_contiguous() and not state["channels_last"].is_contiguous()
torch.save(state, "torch.state.pth")
torch.save(state, "torch.legacy.pth", _use_new_zipfile_serialization=False)
torch.save({name: state[name] for name in ("float", "transposed", "parameter")}, "torch.protocol4.pth", pickle_protocol=4)

layer = torch.nn.Linear(2, 2)
optimiser = torch.optim.Adam(layer.parameters())
layer(torch.ones(1, 2)).sum().backward()
optimiser.step()
training = {"epoch": 3, "best": 0.25, "state_dict": {f"module.{name}": state[name] for name in ("float", "part")}, "optimizer": optimiser.state_dict()}
torch.save(training, "torch.training.pth")
torch.save(layer, "torch.module.pth")
torch.save({"weight": values(2), "other": Attack()}, "torch.system.pth")


class Colour(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Settings:
    rate: float = 0.1
    tags: list = dataclasses.field(default_factory=list)


class Tuned(dict):
    pass


class Marked(torch.Tensor):
    pass


class Extended:
    def __getnewargs_ex__(self):
        return (), {"k": 1}

    def __new__(cls, k=0):
        return object.__new__(cls)


Point = collections.namedtuple("Point", "x y")
parameter = torch.nn.Parameter(values(2))
parameter.note = "of an optimiser"
schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, functools.partial(pow, 2))
plain = {
    "epoch": 3, "rate": 0.5, "nothing": None, "yes": True, "no": False, "large": 1 << 200, "small": -(1 << 70), "text": "\u00e9 \u2603 \n ' \" \\",
    "list": [1, [2, []]], "tuple": (1, 2, 3, 4, ()), "args": argparse.Namespace(lr=0.1, betas=(0.9, 0.99)), "date": datetime.datetime(2026, 1, 2),
    "delta": datetime.timedelta(3), "path": pathlib.PurePosixPath("/tmp/x"), "ordered": OrderedDict(a=1), "default": collections.defaultdict(list, a=[1]),
    "counts": collections.Counter("aab"), "queue": collections.deque([1], maxlen=2), "colour": Colour.RED, "settings": Settings(), "tuned": Tuned(a=1),
    "partial": functools.partial(int, base=2), "set": {1, 2}, "frozen": frozenset([3]), "complex": 3 + 4j, "infinite": float("inf"), "none": float("nan"),
    "decimal": decimal.Decimal("1.5"), "space": types.SimpleNamespace(a=1), "type": int, "function": len, "error": ValueError("x"), "point": Point(1, 2),
    "number": numpy.float64(3.5), "array": numpy.arange(6.0).reshape(2, 3), "names": numpy.array(["a", "b"]), "kind": numpy.dtype("float32"),
    "device": torch.device("cpu"), "dtype": torch.float16, "size": torch.Size([1, 2]), "bytes": b"abc",
}
tensors = {
    "best_acc1": torch.tensor(71.5), "rng_state": torch.zeros(16, dtype=torch.uint8), "optimizer": optimiser.state_dict(), "lr_scheduler": schedule.state_dict(),
    "parameter": parameter, "wave": torch.zeros(2, dtype=torch.complex64), "sparse": torch.eye(2).to_sparse(), "marked": torch.ones(2).as_subclass(Marked),
    "quantised": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8), "nowhere": torch.empty(2, device="meta"), "many_dimensions": torch.zeros([1] * 12),
    "storage": torch.ones(2).storage(), "attack": Attack(), "extended": Extended(), "array_of_bytes": bytearray(b"xy"),
}
for protocol in range(6):
    everything = {"state_dict": {"w": values(2, 3)}, **plain, **(tensors if protocol > 0 else {})}
    torch.save(everything, f"torch.beside.{protocol}.pth", pickle_protocol=protocol)
    if protocol in (1, 3, 4):
        torch.save(everything, f"torch.beside.old{protocol}.pth", pickle_protocol=protocol, _use_new_zipfile_serialization=False)


def model(first):
    block = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 1, bias=False), torch.nn.BatchNorm2d(2))
    with torch.no_grad():
        block[0].weight.fill_(first)
    block.register_buffer("grid", torch.ones(3), persistent=False)
    return block


torch.save({"model": torch.nn.DataParallel(model(1)), "ema": model(2), "date": datetime.date(2026, 1, 2)}, "torch.model.pth")
script = torch.jit.script(torch.nn.Linear(2, 2))
script.save("torch.script.pt")
script._save_for_lite_interpreter("torch.phone.ptl")
with torch.package.PackageExporter("torch.package.pt") as package:
    package.extern("**")
    package.save_pickle("model", "model.pkl", layer)
