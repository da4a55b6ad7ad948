"""Ridge regression and the mean pose on a config's data."""

import json
from pathlib import Path

import numpy as np
import pytest

REPO = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('analysis_tools/linear_baseline')


@pytest.fixture
def argv(pose_store):
    data = [
        f'{name}_dataloader.dataset.store={pose_store}'
        for name in ('train', 'val', 'test')
    ]
    return [str(REPO / 'configs/prml/prml_mocap_9.py'), '--cfg-options', *data]


def test_ridge_recovers_a_linear_map(tool):
    rng = np.random.default_rng(0)
    inputs, matrix = rng.normal(size=(200, 6)), rng.normal(size=(6, 4))
    model = tool.fit('ridge', inputs, inputs @ matrix, alpha=1e-6)
    fresh = rng.normal(size=(5, 6))
    np.testing.assert_allclose(model.predict(fresh), fresh @ matrix, atol=1e-5)


def test_in_runner(tool, argv, tmp_path):
    errors = {}
    for method in tool.METHODS:
        out = tmp_path / f'{method}.json'
        metrics = tool.main(
            [*argv[:1], '--method', method, '--out', str(out), *argv[1:]]
        )
        written = json.loads(out.read_text())
        assert written['metrics']['MPJPE'] == pytest.approx(metrics['MPJPE'])
        assert written['num_frames'] == 2 * (12 + 13)
        errors[method] = metrics['MPJPE']
    # The mean of a pose and its mirror image is symmetric: flipping changes nothing.
    assert 0 < errors['mean_pose'] < 1000
    assert errors['ridge'] != pytest.approx(errors['mean_pose'], rel=1e-3)
