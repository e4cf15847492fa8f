#!/usr/bin/env bash
# Installs what Riffle is compared with, on Debian and Ubuntu on x86-64, into a folder outside the repository ($RIFFLE_PEERS, or ~/.cache/riffle-peers):
#   libtorch and ONNX Runtime   from NuGet, with Riffle.Peers, the program that measures them (about 600 MB)
#   ncnn                        from its source, once with AVX-512 and once without
#   PyTorch, torchvision, ONNX  from Debian's packages, which make and check the ONNX files
# What is there already stays. Needs the .NET SDK, and root or sudo for the packages. Without internet, NCNN_SOURCE names a folder with ncnn's source.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
peers=${RIFFLE_PEERS:-$HOME/.cache/riffle-peers}
ncnn_commit=a4d2ea1d4422c9e849f166fd7a4aefb52f942f6a
packages=(python3-torch python3-torchvision python3-onnx g++ cmake ninja-build git)

if ! dpkg --status "${packages[@]}" >/dev/null 2>&1; then
    as_root=()
    [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get update -q
    "${as_root[@]}" apt-get install -q -y --no-install-recommends "${packages[@]}"
fi

program=$peers/dotnet
dotnet build "$here/Riffle.Peers" -c Release -v q -nologo -nodeReuse:false -o "$program"
needed=GLIBCXX_3.4.32 # by TorchSharp's native library: an empty function of the C++ library of GCC 13
if ! grep -q "$needed" "$(ldconfig -p | awk '/libstdc\+\+\.so\.6 .*x86-64/ { print $NF; exit }')"; then
    /usr/bin/python3 "$here/optional_version.py" "$program/libLibTorchSharp.so" "$needed"
    g++ -shared -fPIC -x c++ -o "$program/ios_base_library_init.so" - <<<'namespace std { void ios_base_library_init() {} }'
fi

rm -rf "$peers/onnx" # files that the comparison has exported
if [ ! -e "$peers/ncnn/CMakeLists.txt" ]; then
    if [ -n "${NCNN_SOURCE:-}" ]; then
        ln -sfn "$(realpath "$NCNN_SOURCE")" "$peers/ncnn"
    else
        git init -q "$peers/ncnn"
        git -C "$peers/ncnn" fetch -q --depth 1 https://github.com/Tencent/ncnn "$ncnn_commit"
        git -C "$peers/ncnn" checkout -q "$ncnn_commit"
    fi
fi
# 32-bit floats as in Riffle: no 8-bit integers, no bfloat16.
options=(-DCMAKE_BUILD_TYPE=Release -DNCNN_BUILD_BENCHMARK=ON -DNCNN_BUILD_TOOLS=OFF -DNCNN_BUILD_EXAMPLES=OFF -DNCNN_BUILD_TESTS=OFF -DNCNN_VULKAN=OFF
    -DNCNN_INT8=OFF -DNCNN_BF16=OFF -DNCNN_VNNI=OFF -DNCNN_AVXVNNI=OFF -DNCNN_AVX512VNNI=OFF -DNCNN_AVX512BF16=OFF -DNCNN_AVX512FP16=OFF)
for bits in 512 256; do
    [ ! -x "$peers/ncnn-$bits/benchmark/benchncnn" ] || continue
    cmake -S "$peers/ncnn" -B "$peers/ncnn-$bits" -G Ninja "${options[@]}" -DNCNN_AVX512="$([ $bits = 512 ] && echo ON || echo OFF)"
    ninja -C "$peers/ncnn-$bits" benchncnn
done
echo "Ready. Now: /usr/bin/python3 benchmarks/compare.py --quick"
