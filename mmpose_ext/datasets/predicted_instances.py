"""Predictions of MMPose in JSON, as its inferencer and its demos write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def is_predicted_instances(content: Any) -> bool:
    """Whether a file's content is a list of people or frames, or holds one.

    Of a picture MMPose writes ``[{'keypoints': ..., 'keypoint_scores': ...}, ...]``, of
    a video ``[{'frame_id': 0, 'instances': [...]}, ...]``; its demos put either below
    ``instance_info``.
    """
    if isinstance(content, Mapping):
        return 'instance_info' in content
    return (
        isinstance(content, Sequence)
        and len(content) > 0
        and all(isinstance(row, Mapping) for row in content)
    )


def arrays_of_instances(content: Any, source: str) -> dict[str, np.ndarray]:
    """Keypoints of the one person that a file of MMPose shows.

    Args:
        content: See :func:`is_predicted_instances`.
        source: For messages.

    Returns:
        ``keypoints`` ``(F, K, 2)``, pixels, and ``scores`` ``(F, K)``, at most 1 (some
        heads go above), from the first frame that is named to the last; NaN and 0 in
        frames that do not show the person.

    Raises:
        ValueError: If a frame shows several people, no frame shows anybody, or it is no
            such file.
    """
    rows = content['instance_info'] if isinstance(content, Mapping) else content
    try:
        frames = _frames(rows)
        people = [(n, row) for n, instances in frames for row in instances]
        keypoints = [np.asarray(row['keypoints'], np.float32) for _, row in people]
        scores = [np.asarray(row['keypoint_scores'], np.float32) for _, row in people]
        known = np.stack(keypoints)[..., :2], np.stack(scores)
        numbers = np.array([number for number, _ in people])
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ValueError(
            f'{source} cannot be read as predictions of MMPose '
            f'({type(error).__name__}: {error}); expected people with keypoints and '
            'keypoint_scores in each frame, and at least one of them'
        ) from error
    first, last = frames[0][0], frames[-1][0]
    twice = numbers[1:][np.diff(numbers) == 0]
    if len(twice):
        raise ValueError(
            f'{source} shows several people in frame {twice[0]}, and nothing says who '
            'is who; keep one of them, or give the video to demo/lift_video.py, which '
            'follows people'
        )
    arrays = {
        'keypoints': np.full((last - first + 1, *known[0].shape[1:]), np.nan, 'f4'),
        'scores': np.zeros((last - first + 1, *known[1].shape[1:]), 'f4'),
    }
    arrays['keypoints'][numbers - first] = known[0]
    arrays['scores'][numbers - first] = np.minimum(known[1], 1)
    return arrays


def _frames(rows: Sequence[Mapping[str, Any]]) -> list[tuple[int, Any]]:
    """Numbers of frames and the people in them, in order.

    Raises:
        ValueError: If a number comes twice.
    """
    if 'instances' not in rows[0]:
        return [(0, rows)]
    frames = [
        (int(row.get('frame_id', n)), row['instances']) for n, row in enumerate(rows)
    ]
    frames.sort(key=lambda frame: frame[0])
    if len({number for number, _ in frames}) < len(frames):
        raise ValueError('a frame_id comes twice')
    return frames
