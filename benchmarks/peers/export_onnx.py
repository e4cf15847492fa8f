"""Writes networks as ONNX for the inference peer. usage: export_onnx.py FOLDER MODEL... [--preset tiny|imagenet]

In evaluation mode, opset 13, input `images` (batch×3×H×W, any batch), output `logits`; each as FOLDER/MODEL.PRESET.onnx.
"""
import argparse
import pathlib

import torch

from networks import SIZE, build

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("models", nargs="+")
parser.add_argument("--preset", choices=SIZE, default="tiny")
options = parser.parse_args()
torch.manual_seed(1)
for name in options.models:
    torch.onnx.export(
        build(name, options.preset).eval(), torch.zeros(1, 3, SIZE[options.preset], SIZE[options.preset]),
        str(options.folder / f"{name}.{options.preset}.onnx"), opset_version=13, input_names=["images"], output_names=["logits"],
        dynamic_axes={"images": {0: "batch"}, "logits": {0: "batch"}})
