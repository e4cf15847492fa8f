"""Writes src/Riffle/Formats/CanonicalForm.txt, the table of CanonicalForm.cs, and canonical_forms.json, what Python makes of sequences of all kinds.

    python3 make_canonical_forms.py

Both come of Python's copy of the Unicode Character Database (unicodedata). Lines of the table, in hexadecimal: `C0=41+300` composes and decomposes,
`340>300` and `344>308+301` only decompose, `300-314:230` gives a range its combining class.
"""
import json
import pathlib
import random
import unicodedata

HERE = pathlib.Path(__file__).resolve().parent
TABLE = HERE.parents[2] / "src" / "Riffle" / "Formats" / "CanonicalForm.txt"


def decompositions():
    for code in range(0x110000):
        parts = unicodedata.decomposition(chr(code))
        if parts and not parts.startswith("<"):
            yield code, [int(part, 16) for part in parts.split()]


def classes():
    runs = []
    for code in range(0x110000):
        value = unicodedata.combining(chr(code))
        if value and runs and runs[-1][1:] == [code - 1, value]:
            runs[-1][1] = code
        elif value:
            runs.append([code, code, value])
    return runs


def composes(code, parts):
    return len(parts) == 2 and unicodedata.normalize("NFC", "".join(map(chr, parts))) == chr(code)


with open(TABLE, "w", newline="\n") as file:
    for code, parts in decompositions():
        file.write(f"{code:X}{'=' if composes(code, parts) else '>'}{'+'.join(f'{part:X}' for part in parts)}\n")
    for first, last, value in classes():
        file.write(f"{first:X}-{last:X}:{value}\n")

random.seed(1)
marks = [code for first, last, _ in classes() for code in range(first, last + 1)]
starters = [part for _, parts in decompositions() for part in parts] + list(range(0x41, 0x7B))
hangul = [*range(0x1100, 0x1113), *range(0x1161, 0x1176), *range(0x11A7, 0x11C3), 0xAC00, 0xAC01, 0xD7A3]
texts = []
for code, _ in random.sample(list(decompositions()), 300):
    texts += [chr(code), unicodedata.normalize("NFD", chr(code))]
for _ in range(300):
    codes = random.choices(starters, k=2) + random.choices(marks, k=3) + random.choices(starters, k=1) + random.choices(hangul, k=3)
    if random.random() < 0.5:
        random.shuffle(codes)
    texts.append("".join(map(chr, codes)))
with open(HERE / "canonical_forms.json", "w", newline="\n") as file:
    json.dump([[text, unicodedata.normalize("NFC", text)] for text in texts], file, indent=0)
