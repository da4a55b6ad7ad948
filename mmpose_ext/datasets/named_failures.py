"""Pipelines that say which sample they failed on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


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
            read, or returns ``None``.
    """
    name = f'{sample.get("img_path", "a sample without img_path")}'
    if 'id' in sample:
        name += f' (person {sample["id"]})'
    hint = ". Leave ignore_empty out of dict(type='LoadImage')"
    return run_named(pipeline, sample, name, hint=hint)
