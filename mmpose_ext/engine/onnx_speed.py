"""How long one call of a network takes, in ONNX Runtime and in torch."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable

import torch

from mmpose_ext.engine.onnx_check import Call, open_session, reference_calls
from mmpose_ext.engine.onnx_graph import BATCH, HYPOTHESES, OnnxGraph


def single_call(graph: OnnxGraph) -> Call:
    """A batch of one, with as many hypotheses as the config asks for."""
    hypotheses = graph.facts().get('hypotheses', 1)
    return reference_calls(graph, [{BATCH: 1, HYPOTHESES: hypotheses}])[0]


def onnx_milliseconds(
    path: str | os.PathLike, call: Call, *, repeats: int = 20, threads: int = 1
) -> float:
    """Median time of a call of a file on the CPU, ms."""
    session = open_session(path, threads=threads)
    return _median_ms(lambda: session.run(None, call.inputs), repeats)


def lifted_per_second(seq_len: int, milliseconds: float) -> tuple[float, float]:
    """Frames that one window at a time lifts in a second.

    Args:
        seq_len: Frames of a window.
        milliseconds: That one window takes.

    Returns:
        With a window for each frame, as a live stream has it that gives each pose as
        soon as its frame is there; and with one every half window, as
        :class:`~mmpose_ext.apis.keypoint_lifter.KeypointLifter` lifts clips.
    """
    windows = 1000 / milliseconds
    return windows, max(1, seq_len // 2) * windows


@torch.no_grad()
def torch_milliseconds(
    graph: OnnxGraph, call: Call, *, repeats: int = 20, threads: int = 1
) -> float:
    """Median time of the same call in torch, ms."""
    inputs = [torch.from_numpy(value) for value in call.inputs.values()]
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        return _median_ms(lambda: graph(*inputs), repeats)
    finally:
        torch.set_num_threads(before)


def _median_ms(call: Callable[[], object], repeats: int) -> float:
    """Median of some calls after one that does not count."""
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)
