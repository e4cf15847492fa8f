"""Writes a network as ONNX for the inference peer. usage: export_onnx.py MODEL FILE.onnx [--preset tiny|imagenet] [--batch 1|free]

In evaluation mode, opset 13, input `images` (batch×3×H×W), output `logits`. The batch size is fixed unless it is `free`, as networks are usually exported: then
channel shuffle's shapes are computed anew in each run, which makes ONNX Runtime slower.
"""
import argparse

import torch

from networks import SIZE, build

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("file")
parser.add_argument("--preset", choices=SIZE, default="tiny")
parser.add_argument("--batch", default="1", help="a number, or free")
options = parser.parse_args()
torch.manual_seed(1)
free = options.batch == "free"
images = torch.zeros(1 if free else int(options.batch), 3, SIZE[options.preset], SIZE[options.preset])
torch.onnx.export(
    build(options.model, options.preset).eval(), images, options.file, opset_version=13, input_names=["images"], output_names=["logits"],
    dynamic_axes={"images": {0: "batch"}, "logits": {0: "batch"}} if free else None)
