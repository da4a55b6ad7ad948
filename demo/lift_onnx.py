"""Lift 2D keypoints with an exported network: NumPy and ONNX Runtime, no torch.

    pip install numpy onnxruntime
    python demo/lift_onnx.py lifter.onnx keypoints.json --joints coco17 \
        --image-size 1280 720 --out poses.npz

`tools/export_onnx.py CONFIG CHECKPOINT --out lifter.onnx` makes the file of the
network; what must be known of it is inside. This script needs no other file of the
project.

The keypoints are one person's: an array (F, K, 2 or 3) of pixels and scores from 0 to 1
(for blazepose33 x, y, z, visibility) in a .json or .npz file, alone or as `keypoints`
beside `scores` (F, K), `image_size` and `joints`, the name of the joint set. They are
lifted frame by frame of the file, so its rate should be that of the training data.
Windows of T frames overlap by half and are blended by a tent. The result is `poses`
(F, 17, 3) in metres relative to the pelvis, camera axes: x right, y down, z forward.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import onnxruntime

FRAMED_SIZE = 1000.0
"""Side in pixels of the square picture that a person is moved into."""
USUAL_JOINTS = 'coco17'
"""The joint set where neither the file nor a flag names one."""


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('network', help='.onnx file of tools/export_onnx.py')
    parser.add_argument('keypoints', type=Path, help='.json or .npz file')
    parser.add_argument(
        '--joints', help=f"their joint set (default: the file's, or {USUAL_JOINTS})"
    )
    parser.add_argument('--image-size', type=float, nargs=2, metavar=('W', 'H'))
    parser.add_argument(
        '--person-height',
        type=float,
        help='move and scale the person to this share of the image width, 0 keeps the '
        'framing (default: what the network expects)',
    )
    parser.add_argument('--batch-size', type=int, default=64, help='windows at a time')
    parser.add_argument('--threads', type=int, default=1, help='default 1')
    parser.add_argument('--out', type=Path, default=Path('poses.npz'))
    args = parser.parse_args(argv)
    if args.batch_size < 1 or args.threads < 1:
        parser.error('--batch-size and --threads: expected positive numbers')
    if args.person_height is not None and not 0 <= args.person_height <= 1:
        parser.error('--person-height: expected a share of the image, from 0 to 1')
    if args.image_size and not all(0 < side < np.inf for side in args.image_size):
        parser.error('--image-size: expected positive numbers')
    return args


def main(argv: Sequence[str] | None = None) -> Path:
    """Lift a file of keypoints."""
    args = parse_args(argv)
    session, facts = open_network(args.network, args.threads)
    fields = read_fields(args.keypoints)
    joints = joint_set_of(fields, args.joints, args.keypoints)
    keypoints, scores, size = keypoints_of(fields, joints, args.keypoints)
    keypoints, scores = convert_joints(keypoints, scores, facts, joints)
    size = args.image_size or size
    height = args.person_height
    if height is None:
        height = facts.get('person_height', 0)
    if height:
        keypoints, size = frame_person(keypoints, height), (FRAMED_SIZE, FRAMED_SIZE)
    if size is None:
        raise ValueError('the image size is not known; give --image-size W H')
    start = time.perf_counter()
    poses = lift(
        session, facts, normalise(keypoints, scores, size, facts), args.batch_size
    )
    poses *= facts['fixed'] + size[0] * facts['per_pixel']
    seconds = time.perf_counter() - start
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with open(args.out, 'wb') as stream:
        np.savez(
            stream, poses=poses, joint_names=facts['joint_names'], frame=facts['frame']
        )
    print(
        f'wrote {args.out}: {len(poses)} frames in {seconds:.2f} s '
        f'({len(poses) / seconds:,.0f} frames/s)'
    )
    return args.out


def open_network(
    path: str, threads: int = 1
) -> tuple[onnxruntime.InferenceSession, dict[str, Any]]:
    """A session, and what the file says of itself.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no network, or one that takes more than keypoints.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'there is no file {path}')
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            path, options, providers=onnxruntime.get_available_providers()
        )
    except Exception as error:  # ONNX Runtime has no common class of them
        raise ValueError(f'{path} cannot be read as a network: {error}') from error
    stored = session.get_modelmeta().custom_metadata_map
    facts = {}
    for name, value in stored.items():
        try:
            facts[name] = json.loads(value)
        except ValueError:  # of another program
            facts[name] = value
    if facts.get('task') not in ('lift_keypoints', 'sample_poses'):
        raise ValueError(
            f'{path} is for {facts.get("task", "something unknown")}; expected a '
            'lifter that tools/export_onnx.py wrote'
        )
    further = {value.name for value in session.get_inputs()} - {'keypoints', 'noise'}
    if further:
        raise ValueError(f'{path} also takes {sorted(further)}, not keypoints alone')
    return session, facts


def keypoints_of(
    fields: dict[str, Any], joint_set: str, path: Path
) -> tuple[np.ndarray, np.ndarray, tuple[float, float] | None]:
    """Pixels ``(F, K, 2)``, scores ``(F, K)`` and the image size, if it is known.

    Raises:
        ValueError: If the file does not hold such arrays.
    """
    array = numbers(fields, 'keypoints', path)
    if array.ndim != 3 or not len(array) or array.shape[2] < 2:
        raise ValueError(
            f'{path}: keypoints have shape {array.shape}; expected (F, K, 2 or more) '
            'and at least one frame'
        )
    channel = 3 if joint_set == 'blazepose33' else 2
    if fields.get('scores') is not None:
        scores = numbers(fields, 'scores', path)
    elif array.shape[2] > channel:
        scores = array[..., channel]
    else:
        scores = np.ones(array.shape[:2], dtype=np.float32)
    if not np.isfinite(array[..., :2]).all():
        raise ValueError(
            f'{path}: keypoints are not finite; fill missing joints in, as '
            'demo/lift_keypoints.py does by itself'
        )
    if scores.shape != array.shape[:2] or not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError(
            f'{path}: scores have shape {scores.shape} and lie in [{scores.min():g}, '
            f'{scores.max():g}]; expected {array.shape[:2]} and numbers from 0 to 1'
        )
    if fields.get('image_size') is None:
        return array[..., :2], scores, None
    size = numbers(fields, 'image_size', path)
    if size.shape != (2,) or not ((size > 0) & np.isfinite(size)).all():
        raise ValueError(f'{path}: image_size is {size.tolist()}; expected [W, H]')
    width, height = size.tolist()
    return array[..., :2], scores, (width, height)


def read_fields(path: Path) -> dict[str, Any]:
    """Arrays by name.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is neither JSON nor NPZ, or has no keypoints.
    """
    if not path.is_file():
        raise FileNotFoundError(f'there is no file {path}')
    try:
        if path.suffix == '.npz':
            with np.load(path, allow_pickle=False) as arrays:
                content: Any = dict(arrays)
        else:
            content = json.loads(path.read_text(encoding='utf-8'))
    except (ValueError, OSError, EOFError, BadZipFile) as error:
        raise ValueError(f'{path} cannot be read as .json or .npz: {error}') from error
    fields = content if isinstance(content, dict) else {'keypoints': content}
    if 'keypoints' not in fields:
        raise ValueError(f'{path} holds {sorted(fields)}; expected keypoints')
    return fields


def joint_set_of(fields: dict[str, Any], asked: str | None, path: Path) -> str:
    """The joint set that the file names, or else the one that is asked for.

    Raises:
        ValueError: If they differ.
    """
    if fields.get('joints') is None:
        return asked or USUAL_JOINTS
    named = str(fields['joints'])
    if asked not in (None, named):
        raise ValueError(
            f'{path} says that its joints are {named!r}, but {asked!r} is asked for; '
            'leave --joints out to take those of the file'
        )
    return named


def numbers(fields: dict[str, Any], name: str, path: Path) -> np.ndarray:
    """An array of a file.

    Raises:
        ValueError: If it holds something else than numbers.
    """
    try:
        return np.asarray(fields[name], dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f'{path}: {name} is no array of numbers ({error}); expected keypoints '
            '(F, K, 2 or more), scores (F, K), image_size (2,)'
        ) from error


def convert_joints(
    keypoints: np.ndarray, scores: np.ndarray, facts: dict[str, Any], joint_set: str
) -> tuple[np.ndarray, np.ndarray]:
    """Joints of the network: weighted sums of the source's; scores are their least."""
    known = facts['joint_maps']
    if joint_set not in known:
        raise ValueError(f'unknown joint set {joint_set!r}; known: {", ".join(known)}')
    source = known[joint_set]['joints']
    if keypoints.shape[1] != len(source):
        fitting = [
            n for n, m in known.items() if len(m['joints']) == keypoints.shape[1]
        ]
        raise ValueError(
            f'{joint_set} has {len(source)} joints, the file {keypoints.shape[1]}; '
            f'joint sets with as many: {", ".join(fitting) or "none"}'
        )
    weights = np.zeros((len(facts['joint_names']), len(source)), dtype=np.float32)
    for row, joint in enumerate(facts['joint_names']):
        for name, weight in known[joint_set]['weights'][joint].items():
            weights[row, source.index(name)] = weight
    least = np.where(weights != 0, scores[:, None], np.inf).min(axis=-1)
    return weights @ keypoints, least.astype(np.float32)


def frame_person(keypoints: np.ndarray, height: float) -> np.ndarray:
    """Move and scale a clip so that the person is as large as in training.

    Raises:
        ValueError: If all keypoints are one point.
    """
    low, high = keypoints.min(axis=1), keypoints.max(axis=1)
    extent = np.quantile((high - low).max(axis=-1), 0.9)
    if not extent > 0:
        raise ValueError('all keypoints lie in one point, so the person has no size')
    centre = np.median((low + high) / 2, axis=0)
    return (keypoints - centre) * (height * FRAMED_SIZE / extent) + FRAMED_SIZE / 2


def normalise(
    keypoints: np.ndarray,
    scores: np.ndarray,
    size: Sequence[float],
    facts: dict[str, Any],
) -> np.ndarray:
    """What the network takes: x and y by the image's width, and the score."""
    width, height = size
    channels = [keypoints * (2 / width) - [1, height / width], scores[..., None]]
    inputs = np.concatenate(channels, axis=-1).astype(np.float32)
    return inputs[..., : len(facts['input_channels'])]


def lift(
    session: onnxruntime.InferenceSession,
    facts: dict[str, Any],
    inputs: np.ndarray,
    batch_size: int,
) -> np.ndarray:
    """Poses ``(F, 17, 3)`` in the network's unit; windows overlap by half."""
    frames, length = len(inputs), facts['seq_len']
    starts = [*range(0, max(frames - length, 0), max(length // 2, 1))]
    starts.append(max(frames - length, 0))
    slots = np.array(starts)[:, None] + np.arange(length)
    tent = 1.0 + np.minimum(np.arange(length), np.arange(length)[::-1])
    weights = np.where(slots < frames, tent, 0.0)
    slots = np.minimum(slots, frames - 1)
    total, weight = np.zeros((frames, inputs.shape[1], 3)), np.zeros(frames)
    for first in range(0, len(slots), batch_size):
        rows = slice(first, first + batch_size)
        poses = session.run(['pose'], feeds(session, facts, inputs[slots[rows]]))[0]
        np.add.at(total, slots[rows], poses * weights[rows, :, None, None])
        np.add.at(weight, slots[rows], weights[rows])
    return (total / weight[:, None, None]).astype(np.float32)


def feeds(
    session: onnxruntime.InferenceSession, facts: dict[str, Any], windows: np.ndarray
) -> dict[str, np.ndarray]:
    """Inputs of a call; a sampler also gets noise, the same in every call."""
    named = {'keypoints': windows}
    for value in session.get_inputs():
        if value.name == 'noise':
            shape = (len(windows), facts['hypotheses'], *value.shape[2:])
            generator = np.random.default_rng(0)
            named['noise'] = generator.standard_normal(shape, dtype=np.float32)
    return named


if __name__ == '__main__':
    try:
        main()
    except (ValueError, FileNotFoundError) as error:
        sys.exit(f'{Path(__file__).name}: {error}')
