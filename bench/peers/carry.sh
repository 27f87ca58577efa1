#!/usr/bin/env bash
# carry.sh [FOLDER]
#
# Lays in FOLDER (default: .cache/gpu-peers of this repository, where gpu-run looks for it) what a bundle for a bare GPU host
# has to carry of the peers: their scripts, ONNX Runtime and ggml's Vulkan back end, for Linux on x86-64 only, stripped.
# About 90 MB, 17 MiB of a compressed bundle. Needs npm, and strip where there is one.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=${1:-$here/../../.cache/gpu-peers}
rm -rf "$folder/node_modules" "$folder/package.json" "$folder/package-lock.json"
bash "$here/setup.sh" "$folder" ort ggml

cd "$folder/node_modules"
find . -mindepth 1 -maxdepth 1 ! -name 'onnxruntime-*' ! -name '@node-llama-cpp' -exec rm -rf {} +
find onnxruntime-node/bin -mindepth 2 -maxdepth 2 ! -name linux -exec rm -rf {} +
find onnxruntime-node/bin/*/linux -mindepth 1 -maxdepth 1 ! -name x64 -exec rm -rf {} +
rm -rf onnxruntime-node/script onnxruntime-node/lib
find @node-llama-cpp -path '*/bins/*' -type f ! -name libggml-base.so ! -name libggml-vulkan.so ! -name '*.json' -delete
if command -v strip >/dev/null; then
  find . -type f \( -name '*.so' -o -name '*.so.*' -o -name '*.node' \) -exec strip --strip-unneeded {} +
fi
printf 'peers: %s of %s\n' "$(du -sh .. | cut -f1)" "$(find . -name 'lib*.so*' -printf '%f ')" >&2
