"""Writes pillow_fit.bin: what Pillow makes of images of several sizes by torchvision's Resize(side) and CenterCrop(side).

Run with Python 3 and Pillow (written with 9.4.0):  python3 make_pillow_fit.py
Each case is three little-endian 32-bit integers (width, height, side) and side * side * 3 bytes. The image is the formula in
`pixel`, which ImageFitTests.cs repeats.
"""
import pathlib
import struct

from PIL import Image

CASES = [(64, 64, 64), (100, 75, 32), (75, 100, 32), (20, 15, 32), (333, 250, 32), (40, 300, 24), (64, 91, 32), (32, 41, 32), (47, 32, 32), (33, 47, 8), (1, 5, 4)]


def pixel(x, y, channel):
    return (x * 7 + y * 13 + channel * 50 ^ x * y >> 2) & 255


def fit(image, side):
    """torchvision.transforms.Resize(side), then CenterCrop(side)."""
    width, height = image.size
    shorter, longer = min(width, height), int(side * max(width, height) / min(width, height))
    size = (side, longer) if width == shorter else (longer, side)
    if size != image.size:
        image = image.resize(size, Image.BILINEAR)
    left, top = int(round((size[0] - side) / 2.0)), int(round((size[1] - side) / 2.0))
    return image.crop((left, top, left + side, top + side))


with open(pathlib.Path(__file__).with_name("pillow_fit.bin"), "wb") as file:
    for width, height, side in CASES:
        data = bytes(pixel(x, y, c) for y in range(height) for x in range(width) for c in range(3))
        file.write(struct.pack("<3i", width, height, side))
        file.write(fit(Image.frombytes("RGB", (width, height), data), side).tobytes())
