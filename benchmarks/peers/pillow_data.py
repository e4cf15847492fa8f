"""Pillow, the peer, on the data path: one JSON line. usage: pillow_data.py DIR [--images 4096] [--size 56]

DIR is what `riffle prepare` writes. The same records are decoded and fitted, cropped and mirrored, and changed in colour as torchvision does with
Pillow's images (brightness, contrast, saturation by ImageEnhance, hue by HSV). Rates are images per second of processor time, on one thread: the median
of seven rounds. Needs Pillow (Debian: python3-pil).
"""
import argparse
import io
import json
import pathlib
import random
import statistics
import struct
import time

import PIL
from PIL import Image, ImageEnhance

parser = argparse.ArgumentParser()
parser.add_argument("directory", type=pathlib.Path)
parser.add_argument("--images", type=int, default=4096)
parser.add_argument("--size", type=int, default=56)
options = parser.parse_args()
size, side = options.size, round(options.size * 8 / 7)


def records(path):
    """The data of each TFRecord: a length, its checksum, the data, its checksum."""
    with open(path, "rb") as file:
        while header := file.read(12):
            yield file.read(struct.unpack("<Q", header[:8])[0])
            file.read(4)


def fields(message):
    """Numbers and contents of a Protocol Buffers message that holds nothing but messages, strings and bytes."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        number, length = varint() >> 3, varint()
        yield number, message[at:at + length]
        at += length


def encoded(record):
    """The feature image/encoded of a tf.Example: example, features, map entry, feature, list of bytes."""
    for _, features in fields(record):
        for _, entry in fields(features):
            parts = dict(fields(entry))
            if parts[1] == b"image/encoded":
                return dict(fields(dict(fields(parts[2]))[1]))[1]


def decode_and_fit(file):
    image = Image.open(io.BytesIO(file)).convert("RGB")
    shorter = min(image.size)
    if shorter != side:
        image = image.resize((image.width * side // shorter, image.height * side // shorter), Image.BILINEAR)
    left, top = round((image.width - side) / 2), round((image.height - side) / 2)
    return image.crop((left, top, left + side, top + side))


def crop_and_flip(image):
    left, top = random.randint(0, side - size), random.randint(0, side - size)
    image = image.crop((left, top, left + size, top + size))
    return image.transpose(Image.FLIP_LEFT_RIGHT) if random.random() < 0.5 else image


def colours(image):
    for change in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = change(image).enhance(random.uniform(0.8, 1.2))
    hue, saturation, value = image.convert("HSV").split()
    turn = random.randint(-13, 13)
    return Image.merge("HSV", (hue.point(lambda level: (level + turn) % 256), saturation, value)).convert("RGB")


def rate(work):
    """Images per second of processor time."""
    seconds = []
    for _ in range(8):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return round(len(files) / statistics.median(seconds[1:]))


files = []
for shard in sorted(options.directory.glob("train-*")):
    for record in records(shard):
        files.append(encoded(record))
        if len(files) == options.images:
            break
    if len(files) == options.images:
        break
images = [decode_and_fit(file) for file in files]
print(json.dumps({
    "peer": "Pillow " + PIL.__version__,
    "decode_fit": rate(lambda: [decode_and_fit(file) for file in files]),
    "crop_flip_batch": rate(lambda: b"".join(crop_and_flip(image).tobytes() for image in images)),
    "augment_batch": rate(lambda: b"".join(colours(crop_and_flip(image)).tobytes() for image in images)),
}))
