#!/usr/bin/env bash
# Installs what Riffle is compared with, on Debian and Ubuntu with node 18 or later: PyTorch, torchvision and ONNX from their packages, as root or through
# sudo, and ONNX Runtime from npm into a cache folder ($RIFFLE_PEERS, or ~/.cache/riffle-peers). Nothing is put into this repository.
set -euo pipefail
peers=${RIFFLE_PEERS:-$HOME/.cache/riffle-peers}
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
"${as_root[@]}" apt-get update -q
"${as_root[@]}" apt-get install -q -y --no-install-recommends python3-torch python3-torchvision python3-onnx
mkdir -p "$peers"
# Its install script would only fetch a GPU's libraries.
npm install --prefix "$peers" --no-fund --no-audit --ignore-scripts onnxruntime-node@1
echo "Ready. Now: /usr/bin/python3 benchmarks/compare.py --quick"
