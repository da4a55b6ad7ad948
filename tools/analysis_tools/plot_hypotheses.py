"""Hypotheses of diffusion lifters, the one that fits the 2D in red (PoSynDA, Fig. 3).

    python tools/analysis_tools/plot_hypotheses.py --out hypotheses \
        configs/posynda/posynda_h36m_to_3dhp_27.py ADAPTED.pth \
        configs/posynda/d3dp_h36m_to_3dhp_27.py SOURCE.pth --labels adapted unadapted \
        --hypotheses 5 --frames 4
    python tools/analysis_tools/plot_hypotheses.py ... --data target
    python tools/analysis_tools/plot_hypotheses.py ... --cfg-options \
        model.test_cfg.sampling_steps=5 model.test_cfg.flip_test=False

A row is a frame: the 2D input and, for each lifter, all hypotheses over each other. The
red one has the least reprojection error as a whole pose, after it was placed before the
camera where it fits best (Eq. 4), which needs the camera's intrinsics; it becomes the
pseudo-label in adaptation. The true pose, where the data know it, is dashed.

Frames are drawn at random with `--seed`, one a window: of the first config's test data,
or with `--data target` of the 2D that it adapts to (its training data without labels,
of which no 3D is read). All lifters get the same 2D and the same noise.

`hypotheses.png` and `hypotheses.json` are written into the folder. Below a frame stands
the MPJPE of the chosen hypothesis and of the best one, if the truth is known, and the
spread, which is the standard deviation of a joint's position over the hypotheses, the
mean over all joints. `--cfg-options` are for all configs; as in tests, a flip test
averages each hypothesis with a mirrored one, which adaptation does not.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmpose.registry import DATASETS
from rich.progress import track

from mmpose_ext.atomic_write import atomic_path, write_json
from mmpose_ext.engine.hooks.pose_picture_hook import bones_of
from mmpose_ext.engine.inference import build_scored_dataset, input_keypoints
from mmpose_ext.engine.lifter_files import (
    LifterFiles,
    add_lifter_arguments,
    command_line,
    lifter_files,
    load_config,
    load_lifter,
)
from mmpose_ext.geometry import choose_pose
from mmpose_ext.models.estimators.diffusion_lifter import (
    DiffusionLifter,
    hypothesis_errors,
)
from mmpose_ext.models.normalized_cameras import NormalizedCameras
from mmpose_ext.visualization.curves import new_figure
from mmpose_ext.visualization.hypotheses import Hypotheses, draw_hypotheses

NAME = 'hypotheses'


class Frame(NamedTuple):
    """A frame of a dataset.

    Attributes:
        window: Number of a window that scores it.
        slot: Its place in the window.
        sequence: Name of the sequence.
        number: Its number in the sequence.
        keypoints: Normalised 2D input ``(K, 2)``.
        truth: Relative to the root, metres, ``(K, 3)``; NaN where it is not known.
    """

    window: int
    slot: int
    sequence: str
    number: int
    keypoints: np.ndarray
    truth: np.ndarray


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_lifter_arguments(parser)
    parser.add_argument(
        '--hypotheses', type=int, default=5, metavar='H', help='a frame (default 5)'
    )
    parser.add_argument(
        '--frames', type=int, default=4, metavar='N', help='rows (default 4)'
    )
    parser.add_argument('--data', choices=('test', 'target'), default='test')
    parser.add_argument('--seed', type=int, default=0, help='of frames and noise')
    parser.add_argument(
        '--azimuths',
        type=float,
        nargs='+',
        default=(0.0, 90.0),
        help='views in degrees (default: 0, the camera, and 90, the side)',
    )
    parser.add_argument('--out', type=Path, required=True, help='folder to write into')
    args = parser.parse_args(argv)
    if args.hypotheses < 2 or args.frames < 1:
        parser.error(
            'expected at least 2 --hypotheses and 1 of --frames, got '
            f'{args.hypotheses} and {args.frames}'
        )
    return args


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Draw hypotheses, draw the figure.

    Returns:
        What is written as JSON.
    """
    args = parse_args(argv)
    lifters = lifter_files(args)
    configs = [load_config(files, args) for files in lifters]
    dataset = data_of(configs[0], args.data)
    check_windows(lifters, configs, dataset)
    frames = choose_frames(dataset, args)
    hypotheses = {
        files.label: hypotheses_of(files, cfg, dataset, frames, args)
        for files, cfg in zip(lifters, configs, strict=True)
    }
    report = {
        'command': command_line(__file__, argv),
        'seed': args.seed,
        'data': args.data,
        'frames': [
            {
                'sequence': frame.sequence,
                'frame': frame.number,
                'lifters': {
                    label: {'chosen': int(chosen[row]), **facts_of(poses[row], frame)}
                    for label, (poses, chosen) in hypotheses.items()
                },
            }
            for row, frame in enumerate(frames)
        ],
    }
    write_json(args.out / f'{NAME}.json', report)
    with atomic_path(args.out / f'{NAME}.png') as file:
        draw(frames, hypotheses, dataset, args).savefig(file)
    print(f'wrote {args.out / NAME}.png and .json')
    return report


def data_of(cfg: Config, data: str) -> Any:
    """The test data of a config, or the 2D that it adapts to.

    Raises:
        ValueError: If it does not adapt to any.
    """
    if data == 'test':
        return build_scored_dataset(cfg)
    parts = cfg.train_dataloader.dataset.get('datasets', [])
    unlabelled = [part for part in parts if part.get('target', 'camera') is None]
    if not unlabelled:
        raise ValueError(
            f'{cfg.filename} has no training data without labels (target=None), so '
            '--data target has nothing to draw; give the config of an adaptation first'
        )
    return DATASETS.build(unlabelled[0])


def check_windows(
    lifters: Sequence[LifterFiles], configs: Sequence[Config], dataset: Any
) -> None:
    """Refuse lifters of other windows than those of the data.

    Raises:
        ValueError: If there is one.
    """
    for files, cfg in zip(lifters, configs, strict=True):
        length = cfg.test_dataloader.dataset.seq_len
        if length != dataset.seq_len:
            raise ValueError(
                f'{files.label} takes windows of {length} frames, the data of '
                f'{lifters[0].label} have {dataset.seq_len}; draw them one by one'
            )


def choose_frames(dataset: Any, args: argparse.Namespace) -> list[Frame]:
    """Frames that are scored, at random, each of another window.

    Raises:
        ValueError: If there are not enough.
    """
    rng = np.random.default_rng(args.seed)
    frames: list[Frame] = []
    for window in rng.permutation(len(dataset)):
        sample = dataset[int(window)]
        meta = sample['data_samples'].metainfo
        slots = np.flatnonzero(meta['score_mask'])
        if not len(slots):
            continue
        slot = int(rng.choice(slots))
        frames.append(
            Frame(
                int(window),
                slot,
                meta['sequence'],
                int(meta['frame_ids'][slot]),
                input_keypoints(sample)[slot, :, :2].numpy(),
                truth_of(sample['data_samples'])[slot],
            )
        )
        if len(frames) == args.frames:
            return frames
    raise ValueError(
        f'only {len(frames)} windows have a frame that counts, too few for --frames '
        f'{args.frames}'
    )


def truth_of(data_sample: Any) -> np.ndarray:
    """True poses ``(T, K, 3)``, metres, NaN where they are not known."""
    weight = data_sample.gt_instance_labels.lifting_target_weight.numpy()
    truth = data_sample.gt_instances.get('lifting_target')
    if truth is None:
        return np.full((*weight.shape, 3), np.nan, np.float32)
    return np.where(weight[..., None] > 0, truth.numpy(), np.nan)


def hypotheses_of(
    files: LifterFiles,
    cfg: Config,
    dataset: Any,
    frames: Sequence[Frame],
    args: argparse.Namespace,
) -> tuple[np.ndarray, np.ndarray]:
    """Hypotheses of each frame ``(N, H, K, 3)``, metres, and the chosen one ``(N,)``.

    Raises:
        ValueError: If the lifter draws no hypotheses, or a camera is not known.
    """
    cfg.merge_from_dict({'model.test_cfg.num_hypotheses': args.hypotheses})
    model = load_lifter(files, args, cfg)
    if not isinstance(model, DiffusionLifter):
        raise ValueError(
            f'{files.config} has a {type(model).__name__}, which gives one pose; '
            'expected a DiffusionLifter or PoSynDALifter'
        )
    torch.manual_seed(args.seed)
    poses, chosen = [], []
    for frame in track(frames, files.label):
        # One by one, so that the noise of a frame is the same whatever the others.
        sample = dataset[frame.window]
        with torch.no_grad():
            (output,) = model.test_step(pseudo_collate([sample]))
        window = torch.from_numpy(output.pred_instances.hypotheses)  # (T, H, K, 3)
        errors = hypothesis_errors(
            window.transpose(0, 1)[None],
            input_keypoints(sample)[None, ..., :2],
            NormalizedCameras.of_samples([output], window.device),
        )
        _, index = choose_pose(window.transpose(0, 1)[None], errors)
        poses.append(window[frame.slot].numpy())
        chosen.append(int(index[0, frame.slot]))
    return np.stack(poses), np.array(chosen)


def facts_of(poses: np.ndarray, frame: Frame) -> dict[str, Any]:
    """Spread of hypotheses ``(H, K, 3)`` and, with a truth, their errors, in mm."""
    spread = np.sqrt(poses.var(axis=0).sum(axis=-1)).mean()
    facts: dict[str, Any] = {'spread_mm': 1000 * float(spread)}
    if np.isfinite(frame.truth).any():
        distances = np.linalg.norm(poses - frame.truth, axis=-1)
        facts['MPJPE_mm'] = (1000 * np.nanmean(distances, axis=-1)).tolist()
    return facts


def note_of(poses: np.ndarray, chosen: int, frame: Frame) -> str:
    """What stands below the hypotheses of a frame."""
    facts = facts_of(poses, frame)
    spread = f'spread {facts["spread_mm"]:.0f}'
    errors = facts.get('MPJPE_mm')
    if errors is None:
        return f'{spread} mm'
    return f'chosen {errors[chosen]:.0f} mm, best {min(errors):.0f}, {spread}'


def draw(
    frames: Sequence[Frame],
    hypotheses: dict[str, tuple[np.ndarray, np.ndarray]],
    dataset: Any,
    args: argparse.Namespace,
) -> Any:
    """The figure."""
    edges, colours = bones_of(frames[0].keypoints.shape[0], dataset.metainfo)
    columns = 1 + len(hypotheses) * len(args.azimuths)
    return draw_hypotheses(
        new_figure(2.1 * columns, 2.2 * len(frames) + 0.6),
        np.stack([frame.keypoints for frame in frames]),
        {
            label: Hypotheses(
                poses,
                chosen,
                [note_of(*row) for row in zip(poses, chosen, frames, strict=True)],
            )
            for label, (poses, chosen) in hypotheses.items()
        },
        truth=np.stack([frame.truth for frame in frames]),
        edges=edges,
        edge_colours=colours,
        titles=[f'{frame.sequence}\nframe {frame.number}' for frame in frames],
        azimuths=args.azimuths,
    )


if __name__ == '__main__':
    main()
