"""Makes a version of a symbol that a shared library needs an optional one. usage: optional_version.py LIBRARY VERSION

An older system's library that lacks the version can then be linked, as long as its functions come from elsewhere. In the table of needed versions an entry is
the hash of its name, flags, an index, the name, and the distance to the next one (System V ABI, "Symbol Versioning"); a flag says that it is optional.
"""
import os
import shutil
import struct
import sys

WEAK = 2

path, version = sys.argv[1:]
hash_of_name = 0
for byte in version.encode():
    hash_of_name = (hash_of_name << 4) + byte
    high = hash_of_name & 0xF0000000
    hash_of_name = (hash_of_name ^ high >> 24) & ~high

with open(path, "rb") as file:
    library = file.read()
start, flagged = (struct.pack("<IH", hash_of_name, flags) for flags in (0, WEAK))
if flagged not in library:
    if library.count(start) != 1:
        sys.exit(f"{path}: {library.count(start)} places look like the entry of {version}")
    with open(path + ".new", "wb") as file:
        file.write(library.replace(start, flagged))
    shutil.copystat(path, path + ".new")  # with the same time, so that a build does not copy the library again
    os.replace(path + ".new", path)
