"""What ONNX Runtime computes, and how far Riffle is from it. Needs what setup.sh installs."""
import pathlib
import tempfile

import numpy

from installed import PROGRAM, run


def outputs(file, images, batch):
    """The outputs of a network, one row for each of the first images; `images` names a file of raw bytes or floats, as the network takes them."""
    with tempfile.TemporaryDirectory() as folder:
        result = pathlib.Path(folder, "output")
        run(*PROGRAM, "outputs", file, images, result, "--batch", batch)
        return numpy.fromfile(result, dtype=numpy.float32).reshape(batch, -1)


def differences(file, samples, batches=(1, 6, 33), uint8=False, probabilities=False):
    """By batch size, the largest difference between ONNX Runtime and Riffle.

    `samples`.pixels, .images and .logits.BATCH are what `Riffle.Benchmarks samples` or `imports` writes. Logits differ by a part of the largest one,
    probabilities, whose scale is 1, by themselves.
    """
    found = {}
    for batch in batches:
        theirs = outputs(file, f"{samples}.pixels" if uint8 else f"{samples}.images", batch)
        ours = numpy.fromfile(f"{samples}.logits.{batch}", dtype=numpy.float32).reshape(theirs.shape).astype(float)
        scale = numpy.abs(ours).max()
        if probabilities:
            powers = numpy.exp(ours - ours.max(1, keepdims=True))
            ours, scale = powers / powers.sum(1, keepdims=True), 1
        found[batch] = float(numpy.abs(ours - theirs).max() / scale)
        assert not numpy.isnan(found[batch]), f"{file} gives no numbers for {batch} images"
    return found
