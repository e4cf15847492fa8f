"""Writes icon.png, the packages' icon: two hands of cards, shuffled into each other. Run with Python 3:  python3 make_icon.py"""
import pathlib
import struct
import zlib

SIDE, CARD, EDGE = 128, 12, 4
LEFT, RIGHT, PAPER = (32, 96, 160), (224, 120, 32), (250, 248, 244)


def pixel(x, y):
    card = (y - EDGE) // CARD
    if not (EDGE <= y < SIDE - EDGE and (y - EDGE) % CARD < CARD - 2 and card < 10):
        return PAPER
    # Cards of the two hands lie in turn, one hand further left than the other.
    left = EDGE if card % 2 == 0 else EDGE + 40
    return (LEFT if card % 2 == 0 else RIGHT) if left <= x < left + 80 else PAPER


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


rows = b"".join(b"\0" + bytes(value for x in range(SIDE) for value in pixel(x, y)) for y in range(SIDE))
header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
pathlib.Path(__file__).with_name("icon.png").write_bytes(
    b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))
