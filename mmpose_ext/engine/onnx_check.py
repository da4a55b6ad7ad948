"""What ONNX Runtime makes of a file, against what torch makes of the network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from mmpose_ext.engine.onnx_graph import BATCH, HYPOTHESES, OnnxGraph

TOLERANCES = {'fp32': 1e-4, 'fp16': 1e-2, 'int8': 2e-1}
"""Greatest difference of an output, as a share of the largest number in it."""

SIZES = ({BATCH: 1, HYPOTHESES: 1}, {BATCH: 2, HYPOTHESES: 3}, {BATCH: 5})
"""Free dimensions of the calls that are compared."""


class OnnxMismatchError(ValueError):
    """A file whose outputs are not those of the network."""


class Call(NamedTuple):
    """Inputs of a graph, and what torch makes of them.

    Attributes:
        inputs: By name.
        outputs: In order.
    """

    inputs: dict[str, np.ndarray]
    outputs: list[np.ndarray]


@torch.no_grad()
def reference_calls(
    graph: OnnxGraph, sizes: Sequence[dict[str, int]] = SIZES
) -> list[Call]:
    """Calls of a graph with several sizes of its free dimensions."""
    calls = []
    for seed, chosen in enumerate(sizes):
        inputs = graph.example(seed=seed, **chosen)
        found = graph(*inputs)
        outputs = [found] if isinstance(found, Tensor) else list(found)
        named = zip(graph.inputs, inputs, strict=True)
        calls.append(
            Call({name: x.numpy() for name, x in named}, [x.numpy() for x in outputs])
        )
    return calls


def open_session(path: str | os.PathLike, *, threads: int = 1) -> Any:
    """A session of ONNX Runtime on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        os.fspath(path), options, providers=['CPUExecutionProvider']
    )


def check_file(
    path: str | os.PathLike, calls: Sequence[Call], *, tolerance: float
) -> float:
    """Compare a file with torch.

    Args:
        path: The file.
        calls: What torch gave.
        tolerance: Greatest difference, see :func:`relative_difference`.

    Returns:
        The greatest difference that was found.

    Raises:
        OnnxMismatchError: If it is above the tolerance, or the file cannot be run.
    """
    worst = 0.0
    session = open_session(path)
    for call in calls:
        shapes = {name: value.shape for name, value in call.inputs.items()}
        try:
            found = session.run(None, call.inputs)
        except Exception as error:  # ONNX Runtime has no common class of them
            raise OnnxMismatchError(
                f'ONNX Runtime cannot run inputs {shapes}: {error}'
            ) from error
        for output, ours, theirs in zip(
            session.get_outputs(), call.outputs, found, strict=True
        ):
            difference = relative_difference(theirs, ours)
            if not difference <= tolerance:
                raise OnnxMismatchError(
                    f'{output.name} of inputs {shapes} differs by {difference:.1e} of '
                    f'its largest number; at most {tolerance:.1e} is accepted'
                )
            worst = max(worst, difference)
    return worst


def relative_difference(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference as a share of the largest expected number.

    NaN if any number is NaN; infinite if shapes differ.
    """
    if found.shape != expected.shape:
        return float('inf')
    scale = float(np.abs(expected).max())
    return float(np.abs(found - expected).max()) / max(scale, 1e-38)
