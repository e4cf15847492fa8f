"""Writes torch.*.pth: what PyTorch saves, for TorchFileTests.cs. Run with any PyTorch from 1.13 on, in this folder: `python3 make_torch_files.py`.

torch.state.pth      a state dict with every kind of tensor that importing meets; value i of a tensor is i / 8 - 1 in the order of its indices
torch.legacy.pth     the same in the form of before PyTorch 1.6
torch.protocol4.pth  a few of them, by pickle protocol 4
torch.training.pth   what training scripts save: the state dict beside an epoch and the state of an optimiser, its names under "module."
torch.module.pth     a whole module, which is a pickle of Python classes and must be refused
torch.system.pth     a pickle that would run a program
"""
import os
from collections import OrderedDict

import torch


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
