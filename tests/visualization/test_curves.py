import numpy as np
import pytest

from mmpose_ext.visualization import Curve, draw_learning_curve, new_figure
from mmpose_ext.visualization.curves import moving_average


def test_moving_average():
    values = np.array([4.0, 2.0, 0.0, 6.0])
    assert moving_average(values, 2).tolist() == [4, 3, 1, 3]
    assert moving_average(values, 1).tolist() == values.tolist()
    assert moving_average(values, 9)[-1] == values.mean()


def test_values(tmp_path):
    steps = np.arange(1, 201)
    losses = {
        'loss': Curve(steps, np.exp(-steps / 50)),
        'loss_pose': Curve(steps, np.exp(-steps / 50) / 2),
    }
    metrics = {'MPJPE': Curve(steps[49::50], np.array([90.0, 50.0, 40.0, 45.0]))}
    figure = draw_learning_curve(new_figure(), losses, metrics)
    upper, lower = figure.axes
    assert upper.get_yscale() == 'log'
    labels = [text.get_text() for text in upper.get_legend().get_texts()]
    assert labels == ['loss', 'loss_pose']
    assert lower.get_legend().get_texts()[0].get_text() == (
        'MPJPE, best 40 at step 150'
    )
    assert lower.lines[1].get_xydata().tolist() == [[150, 40]]
    figure.savefig(tmp_path / 'curve.png')
    assert (tmp_path / 'curve.png').stat().st_size > 1000


def test_one_part_only():
    curve = Curve(np.array([1, 2]), np.array([-1.0, 1.0]))
    figure = draw_learning_curve(new_figure(), {'loss': curve}, {})
    assert len(figure.axes) == 1
    assert figure.axes[0].get_yscale() == 'linear', 'a loss may be negative'


def test_invalid():
    with pytest.raises(ValueError, match='no curve'):
        draw_learning_curve(new_figure(), {}, {})
