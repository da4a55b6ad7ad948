"""t-SNE of 2D, depth and entangled features (PrML, Fig. 6, 10, 11, 13 to 16).

    python tools/analysis_tools/feature_distribution.py --out features \
        configs/prml/prml_mocap_9.py PRML.pth \
        configs/prml/motionbert_mocap_9.py MOTIONBERT.pth --labels PrML MotionBERT
    python tools/analysis_tools/feature_distribution.py ... --frames consecutive \
        --sequence NAME --number 243 --space own

Features are taken right before the regression heads: those of the 2D pose and of the
depth where a network has both (PrML), else its one entangled feature (MotionBERT,
MixSTE). Every joint of every chosen frame is a point. All lifters see the same frames
of the test data, random ones or consecutive ones of one sequence.

`--space joint` embeds all features together, `own` each in a space of its own; without
the option both are drawn. Features of different width cannot be embedded together as
they are: each is then brought to the smallest width by its principal components.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from mmpose_ext.atomic_write import atomic_path, write_json
from mmpose_ext.datasets.frame_store import FrameStore
from mmpose_ext.engine.inference import (
    DEPTH,
    ENTANGLED,
    POSE_2D,
    build_scored_dataset,
    lift_dataset,
)
from mmpose_ext.engine.lifter_files import (
    add_lifter_arguments,
    batch_size_of,
    command_line,
    lifter_files,
    load_config,
    load_lifter,
)
from mmpose_ext.visualization.curves import new_figure
from mmpose_ext.visualization.embedding import draw_embedding

NAMES = {
    POSE_2D: '2D features',
    DEPTH: 'depth features',
    ENTANGLED: 'entangled features',
}
# The paper's green, purple and orange; further lifters take the lighter ones.
COLOURS = {
    POSE_2D: ('#2ca02c', '#98df8a'),
    DEPTH: ('#7b3fb5', '#c5b0d5'),
    ENTANGLED: ('#ff7f0e', '#ffbb78', '#8c564b', '#c49c94'),
}
SPACES = ('joint', 'own')


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_lifter_arguments(parser)
    parser.add_argument('--frames', choices=('random', 'consecutive'), default='random')
    parser.add_argument('--number', type=int, default=243, help='frames (default 243)')
    parser.add_argument(
        '--sequence',
        help='of consecutive frames (default: drawn)',
    )
    parser.add_argument('--space', choices=SPACES, help='default: both')
    parser.add_argument('--perplexity', type=float, default=30.0, help='of t-SNE')
    parser.add_argument('--seed', type=int, default=0, help='of frames and embedding')
    parser.add_argument('--out', type=Path, required=True, help='folder to write into')
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Collect features, embed, draw.

    Returns:
        The features by kind, ``(number * K, C)`` each.
    """
    args = parse_args(argv)
    rng = np.random.default_rng(args.seed)
    lifters = lifter_files(args)
    configs = [load_config(files, args) for files in lifters]
    datasets = [build_scored_dataset(cfg) for cfg in configs]
    rows = choose_frames(datasets, args, rng)
    features: dict[str, np.ndarray] = {}
    colours: dict[str, str] = {}
    for files, cfg, dataset in zip(lifters, configs, datasets, strict=True):
        found = collect(
            load_lifter(files, args, cfg),
            dataset,
            rows=rows,
            batch_size=batch_size_of(args, cfg),
            title=files.label,
        )
        for kind, feature in found.items():
            name = NAMES[kind]
            if len(lifters) > 1:
                name = f'{name}, {files.label}'
            taken = sum(colour in COLOURS[kind] for colour in colours.values())
            colours[name] = COLOURS[kind][taken % len(COLOURS[kind])]
            features[name] = feature
    for space in [args.space] if args.space else SPACES:
        points = embed(features, space, perplexity=args.perplexity, seed=args.seed)
        with atomic_path(args.out / f'{args.frames}_{space}.png') as file:
            draw(points, colours, space, title_of(args)).savefig(file)
    write_json(
        args.out / f'{args.frames}.json', record(args, argv, datasets[0].store, rows)
    )
    return features


def choose_frames(
    datasets: Sequence[Any], args: argparse.Namespace, rng: np.random.Generator
) -> np.ndarray:
    """Rows of the store ``(number,)``, ascending, that every dataset scores.

    Raises:
        ValueError: If the datasets read different stores, a sequence is unknown, or
            there are not enough frames.
    """
    stores = {str(dataset.store.path) for dataset in datasets}
    if len(stores) > 1:
        raise ValueError(f'the lifters read different stores, {sorted(stores)}')
    if args.number < 1:
        raise ValueError(
            f'--number {args.number}; expected a positive number of frames'
        )
    common, *others = (scored_rows(dataset)[0] for dataset in datasets)
    for other in others:
        common = np.intersect1d(common, other)
    if args.frames == 'consecutive':
        return consecutive_frames(datasets[0].store, common, args, rng)
    if len(common) < args.number:
        raise ValueError(
            f'the test data has {len(common)} scored frames, too few for --number '
            f'{args.number}'
        )
    return np.sort(rng.choice(common, args.number, replace=False))


def consecutive_frames(
    store: FrameStore,
    rows: np.ndarray,
    args: argparse.Namespace,
    rng: np.random.Generator,
) -> np.ndarray:
    """Some of ``rows`` that follow each other in one sequence.

    Raises:
        ValueError: If the sequence is unknown, or no sequence is long enough.
    """
    names = [sequence.name for sequence in store.sequences]
    owner = owners_of(store, rows)
    last = rows[args.number - 1 :]
    starts = np.flatnonzero(
        (last - rows[: len(last)] == args.number - 1)
        & (owner[args.number - 1 :] == owner[: len(last)])
    )
    where = 'the test data'
    if args.sequence is not None:
        if args.sequence not in names or names.index(args.sequence) not in owner:
            known = [names[i] for i in np.unique(owner)[:5]]
            raise ValueError(
                f'no frame of a sequence {args.sequence!r} is scored; the test data '
                f'has {known} and others'
            )
        starts = starts[owner[starts] == names.index(args.sequence)]
        where = f'the sequence {args.sequence}'
    if not len(starts):
        raise ValueError(
            f'{where} has no {args.number} consecutive scored frames; choose a smaller '
            '--number'
        )
    start = rng.choice(starts)
    return rows[start : start + args.number]


def owners_of(store: FrameStore, rows: np.ndarray) -> np.ndarray:
    """The sequence of each row of a store, as a row of its table."""
    begins = np.array([sequence.start for sequence in store.sequences])
    return np.searchsorted(begins, rows, side='right') - 1


def scored_rows(dataset: Any) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the store that a dataset scores, ascending, and the window of each."""
    store, windows = dataset.store, dataset.windows
    begins = np.array([sequence.start for sequence in store.sequences])
    scored = [
        windows.frame_ids(number)[windows.score_mask(number)]
        for number in range(len(windows))
    ]
    owner = np.repeat(np.arange(len(windows)), [len(frames) for frames in scored])
    rows = np.concatenate(scored) + begins[windows.sequence[owner]]
    if 'valid' in store:
        valid = np.asarray(store['valid'])[rows]
        rows, owner = rows[valid], owner[valid]
    order = np.argsort(rows)
    return rows[order], owner[order]


def collect(
    model: Any, dataset: Any, *, rows: np.ndarray, batch_size: int, title: str
) -> dict[str, np.ndarray]:
    """Features of some rows of the store, by kind, ``(len(rows) * K, C)`` each."""
    scored, owner = scored_rows(dataset)
    frames = lift_dataset(
        model,
        dataset.get_subset(np.unique(owner[np.isin(scored, rows)])),
        batch_size=batch_size,
        with_features=True,
        title=title,
    )
    wanted = np.isin(frames.store_rows(dataset), rows)
    return {
        kind: feature[wanted].reshape(-1, feature.shape[-1])
        for kind, feature in frames.features.items()
    }


def embed(
    features: Mapping[str, np.ndarray],
    space: str,
    *,
    perplexity: float = 30.0,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Embed features in the plane.

    Args:
        features: By kind, ``(N, C)`` each.
        space: ``'joint'`` or ``'own'``.
        perplexity: Of t-SNE, less than the number of points.
        seed: Of t-SNE.

    Returns:
        Points by kind, ``(N, 2)`` each.

    Raises:
        ValueError: If the perplexity does not fit the number of points.
    """
    fewest = min(map(len, features.values()))
    if not 0 < perplexity < fewest:
        raise ValueError(
            f'--perplexity {perplexity:g} must be positive and less than the {fewest} '
            'points; choose more frames or a smaller perplexity'
        )

    def plane(points: np.ndarray) -> np.ndarray:
        print(f'embedding {len(points)} features of width {points.shape[1]}')
        tsne = TSNE(perplexity=perplexity, init='pca', random_state=seed)
        return tsne.fit_transform(points.astype(np.float32))

    if space == 'own':
        return {kind: plane(feature) for kind, feature in features.items()}
    same = common_width(features)
    points = plane(np.concatenate(list(same.values())))
    ends = np.cumsum([len(feature) for feature in same.values()])
    return dict(zip(same, np.split(points, ends[:-1]), strict=True))


def common_width(features: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Features of the smallest width; wider ones by their principal components."""
    width = min(feature.shape[1] for feature in features.values())
    return {
        kind: feature
        if feature.shape[1] == width
        else PCA(width, random_state=0).fit_transform(feature)
        for kind, feature in features.items()
    }


def title_of(args: argparse.Namespace) -> str:
    """What the points are."""
    return f'{args.number} {args.frames} frames, all joints'


def draw(
    points: Mapping[str, np.ndarray],
    colours: Mapping[str, str],
    space: str,
    title: str,
) -> Figure:
    """One picture of all kinds, or one of each."""
    groups = (
        {'': points} if space == 'joint' else {k: {k: p} for k, p in points.items()}
    )
    figure = new_figure(width=5.0 * len(groups), height=5.4)
    figure.set_layout_engine('constrained')
    axes = figure.subplots(1, len(groups), squeeze=False)[0]
    for ax, (name, group) in zip(axes, groups.items(), strict=True):
        draw_embedding(ax, group, colours=colours, title=name)
    if space == 'joint':
        figure.legend(loc='outside lower center', frameon=False)
    spaces = 'one space' if space == 'joint' else 'a space each'
    figure.suptitle(f't-SNE, {title}, {spaces}')
    return figure


def record(
    args: argparse.Namespace,
    argv: Sequence[str] | None,
    store: FrameStore,
    rows: np.ndarray,
) -> dict[str, Any]:
    """What is needed to make the pictures again."""
    sequences = store.sequences
    owner = owners_of(store, rows)
    return {
        'command': command_line(__file__, argv),
        'seed': args.seed,
        'frames': [
            {
                'sequence': sequences[i].name,
                'frames': (rows[owner == i] - sequences[i].start).tolist(),
            }
            for i in np.unique(owner)
        ],
    }


if __name__ == '__main__':
    main()
