"""Pipelines that say which sample they failed on."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from mmpose_ext.datasets.image_files import image_fault


def run_named(
    pipeline: Callable[[dict[str, Any]], Any],
    sample: dict[str, Any],
    name: str,
    *,
    hint: str = '',
) -> Any:
    """Run the pipeline on a sample; what goes wrong names it.

    Args:
        pipeline: MMEngine's ``Compose``.
        sample: The raw sample.
        name: What to call it.
        hint: What to do where a transform returns nothing.

    Raises:
        RuntimeError: If a transform fails or returns ``None``.
    """
    try:
        packed = pipeline(sample)
    except Exception as error:
        raise RuntimeError(f'{name}: {type(error).__name__}: {error}') from error
    if packed is None:
        raise RuntimeError(
            f'{name}: a transform returned None; samples are never skipped{hint}'
        )
    return packed


def run_pipeline(
    pipeline: Callable[[dict[str, Any]], Any], sample: dict[str, Any]
) -> Any:
    """Run the pipeline on a person; what goes wrong names the image.

    Args:
        pipeline: MMEngine's ``Compose``.
        sample: The raw sample, with ``img_path``.

    Raises:
        RuntimeError: If a transform fails, as on an image that is missing or cannot be
            read, or returns ``None``; or if the image file is empty, cut off or text,
            see :func:`~mmpose_ext.datasets.image_files.image_fault`.
    """

    def run(sample: dict[str, Any]) -> Any:
        _check_image(sample)
        return pipeline(sample)

    name = f'{sample.get("img_path", "a sample without img_path")}'
    if 'id' in sample:
        name += f' (person {sample["id"]})'
    hint = ". Leave ignore_empty out of dict(type='LoadImage')"
    return run_named(run, sample, name, hint=hint)


def _check_image(sample: dict[str, Any]) -> None:
    """Refuse a file that is not whole, which decoders may take for a picture."""
    path = sample.get('img_path')
    # Files elsewhere than on disk, and missing ones, are the loading transform's.
    if 'img' in sample or not isinstance(path, str) or not os.path.isfile(path):
        return
    fault = image_fault(path)
    if fault is not None:
        raise ValueError(f'the file {fault}; fetch it again')
