"""Writes tfrecords/: labelled images as other programs store them, for TFRecordSourceTests.cs.

Run with Python 3 and Pillow, in this folder: `python3 make_tfrecords.py`.

It shares nothing with Riffle: the checksum, the framing and the protocol buffers are spelled out here, after
https://www.tensorflow.org/tutorials/load_data/tfrecord. Each image is one colour, (40 + 60 * class, 10 * number, 0).

slim-imagenet  TensorFlow's ImageNet script: labels from 1, WordNet ids and words, train and validation shards
slim-generic   slim's other data sets: labels from 0, no names, labels.txt beside them
tfds           TensorFlow Datasets: image, label, file_name; PNG; train and test; label.labels.txt
older          image, target; one file with GZIP, one with ZLIB; no hint of what is for validation
"""
import gzip
import io
import pathlib
import struct
import zlib

from PIL import Image

TABLE = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    TABLE.append(byte)


def masked_crc(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 255]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def feature(value):
    if isinstance(value, list):
        return field(2, field(1, struct.pack(f"<{len(value)}f", *value)))
    return field(3, field(1, varint(value))) if isinstance(value, int) else field(1, field(1, value if isinstance(value, bytes) else value.encode()))


def example(features):
    return field(1, b"".join(field(1, field(1, key.encode()) + field(2, feature(value))) for key, value in features.items()))


def image(kind, number, form):
    stream = io.BytesIO()
    Image.new("RGB", (12, 9), (40 + 60 * kind, 10 * number, 0)).save(stream, form, **({"quality": 60} if form == "JPEG" else {}))
    return stream.getvalue()


def write(name, records, compress=lambda data: data):
    path = pathlib.Path("tfrecords", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = b""
    for record in map(example, records):
        length = struct.pack("<Q", len(record))
        data += length + struct.pack("<I", masked_crc(length)) + record + struct.pack("<I", masked_crc(record))
    path.write_bytes(compress(data))


def imagenet(kind, number):
    synset, words = [("n01443537", "goldfish, Carassius auratus"), ("n01440764", "tench, Tinca tinca"), ("n01518878", "ostrich")][kind]
    return {
        "image/height": 9, "image/width": 12, "image/colorspace": "RGB", "image/channels": 3, "image/class/label": kind + 1, "image/class/synset": synset,
        "image/class/text": words, "image/object/bbox/xmin": [0.25, 0.5], "image/format": "JPEG", "image/filename": f"{synset}_{number}.JPEG",
        "image/encoded": image(kind, number, "JPEG"),
    }


def generic(kind, number):
    return {"image/encoded": image(kind, number, "JPEG"), "image/format": "jpg", "image/class/label": kind, "image/height": 9, "image/width": 12}


def tfds(kind, number):
    return {"image": image(kind, number, "PNG"), "label": kind, "file_name": f"pets/{number}.png"}


def older(kind, number):
    return {"image": image(kind, number, "JPEG"), "target": kind}


write("slim-imagenet/train-00000-of-00002", [imagenet(n % 3, n) for n in range(6)])
write("slim-imagenet/train-00001-of-00002", [imagenet(n % 3, n) for n in range(6, 9)])
write("slim-imagenet/validation-00000-of-00001", [imagenet(n, 20 + n) for n in range(3)])
write("slim-generic/flowers_train_00000-of-00001.tfrecord", [generic(n % 2, n) for n in range(6)])
write("slim-generic/flowers_validation_00000-of-00001.tfrecord", [generic(n, 20 + n) for n in range(2)])
pathlib.Path("tfrecords/slim-generic/labels.txt").write_text("0:tulips\n1:daisy\n")
write("tfds/pets-train.tfrecord-00000-of-00001", [tfds(n % 2, n) for n in range(6)])
write("tfds/pets-test.tfrecord-00000-of-00001", [tfds(n, 20 + n) for n in range(2)])
pathlib.Path("tfrecords/tfds/label.labels.txt").write_text("dog\ncat\n")
write("older/part-0.gz", [older(n % 2, n) for n in range(6)], lambda data: gzip.compress(data, mtime=0))
write("older/part-1.zz", [older(n % 2, n) for n in range(6, 10)], zlib.compress)
