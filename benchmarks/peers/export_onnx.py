"""Writes a network as ONNX for the inference peer, as PyTorch's users have it. usage: export_onnx.py MODEL FILE.onnx [--preset tiny|imagenet] [--batch 1]

In evaluation mode, opset 13, input `images` (batch×3×H×W), output `logits`. The batch size is fixed: with a free one, ONNX Runtime computes the shapes of
channel shuffle anew in each run, which makes it slower.
"""
import argparse

import torch

from networks import SIZE, build

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("file")
parser.add_argument("--preset", choices=SIZE, default="tiny")
parser.add_argument("--batch", type=int, default=1)
options = parser.parse_args()
torch.manual_seed(1)
images = torch.zeros(options.batch, 3, SIZE[options.preset], SIZE[options.preset])
torch.onnx.export(
    build(options.model, options.preset).eval(), images, options.file, opset_version=13, input_names=["images"], output_names=["logits"])
