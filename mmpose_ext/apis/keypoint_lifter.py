"""Lift people's keypoints with a trained network, all people and times in batches."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from rich.progress import track as progress_of
from torch import Tensor

from mmpose_ext.apis.lifting_options import LiftingOptions, PersonHeight
from mmpose_ext.apis.missing_joints import tracks_of_somebody
from mmpose_ext.apis.network_calls import check_network, predict_windows
from mmpose_ext.apis.one_euro import OneEuro
from mmpose_ext.apis.track_inputs import (
    Allocate,
    Picture,
    TrackInputs,
    cameras_of,
    frame_grid,
    track_times,
)
from mmpose_ext.apis.track_outputs import TrackOutputs
from mmpose_ext.apis.track_smoothing import smooth_tracks
from mmpose_ext.apis.window_blending import tent, window_frames
from mmpose_ext.datasets.windows import WindowIndex, build_window_index
from mmpose_ext.engine.lifter_files import LifterFiles, load_config, load_lifter
from mmpose_ext.structures.tracks import ClipCamera, LiftedTrack, PersonTrack

PERSON_HEIGHT = 1 / 3
"""Size of people as a share of the image width, as Human3.6M's cameras see them."""


class KeypointLifter:
    """A lifter of this package with its codec and the length of its windows.

    Tracks are cut into overlapping windows of T frames, as
    :func:`~mmpose_ext.datasets.windows.build_window_index` does: the last one ends with
    the track, and a shorter track repeats its last frame. Windows of all people and
    times share batches; what overlaps is blended by a tent over each window, since the
    middle of a window sees as much past as future.

    The networks are those of ``SequenceLifter`` (PrML, MotionBERT, MixSTE) and
    ``DiffusionLifter`` (D3DP, PoSynDA) with a ``LiftingLabel`` codec. Poses of a codec
    with ``target='image'`` are weak-perspective and have the scale that the framing
    gives them (a person a third of the image wide and 4.6 m away); those of
    ``target='camera'`` have the scale that the network estimates.

    Args:
        config: Config file of the network; its test data says what T is.
        checkpoint: Weights, ``.pth`` or ``.safetensors``.
        device: A GPU where there is one, if left out.
        amp: Run the network in half precision (bfloat16 on CPU).
        trust_checkpoint: Read checkpoints that hold objects of any type.
        cfg_options: Settings of the config to override, such as
            ``{'model.test_cfg.flip_test': False}``.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If the checkpoint is damaged or belongs to another model, or the
            model does not lift keypoints alone.
    """

    def __init__(
        self,
        config: str | os.PathLike,
        checkpoint: str | os.PathLike,
        *,
        device: str | None = None,
        amp: bool = False,
        trust_checkpoint: bool = False,
        cfg_options: Mapping[str, Any] | None = None,
    ) -> None:
        files = LifterFiles(Path(config).stem, str(config), str(checkpoint))
        args = argparse.Namespace(
            cfg_options=dict(cfg_options or {}),
            trust_checkpoint=trust_checkpoint,
            device=device,
        )
        cfg = load_config(files, args)
        self._use(load_lifter(files, args, cfg), window_length(cfg), files.label, amp)

    @classmethod
    def of_model(
        cls, model: Any, seq_len: int, *, name: str = '', amp: bool = False
    ) -> KeypointLifter:
        """A lifter of a network that is already loaded.

        Args:
            model: In evaluation mode, on its device.
            seq_len: Frames of a window, T.
            name: For results.
            amp: As above.
        """
        lifter = cls.__new__(cls)
        lifter._use(model, seq_len, name, amp)
        return lifter

    def _use(self, model: Any, seq_len: int, name: str, amp: bool) -> None:
        check_network(model)
        self.model = model
        self.codec = model.head.decoder
        self.seq_len = seq_len
        self.name = name
        self.amp = amp

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.model.parameters()).device

    @property
    def stride(self) -> int:
        """Frames between windows if nothing else is asked for: half a window."""
        return max(1, self.seq_len // 2)

    def lift_tracks(
        self,
        tracks: Sequence[PersonTrack],
        image_size: tuple[float, float],
        *,
        fps: float | None = None,
        times: np.ndarray | None = None,
        model_fps: float | None = None,
        stride: int | None = None,
        batch_size: int = 64,
        person_height: PersonHeight = 'auto',
        camera: ClipCamera | None = None,
        smoothing: OneEuro | None = None,
        progress: bool = True,
        allocate: Allocate | None = None,
        on_failure: Callable[[list[LiftedTrack]], None] | None = None,
    ) -> tuple[LiftedTrack, ...]:
        """Lift people of one clip.

        A joint that is NaN is missing: it is interpolated in time and gets the score 0;
        a frame without any joint is marked as filled. Memory beyond the results grows
        by some bytes a frame only.

        Nobody stops the others: a track without any valid joint is left out, and one
        whose keypoints all lie in one point keeps the framing of the clip; both with a
        warning.

        The confidence of a joint is ``score / (1 + (d / 5 cm)^2)``: the 2D estimator's
        score, and ``d``, how far the predictions of the windows that see the frame lie
        from their mean (root mean square, weighted as they are blended). It is no
        probability and not calibrated: it does not know of errors that all windows
        share, and where only one window sees a frame the score alone counts.

        Args:
            tracks: People.
            image_size: Width and height in pixels.
            fps: Frames a second.
            times: Seconds of every frame of the clip, ``(N,)``, where the rate varies;
                instead of ``fps``.
            model_fps: Lift at this rate, that of the training data, and interpolate the
                poses back; the rate of the clip if left out.
            stride: Frames between the starts of two windows; half a window if left out.
            batch_size: Windows of a batch.
            person_height: Networks expect people as large as in their training data:
                keypoints are moved and scaled so that a person's size is this share of
                the image width; ``'auto'`` means a third, ``None`` keeps the framing
                of the clip.
            camera: Also estimate where the root is. Axes of poses are then those of
                this camera; without one, people who were moved to the middle have the
                axes of a camera that looks at them.
            smoothing: Filter poses and roots.
            progress: Show a bar.
            allocate: Makes the arrays of results, float32, from their shape, such as
                memory maps; NumPy's own if left out.
            on_failure: Takes the tracks as far as they are lifted, if something fails
                on the way or the user interrupts; they are not smoothed to the end.

        Returns:
            The tracks that show somebody, in the same order.

        Raises:
            ValueError: If no track has a valid joint, one has wrong shapes, an option
                is out of range, or the frame rate is needed and unknown.
        """
        LiftingOptions(model_fps, stride, batch_size, person_height).check_stride(
            self.seq_len
        )
        stride = self.stride if stride is None else stride
        height = PERSON_HEIGHT if person_height == 'auto' else person_height
        tracks = tracks_of_somebody(tracks)
        inputs, outputs = [], []
        for track in tracks:
            seconds = None
            if model_fps is not None:
                seconds = track_times(track, fps, times, 'model_fps')
            grid = frame_grid(len(track), seconds, model_fps)
            picture = Picture.of_track(track, image_size, height, camera)
            inputs.append(TrackInputs(track, self.codec, grid, picture))
            outputs.append(TrackOutputs(track, grid, picture, allocate))
        if smoothing is not None:
            seconds_of = [track_times(t, fps, times, 'smoothing') for t in tracks]

        windows = build_window_index(
            [len(rows) for rows in inputs], self.seq_len, stride=stride
        )
        starts = range(0, len(windows), batch_size)
        try:
            for start in progress_of(starts, 'lifting', disable=not progress):
                stop = min(start + batch_size, len(windows))
                self._lift_batch(windows, slice(start, stop), inputs, outputs)
            lifted = tuple(rows.lifted() for rows in outputs)
            if smoothing is not None:
                smooth_tracks(lifted, seconds_of, smoothing)
        except BaseException:
            if on_failure is not None:
                parts = [rows.lifted_so_far() for rows in outputs]
                on_failure([part for part in parts if len(part)])
            raise
        return lifted

    @torch.no_grad()
    def lift_windows(self, inputs: Tensor, pictures: Sequence[Picture]) -> Tensor:
        """Poses of windows, with the options of the config's ``test_cfg``.

        Args:
            inputs: Encoded keypoints ``(B, T, K, C)``.
            pictures: What they lie in, B of them.

        Returns:
            Relative to the root, metres, on the CPU, ``(B, T, K, 3)``.
        """
        inputs = inputs.to(self.device, non_blocking=True)
        with torch.autocast(self.device.type, enabled=self.amp):
            poses = predict_windows(
                self.model, inputs, cameras_of(pictures, self.device)
            )
        width = torch.tensor([float(picture.size[0]) for picture in pictures])
        unknown = torch.zeros(poses.shape[:2])
        return self.codec.decode(poses.float().cpu(), width, unknown)

    def _lift_batch(
        self,
        windows: WindowIndex,
        rows: slice,
        inputs: Sequence[TrackInputs],
        outputs: Sequence[TrackOutputs],
    ) -> None:
        """Lift some windows, neighbours in the index, and blend them into outputs."""
        batch = windows.take(rows)
        frames, weights = window_frames(batch), tent(batch)
        encoded: list[Tensor] = []
        pictures: list[Picture] = []
        spans = list(_tracks_of(batch))
        for number, part in spans:
            first, last = int(frames[part].min()), int(frames[part].max())
            span = torch.from_numpy(inputs[number].encoded(first, last + 1))
            encoded.append(span[torch.from_numpy(frames[part] - first)])
            pictures += [inputs[number].picture] * len(frames[part])
        poses = self.lift_windows(torch.cat(encoded), pictures).numpy()
        for number, part in spans:
            final = len(inputs[number])
            if rows.stop < len(windows) and windows.sequence[rows.stop] == number:
                final = int(windows.start[rows.stop])
            outputs[number].add(
                batch.start[part], batch.frames[part], weights[part], poses[part]
            )
            outputs[number].write(final)


def window_length(cfg: Config) -> int:
    """Frames of a window of a config's test data.

    Raises:
        ValueError: If the config does not say.
    """
    dataset = cfg.get('test_dataloader', {}).get('dataset', {})
    seq_len = dataset.get('seq_len')
    if not isinstance(seq_len, int) or seq_len < 1:
        raise ValueError(
            f'{cfg.filename} tests on {dataset.get("type")} with seq_len={seq_len}; '
            'expected the config of a lifter, with test_dataloader.dataset.seq_len'
        )
    return seq_len


def _tracks_of(batch: WindowIndex) -> Iterator[tuple[int, slice]]:
    """Each track of a batch, and where its windows are."""
    bounds = np.flatnonzero(np.diff(batch.sequence)) + 1
    for part in np.split(np.arange(len(batch)), bounds):
        yield int(batch.sequence[part[0]]), slice(part[0], part[-1] + 1)
