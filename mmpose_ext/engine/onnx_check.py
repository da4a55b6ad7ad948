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
"""Greatest difference of an output, as a share of what it varies between inputs."""

LEAST_VARIATION = 1e-3
"""Least variation of an output that can be compared, as a share of its largest number.

With less, float32 rounds as much as the tolerance allows, and an output that does not
depend on the inputs at all could hardly be told from the right one."""

SIZES = ({BATCH: 1, HYPOTHESES: 1}, {BATCH: 2, HYPOTHESES: 3}, {BATCH: 5})
"""Free dimensions of the calls that are compared."""


class OnnxMismatchError(ValueError):
    """A file whose outputs are not shown to be those of the network."""


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

    Differences are measured against what an output varies between inputs, not against
    its largest number: a constant, such as the bias of the last layer, can be much
    larger than all that depends on the inputs.

    Args:
        path: The file.
        calls: What torch gave.
        tolerance: Greatest difference, see :func:`relative_difference`.

    Returns:
        The greatest difference that was found.

    Raises:
        OnnxMismatchError: If it is above the tolerance, the file cannot be run, or
            torch's outputs vary too little.
    """
    worst = 0.0
    session = open_session(path)
    names = [output.name for output in session.get_outputs()]
    scales = variations(names, calls)
    for call in calls:
        shapes = {name: value.shape for name, value in call.inputs.items()}
        try:
            found = session.run(None, call.inputs)
        except Exception as error:  # ONNX Runtime has no common class of them
            raise OnnxMismatchError(
                f'ONNX Runtime cannot run inputs {shapes}: {error}'
            ) from error
        for name, ours, theirs, scale in zip(
            names, call.outputs, found, scales, strict=True
        ):
            difference = relative_difference(theirs, ours, scale=scale)
            if not difference <= tolerance:
                raise OnnxMismatchError(
                    f'{name} of inputs {shapes} differs by {difference:.1e} of what it '
                    f'varies between inputs; at most {tolerance:.1e} is accepted'
                )
            worst = max(worst, difference)
    return worst


def variations(names: Sequence[str], calls: Sequence[Call]) -> list[float]:
    """How much each output varies between inputs.

    Args:
        names: Of the outputs.
        calls: What torch gave.

    Returns:
        For each output, the largest range of one of its elements over all inputs.

    Raises:
        OnnxMismatchError: If it is at most :data:`LEAST_VARIATION` of the output's
            largest number.
    """
    return [
        _variation(name, [call.outputs[number] for call in calls])
        for number, name in enumerate(names)
    ]


def _variation(name: str, outputs: Sequence[np.ndarray]) -> float:
    """Of one output; ``outputs`` are ``(B, ...)``, which need not have one shape."""
    alike: dict[tuple[int, ...], list[np.ndarray]] = {}
    for output in outputs:
        alike.setdefault(output.shape[1:], []).append(output)
    ranges = [np.ptp(np.concatenate(part), axis=0).max() for part in alike.values()]
    variation = float(np.max(ranges))
    largest = float(max(np.abs(output).max() for output in outputs))
    if not variation > LEAST_VARIATION * largest:
        raise OnnxMismatchError(
            f'{name} hardly depends on the inputs, so it cannot be compared: between '
            f'them it varies by {variation:.1e}, and its largest number is '
            f'{largest:.1e}; more than {LEAST_VARIATION:.0e} of that is needed. Are '
            'these the weights of a trained network?'
        )
    return variation


def relative_difference(
    found: np.ndarray, expected: np.ndarray, *, scale: float
) -> float:
    """The largest difference as a share of ``scale``.

    NaN if any number is NaN; infinite if shapes differ.
    """
    if found.shape != expected.shape:
        return float('inf')
    return float(np.abs(found - expected).max()) / scale
