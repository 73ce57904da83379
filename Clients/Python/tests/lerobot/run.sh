#!/bin/sh
# LeRobot itself reads what recap exports, and recap reads what LeRobot writes. Not a part of `make test`, since LeRobot
# needs about 1.5 GB: it is installed, for the processor alone, into .venv-lerobot of the repository at the first call.
#
#     Clients/Python/tests/lerobot/run.sh
set -eu
cd "$(dirname "$0")/../.."
environment=$(cd ../.. && pwd)/.venv-lerobot
python=$environment/bin/python

if [ ! -e "$environment/ready" ]; then
  python3 -m venv "$environment"
  # LeRobot asks for CUDA's PyTorch, robots' drivers and training services; reading data sets needs none of them.
  "$python" -m pip install --quiet --disable-pip-version-check --no-deps lerobot==0.4.4
  "$python" -m pip install --quiet --disable-pip-version-check --no-deps \
    --extra-index-url https://download.pytorch.org/whl/cpu 'torch==2.13.0+cpu' 'torchvision==0.28.0'
  "$python" -m pip install --quiet --disable-pip-version-check \
    typing_extensions filelock sympy networkx jinja2 fsspec 'setuptools<81' 'datasets>=4,<5' \
    'huggingface-hub<0.36' pandas pyarrow 'av>=15,<16' draccus==0.10.0 einops jsonlines 'packaging<26' \
    safetensors imageio termcolor 'deepdiff<9' pillow accelerate psutil pytest pyzmq
  touch "$environment/ready"
fi

HF_HUB_OFFLINE=1 HF_HOME=$(mktemp -d) exec "$python" -m pytest -q tests/lerobot -p no:cacheprovider "$@"
