"""Writes half_photos.json: what ONNX Runtime makes of the photos with the half precision file's numbers as floats, for ExternalOnnxTests.cs.

    /usr/bin/python3 make_half_photos.py EXTERNAL

EXTERNAL is the folder with shufflenet_v2_x0_5.half.dynamic.onnx and photos/. Images are prepared by Pillow as torchvision does: shorter side to 256, bilinear
with antialias, centre crop of 224. Needs onnx and Pillow (Debian: python3-onnx, python3-pil) and what benchmarks/peers/setup.sh installs.
"""
import json
import pathlib
import sys
import tempfile

import numpy
import onnx
from onnx import TensorProto, numpy_helper
from PIL import Image

EXTERNAL, HERE = pathlib.Path(sys.argv[1]), pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parents[2] / "benchmarks/peers"))
from onnx_outputs import outputs  # noqa: E402


def prepared(path):
    image = Image.open(path).convert("RGB")
    shorter = min(image.size)
    image = image.resize([side * 256 // shorter for side in image.size], Image.BILINEAR)
    left, top = (round((side - 224) / 2) for side in image.size)
    pixels = numpy.asarray(image.crop((left, top, left + 224, top + 224))) / 255
    return ((pixels - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)).transpose(2, 0, 1)


def as_floats(model):
    """The same numbers as floats, so that ONNX Runtime rounds no result to half precision on its way."""
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT16:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(numpy.float32), tensor.name))
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        if value.type.tensor_type.elem_type == TensorProto.FLOAT16:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    return model


files = sorted(path.name for path in (EXTERNAL / "photos").glob("*.JPEG"))
with tempfile.TemporaryDirectory() as folder:
    model, images = f"{folder}/model.onnx", f"{folder}/images"
    onnx.save(as_floats(onnx.load(EXTERNAL / "shufflenet_v2_x0_5.half.dynamic.onnx")), model)
    numpy.stack([prepared(EXTERNAL / "photos" / file) for file in files]).astype(numpy.float32).tofile(images)
    logits = outputs(model, images, len(files)).astype(float)
powers = numpy.exp(logits - logits.max(1, keepdims=True))
probabilities = powers / powers.sum(1, keepdims=True)
rows = []
for file, row in zip(files, probabilities):
    top = numpy.argsort(-row)[:5]
    rows.append(json.dumps({"file": file, "top5": top.tolist(), "prob": [round(float(row[i]), 6) for i in top]}))
(HERE / "half_photos.json").write_text('{"images": [\n' + ",\n".join(rows) + "\n]}\n")
