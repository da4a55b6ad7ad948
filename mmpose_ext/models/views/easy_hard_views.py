"""Pairs of an easy and a hard view of the same people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.geometry.drawn_on_the_cpu import to_device
from mmpose_ext.geometry.similarity import (
    compose,
    invert,
    similarity,
    transform_points,
    warp,
    warp_views,
)
from mmpose_ext.models.views.similarity_view import SimilarityView

HardFrom = Literal['image', 'easy_crop']


@dataclass(frozen=True)
class ViewPair:
    """Two views of each person of a batch.

    Args:
        easy: ``(B, 3, H, W)``, 0 to 255.
        easy_to_hard: ``(B, 2, 3)``, pixels of the easy view to those of the hard one.
        hard: ``(B, 3, H, W)``; ``None`` if it is made of the easy one.
    """

    easy: Tensor
    easy_to_hard: Tensor
    hard: Tensor | None


@MODELS.register_module()
class EasyHardViews(nn.Module):
    """Draw an easy and a hard similarity for each person and look through both.

    A view is the network's input plane over the person's box, turned, zoomed and
    perhaps mirrored about its centre: always a similarity in pixels, whatever the
    aspect ratio. (The released code writes the rotation in coordinates that are
    normalised by width and height, which shears people in views that are not square.)

    Two ways to make the hard view:

    - ``'image'``: both views are independent draws from the original image, sampled
      from it once, in one call. The map between them is ``A_hard A_easy^-1``. This is
      how the paper puts it: the hard range is its own, wider one.
    - ``'easy_crop'``: the loader has made the easy view, and the hard one is a second
      similarity of that crop. This is what the released code does, with the same range
      twice; it moves less data, and what left the easy view is black in the hard one.

    The loader has to fit: its pipeline of unlabelled people ends with
    ``CropPersonSource`` for ``'image'``, and with ``RandomFlip``, ``ViewBBoxTransform``
    and ``TopdownAffine`` for ``'easy_crop'``.

    Args:
        size: Width and height of the network's input.
        easy: Options of a ``SimilarityView`` for the easy view; not used with
            ``'easy_crop'``, where the loader draws it.
        hard: Options of a ``SimilarityView`` for the hard view.
        hard_from: ``'image'`` or ``'easy_crop'``.
        flip_prob: Probability that a person is mirrored. Not used with
            ``'easy_crop'``, where the loader does it.
        independent_flips: Mirror each view for itself. Otherwise both views of a person
            are mirrored or none. Not used with ``'easy_crop'``.

    Raises:
        ValueError: If an option is out of range.
    """

    def __init__(
        self,
        size: Sequence[int],
        *,
        hard: dict,
        easy: dict | None = None,
        hard_from: HardFrom = 'image',
        flip_prob: float = 0.5,
        independent_flips: bool = False,
    ) -> None:
        super().__init__()
        if hard_from not in ('image', 'easy_crop'):
            raise ValueError(
                f"hard_from must be 'image' or 'easy_crop', got {hard_from!r}"
            )
        if hard_from == 'image' and easy is None:
            raise ValueError("hard_from='image' needs the options of the easy view")
        if not 0 <= flip_prob <= 1:
            raise ValueError(f'flip_prob must be in [0, 1], got {flip_prob}')
        self.size = (int(size[0]), int(size[1]))
        self.hard_from = hard_from
        self.flip_prob, self.independent_flips = flip_prob, independent_flips
        draw = dict(type='SimilarityView', size=self.size)
        if hard_from == 'easy_crop':  # the loader draws it
            easy = None
        self.easy = None if easy is None else MODELS.build({**draw, **easy})
        self.hard = MODELS.build({**draw, **hard})

    def check_reach(self, reach: float) -> None:
        """Refuse what the loader sends if the views would show more than it.

        Args:
            reach: By what factor it is larger than the box, 1 for the easy crop itself.

        Raises:
            ValueError: If views would end in black where the image goes on, or the easy
                view is expected and pieces of images come.
        """
        if self.easy is None:
            if reach > 1:
                raise ValueError(
                    "views.hard_from='easy_crop' needs the easy view itself, and the "
                    'loader sends pieces of images: put RandomFlip, ViewBBoxTransform '
                    'and TopdownAffine into unlabelled_pipeline, not CropPersonSource, '
                    "or take hard_from='image'"
                )
            return
        needed = max(self.easy.reach, self.hard.reach)
        if reach < needed - 1e-6:
            raise ValueError(
                f'views zoom out by up to {needed:g}, and the loader sends pieces for '
                f'{reach:g} (1 is the box), so that views would end in black: put '
                f"dict(type='CropPersonSource', input_size={self.size}, "
                f'reach={needed:g}) into unlabelled_pipeline, not TopdownAffine, or '
                'lower views.easy.scale and views.hard.scale'
            )

    def forward(
        self, sources: Tensor, source_to_input: Tensor, *, generator: torch.Generator
    ) -> ViewPair:
        """Draw and make the views.

        Args:
            sources: What the loader sends of each person ``(B, 3, h, w)``, uint8.
            source_to_input: ``(B, 2, 3)``, pixels of the source to those of the view
                without any augmentation. Not used with ``'easy_crop'``, where the
                sources are that view.
            generator: On the CPU.

        Raises:
            ValueError: If crops of the loader have another size than the input.
        """
        number, device = len(sources), sources.device
        if self.easy is None:
            self._check_crops(sources)
            easy_to_hard = to_device(self.hard.draw(number, generator), device)
            return ViewPair(sources.float(), easy_to_hard, None)
        easy, hard = self._draw_both(self.easy, number, generator)
        maps = torch.stack([easy, hard, compose(hard, invert(easy))])
        easy, hard, easy_to_hard = to_device(maps, device)
        to_views = compose(torch.stack([easy, hard], dim=1), source_to_input[:, None])
        easy_views, hard_views = warp_views(sources, to_views, self.size)
        return ViewPair(easy_views, easy_to_hard, hard_views)

    def harden(
        self,
        views: ViewPair,
        operators: Sequence[nn.Module],
        joints: Tensor,
        scores: Tensor,
        *,
        generator: torch.Generator,
        fill: Tensor,
    ) -> Tensor:
        """The hard views, with operators such as Joint Cutout applied.

        With ``'image'`` they act on the hard view, with ``'easy_crop'`` on the easy
        one before it is turned and zoomed.

        Args:
            views: What :meth:`forward` returned.
            operators: Image operators, applied in turn.
            joints: Where the joints are in the easy view ``(B, K, 2)``, pixels.
            scores: How sure that is ``(B, K)``.
            generator: On the CPU.
            fill: Colour ``(3,)`` of what is cut out.

        Returns:
            ``(B, 3, H, W)``, 0 to 255.
        """
        images = views.easy if views.hard is None else views.hard
        if views.hard is not None:
            joints = transform_points(views.easy_to_hard, joints)
        for operator in operators:
            images = operator(images, joints, scores, generator=generator, fill=fill)
        if views.hard is None:
            images = warp(images, views.easy_to_hard, self.size)
        return images

    def _check_crops(self, sources: Tensor) -> None:
        found = (sources.shape[-1], sources.shape[-2])
        if found != self.size:
            raise ValueError(
                f"views.hard_from='easy_crop' takes easy views of {self.size} pixels "
                f'from the loader, got {found}: end unlabelled_pipeline with '
                f"dict(type='TopdownAffine', input_size={self.size}) before it is "
                "packed, or take hard_from='image'"
            )

    def _draw_both(
        self, view: SimilarityView, number: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        easy_flip = self._flips(number, generator)
        hard_flip = (
            self._flips(number, generator) if self.independent_flips else easy_flip
        )
        easy = compose(view.draw(number, generator), easy_flip)
        return easy, compose(self.hard.draw(number, generator), hard_flip)

    def _flips(self, number: int, generator: torch.Generator) -> Tensor:
        flip = torch.rand(number, generator=generator) < self.flip_prob
        still = torch.zeros(number)
        return similarity(still, still + 1, flip, size=self.size)
