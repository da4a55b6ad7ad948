"""Files of small graphs: dimensions, metadata, precision, int8, what cannot be."""

import frame_lifter
import numpy as np
import onnx
import pytest
import torch
from mmpose.registry import MODELS
from torch import nn

from mmpose_ext.engine.onnx_check import (
    Call,
    OnnxMismatchError,
    check_file,
    open_session,
    reference_calls,
    relative_difference,
    variations,
)
from mmpose_ext.engine.onnx_export import export_graph, quantize, read_facts
from mmpose_ext.engine.onnx_graph import BATCH, OnnxGraph
from mmpose_ext.engine.onnx_lifter_graph import LifterGraph
from mmpose_ext.engine.onnx_speed import (
    lifted_per_second,
    onnx_milliseconds,
    single_call,
    torch_milliseconds,
)


class TwiceGraph(OnnxGraph):
    """The same layer twice, as a sampler has it."""

    inputs = {'x': (BATCH, 6)}
    outputs = ('y',)

    def __init__(self):
        torch.manual_seed(0)
        super().__init__(nn.Linear(6, 6))

    def forward(self, *inputs):
        x = inputs[0].to(self.precision)
        return self.model(self.model(x).tanh()).float()

    def facts(self):
        return {'task': 'test', 'list': [1, 2], 'seq_len': 6}


@pytest.fixture(scope='module')
def twice(tmp_path_factory):
    graph = TwiceGraph()
    path = tmp_path_factory.mktemp('onnx') / 'twice.onnx'
    export_graph(graph, path, facts={'precision': 'fp32'})
    return graph, path


def lifter_graph(**options):
    torch.manual_seed(0)
    model = MODELS.build(frame_lifter.model_config(**options))
    return LifterGraph(model, seq_len=frame_lifter.SEQ_LEN)


def test_values(twice):
    graph, path = twice
    calls = reference_calls(graph)
    assert [len(call.inputs['x']) for call in calls] == [1, 2, 5]
    assert check_file(path, calls, tolerance=1e-6) < 1e-6
    weight, bias = (value.detach().numpy() for value in graph.model.parameters())
    x = np.random.default_rng(0).normal(size=(3, 6)).astype(np.float32)
    found = open_session(path).run(None, {'x': x})[0]
    expected = np.tanh(x @ weight.T + bias) @ weight.T + bias
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_file(twice):
    """Names, free dimensions, opset and metadata; no other file beside it."""
    _, path = twice
    proto = onnx.load(path)
    onnx.checker.check_model(proto)
    dims = [
        [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (*proto.graph.input, *proto.graph.output)
    ]
    assert dims == [['batch', 6], ['batch', 6]]
    assert [v.name for v in (*proto.graph.input, *proto.graph.output)] == ['x', 'y']
    assert proto.opset_import[0].version == 18
    facts = read_facts(path)
    assert facts == {
        'opset': 18,
        'task': 'test',
        'list': [1, 2],
        'seq_len': 6,
        'precision': 'fp32',
    }
    assert list(path.parent.glob('twice*')) == [path]
    assert b'.py' not in path.read_bytes(), 'no traces of the source'


def test_quantize(twice, tmp_path):
    graph, path = twice
    copy = tmp_path / 'int8.onnx'
    assert quantize(path, copy, facts={'precision': 'int8'}) == 2
    difference = check_file(copy, reference_calls(graph), tolerance=0.1)
    assert difference > 1e-4, 'it is no copy'
    assert read_facts(copy)['precision'] == 'int8'
    assert read_facts(copy)['list'] == [1, 2]


def test_half(tmp_path):
    graph = TwiceGraph()
    calls = reference_calls(graph)
    graph.to_half()
    path = tmp_path / 'half.onnx'
    export_graph(graph, path)
    assert 1e-5 < check_file(path, calls, tolerance=1e-2) < 1e-2
    proto = onnx.load(path)
    weights = {tensor.data_type for tensor in proto.graph.initializer if tensor.dims}
    assert onnx.TensorProto.FLOAT16 in weights
    assert onnx.TensorProto.FLOAT not in weights
    for value in (*proto.graph.input, *proto.graph.output):
        assert value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def test_mismatch(twice):
    graph, path = twice
    calls = reference_calls(graph)
    calls[2].outputs[0][1, 2] += 1e-2
    with pytest.raises(OnnxMismatchError, match=r"y of inputs \{'x': \(5, 6\)\}"):
        check_file(path, calls, tolerance=1e-4)
    calls[2].outputs[0][1, 2] = np.nan
    with pytest.raises(OnnxMismatchError, match='nan'):
        check_file(path, calls, tolerance=1e-4)
    wrong = calls[0]._replace(inputs={'x': np.zeros((1, 7), np.float32)})
    with pytest.raises(OnnxMismatchError, match='cannot run'):
        check_file(path, [calls[1], wrong], tolerance=1e-4)


class OffsetGraph(TwiceGraph):
    """With a bias much larger than all that depends on the inputs."""

    def forward(self, *inputs):
        return super().forward(*inputs) + 40


def test_constants_hide_nothing(tmp_path):
    graph, path = OffsetGraph(), tmp_path / 'offset.onnx'
    export_graph(graph, path)
    calls = reference_calls(graph)
    assert check_file(path, calls, tolerance=1e-4) < 1e-4
    (scale,) = variations(['y'], calls)
    error = 0.01 * scale
    assert error < 1e-3 * calls[2].outputs[0].max(), 'small against the bias'
    calls[2].outputs[0][0, 0] += error
    with pytest.raises(OnnxMismatchError, match='differs by .*e-0. of what it varies'):
        check_file(path, calls, tolerance=1e-3)


@pytest.mark.parametrize('offset', [0.0, 1.0, 1e4])
def test_constant_outputs_are_refused(twice, offset):
    """Of those, any file would do: nothing can be compared."""
    graph, path = twice
    calls = [
        call._replace(outputs=[0 * call.outputs[0] + offset])
        for call in reference_calls(graph)
    ]
    with pytest.raises(OnnxMismatchError, match='y hardly depends on the inputs'):
        check_file(path, calls, tolerance=1e9)
    # As good as constant: what varies drowns in the rounding.
    nearly = [
        call._replace(outputs=[call.outputs[0] * 1e-4 + offset])
        for call in reference_calls(graph)
    ]
    if offset:
        with pytest.raises(OnnxMismatchError, match='y hardly depends'):
            variations(['y'], nearly)
    else:
        assert variations(['y'], nearly)[0] > 0, 'small numbers are no reason'


def test_variations():
    """Ranges over all inputs, of the outputs that have one shape at a time."""

    def call(*outputs):
        return Call({}, [np.float32(output) for output in outputs])

    calls = [
        call([[1, 5]], [[[1, 1]]]),
        call([[3, 5], [2, 5]], [[[1, 1], [2, 2]], [[1, 1], [2, 2.5]]]),
    ]
    assert variations(['a', 'b'], calls) == [2.0, 0.5]


def test_relative_difference():
    expected = np.array([1.0, -4.0])
    assert relative_difference(expected + [0, 0.5], expected, scale=4) == 0.125
    assert relative_difference(np.zeros(3), expected, scale=4) == np.inf
    assert np.isnan(relative_difference(np.array([np.nan, 0]), expected, scale=4))


def test_lifted_per_second():
    """The two ways to count, by hand; a window of one frame has no half."""
    assert lifted_per_second(27, 250.0) == (4.0, 52.0)
    assert lifted_per_second(81, 800.0) == (1.25, 50.0)
    assert lifted_per_second(1, 10.0) == (100.0, 100.0)


def test_fixed_batch(tmp_path):
    """A network that only takes the batch it was traced with is refused."""
    path = tmp_path / 'fixed.onnx'
    with pytest.raises(ValueError, match='SequenceLifter.*batch'):
        export_graph(lifter_graph(fixed_batch=True), path)
    assert not path.exists()


def test_speed(twice):
    graph, path = twice
    call = single_call(graph)
    assert call.inputs['x'].shape == (1, 6)
    assert 0 < onnx_milliseconds(path, call, repeats=3) < 1000
    assert 0 < torch_milliseconds(graph, call, repeats=3) < 1000


@pytest.mark.parametrize(
    ('target', 'fixed', 'per_pixel'), [('camera', 1, 0), ('image', 0, 0.002)]
)
def test_unit(target, fixed, per_pixel):
    """What the file says of its unit is what the codec does."""
    graph = lifter_graph(target=target)
    facts = graph.facts()
    assert facts['fixed'] == pytest.approx(fixed)
    assert facts['per_pixel'] == pytest.approx(per_pixel)
    (inputs,) = graph.example(batch=2)
    with torch.no_grad():
        pose = graph(inputs)
        raw = graph.model.head(graph.model.extract_feat(inputs))
    assert raw[:, :, 0].abs().max() > 0
    assert pose[:, :, 0].abs().max() == 0, 'relative to the root'
    width = 1280.0
    decoded = graph.codec.decode(pose, torch.full((2,), width), torch.zeros(2, 5))
    metres = pose * (facts['fixed'] + width * facts['per_pixel'])
    torch.testing.assert_close(metres, decoded)


def test_flip_test():
    """As the config says, or as asked for."""
    model = MODELS.build(frame_lifter.model_config())
    (inputs,) = LifterGraph(model, seq_len=5).example(batch=2)
    found = {}
    with torch.no_grad():
        for asked in (None, True, False):
            graph = LifterGraph(model, seq_len=5, flip_test=asked)
            found[asked] = graph(inputs)
            assert graph.facts()['flip_test'] == (asked is not False)
        plain = model.head(model.extract_feat(inputs))
    assert torch.equal(found[None], found[True])
    torch.testing.assert_close(found[False], plain - plain[:, :, :1])
    assert (found[True] - found[False]).abs().max() > 1e-3
