"""Whether Riffle gives ONNX Runtime's logits for the networks of others. usage: verify_onnx_imports.py [NETWORK...]

torchvision's ShuffleNet v2 in all widths, MobileNet v2, MobileNet v3 small and ResNet-18, and MobileNet v1 and ShuffleNet v1 as peers/networks.py has them, all of ImageNet's size and with
random weights in which nothing is at its default, are exported by torch.onnx.export in each of the FORMS in which people export; Riffle reads the file and
gives its logits for 1, 6 and 33 images (as many as the file takes, where it is for a fixed number), ONNX Runtime the same. Prints a table of the largest
differences; exit code 1 where one is above 1e-4 of the logits' scale, or, for a network with random weights in which roundings grow, above ten times the
difference between PyTorch's own floats and doubles on the same images, which the last column has. Needs what setup.sh installs (run with /usr/bin/python3).
"""
import pathlib
import sys
import tempfile

import numpy
import torch
import torchvision

from installed import run
from networks import build, initialise
from onnx_outputs import differences

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOLERANCE = 1e-4
STRAY = 10

NETWORKS = {
    **{name: getattr(torchvision.models, name) for name in (
        "shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "shufflenet_v2_x1_5", "shufflenet_v2_x2_0", "mobilenet_v2", "mobilenet_v3_small", "resnet18")},
    **{name: (lambda name=name: build(name, "imagenet")) for name in ("mobilenet-v1-x1.0", "shufflenet-v1-g3-x1.0", "shufflenet-v1-g8-x0.5")},
}

# Name, opset, number of images (None: free), and what else torch is told.
FORMS = [
    ("opset 9, one image", 9, 1, {"keep_initializers_as_inputs": True}),
    ("opset 11, free batch", 11, None, {}),
    ("opset 13, six images", 13, 6, {}),
    ("opset 13, free batch", 13, None, {}),
    ("opset 17, free batch, nothing folded", 17, None, {"training": torch.onnx.TrainingMode.PRESERVE, "do_constant_folding": False}),
]


def export(network, file, opset, batch, options):
    axes = {"images": {0: "batch"}, "logits": {0: "batch"}} if batch is None else None
    torch.onnx.export(network, torch.rand(batch or 2, 3, 224, 224), str(file), opset_version=opset, input_names=["images"], output_names=["logits"],
                      dynamic_axes=axes, **options)


def stray(network, images):
    """How far PyTorch's floats are from its doubles, in the logits' scale."""
    with torch.no_grad():
        single, exact = network(images), network.double()(images.double())
    network.float()
    return float((single - exact).abs().max() / exact.abs().max())


def main():
    run("dotnet", "build", "-c", "Release", "-nodeReuse:false", ROOT / "benchmarks/Riffle.Benchmarks")
    tool = ROOT / "benchmarks/Riffle.Benchmarks/bin/Release/net10.0/Riffle.Benchmarks.dll"
    worst, failed = 0, False
    print("| network | form | 1 | 6 | 33 | PyTorch |\n| --- | --- | ---: | ---: | ---: | ---: |")
    for name in sys.argv[1:] or NETWORKS:
        torch.manual_seed(1)
        network = NETWORKS[name]().eval()
        initialise(network)
        own = None
        for form, opset, batch, options in FORMS:
            with tempfile.TemporaryDirectory() as folder:
                file = pathlib.Path(folder) / f"{name}.onnx"
                export(network, file, opset, batch, options)
                run("dotnet", tool, "imports", folder, file)
                if own is None:
                    images = numpy.fromfile(file.with_suffix(".images"), dtype=numpy.float32).reshape(-1, 3, 224, 224)
                    own = stray(network, torch.from_numpy(images))
                found = differences(file, file.with_suffix(""), [batch] if batch else (1, 6, 33))
            worst = max(worst, *found.values())
            failed |= max(found.values()) > max(TOLERANCE, STRAY * own)
            print(f"| {name} | {form} | {' | '.join(f'{found[n]:.1e}' if n in found else '' for n in (1, 6, 33))} | {own:.1e} |", flush=True)
    print(f"\nLargest difference {worst:.1e}.")
    sys.exit(failed)


main()
