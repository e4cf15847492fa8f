"""Whether what `riffle export` writes is valid and gives Riffle's logits in ONNX Runtime. usage: verify_onnx.py [CHECKPOINT...]

Of the checkpoints given (all in models/ without any) and of networks of all families in both presets with random weights, every form of export goes
through the ONNX checker and through ONNX Runtime in batches of 1, 6 and 33, against the logits of the inference plan. Prints a table of the largest
differences; exit code 1 where a file is not valid or a difference is above 1e-4 of the logits' scale. Needs what setup.sh installs (run with /usr/bin/python3).
"""
import itertools
import json
import pathlib
import sys
import tempfile

import onnx

from installed import run
from onnx_outputs import differences

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOLERANCE = 1e-4
checkpoints = sys.argv[1:] or sorted(map(str, (ROOT / "models").glob("*.safetensors")))


def compare(file, samples, form):
    model = onnx.load(file)
    onnx.checker.check_model(model, full_check=True)
    document = json.loads({entry.key: entry.value for entry in model.metadata_props}["riffle"])
    assert len(document["classes"]) == model.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    kinds = {node.op_type for node in model.graph.node}
    assert ("BatchNormalization" in kinds) == ("--keep-batch-norm" in form), kinds
    return differences(file, samples, uint8="--uint8" in form, probabilities="--softmax" in form)


run("dotnet", "build", "-c", "Release", "-nodeReuse:false", ROOT / "benchmarks/Riffle.Benchmarks")
run("dotnet", "build", "-c", "Release", "-nodeReuse:false", ROOT / "src/Riffle.Cli")
tool = ROOT / "benchmarks/Riffle.Benchmarks/bin/Release/net10.0/Riffle.Benchmarks.dll"
riffle = ROOT / "src/Riffle.Cli/bin/Release/net10.0/Riffle.Cli.dll"
worst = 0
with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    run("dotnet", tool, "samples", folder, *checkpoints)
    print("| network | form | 1 | 6 | 33 |\n| --- | --- | ---: | ---: | ---: |")
    for checkpoint in sorted(folder.glob("*.safetensors")):
        for parts in itertools.product(*(("", option) for option in ("--uint8", "--softmax", "--keep-batch-norm"))):
            form = [option for option in parts if option]
            run("dotnet", riffle, "export", checkpoint, "--out", folder / "model.onnx", *form)
            found = compare(folder / "model.onnx", checkpoint.with_suffix(""), form)
            worst = max(worst, *found.values())
            print(f"| {checkpoint.stem} | {' '.join(form)} | {' | '.join(f'{found[batch]:.1e}' for batch in (1, 6, 33))} |", flush=True)
print(f"\nLargest difference {worst:.1e}, {TOLERANCE} is allowed.")
sys.exit(worst > TOLERANCE)
