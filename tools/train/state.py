"""Checkpoints of a running training: written to a temporary file and renamed, so that a cut never leaves half a file."""

import os
from pathlib import Path

import torch


def save(path, value):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(value, f"{path}.part")
    os.replace(f"{path}.part", path)


def load(path):
    """The saved value, or None where there is none."""
    return torch.load(path, map_location="cpu", weights_only=False) if Path(path).exists() else None
