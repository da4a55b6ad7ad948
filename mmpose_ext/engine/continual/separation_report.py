"""How well a separation found noisy samples, for records and pictures."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np

from mmpose_ext.atomic_write import write_json
from mmpose_ext.evaluation.functional.loss_mixture import (
    LossMixture,
    separation_scores,
)


def separation_facts(mixture: LossMixture, noisy: np.ndarray) -> dict[str, Any]:
    """Figures of a separation.

    Args:
        mixture: What was found.
        noisy: The truth ``(N,)``, bool.

    Returns:
        ``separable``, numbers of ``samples`` and of those ``kept``, ``precision``,
        ``recall``, ``F1`` and ``AUC``; these are ``None`` where the truth has one kind
        alone.
    """
    scores = separation_scores(noisy, mixture.clean_probability, mixture.clean)
    return {
        'separable': mixture.separable,
        'samples': len(mixture.clean),
        'kept': int(mixture.clean.sum()),
        **{name: None if math.isnan(v) else v for name, v in scores.items()},
    }


def separation_sentence(facts: dict[str, Any]) -> str:
    """The most important figures, for people."""
    kept = f'{facts["kept"]} of {facts["samples"]} samples count as clean'
    if facts['F1'] is None:
        return f'{kept}; all of them are'
    scores = ', '.join(f'{k} {facts[k]:.2f}' for k in ('precision', 'recall', 'F1'))
    return f'{kept}; noisy ones: {scores}'


def write_losses(
    file: str | os.PathLike, mixture: LossMixture, noisy: np.ndarray
) -> None:
    """Leave the losses of a separation as JSON, for pictures.

    Args:
        file: Destination.
        mixture: What was found.
        noisy: The truth ``(N,)``, bool.
    """
    pair = mixture.gaussians
    write_json(
        file,
        {
            'losses': np.round(mixture.normalised, 6).tolist(),
            'noisy': np.asarray(noisy).astype(int).tolist(),
            'clean_probability': np.round(mixture.clean_probability, 6).tolist(),
            'gaussians': None if pair is None else pair.to_dict(),
        },
    )
