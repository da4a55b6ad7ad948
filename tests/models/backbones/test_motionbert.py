import pytest
import torch
from mmpose.models.backbones import DSTFormer
from mmpose.registry import MODELS
from torch.testing import assert_close

from mmpose_ext.models.backbones import MotionBERT


def backbone(seed=0, **options):
    torch.manual_seed(seed)
    return MotionBERT(
        3, 8, **{'seq_len': 9, 'depth': 2, 'num_heads': 2, 'mlp_ratio': 2, **options}
    )


@pytest.mark.parametrize('frames', [1, 9, 27])
def test_shapes(frames):
    model = backbone(seq_len=frames)
    assert model(torch.randn(2, frames, 17, 3)).shape == (2, frames, 17, 8)
    assert model.causal is False


def stock_state(model: MotionBERT) -> dict[str, torch.Tensor]:
    """Our weights under the names of MMPose's DSTFormer."""
    state = {}
    for name, value in model.state_dict().items():
        parts = name.split('.')
        if parts[0] == 'embedding':
            known = {'frames': 'temp_embed', 'joints': 'spat_embed'}
            if parts[1] in known:
                state[known[parts[1]]] = value if parts[1] == 'frames' else value[0]
            else:
                state[f'joints_embed.{parts[-1]}'] = value
        elif parts[0] == 'norm':
            state[name] = value
        elif parts[2] == 'fusion':
            state[f'attn_regress.{parts[1]}.{parts[-1]}'] = value
        else:
            order = parts[2].removeprefix('stream_')
            axis = order[int(parts[3])]
            inner = '.'.join(parts[5:]).replace('fc1', '0').replace('fc2', '2')
            state[f'blocks_{order}.{parts[1]}.{parts[4]}_{axis}.{inner}'] = value
    return state


def test_same_function_as_mmpose():
    model = backbone()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    stock = DSTFormer(3, 8, depth=2, num_heads=2, mlp_ratio=2, seq_len=9)
    stock.eval()
    stock.load_state_dict(stock_state(model))
    for frames in (9, 4):
        x = torch.randn(2, frames, 17, 3)
        assert_close(model(x), stock(x), atol=1e-5, rtol=1e-4)


def test_fusions_start_as_averages():
    for block in backbone().blocks:
        assert not block.fusion.fc.weight.any()
        assert (block.fusion.fc.bias == 0.5).all()


def test_all_parameters_receive_gradient(make_lifter, make_batch):
    model = make_lifter('motionbert')
    model.loss(*make_batch())['loss_pose'].backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


def test_parameter_count():
    with torch.device('meta'):
        model = MODELS.build(
            dict(
                type='SequenceLifter',
                backbone=dict(type='MotionBERT'),
                head=dict(
                    type='PoseRegressionHead',
                    in_channels=512,
                    hidden_dims=512,
                    losses=dict(),
                ),
            )
        )
    assert sum(p.numel() for p in model.parameters()) == 42_466_317


def test_checkpoint_of_other_length(warned):
    short, long = backbone(seq_len=3), backbone(seed=1, seq_len=5)
    long.load_state_dict(short.state_dict())
    frames = short.embedding.frames
    assert_close(long.embedding.frames[:, ::2], frames)
    assert_close(long.embedding.frames[:, 1], frames[:, :2].mean(1))
    assert warned == ['embedding.frames: checkpoint of T=3 interpolated to T=5']


def test_invalid():
    with pytest.raises(ValueError, match='num_heads=3 does not divide'):
        backbone(num_heads=3)
    with pytest.raises(
        ValueError, match=r'expected keypoints of shape \(B, T, 17, 3\)'
    ):
        backbone()(torch.zeros(1, 9, 16, 3))
