"""What Joint Cutout does to heatmaps, person by person (Xie et al., Fig. 6).

    python tools/analysis_tools/plot_joint_cutout.py \
        configs/dual_student/dual_jc_r18_coco.py CHECKPOINT --out joint_cutout --num 8
    python tools/analysis_tools/plot_joint_cutout.py CONFIG CHECKPOINT --out DIR \
        --joints 3 --network student1 --seed 1

People are drawn at random from the unlabelled ones that the config trains on, and each
is seen as in training: the easy view, the hard view, and the hard view with joints cut
out where the network sees them in the easy one. What is cut out is as large as in the
config's Joint Cutout, if it has one, and as by default otherwise. Beside each view
stand the network's heatmaps, the maximum over joints, and their mean height. One
picture a person, `joint_cutout_<n>.png`, and `joint_cutout.json` with the heights and
the means of all.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmpose.registry import DATASETS
from rich.progress import track
from torch import Tensor, nn

from mmpose_ext.atomic_write import atomic_path, write_json
from mmpose_ext.engine.launch import add_cfg_options, add_trust_checkpoint
from mmpose_ext.engine.lifter_files import (
    LifterFiles,
    command_line,
    load_config,
    load_lifter,
)
from mmpose_ext.engine.pose_networks import choose_network
from mmpose_ext.models.estimators.consistency_learner import (
    ConsistencyLearner,
    heatmaps_of,
)
from mmpose_ext.models.views.batch_joint_cutout import (
    BatchJointCutout,
    joint_cutout_of,
)
from mmpose_ext.visualization.curves import new_figure
from mmpose_ext.visualization.heatmap_panels import ViewHeatmaps, draw_heatmap_panels

NAME = 'joint_cutout'


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config of a training with unlabelled people')
    parser.add_argument('checkpoint', help='its checkpoint')
    parser.add_argument('--out', type=Path, required=True, help='folder to write into')
    parser.add_argument('--num', type=int, default=8, help='people (default 8)')
    parser.add_argument(
        '--joints', type=int, default=5, help='joints to cut out (default 5)'
    )
    parser.add_argument(
        '--network', help='which one, e.g. student1 (default: the first)'
    )
    parser.add_argument('--seed', type=int, default=0, help='of people and views')
    parser.add_argument('--device', help='default: a GPU where there is one')
    add_trust_checkpoint(parser)
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    if args.num < 1 or args.joints < 1:
        parser.error(f'expected positive numbers, got {args.num} and {args.joints}')
    args.device = args.device or get_device()
    return args


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Look at people and draw.

    Returns:
        What is written as JSON.
    """
    args = parse_args(argv)
    for file in (args.config, args.checkpoint):
        if not Path(file).expanduser().is_file():
            raise FileNotFoundError(f'there is no file {file}')
    files = LifterFiles('', args.config, args.checkpoint)
    cfg = load_config(files, args)
    model = load_lifter(files, args, cfg)
    if not isinstance(model, ConsistencyLearner):
        raise ValueError(
            f'{args.config} has a {type(model).__name__}, which has no easy and hard '
            'views; give a config of students, such as DualStudent'
        )
    name, network = choose_network(model, args.network)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    numbers = choose_people(dataset, args.num, args.seed)
    cutout = joint_cutout_of(model, args.joints)
    people = []
    for number in track(numbers, 'people'):
        sample = dataset[number, args.seed + number]
        generator = torch.Generator().manual_seed(args.seed + number)
        views = views_of(model, network, sample, cutout, generator)
        path = args.out / f'{NAME}_{number - len(dataset.datasets[0])}.png'
        stride = tuple(model.plane.to_input(torch.ones(2)).tolist())
        figure = draw_heatmap_panels(new_figure(12.0, 3.0), [views], stride=stride)
        with atomic_path(path) as temporary:
            figure.savefig(temporary)
        heights = {view.title: response(view) for view in views}
        image = sample['data_samples'].metainfo.get('img_path', '')
        people.append({'image': str(image), 'picture': path.name, 'heights': heights})
    report = report_of(args, cfg, name, people)
    report['cutout'] = cutout.extra_repr()
    report['command'] = command_line(__file__, argv)
    write_json(args.out / f'{NAME}.json', report)
    for title, mean in report['mean_height'].items():
        print(f'{title}: mean height of heatmaps {mean:.3f}')
    print(f'wrote {len(people)} pictures and {NAME}.json to {args.out}')
    return report


def choose_people(dataset: Any, number: int, seed: int) -> list[int]:
    """Numbers of unlabelled people in a ``SemiSupervisedDataset``, at random.

    Raises:
        ValueError: If it is another dataset, or has fewer.
    """
    if len(getattr(dataset, 'datasets', ())) != 2:
        raise ValueError(
            f'the config trains on {type(dataset).__name__}; expected a '
            'SemiSupervisedDataset of labelled and unlabelled people'
        )
    labelled, unlabelled = map(len, dataset.datasets)
    if number > unlabelled:
        raise ValueError(f'--num {number}: there are {unlabelled} unlabelled people')
    chosen = np.random.default_rng(seed).choice(unlabelled, number, replace=False)
    return [labelled + int(index) for index in chosen]


@torch.no_grad()
def views_of(
    model: ConsistencyLearner,
    network: nn.Module,
    sample: dict[str, Any],
    cutout: BatchJointCutout,
    generator: torch.Generator,
) -> list[ViewHeatmaps]:
    """The easy view, the hard one, and the hard one with joints cut out.

    Args:
        model: Its views and preprocessing.
        network: Whose heatmaps to take.
        sample: An unlabelled person.
        cutout: What cuts joints out.
        generator: Of views and cutout.
    """
    preprocessor = model.data_preprocessor
    source_to_input = torch.as_tensor(sample['data_samples'].source_to_input)[None]
    batch = preprocessor(
        {
            'inputs': {'unlabelled': sample['inputs'][None]},
            'targets': {'source_to_input': source_to_input},
            'data_samples': {},
        },
        training=True,
    )
    pair = model.views(
        batch['inputs']['unlabelled'],
        batch['data_samples']['source_to_input'],
        generator=generator,
    )

    def look(title: str, view: Tensor) -> ViewHeatmaps:
        heatmaps = heatmaps_of(network, preprocessor.normalize(view))
        pixels = view[0].clamp(0, 255).byte().permute(1, 2, 0).cpu().numpy()
        if not preprocessor._channel_conversion:  # the network takes BGR
            pixels = pixels[..., ::-1]
        return ViewHeatmaps(title, pixels, heatmaps[0].float().cpu().numpy())

    easy = look('easy view', pair.easy)
    seen = torch.from_numpy(easy.heatmaps)[None].to(pair.easy.device)
    where = model.pseudo_labels.joints_in(seen)
    views = [easy]
    for title, operators in (
        ('hard view', []),
        (f'with {cutout.patches.num_joints} joints cut', [cutout]),
    ):
        hard = model.views.harden(
            pair, operators, *where, generator=generator, fill=preprocessor.fill
        )
        views.append(look(title, hard))
    return views


def response(view: ViewHeatmaps) -> float:
    """Mean height of the heatmaps of a view."""
    return float(view.heatmaps.max(axis=(1, 2)).mean())


def report_of(
    args: argparse.Namespace, cfg: Config, network: str, people: list[dict[str, Any]]
) -> dict[str, Any]:
    """What is written as JSON."""
    return {
        'config': args.config,
        'checkpoint': args.checkpoint,
        'options': dict(args.cfg_options),
        'hard_from': cfg.model.views.get('hard_from', 'image'),
        'network': network,
        'joints': args.joints,
        'seed': args.seed,
        'mean_height': {
            title: statistics.fmean(person['heights'][title] for person in people)
            for title in people[0]['heights']
        },
        'people': people,
    }


if __name__ == '__main__':
    main()
