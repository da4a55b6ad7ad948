"""What a network has to beat: ridge regression and the mean pose, on a config's data.

    python tools/analysis_tools/linear_baseline.py configs/prml/prml_mocap_9.py
    python tools/analysis_tools/linear_baseline.py CONFIG --method mean_pose --out F

The windows, their normalisation and the metric are those of the config; the model of
the config is not used. Ridge regression maps all inputs of a window to all labels of
it. The training windows are used once as they are and once mirrored, like the flips of
the networks' training.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from mmpose.registry import DATASETS, KEYPOINT_CODECS, METRICS
from rich.progress import track
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import mmpose_ext  # noqa: F401
from mmpose_ext.engine.launch import add_cfg_options
from mmpose_ext.models.estimators import flip_poses
from mmpose_ext.models.heads.lifting_head import stack_scale

METHODS = ('ridge', 'mean_pose')
CHUNK = 4096


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config of a lifter')
    parser.add_argument('--method', choices=METHODS, default='ridge')
    parser.add_argument(
        '--alpha', type=float, default=1.0, help='strength of the ridge (default 1)'
    )
    parser.add_argument('--out', type=Path, help='JSON file for all numbers')
    add_cfg_options(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Fit on the training windows, score on the test windows."""
    args = parse_args(argv)
    cfg = Config.fromfile(args.config)
    cfg.merge_from_dict(args.cfg_options)
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    train = DATASETS.build(cfg.train_dataloader.dataset)
    test = DATASETS.build(cfg.test_dataloader.dataset)
    inputs, labels = stack_windows(train)
    model = fit(args.method, inputs, labels, args.alpha)
    metric = METRICS.build(
        dict(cfg.test_evaluator, outfile=None if args.out is None else str(args.out))
    )
    metric.dataset_meta = test.metainfo
    decoder = KEYPOINT_CODECS.build(cfg.model.head.decoder)
    for batch in track(list(chunks(len(test))), 'scoring'):
        samples = [test[i] for i in batch]
        x = torch.stack([sample['inputs'] for sample in samples])
        pred = model.predict(x.flatten(1).numpy())
        pred = torch.from_numpy(pred).float().view(*x.shape[:3], 3)
        metric.process({}, list(predictions(samples, pred, decoder)))
    return metric.evaluate(size=len(test))


def stack_windows(dataset: Any) -> tuple[np.ndarray, np.ndarray]:
    """Inputs ``(2N, T K C)`` and labels ``(2N, T K 3)``, mirrored windows last."""
    samples = [dataset[i] for i in track(range(len(dataset)), 'reading')]
    inputs = torch.stack([sample['inputs'] for sample in samples])
    labels = torch.stack(
        [s['data_samples'].gt_instance_labels.lifting_target_label for s in samples]
    )
    indices = dataset.metainfo['flip_indices']
    return tuple(  # type: ignore[return-value]
        torch.cat([poses, flip_poses(poses, indices)]).flatten(1).numpy()
        for poses in (inputs, labels)
    )


def fit(method: str, inputs: np.ndarray, labels: np.ndarray, alpha: float) -> Any:
    """A fitted scikit-learn regressor."""
    if method == 'mean_pose':
        return DummyRegressor().fit(inputs, labels)
    return make_pipeline(StandardScaler(), Ridge(alpha)).fit(inputs, labels)


def predictions(
    samples: list[dict], pred: torch.Tensor, decoder: Any
) -> Iterator[dict]:
    """Data samples with decoded predictions, as a metric takes them."""
    data_samples = [sample['data_samples'] for sample in samples]
    poses = decoder.decode(pred, *stack_scale(data_samples, pred.shape[1]))
    for data_sample, pose in zip(data_samples, poses, strict=True):
        data_sample.pred_instances = InstanceData(keypoints=pose.numpy())
        yield data_sample.to_dict()


def chunks(length: int) -> Iterator[range]:
    """Ranges that cover ``length``."""
    for start in range(0, length, CHUNK):
        yield range(start, min(start + CHUNK, length))


if __name__ == '__main__':
    main()
