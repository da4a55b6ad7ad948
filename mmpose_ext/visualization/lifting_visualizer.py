"""MMPose's 3D visualizer for configs that do not name it."""

from __future__ import annotations

from typing import Any

from mmpose.registry import VISUALIZERS
from mmpose.visualization import Pose3dLocalVisualizer


@VISUALIZERS.register_module()
class LiftingVisualizer(Pose3dLocalVisualizer):
    """MMPose's ``Pose3dLocalVisualizer``, whose name may be left out.

    A run names its visualizer after itself, so that two runs of one process do not
    write into one file. MMPose's ``body3d_pose_lifter_demo.py`` builds the config's
    visualizer without a run and without a name.
    """

    @classmethod
    def get_instance(cls, name: str = 'visualizer', **kwargs: Any) -> LiftingVisualizer:
        """The visualizer of a name, made at the first call.

        Args:
            name: Of the instance.
            **kwargs: Options of ``Pose3dLocalVisualizer`` for the first call.
        """
        return super().get_instance(name, **kwargs)
