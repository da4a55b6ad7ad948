import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from mmpose_ext.evaluation.metrics import JointDetectionRate
from mmpose_ext.evaluation.metrics.limb_keypoints import SKELETONS
from mmpose_ext.geometry import H36M17

META = {'keypoint_id2name': dict(enumerate(H36M17.joint_names))}
GROUPS = ('knee', 'ankle', 'elbow', 'wrist')


def sample(errors=None, *, visible=None, skeleton='h36m17', head_px=20.0, seed=0):
    """A person whose joints, by name, are found so many pixels beside the truth."""
    truth = np.random.default_rng(seed).uniform(0, 900, (1, 17, 2)).astype(np.float32)
    truth[0, 10] = truth[0, 9] - [0, head_px]
    moved = truth.copy()
    for name, error in (errors or {}).items():
        moved[0, H36M17.joint_names.index(name), 0] += error
    names = SKELETONS[skeleton]
    pred = np.full((1, len(names), 2), -1e4, np.float32)
    for column, name in enumerate(names):
        name = name.replace('ankle', 'foot')
        if name in H36M17.joint_names:
            pred[0, column] = moved[0, H36M17.joint_names.index(name)]
    seen = np.ones((1, 17), np.float32)
    for name in visible or ():
        seen[0, H36M17.joint_names.index(name)] = 0
    data_sample = PoseDataSample(metainfo={'img_path': 'a.jpg'})
    data_sample.gt_instances = InstanceData(keypoints=truth, keypoints_visible=seen)
    data_sample.pred_instances = InstanceData(keypoints=pred)
    return data_sample


def evaluate(samples, meta=META, **options):
    evaluator = Evaluator(JointDetectionRate(**options))
    evaluator.dataset_meta = meta
    for start in range(0, len(samples), 2):
        evaluator.process(samples[start : start + 2])
    return evaluator.evaluate(len(samples))


def test_shapes():
    scores = evaluate([sample(), sample(seed=1), sample(seed=2)])
    assert list(scores) == ['JDR', *(f'JDR/{group}' for group in GROUPS)]
    assert all(value == 100 for value in scores.values())


def test_values():
    """Left and right count alike; the mean is over the groups."""
    missed = {'left_wrist': 10.1, 'right_wrist': 9.9, 'left_foot': 60, 'head': 0}
    scores = evaluate([sample(missed), sample(seed=1)])
    assert scores['JDR/wrist'] == 75
    assert scores['JDR/ankle'] == 75
    assert scores['JDR/elbow'] == scores['JDR/knee'] == 100
    assert scores['JDR'] == 87.5
    assert evaluate([sample(missed)], threshold=0.6)['JDR/wrist'] == 100
    assert evaluate([sample(missed)], joint_groups=['wrist']) == {
        'JDR': 50,
        'JDR/wrist': 50,
    }


def test_head():
    """The threshold grows with the head, unless a constant is given."""
    missed = {'left_wrist': 12, 'right_wrist': 12}
    samples = [sample(missed, head_px=20.0), sample(missed, head_px=30.0)]
    assert evaluate(samples)['JDR/wrist'] == 50
    assert evaluate(samples, head_size=25.6)['JDR/wrist'] == 100
    assert evaluate(samples, head_size=23)['JDR/wrist'] == 0
    assert evaluate(samples, head=('root', 'head'))['JDR/wrist'] == 100


@pytest.mark.parametrize('skeleton', ['mpii16', 'coco17'])
def test_other_skeletons(skeleton):
    samples = [sample({'right_knee': 50, 'left_foot': 50}, skeleton=skeleton)]
    scores = evaluate(samples, pred_skeleton=skeleton)
    assert scores['JDR/knee'] == scores['JDR/ankle'] == 50
    assert scores['JDR/elbow'] == scores['JDR/wrist'] == 100


def test_invisible_joints():
    missed = {'left_wrist': 50}
    samples = [sample(missed, visible=['left_wrist']), sample(visible=['head'])]
    assert evaluate(samples)['JDR'] == 100
    with pytest.raises(ValueError, match='none of 1 samples has neck_base and head'):
        evaluate(samples[1:])
    assert evaluate(samples[1:], head_size=10)['JDR'] == 100
    nobody = sample(visible=[f'{side}_wrist' for side in ('left', 'right')])
    scores = evaluate([nobody])
    assert np.isnan(scores['JDR/wrist']) and scores['JDR'] == 100


def test_tensors():
    data_sample = sample({'left_knee': 50})
    for instances in (data_sample.gt_instances, data_sample.pred_instances):
        for key, value in list(instances.items()):
            instances.set_field(torch.from_numpy(value), key)
    assert evaluate([data_sample])['JDR/knee'] == 50


def test_invalid():
    with pytest.raises(ValueError, match='threshold=0'):
        JointDetectionRate(0)
    with pytest.raises(ValueError, match='head_size=-1'):
        JointDetectionRate(head_size=-1)
    with pytest.raises(ValueError, match='names of two joints'):
        JointDetectionRate(head=['head'])
    with pytest.raises(ValueError, match="skeleton 'mpii'"):
        JointDetectionRate(pred_skeleton='mpii')
    with pytest.raises(ValueError, match='joint_groups='):
        JointDetectionRate(joint_groups=['nose'])
    with pytest.raises(ValueError, match='does not name its joints'):
        evaluate([sample()], meta=None)
    with pytest.raises(ValueError, match='no chin among'):
        evaluate([sample()], head=('chin', 'head'))
    with pytest.raises(ValueError, match=r'a.jpg.*\(1, 16, 2\).*pred_skeleton'):
        evaluate([sample(skeleton='mpii16')])
