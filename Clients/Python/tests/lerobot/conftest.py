"""LeRobot without CUDA, and without the network."""

import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).parents[1])]

try:
    import torch
except ImportError:
    # `make test-python` passes by here: tests/lerobot/run.sh installs LeRobot and comes back.
    collect_ignore_glob = ["*"]
else:
    # PyPI's torchvision is built for CUDA; beside PyTorch for the processor its own operators do not load, and it only
    # has to be told that there are some.
    _library = torch.library.Library("torchvision", "DEF")
    for _operator in ("nms", "qnms"):
        _library.define(f"{_operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
