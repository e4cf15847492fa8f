"""Writes image_formats.json: small images in every format that Riffle reads, each with the RGB pixels that Pillow makes of it, upright.

Run with Python 3 and Pillow (written with 9.4.0):  python3 make_image_formats.py
"""
import base64
import io
import json
import pathlib
import struct
import zlib

from PIL import Image, ImageOps

WIDTH, HEIGHT = 24, 20
COLUMNS, ROWS = range(WIDTH), range(HEIGHT)

image = Image.frombytes("RGB", (WIDTH, HEIGHT), bytes((x * 7 + y * 13 + c * 50 ^ x * y >> 2) & 255 for y in ROWS for x in COLUMNS for c in range(3)))
mirrored = image.transpose(Image.FLIP_LEFT_RIGHT)
translucent = image.copy()
translucent.putalpha(Image.frombytes("L", (WIDTH, HEIGHT), bytes((x * 10 + y) % 256 for y in ROWS for x in COLUMNS)))
palette = image.quantize(64)
turned = Image.Exif()
turned[0x112] = 6


def saved(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def bitmap(bits, compression, data, colours=b"", height=HEIGHT, masks=b""):
    """A BMP file of a kind that Pillow does not write."""
    offset = 54 + len(masks) + len(colours)
    header = struct.pack("<IiiHHIIiiII", 40, WIDTH, height, 1, bits, compression, len(data), 2835, 2835, len(colours) // 4, 0)
    return b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) + header + masks + colours + data


def rows_of(pack, rows=ROWS[::-1]):
    return b"".join(pack(*image.getpixel((x, y))) for y in rows for x in COLUMNS)


def run_lengths():
    data = b""
    for y in reversed(ROWS):
        x = 0
        while x < WIDTH:
            count = 1
            while x + count < WIDTH and (x + count) // 5 == x // 5:
                count += 1
            data += bytes((count, (x // 5 + y) % 256))
            x += count
        data += b"\0\0"
    return data + b"\0\1"


def png(depth, kind, row):
    """A PNG file of a kind that Pillow does not write, from a function that packs a row."""
    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    data = zlib.compress(b"".join(b"\0" + row(y) for y in ROWS))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, kind, 0, 0, 0)) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


colours = b"".join(bytes((i * 3 & 255, i * 5 & 255, i * 7 & 255, 0)) for i in range(256))
files = {
    "JPEG": saved(image, "JPEG"),
    "JPEG, progressive": saved(image, "JPEG", progressive=True),
    "JPEG, progressive, full colour": saved(image, "JPEG", progressive=True, subsampling=0, quality=95),
    "JPEG, turned": saved(image, "JPEG", exif=turned),
    "JPEG, grey": saved(image.convert("L"), "JPEG"),
    "JPEG, CMYK": saved(image.convert("CMYK"), "JPEG"),
    "JPEG, CMYK, progressive": saved(image.convert("CMYK"), "JPEG", progressive=True),
    "PNG": saved(image, "PNG"),
    "PNG, turned": saved(image, "PNG", exif=turned),
    "PNG, palette with a transparent colour": saved(palette, "PNG", transparency=5),
    "PNG, alpha": saved(translucent, "PNG"),
    "PNG, 16 bits": png(16, 2, lambda y: b"".join(bytes((v, v ^ 0x5A)) for x in COLUMNS for v in image.getpixel((x, y)))),
    "PNG, 16 bits with alpha": png(16, 6, lambda y: b"".join(bytes((v, v ^ 0xA5)) for x in COLUMNS for v in translucent.getpixel((x, y)))),
    "WebP, lossless": saved(image, "WEBP", lossless=True),
    "WebP, lossy": saved(image, "WEBP", quality=80),
    "WebP, lossless with alpha": saved(translucent, "WEBP", lossless=True, exact=True),
    "WebP, lossy with alpha": saved(translucent, "WEBP", quality=80),
    "WebP, turned": saved(image, "WEBP", lossless=True, exif=turned),
    "WebP, animated": saved(image, "WEBP", lossless=True, save_all=True, append_images=[mirrored]),
    "GIF": saved(palette, "GIF", interlace=0),
    "GIF, interlaced": saved(palette, "GIF", interlace=1),
    "GIF, grey": saved(image.convert("L"), "GIF"),
    "GIF, transparent colour": saved(palette, "GIF", transparency=5),
    "GIF, animated": saved(palette, "GIF", save_all=True, append_images=[mirrored.quantize(64)], comment="two"),
    "GIF, animated, transparent colour": saved(palette, "GIF", save_all=True, append_images=[mirrored.quantize(64)], transparency=3),
    "BMP": saved(image, "BMP"),
    "BMP, alpha": saved(translucent, "BMP"),
    "BMP, grey": saved(image.convert("L"), "BMP"),
    "BMP, palette": saved(palette, "BMP"),
    "BMP, black and white": saved(image.convert("1"), "BMP"),
    "BMP, 4 bits": bitmap(4, 0, b"".join(bytes((x + y) % 16 << 4 | (x * y) % 16 for x in range(WIDTH // 2)) for y in ROWS), colours[:64]),
    "BMP, 32 bits without alpha": bitmap(32, 0, rows_of(lambda r, g, b: bytes((b, g, r, 7)))),
    "BMP, from the top": bitmap(24, 0, rows_of(lambda r, g, b: bytes((b, g, r)), ROWS), height=-HEIGHT),
    "BMP, run lengths": bitmap(8, 1, run_lengths(), colours),
    "BMP, 15 bits": bitmap(16, 0, rows_of(lambda r, g, b: struct.pack("<H", r >> 3 << 10 | g >> 3 << 5 | b >> 3))),
    "BMP, 16 bits": bitmap(
        16, 3, rows_of(lambda r, g, b: struct.pack("<H", r >> 3 << 11 | g >> 2 << 5 | b >> 3)), masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F)),
    "ICO, of PNG": saved(translucent, "ICO", sizes=[(24, 20), (16, 13)]),
    "ICO, of BMP": saved(translucent, "ICO", sizes=[(24, 20), (16, 13)], bitmap_format="bmp"),
    "ICO, without alpha": saved(image, "ICO", sizes=[(24, 20)], bitmap_format="bmp"),
}
# Skia rounds five and six bits to the nearest of 256 levels, Pillow downwards.
rounded = {"BMP, 15 bits": 1, "BMP, 16 bits": 1}
result = {}
for name, file in files.items():
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(file))).convert("RGB")
    result[name] = {
        "file": base64.b64encode(file).decode(),
        "width": upright.width,
        "pixels": base64.b64encode(upright.tobytes()).decode(),
        "within": rounded.get(name, 0),
    }
pathlib.Path(__file__).with_name("image_formats.json").write_text(json.dumps(result, indent=1) + "\n")
