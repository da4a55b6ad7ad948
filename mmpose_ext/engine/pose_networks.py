"""The 2D networks inside a trained model, by name."""

from __future__ import annotations

from typing import Any

from mmengine.config import Config
from torch import nn

from mmpose_ext.models.estimators.consistency_learner import ConsistencyLearner


def networks_of(model: nn.Module) -> dict[str, nn.Module]:
    """The top-down estimators of a model.

    Args:
        model: Students that learn from unlabelled images, or an ordinary estimator,
            which counts as one student.
    """
    if isinstance(model, ConsistencyLearner):
        return model.networks()
    return {'student': model}


def choose_network(model: nn.Module, name: str | None) -> tuple[str, nn.Module]:
    """One of the networks of a model.

    Args:
        model: As for :func:`networks_of`.
        name: Its name; ``None`` means the first.

    Raises:
        ValueError: If there is none of this name.
    """
    networks = networks_of(model)
    if name is None:
        name = next(iter(networks))
    if name in ('ensemble', 'mean'):
        raise ValueError(
            f'{name} is no network: its heatmaps are the mean of several; choose one '
            f'of them, {list(networks)}'
        )
    if name not in networks:
        raise ValueError(
            f'{type(model).__name__} has the networks {list(networks)}, got {name!r}'
        )
    return name, networks[name]


def inner_metrics(evaluator: Any) -> list[dict]:
    """Configs of the metrics that score a network.

    Args:
        evaluator: ``test_evaluator`` of a config, one metric or several; for
            ``PerNetworkMetric`` the metrics inside are taken.
    """
    several = isinstance(evaluator, list | tuple)
    found: list[dict] = []
    for metric in evaluator if several else [evaluator]:
        own = metric['type'] == 'PerNetworkMetric'
        found += metric['scored_by'] if own else [metric]
    return [Config(dict(metric)).to_dict() for metric in found]
