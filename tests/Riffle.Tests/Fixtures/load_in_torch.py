"""Loads a checkpoint of shufflenet-v2-x1.0 into torchvision's shufflenet_v2_x1_0 and compares what both make of the same images.

    python3 load_in_torch.py CHECKPOINT.safetensors EXPECTED.safetensors

EXPECTED holds `images` (N×3×H×W, normalised) and `logits`, as TorchLoadTests.cs writes them. It ends with 1 unless load_state_dict takes every tensor
(strict) and all logits are the same within 1e-4 of the largest. It needs torch and torchvision (Debian: python3-torch, python3-torchvision), nothing else.
"""
import json
import struct
import sys

import torch
import torchvision


def read(path):
    with open(path, "rb") as file:
        data = bytearray(file.read())
    (length,) = struct.unpack_from("<Q", data)
    start = 8 + length
    tensors = {}
    for name, entry in json.loads(data[8:start]).items():
        if name != "__metadata__":
            assert entry["dtype"] == "F32", entry
            begin, end = entry["data_offsets"]
            tensors[name] = torch.frombuffer(data, dtype=torch.float32, count=(end - begin) // 4, offset=start + begin).reshape(entry["shape"])
    return tensors


checkpoint, expected = read(sys.argv[1]), read(sys.argv[2])
model = torchvision.models.shufflenet_v2_x1_0(weights=None, num_classes=checkpoint["fc.weight"].shape[0])
model.load_state_dict(checkpoint, strict=True)
model.eval()
with torch.no_grad():
    logits = model(expected["images"])
difference = (logits - expected["logits"]).abs().max().item()
scale = expected["logits"].abs().max().item()
print(f"torch {torch.__version__}, torchvision {torchvision.__version__}: {len(logits)} images, {logits.shape[1]} logits, "
      f"largest {scale:.4f}, largest difference {difference:.2e}")
sys.exit(0 if difference <= 1e-4 * scale else 1)
