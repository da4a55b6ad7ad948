"""From a network to an ONNX file that gives the same numbers.

Networks are traced by ``torch.export``, which refuses to fix a dimension that shall
stay free, and not by the older tracer, which does it silently.
"""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from mmpose_ext.engine.onnx_graph import OnnxGraph

OPSET = 18
"""ONNX operators of this version are in every ONNX Runtime from 1.14 on."""

INT8_LAYERS = ('MatMul', 'Gemm', 'Conv')


def export_graph(
    graph: OnnxGraph,
    path: str | os.PathLike,
    *,
    opset: int = OPSET,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write a graph, with its facts as metadata.

    Args:
        graph: What to write.
        path: The file; weights are inside, so it must stay below 2 GB.
        opset: Version of the operators.
        facts: More metadata. Each entry is one property, its value JSON.

    Raises:
        ImportError: If packages are missing.
        ValueError: If a free dimension cannot stay free.
    """
    onnx = _onnx()
    dims = {name: torch.export.Dim(name) for name in graph.free_dimensions}
    shapes = tuple(
        {axis: dims[size] for axis, size in enumerate(shape) if isinstance(size, str)}
        for shape in graph.inputs.values()
    )
    with torch.no_grad(), _quiet():
        try:
            traced = torch.export.export(
                graph, graph.example(), dynamic_shapes=(shapes,), strict=False
            )
        except torch._dynamo.exc.UserError as error:
            raise ValueError(
                f'{type(graph.model).__name__} cannot be exported with '
                f'{" and ".join(dims)} left open: {error}'
            ) from error
        program: Any = torch.onnx.export(
            traced,
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            opset_version=opset,
            dynamo=True,
            verbose=False,
        )
    proto = program.model_proto
    _name_dimensions(proto, graph)
    _strip(proto)
    write_facts(proto, {'opset': opset, **graph.facts(), **(facts or {})})
    onnx.save(proto, os.fspath(path))


def quantize(
    source: str | os.PathLike,
    path: str | os.PathLike,
    *,
    facts: Mapping[str, Any] | None = None,
) -> int:
    """Write a copy whose layers compute in int8, with scales found as it runs.

    Weights have one scale an output channel; activations one a tensor, anew in each
    call (dynamic quantisation). Everything else stays in float32.

    Args:
        source: A file of :func:`export_graph` in float32.
        path: The copy.
        facts: Metadata to add or replace.

    Returns:
        How many layers compute in int8.

    Raises:
        ValueError: If there is none to quantise.
    """
    onnx = _onnx()
    from onnxruntime import quantization

    with _quiet():
        quantization.quantize_dynamic(
            _unshare(onnx.load(os.fspath(source))),
            os.fspath(path),
            op_types_to_quantize=list(INT8_LAYERS),
            per_channel=True,
            # Convolutions of ONNX Runtime take unsigned weights alone.
            weight_type=quantization.QuantType.QUInt8,
            # Of tensors whose type the file does not tell.
            extra_options={'DefaultTensorType': onnx.TensorProto.FLOAT},
        )
    proto = onnx.load(os.fspath(path))
    number = sum(node.op_type.endswith('Integer') for node in proto.graph.node)
    if not number:
        raise ValueError(
            f'{source} has no layer of {INT8_LAYERS} with constant weights'
        )
    write_facts(proto, facts or {})
    onnx.save(proto, os.fspath(path))
    return number


def write_facts(proto: Any, facts: Mapping[str, Any]) -> None:
    """Set metadata of a model in memory, one property a fact, its value JSON."""
    known = {prop.key: prop for prop in proto.metadata_props}
    for name, value in facts.items():
        prop = known.get(name) or proto.metadata_props.add()
        prop.key, prop.value = name, json.dumps(value)


def read_facts(path: str | os.PathLike) -> dict[str, Any]:
    """Metadata of a file that :func:`export_graph` wrote; text of others as it is."""
    proto = _onnx().load(os.fspath(path), load_external_data=False)
    facts = {}
    for prop in proto.metadata_props:
        try:
            facts[prop.key] = json.loads(prop.value)
        except ValueError:
            facts[prop.key] = prop.value
    return facts


def _name_dimensions(proto: Any, graph: OnnxGraph) -> None:
    """Give free dimensions the names that the graph has for them."""
    names: dict[str, str] = {}
    for value, shape in zip(proto.graph.input, graph.inputs.values(), strict=True):
        for dim, size in zip(value.type.tensor_type.shape.dim, shape, strict=True):
            if isinstance(size, str):
                names[dim.dim_param] = size
    for value in (*proto.graph.input, *proto.graph.output):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in names:
                dim.dim_param = names[dim.dim_param]


def _strip(proto: Any) -> None:
    """Remove where in the source each node came from, and shapes in between.

    Both are as large as a small network. Runtimes find the shapes by themselves, and
    the quantiser stumbles over those of weights that it transposes.
    """
    graph = proto.graph
    del graph.value_info[:]
    for item in (*graph.node, *graph.input, *graph.output, *graph.initializer):
        del item.metadata_props[:]
    for node in graph.node:
        node.doc_string = ''


def _unshare(proto: Any) -> Any:
    """The model with own weights for each Gemm.

    A sampler calls the same layers in each step. The quantiser transposes the weights
    of a Gemm in place, once for each call.
    """
    weights = {tensor.name: tensor for tensor in proto.graph.initializer}
    seen: set[str] = set()
    for number, node in enumerate(proto.graph.node):
        name = node.input[1] if node.op_type == 'Gemm' else ''
        if name in seen:
            copy = proto.graph.initializer.add()
            copy.CopyFrom(weights[name])
            copy.name = node.input[1] = f'{name}_{number}'
        elif name in weights:
            seen.add(name)
    return proto


def _onnx() -> Any:
    try:
        import onnx
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ImportError(
            'the export needs onnx, onnxscript and onnxruntime: '
            'pip install "mmpose-ext[export]"'
        ) from error
    return onnx


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporters' own remarks off the console; errors are raised."""
    loggers = [logging.getLogger(name) for name in ('', 'torch.onnx', 'onnxscript')]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
