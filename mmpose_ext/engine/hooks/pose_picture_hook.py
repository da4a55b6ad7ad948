"""Pictures of predicted 3D poses beside the truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmengine.dist import is_main_process, master_only
from mmengine.hooks import Hook
from mmpose.registry import HOOKS

from mmpose_ext.engine.hooks.run_summary_hook import register_picture
from mmpose_ext.geometry.skeletons import H36M17
from mmpose_ext.visualization.curves import new_figure
from mmpose_ext.visualization.pose3d import Edges, draw_pose_pairs


class PosePair(NamedTuple):
    """One frame of a data sample.

    Attributes:
        name: Of the sample.
        prediction: Root-relative, camera frame, metres, ``(K, 3)``.
        truth: Same for the truth.
    """

    name: str
    prediction: np.ndarray
    truth: np.ndarray


@HOOKS.register_module()
class PosePictureHook(Hook):
    """Draw a few predictions of the last validation or test beside the truth.

    At the end of training or testing, ``poses.png`` in the work dir shows samples
    spread evenly over the data that the first process evaluated.

    The hook stands in the config as ``default_hooks.visualization``, the place of
    MMPose's ``PoseVisualizationHook``, which draws on images and therefore fails on
    data that has none. It takes the same options, so ``--show-dir``, ``--show``,
    ``--interval`` and ``--wait-time`` of MMPose's tools and ours work with it.

    Args:
        number: Poses in ``poses.png``.
        enable: Also draw single samples while evaluating.
        interval: With ``enable``: draw every so many samples.
        show: With ``enable``: in a window.
        wait_time: With ``show``: seconds that a window stays.
        out_dir: With ``enable``: folder for the pictures; a relative one lies in the
            run's log folder, as in MMPose. ``None`` hands them to the visualizer.

    Raises:
        ValueError: If a number is not positive.
    """

    # After LoggerHook, before RunSummaryHook names the picture.
    priority = 'VERY_LOW'

    def __init__(
        self,
        number: int = 5,
        *,
        enable: bool = False,
        interval: int = 50,
        show: bool = False,
        wait_time: float = 0.0,
        out_dir: str | None = None,
    ) -> None:
        if number < 1 or interval < 1:
            raise ValueError(
                f'number and interval must be positive, got {number} and {interval}'
            )
        self.number = number
        self.enable = enable
        self.interval = interval
        self.show = show
        self.wait_time = wait_time
        self.out_dir = out_dir
        self.pairs: list[PosePair] = []
        self._wanted: set[int] = set()
        self._seen = 0
        self._metainfo: dict[str, Any] = {}

    def before_val_epoch(self, runner: Any) -> None:
        """Choose the samples to draw."""
        self._start(runner.val_dataloader)

    def before_test_epoch(self, runner: Any) -> None:
        """Choose the samples to draw."""
        self._start(runner.test_dataloader)

    def after_val_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Keep the chosen samples of this batch."""
        self._collect(runner, outputs, f'val_{runner.iter}')

    def after_test_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Keep the chosen samples of this batch."""
        self._collect(runner, outputs, 'test')

    def after_train(self, runner: Any) -> None:
        """Draw the samples of the last validation."""
        self._draw_summary(runner)

    def after_test(self, runner: Any) -> None:
        """Draw the samples of the test."""
        self._draw_summary(runner)

    def _start(self, loader: Any) -> None:
        total = len(getattr(loader, 'sampler', None) or loader.dataset)
        self.pairs = []
        self._seen = 0
        self._metainfo = getattr(loader.dataset, 'metainfo', {})
        self._wanted = set(spread(total, self.number))

    def _collect(self, runner: Any, outputs: Sequence[Any] | None, tag: str) -> None:
        if not is_main_process():
            return
        for sample in outputs or ():
            wanted = self._seen in self._wanted
            single = self.enable and self._seen % self.interval == 0
            if wanted or single:
                pair = pair_of_sample(sample)
                if pair is not None and wanted:
                    self.pairs.append(pair)
                if pair is not None and single:
                    self._draw_single(runner, pair, f'{tag}_{self._seen:06d}')
            self._seen += 1

    def _draw_single(self, runner: Any, pair: PosePair, name: str) -> None:
        figure = draw_pairs([pair], *bones_of(len(pair.truth), self._metainfo))
        if self.out_dir is not None:
            folder = Path(runner.log_dir) / self.out_dir
            folder.mkdir(parents=True, exist_ok=True)
            figure.savefig(folder / f'{name}.png')
            register_picture(runner, folder)
        if self.show or self.out_dir is None:
            figure.canvas.draw()
            image = np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()
            if self.show:
                runner.visualizer.show(image, win_name=name, wait_time=self.wait_time)
            else:
                runner.visualizer.add_image(name, image)

    @master_only
    def _draw_summary(self, runner: Any) -> None:
        if not self.pairs:
            return
        path = Path(runner.work_dir) / 'poses.png'
        bones = bones_of(len(self.pairs[0].truth), self._metainfo)
        draw_pairs(self.pairs, *bones).savefig(path)
        register_picture(runner, path)


def spread(total: int, number: int) -> list[int]:
    """Up to ``number`` different indices below ``total``, evenly spread.

    Args:
        total: Samples to choose from.
        number: Samples wanted.

    Returns:
        Ascending indices, each in the middle of its share.
    """
    number = min(total, number)
    return [int((i + 0.5) * total / number) for i in range(number)]


def pair_of_sample(sample: Any) -> PosePair | None:
    """The frame of a data sample that is scored and nearest to its middle.

    Args:
        sample: With ``pred_instances.keypoints`` and ``gt_instances.lifting_target``,
            both ``(T, K, 3)``.

    Returns:
        ``None`` if the sample has no 3D prediction or no truth.
    """
    pred = getattr(sample, 'pred_instances', {}).get('keypoints', None)
    truth = getattr(sample, 'gt_instances', {}).get('lifting_target', None)
    if pred is None or truth is None or pred.shape[-1] != 3:
        return None
    pred, truth = _as_windows(pred), _as_windows(truth)
    frames = np.arange(len(truth))
    mask = np.asarray(sample.metainfo.get('score_mask', frames >= 0), dtype=bool)
    if mask.any():
        frames = frames[mask]
    frame = int(frames[np.argmin(np.abs(frames - len(truth) // 2))])
    name = str(sample.metainfo.get('sample_name', ''))
    return PosePair(f'{name} frame {frame}' if name else '', pred[frame], truth[frame])


def draw_pairs(
    pairs: Sequence[PosePair], edges: Edges, edge_colours: Sequence[str]
) -> Any:
    """A figure of pairs: see ``draw_pose_pairs``."""
    figure = new_figure(width=max(4.0, 2.8 * len(pairs)), height=6.0)
    return draw_pose_pairs(
        figure,
        np.stack([pair.prediction for pair in pairs]),
        np.stack([pair.truth for pair in pairs]),
        edges=edges,
        edge_colours=edge_colours,
        titles=[pair.name for pair in pairs],
    )


def _as_windows(poses: Any) -> np.ndarray:
    """NumPy array ``(T, K, 3)`` of a tensor or array, one frame or many."""
    array = poses.detach().cpu().numpy() if hasattr(poses, 'detach') else poses
    array = np.asarray(array, dtype=np.float32)
    return array.reshape(-1, *array.shape[-2:])


def bones_of(joints: int, metainfo: dict[str, Any]) -> tuple[Edges, list[str]]:
    """Bones and their colours: ours for Human3.6M's joints, else the dataset's.

    Args:
        joints: Number of joints K.
        metainfo: Of the dataset, in MMPose's format.

    Returns:
        Pairs of joints, and a colour for each.
    """
    if joints == H36M17.num_joints:
        colours = H36M17.joint_colours
        return H36M17.edges, [_hex(colours[child]) for _, child in H36M17.edges]
    links = [(int(a), int(b)) for a, b in metainfo.get('skeleton_links', [])]
    return links, ['#0072B2'] * len(links)


def _hex(colour: Sequence[int]) -> str:
    return '#' + ''.join(f'{part:02x}' for part in colour)
