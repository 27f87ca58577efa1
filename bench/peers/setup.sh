#!/usr/bin/env bash
# setup.sh [FOLDER] [PEER...]
#
# Sets up the peers of the bench in FOLDER (default: peers in layerloom's cache folder), outside of this repository's
# node_modules, and writes FOLDER/peers.json, which `layerloom bench --workloads C1 --peers FOLDER` reads. Run it again to
# renew the scripts. PEERs: ort jax-js tfjs tinygrad ggml torch (default: all but ggml, which only gpu-run takes, and torch,
# which takes 1.2 GB).
#
# Environment: PEERS_TORCH_PYTHON   a python that has torch already; then "torch" installs nothing
#              PYTHON               python 3.11 or later for tinygrad and torch (default python3)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=${1:-${LAYERLOOM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/layerloom}/peers}
[ $# -eq 0 ] || shift
wanted=" ${*:-ort jax-js tfjs tinygrad ${PEERS_TORCH_PYTHON:+torch}} "
python=${PYTHON:-python3}

say() { printf 'peers: %s\n' "$*" >&2; }
wants() { case $wanted in *" $1 "*) return 0 ;; esac; return 1; }

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
cp "$here"/*.mjs "$here"/*.py "$folder/"
[ -f "$folder/package.json" ] || printf '{ "private": true, "type": "module" }\n' >"$folder/package.json"

packages=()
wants ort && packages+=(onnxruntime-node@1.30.0)
wants jax-js && packages+=(@jax-js/jax@0.1.25 webgpu@0.6.2)
wants tfjs && packages+=(@tensorflow/tfjs-core@4.22.0 @tensorflow/tfjs-backend-webgpu@4.22.0 webgpu@0.6.2)
wants ggml && packages+=(@node-llama-cpp/linux-x64-vulkan@3.22.1)
if [ ${#packages[@]} -gt 0 ]; then
  say "npm: ${packages[*]}"
  # Install scripts only download GPU libraries that are not needed here.
  (cd "$folder" && npm install --ignore-scripts --no-audit --no-fund --save-exact "${packages[@]}" >&2)
fi
if wants tinygrad; then
  say 'pip: tinygrad'
  [ -x "$folder/venv/bin/python" ] || "$python" -m venv "$folder/venv"
  "$folder/venv/bin/pip" install -q tinygrad==0.14.0 dawn-python==0.3.0 numpy >&2
fi
torch_python=${PEERS_TORCH_PYTHON:-}
if wants torch && [ -z "$torch_python" ]; then
  say 'pip: torch'
  [ -x "$folder/venv-torch/bin/python" ] || "$python" -m venv "$folder/venv-torch"
  "$folder/venv-torch/bin/pip" install -q torch numpy >&2
  torch_python=$folder/venv-torch/bin/python
fi

PEERS_WANTED=$wanted PEERS_FOLDER=$folder PEERS_TORCH=$torch_python node "$here/write-manifest.mjs"
