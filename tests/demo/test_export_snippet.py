"""The lines of docs/export.md that run a file without torch, as they stand there."""

import re
import subprocess
import sys
from pathlib import Path

import frame_lifter
import numpy as np
import pytest
from person_tracks import SIZE, track_of

from mmpose_ext.apis import KeypointLifter

REPO = Path(__file__).parents[2]
T = frame_lifter.SEQ_LEN

WITHOUT_TORCH = """
import sys
for name in ('torch', 'mmpose_ext', 'mmpose', 'mmengine', 'scipy', 'onnx'):
    sys.modules[name] = None
"""


@pytest.fixture(scope='module')
def snippet():
    """The one block of Python of the page."""
    page = (REPO / 'docs/export.md').read_text(encoding='utf-8')
    (block,) = re.findall(r'^```python\n(.*?)^```$', page, re.DOTALL | re.MULTILINE)
    return block


@pytest.mark.parametrize(('target', 'scores'), [('image', True), ('camera', False)])
def test_values(snippet, load_script, tmp_path, target, scores):
    """In metres what our own API gives, with and without the score as input."""
    model = frame_lifter.model_config(target)
    model['head']['decoder']['confidence'] = scores
    model['backbone']['in_channels'] = 3 if scores else 2
    config = frame_lifter.write_config(tmp_path / 'frames.py', model)
    weights = frame_lifter.write_checkpoint(config, tmp_path / 'frames.pth')
    load_script('tools/export_onnx').main(
        [config, weights, '--out', str(tmp_path / 'lifter.onnx')]
    )
    rng = np.random.default_rng(0)
    joint_scores = rng.uniform(0.2, 1, (T, 17)).astype(np.float32)
    track = track_of(T, root=(1.0, 0.3, 5.0), scores=joint_scores)
    window = np.concatenate([track.keypoints, track.scores[..., None]], axis=-1)
    np.save(tmp_path / 'window.npy', window)
    code = f"{WITHOUT_TORCH}\n{snippet}\nnp.save('poses.npy', poses)\n"
    subprocess.run([sys.executable, '-c', code], cwd=tmp_path, check=True)
    poses = np.load(tmp_path / 'poses.npy')
    assert poses.shape == (1, T, 17, 3)
    lifter = KeypointLifter(config, weights, device='cpu')
    (lifted,) = lifter.lift_tracks([track], SIZE, progress=False)
    assert np.abs(lifted.poses).max() > 0.05
    np.testing.assert_allclose(poses[0], lifted.poses, atol=1e-5)
