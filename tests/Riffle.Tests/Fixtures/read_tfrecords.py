"""Reads files of TFRecords as TensorFlow does and prints every example as protoc decodes it: python3 read_tfrecords.py PROTOC FILE...

It shares nothing with Riffle: framing, checksums and messages are spelled out here and in make_tfrecords.py. It ends with an error at the first difference.
"""
import pathlib
import struct
import subprocess
import sys
import tempfile

MESSAGES = """
syntax = "proto3";
package tensorflow;
message BytesList { repeated bytes value = 1; }
message FloatList { repeated float value = 1 [packed = true]; }
message Int64List { repeated int64 value = 1 [packed = true]; }
message Feature { oneof kind { BytesList bytes_list = 1; FloatList float_list = 2; Int64List int64_list = 3; } }
message Features { map<string, Feature> feature = 1; }
message Example { Features features = 1; }
"""

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


with tempfile.TemporaryDirectory() as folder:
    pathlib.Path(folder, "example.proto").write_text(MESSAGES)
    for path in sys.argv[2:]:
        data, at = pathlib.Path(path).read_bytes(), 0
        while at < len(data):
            length, length_crc = struct.unpack_from("<QI", data, at)
            assert length_crc == masked_crc(data[at:at + 8]), f"{path}: checksum of the length at {at}"
            record = data[at + 12:at + 12 + length]
            (record_crc,) = struct.unpack_from("<I", data, at + 12 + length)
            assert record_crc == masked_crc(record), f"{path}: checksum of the record at {at}"
            print(subprocess.run([sys.argv[1], f"-I{folder}", "--decode=tensorflow.Example", "example.proto"], input=record, stdout=subprocess.PIPE, check=True)
                  .stdout.decode())
            at += 16 + length
