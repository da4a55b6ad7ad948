"""Channel state as networks take it."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from mmpose_ext.datasets.channel_state import min_max, wrap_angle

MODES = ('frame', 'none')


@TRANSFORMS.register_module()
class NormalizeChannelState(BaseTransform):
    """Stretch the amplitude of each frame to [0, 1], as the toolbox of MM-Fi does.

    The level of the signal is lost by it. A frame in which nothing changes, such as one
    without any valid packet, becomes 0.

    Optional Keys:

        - wifi ``(3, 114, 10)`` amplitude, finite; a sample of other sensors passes as
          it is
        - wifi_phase ``(3, 114, 10)`` radians, for ``phase=True``

    Modified Keys:

        - wifi (a new array; with phase ``(6, 114, 10)``)

    Removed Keys:

        - wifi_phase

    Args:
        mode: ``'frame'``, or ``'none'``, which leaves the amplitude as it is.
        phase: Append the phase, divided by pi to lie in [-1, 1), as three further
            antennas. The toolbox does not use it.

    Raises:
        ValueError: If the mode is unknown; later, if there is no phase to append.
    """

    def __init__(self, mode: str = 'frame', *, phase: bool = False) -> None:
        if mode not in MODES:
            raise ValueError(f'mode={mode!r}; expected one of {MODES}')
        self.mode, self.phase = mode, phase

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Normalise one frame.

        Args:
            results: The sample, keys as listed for the class.
        """
        if 'wifi' not in results:
            return results
        if self.phase and 'wifi_phase' not in results:
            raise ValueError(
                'NormalizeChannelState: the store has no phase; convert the data with '
                'it, or set phase=False'
            )
        amplitude = results['wifi']
        if self.mode == 'frame':
            amplitude = min_max(amplitude)
        phase = results.pop('wifi_phase', None)
        if self.phase:
            wrapped = (wrap_angle(phase) / np.pi).astype(np.float32)
            amplitude = np.concatenate([amplitude, wrapped])
        results['wifi'] = amplitude
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(mode={self.mode!r}, phase={self.phase})'
