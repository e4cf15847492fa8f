"""Writes odd_jpegs.json: JPEG files with bytes that belong to nothing, as in well-known data sets, and others that are seldom met, each with the
SHA-1 of the RGB pixels that Pillow makes of it.

Run with Python 3, Pillow (written with 9.4.0) and cjpeg of libjpeg-turbo (2.1.5):  python3 make_odd_jpegs.py
"""
import base64
import hashlib
import io
import json
import pathlib
import subprocess

from PIL import Image

WIDTH, HEIGHT = 24, 20
STRAY = bytes([0x12, 0x34, 0x00, 0xAB, 0xFF, 0x00, 0x56]) * 10

image = Image.frombytes(
    "RGB", (WIDTH, HEIGHT), bytes((x * 7 + y * 13 + c * 50 ^ x * y >> 2) & 255 for y in range(HEIGHT) for x in range(WIDTH) for c in range(3)))


def jpeg(*options):
    ppm = io.BytesIO()
    image.save(ppm, "PPM")
    return subprocess.run(["cjpeg", "-quality", "85", *options], input=ppm.getvalue(), stdout=subprocess.PIPE, check=True).stdout


def markers(file):
    """The first byte of each marker outside of segments, and the byte that names it."""
    at = 2
    while at < len(file) - 1:
        if file[at] != 0xFF or file[at + 1] in (0x00, 0xFF):
            at += 1
            continue
        yield at, file[at + 1]
        alone = file[at + 1] == 0xD9 or 0xD0 <= file[at + 1] <= 0xD7
        at += 2 if alone else 2 + int.from_bytes(file[at + 2:at + 4], "big")


def with_stray(file, wanted):
    """The same file with stray bytes before each marker that is wanted."""
    result, done = b"", 0
    for at, marker in markers(file):
        if wanted(marker, at):
            result, done = result + file[done:at] + STRAY, at
    return result + file[done:]


baseline, progressive, restarts = jpeg("-baseline"), jpeg("-progressive"), jpeg("-restart", "1")
after_first_scan = next(at for at, marker in markers(progressive) if marker == 0xDA) + 1
files = {
    "baseline, before the end": with_stray(baseline, lambda marker, at: marker == 0xD9),
    "baseline, before every table": with_stray(baseline, lambda marker, at: marker in (0xDB, 0xC4)),
    "baseline, before the frame": with_stray(baseline, lambda marker, at: marker == 0xC0),
    "baseline, before the scan": with_stray(baseline, lambda marker, at: marker == 0xDA),
    "baseline, everywhere": with_stray(baseline, lambda marker, at: at > 2),
    "baseline, behind the end": baseline + STRAY,
    "baseline, another image behind the end": baseline + baseline,
    "baseline, JFIF revision 0.0, before the end": with_stray(baseline[:11] + bytes(2) + baseline[13:], lambda marker, at: marker == 0xD9),
    "progressive, before the end": with_stray(progressive, lambda marker, at: marker == 0xD9),
    "progressive, between all scans": with_stray(progressive, lambda marker, at: at > after_first_scan),
    "progressive, everywhere": with_stray(progressive, lambda marker, at: at > 2),
    "restarts, before each": with_stray(restarts, lambda marker, at: 0xD0 <= marker <= 0xD7),
    "restarts, fill bytes before each": restarts.replace(b"\xff\xd0", b"\xff\xff\xff\xd0"),
    "arithmetic": jpeg("-arithmetic"),
    "arithmetic, before the end": with_stray(jpeg("-arithmetic"), lambda marker, at: marker == 0xD9),
    "grey": jpeg("-grayscale"),
}
result = {}
for name, file in files.items():
    pixels = Image.open(io.BytesIO(file)).convert("RGB").tobytes()
    result[name] = {"jpeg": base64.b64encode(file).decode(), "sha1": hashlib.sha1(pixels).hexdigest()}
pathlib.Path(__file__).with_name("odd_jpegs.json").write_text(json.dumps(result, indent=1) + "\n")
