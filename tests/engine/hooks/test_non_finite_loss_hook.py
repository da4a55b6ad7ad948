from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.runner import Runner
from mmpose.structures import PoseDataSample

from mmpose_ext.engine.hooks import NonFiniteLossHook
from mmpose_ext.engine.hooks.non_finite_loss_hook import sample_names


def samples(*names):
    return [PoseDataSample(metainfo=dict(sample_name=name)) for name in names]


def runner_with(**losses):
    hub = MessageHub('non_finite')
    for key, value in losses.items():
        hub.update_scalar(f'train/{key}', value)
    hub.update_info('last_ckpt', 'epoch_1.pth')
    return SimpleNamespace(message_hub=hub, epoch=1, iter=16)


def test_values():
    losses = dict(loss=float('nan'), loss_pose=float('nan'), loss_depth=0.1, acc=1.0)
    batch = dict(inputs=[], data_samples=samples('a[0:3]', 'b[3:6]'))
    with pytest.raises(FloatingPointError) as error:
        NonFiniteLossHook().after_train_iter(runner_with(**losses), 0, batch, losses)
    text = str(error.value)
    assert 'epoch 2, step 17' in text
    assert 'loss = nan, loss_pose = nan' in text and 'loss_depth' not in text
    assert 'a[0:3], b[3:6]' in text and 'epoch_1.pth' in text


def test_infinite_and_many_names():
    losses = dict(loss=float('inf'))
    batch = dict(data_samples=samples(*'abcdef'))
    with pytest.raises(FloatingPointError, match='a, b and 4 more'):
        NonFiniteLossHook(max_names=2).after_train_iter(
            runner_with(**losses), 0, batch, losses
        )


def test_finite_passes_without_touching_the_device():
    class Forbidden(torch.Tensor):
        def item(self):
            raise AssertionError('the hook synchronised with the device')

    outputs = dict(loss=torch.ones(()).as_subclass(Forbidden))
    NonFiniteLossHook().after_train_iter(runner_with(loss=1.0), 0, {}, outputs)


def test_names_in_nested_batches():
    image = PoseDataSample(metainfo=dict(img_path='x.jpg'))
    batch = dict(labelled=dict(data_samples=samples('a')), unlabelled=[(image, [1])])
    assert sample_names(batch) == ['a', 'x.jpg']
    assert sample_names([PoseDataSample()]) == ['unnamed']


def test_in_runner(tiny_config, tmp_path):
    cfg = tiny_config(tmp_path, **{'optim_wrapper.optimizer.lr': 1e30})
    with pytest.raises(FloatingPointError, match=r'Samples of this batch: S\d_\w+\.'):
        Runner.from_cfg(cfg).train()
