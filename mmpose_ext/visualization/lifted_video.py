"""A video of a clip's people: their 2D joints beside their 3D poses on a floor."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
from rich.progress import track as progress_bar

from mmpose_ext.geometry import H36M17
from mmpose_ext.geometry.skeletons import RGB
from mmpose_ext.visualization.person_colours import limb_colours, person_colour
from mmpose_ext.visualization.pose_panels import View, caption
from mmpose_ext.visualization.scene_layout import SceneLayout, lay_out
from mmpose_ext.visualization.video import read_video, write_video

if TYPE_CHECKING:
    from mmpose_ext.structures.tracks import LiftedClip

_AZIMUTH, _ELEVATION = 30.0, 14.0
_WIDEST = 1280
_OVERSAMPLING = 2
_PAPER, _SHADOW, _FLOOR_LINE = (246, 246, 246), (205, 205, 205), (226, 226, 226)
_HALO = (235, 235, 235)
_UNSURE = 0.3
_FADED = 0.55


class _Person(NamedTuple):
    """A person in one frame; ``joints`` are in the scene, metres."""

    track_id: int
    keypoints: np.ndarray
    scores: np.ndarray
    joints: np.ndarray
    confidence: np.ndarray
    filled: bool


def write_lifted_video(
    path: str | os.PathLike,
    clip: LiftedClip,
    *,
    video: str | os.PathLike | None = None,
    height: int = 720,
    progress: bool = True,
) -> None:
    """Write an MP4 of a clip, atomically and frame by frame.

    Args:
        path: Destination.
        clip: What a lifter made.
        video: The clip's video; without it joints lie on a plain ground.
        height: Of the pictures in pixels.
        progress: Whether to show a progress bar.

    Raises:
        FileNotFoundError: If there is no such video.
        ValueError: If the video has another size or fewer frames than the clip.
    """
    images = None if video is None else read_video(video, len(clip))
    pictures = draw_lifted_clip(clip, images, height=height)
    bar = progress_bar(pictures, 'MP4', total=len(clip), disable=not progress)
    write_video(path, bar, fps=clip.fps)


def draw_lifted_clip(
    clip: LiftedClip, images: Iterable[np.ndarray] | None = None, *, height: int = 720
) -> Iterator[np.ndarray]:
    """Draw every frame of a clip.

    Each person has a colour, darker on the right side; joints that are unsure or were
    filled in are paler. The view and the floor stay the same in all frames.

    Args:
        clip: What a lifter made.
        images: Frames of the video ``(H, W, 3)``, BGR.
        height: Of the pictures in pixels.

    Yields:
        Pictures of one size ``(height, W', 3)``, BGR: 2D on the left, 3D on the right.

    Raises:
        ValueError: If an image does not have the clip's size.
    """
    layout = lay_out(clip)
    view = scene_view(layout)
    shown = [None] * len(clip) if images is None else images
    for frame, image in zip(range(len(clip)), shown, strict=False):
        people = _people(clip, layout, frame)
        left = draw_overlay(clip, people, image, height)
        right = draw_scene(people, view, layout, height)
        seconds = float(clip.times[frame])
        caption(right, f'{int(seconds // 60)}:{seconds % 60:05.2f}  frame {frame}')
        yield np.concatenate([left, right], axis=1)


def scene_view(layout: SceneLayout) -> View:
    """A view in which nearly all frames of a clip are visible."""
    half = 1.1 * max(layout.tall / 2 + 0.1, layout.reach)
    return View(_AZIMUTH, _ELEVATION, layout.tall / 2, half)


def draw_overlay(
    clip: LiftedClip,
    people: Sequence[_Person],
    image: np.ndarray | None,
    height: int,
) -> np.ndarray:
    """Draw the 2D joints of one frame over its image, ``(height, W', 3)``."""
    width_px, height_px = clip.image_size
    if image is not None and image.shape[:2] != (height_px, width_px):
        raise ValueError(
            f'the video has frames of {image.shape[1]} x {image.shape[0]} pixels, but '
            f'the keypoints are of {width_px} x {height_px}; give the video that they '
            'were found in'
        )
    scale = min(height / height_px, _WIDEST / width_px)
    size = (max(round(width_px * scale), 1), max(round(height_px * scale), 1))
    panel = np.full((size[1], size[0], 3), _PAPER, dtype=np.uint8)
    if image is not None:
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        panel = np.asarray(cv2.resize(image, size, interpolation=method), np.uint8)
    line = max(2, round(height / 240))
    for person in people:
        places = _pixels(person.keypoints * scale)
        colours = limb_colours(person.track_id)
        for parent, child in H36M17.edges if image is not None else ():
            ends = places[parent], places[child]
            cv2.line(panel, *ends, _HALO, 2 * line, cv2.LINE_AA)
        for parent, child in H36M17.edges:
            sure = not person.filled and person.scores[[parent, child]].min() > _UNSURE
            colour = _bgr(colours[child], faded=not sure)
            cv2.line(panel, places[parent], places[child], colour, line, cv2.LINE_AA)
        for place, colour in zip(places, colours, strict=True):
            cv2.circle(panel, place, line, _bgr(colour), -1, cv2.LINE_AA)
        _write_number(panel, person, places)
    above = (height - len(panel)) // 2
    padding = ((above, height - len(panel) - above), (0, 0), (0, 0))
    return np.pad(panel, padding, constant_values=255)


def draw_scene(
    people: Sequence[_Person], view: View, layout: SceneLayout, size: int
) -> np.ndarray:
    """Draw the 3D poses of one frame on the floor, ``(size, size, 3)``."""
    full = _OVERSAMPLING * size
    canvas = np.full((full, full, 3), 255, dtype=np.uint8)
    _draw_floor(canvas, view, layout.reach)
    width = max(1, round(full / 130))
    strokes: list[tuple[float, list, list, tuple[int, ...], int]] = []
    for person in people:
        colours = limb_colours(person.track_id)
        seen = view.project(person.joints, full)
        shade = view.project(person.joints * [1, 0, 1], full)
        places, shadows = _pixels(seen[:, :2]), _pixels(shade[:, :2])
        for parent, child in H36M17.edges:
            ends = shadows[parent], shadows[child]
            cv2.line(canvas, *ends, _SHADOW, width, cv2.LINE_AA)
            sure = not person.filled
            sure &= bool(person.confidence[[parent, child]].min() > _UNSURE)
            colour = _bgr(colours[child], faded=not sure)
            away = float(seen[[parent, child], 2].mean())
            strokes.append((away, places[parent], places[child], colour, width))
    for _, start, end, colour, thickness in sorted(strokes, key=lambda s: -s[0]):
        cv2.line(canvas, start, end, colour, thickness, cv2.LINE_AA)
        cv2.circle(canvas, end, round(0.8 * thickness), colour, -1, cv2.LINE_AA)
    return cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)


def _people(clip: LiftedClip, layout: SceneLayout, frame: int) -> list[_Person]:
    """Those who are there in a frame and whose joints are known."""
    people = []
    for track in clip.tracks:
        row = frame - int(track.frames[0]) if len(track) else -1
        if not 0 <= row < len(track):
            continue
        joints = layout.place(track, slice(row, row + 1))[0]
        if np.isfinite(joints).all():
            people.append(
                _Person(
                    track.track_id,
                    np.asarray(track.keypoints[row]),
                    np.asarray(track.scores[row]),
                    joints,
                    np.asarray(track.confidence[row]),
                    bool(track.filled[row]),
                )
            )
    return people


def _draw_floor(canvas: np.ndarray, view: View, reach: float) -> None:
    step = 0.5 if reach < 3 else 1.0
    half = step * np.ceil((reach + 0.4) / step)
    for offset in np.arange(-half, half + 1e-6, step):
        for ends in (
            [[offset, 0, -half], [offset, 0, half]],
            [[-half, 0, offset], [half, 0, offset]],
        ):
            first, second = _pixels(view.project(np.array(ends), len(canvas))[:, :2])
            cv2.line(canvas, first, second, _FLOOR_LINE, 2, cv2.LINE_AA)


def _write_number(panel: np.ndarray, person: _Person, places: list[list[int]]) -> None:
    left, top = np.min(places, axis=0).tolist()
    place = (max(left, 4), max(top - 8, 16))
    text, font = str(person.track_id), cv2.FONT_HERSHEY_SIMPLEX
    own = _bgr(person_colour(person.track_id))
    for colour, width in ((_HALO, 4), (own, 2)):
        cv2.putText(panel, text, place, font, 0.6, colour, width, cv2.LINE_AA)


def _pixels(points: np.ndarray) -> list[list[int]]:
    # OpenCV takes no numbers beyond 16 bits once it smooths lines.
    return np.clip(np.rint(points), -16000, 16000).astype(int).tolist()


def _bgr(colour: RGB, *, faded: bool = False) -> tuple[int, ...]:
    share = _FADED if faded else 0.0
    return tuple(int(share * 255 + (1 - share) * value) for value in colour[::-1])
