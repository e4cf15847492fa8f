"""Records what Triton's own Python client sends, byte by byte, while it talks to riffle serve.

    riffle serve small=models/shufflenet-v1-g1-x0.25.safetensors --port 8000
    PYTHONPATH=CLIENT/src/python/library python3 record_triton.py localhost:8000 CLIENT/src/python/examples/image_client.py

CLIENT is github.com/triton-inference-server/client, whose modules service_pb2 and model_config_pb2 are made of its .proto files by grpcio-tools. Needs numpy, Pillow,
geventhttpclient, python-rapidjson, grpcio and attrdict. Each request becomes a file triton.NAME.bin beside this script.
"""

import gevent.monkey

gevent.monkey.patch_all()

import io
import os
import subprocess
import sys
import tempfile
import threading

import numpy as np
import tritonclient.http as client
from gevent import socket
from PIL import Image

SERVER, IMAGE_CLIENT = sys.argv[1:]
FOLDER = os.path.dirname(os.path.abspath(__file__))
SIZE = 56


class Recorder:
    """Passes bytes on to the server, and keeps what was sent."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sent = bytearray()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        host, port = SERVER.split(":")
        while True:
            near, _ = self.listener.accept()
            far = socket.create_connection((host, int(port)))
            for source, target, kept in ((near, far, self.sent), (far, near, None)):
                threading.Thread(target=self.copy, args=(source, target, kept), daemon=True).start()

    @staticmethod
    def copy(source, target, kept):
        while data := source.recv(1 << 16):
            if kept is not None:
                kept.extend(data)
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)

    def save(self, name):
        with open(os.path.join(FOLDER, f"triton.{name}.bin"), "wb") as file:
            file.write(self.sent)
        self.sent.clear()


def pixels(images):
    """Ramps, which the tests draw as well."""
    value = np.arange(images * SIZE * SIZE * 3, dtype=np.int64) // 7 % 256
    return value.astype(np.uint8).reshape(images, SIZE, SIZE, 3)


def jpeg():
    file = io.BytesIO()
    Image.fromarray(pixels(1)[0]).save(file, "JPEG", quality=80)
    return file.getvalue()


recorder = Recorder()
triton = client.InferenceServerClient(f"127.0.0.1:{recorder.port}")
assert triton.is_server_live() and triton.is_server_ready() and triton.is_model_ready("small")
recorder.save("health")
assert triton.get_server_metadata()["name"] == "riffle"
assert triton.get_model_metadata("small", "1")["inputs"][0]["shape"] == [-1, SIZE, SIZE, 3]
assert triton.get_model_config("small")["max_batch_size"] > 0
assert triton.get_inference_statistics("small")["model_stats"][0]["name"] == "small"
recorder.save("metadata")


def infer(name, tensor, outputs=None, binary=True, **options):
    one = client.InferInput(*tensor[:3])
    one.set_data_from_numpy(tensor[3], binary_data=binary)
    result = triton.infer("small", [one], outputs=outputs, **options)
    found = result.as_numpy("probabilities")
    assert found.shape[0] == tensor[3].shape[0], found.shape
    recorder.save(name)
    return found


def images(count):
    return ("images", [count, SIZE, SIZE, 3], "UINT8", pixels(count))


probabilities = infer("binary", images(2), request_id="two")
assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
in_json = infer("json", images(1), [client.InferRequestedOutput("probabilities", binary_data=False)], binary=False)
assert np.array_equal(in_json, infer("versioned", images(1), model_version="1", timeout=60_000_000))
for packing in ("gzip", "deflate"):
    packed = infer(packing, images(2), request_compression_algorithm=packing, response_compression_algorithm=packing)
    assert np.array_equal(packed, probabilities)
infer("file", ("image", [1], "BYTES", np.array([jpeg()], dtype=np.object_)))
infer("classes", images(2), [client.InferRequestedOutput("probabilities", class_count=3)])

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "ramp.png")
    Image.fromarray(pixels(1)[0]).save(path)
    command = [sys.executable, IMAGE_CLIENT, "-m", "small", "-u", f"127.0.0.1:{recorder.port}", "-b", "2", "-c", "3", path]
    print(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    recorder.save("image_client")
