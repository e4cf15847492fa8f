"""Writes onnx/nodes.json.gz: the ONNX project's own node tests for the operators that Riffle reads, for OnnxNodeTests.cs.

Run with onnx 1.12 (Debian: python3-onnx) in this folder: `/usr/bin/python3 make_onnx_nodes.py`. A list of {name, model, inputs, outputs}: the model as base64,
inputs and outputs as {name, shape, integer, values}. Those of sequences and of more than a few thousand values (three dimensions) are left out.
"""
import base64
import gzip
import json
import pathlib
import re
import warnings

import numpy

warnings.filterwarnings("ignore")
numpy.float, numpy.int, numpy.bool, numpy.object = float, int, bool, object  # names that this onnx still uses

from onnx.backend.test.case.node import collect_testcases  # noqa: E402

OPERATORS = re.compile(
    "^test_(basic_conv|conv_with|batchnorm|relu|clip|maxpool|averagepool|globalaveragepool|reduce_mean|add|sum|mul|sub|div|concat|split|slice|reshape|transpose|"
    "flatten|squeeze|unsqueeze|gather_|shape|gemm|matmul_|softmax|identity|dropout|constant|floor|ceil|max|min|neg|exp|logsoftmax|sigmoid|hardsigmoid|hardswish|reduce_sum(?!_square)|"
    "expand|tile|range|pow|abs|reciprocal|sqrt)(_|$|[0-9])|^test_(basic_conv|conv_with|batchnorm|gemm|constant).*")
MOST_VALUES = 10_000


def tensor(value, info):
    value = numpy.asarray(value)
    return {"name": info.name, "shape": list(value.shape), "integer": bool(value.dtype.kind in "iub"),
            "values": [int(v) if value.dtype.kind in "iub" else float(numpy.format_float_positional(v, 9, unique=False, fractional=False)) for v in value.flatten()]}


def main():
    found, names = [], set()
    for case in collect_testcases(None):
        if case.kind != "node" or not OPERATORS.match(case.name) or len(case.data_sets) != 1 or case.name in names:
            continue
        names.add(case.name)
        inputs, outputs = case.data_sets[0]
        values = [*inputs, *outputs]
        if any(value is None or isinstance(value, list) for value in values) or sum(numpy.asarray(value).size for value in values) > MOST_VALUES:
            print("left out:", case.name)
            continue
        found.append({
            "name": case.name, "model": base64.b64encode(case.model.SerializeToString()).decode(),
            "inputs": [tensor(value, info) for value, info in zip(inputs, case.model.graph.input)],
            "outputs": [tensor(value, info) for value, info in zip(outputs, case.model.graph.output)]})
    text = "[\n" + ",\n".join(json.dumps(case) for case in found) + "\n]\n"
    with open(pathlib.Path(__file__).resolve().parent / "onnx/nodes.json.gz", "wb") as file:
        file.write(gzip.compress(text.encode(), 9, mtime=0))
    print(len(found), "cases")


if __name__ == "__main__":
    main()
