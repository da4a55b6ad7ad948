"""Options of runs over tasks."""

import pytest

from mmpose_ext.engine.continual.task_method import read_method


def read(**options):
    nothing = dict.fromkeys(('separation', 'consolidation', 'relearning', 'rehearsal'))
    return read_method(**dict(epochs_per_task=3, data='task') | nothing | options)


def test_values():
    method = read()
    assert method.to_dict() == dict(
        data='task',
        separation=None,
        consolidation=None,
        relearning=None,
        rehearsal=None,
    )
    assert method.fit_epochs == 0
    method = read(
        separation={},
        consolidation=dict(weight=5.0),
        relearning=dict(epoch=2, alpha_inferior=0.6),
        rehearsal=dict(per_task=7),
    )
    assert method.fit_epochs == 5, 'no options are the default ones'
    assert method.consolidation.weight == 5 and method.consolidation.adaptive
    assert method.relearning.alpha_superior == 0.5
    assert method.relearning.alpha_inferior == 0.6
    assert method.rehearsal.per_task == 7
    assert method.to_dict()['relearning']['epoch'] == 2


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(data='all'), "data must be one of .*got 'all'"),
        (dict(separation=dict(fit_epoch=1)), r"separation.*unknown \['fit_epoch'\]"),
        (dict(rehearsal=dict(per_taks=4)), r"\['per_taks'\], missing \['per_task'\]"),
        (dict(rehearsal=dict(per_task=-1)), 'per_task=-1 must be positive'),
        (dict(relearning=dict(alpha_superior=0.5)), r"missing \['epoch'\]"),
        (dict(relearning=dict(epoch=3)), 'an epoch from 1 to 2'),
        (dict(relearning=dict(epoch=0)), 'an epoch from 1 to 2'),
        (dict(relearning=dict(epoch=1, alpha_inferior=2)), 'alpha_inferior=2'),
        (dict(consolidation=dict(adaptive=True)), 'set separation'),
        (dict(data='seen', rehearsal=dict(per_task=4)), 'nothing to rehearse'),
    ],
    ids=str,
)
def test_invalid(options, message):
    with pytest.raises(ValueError, match=message):
        read(**options)


def test_a_modality_without_filter_is_enough_for_adaptive_consolidation():
    method = read(separation=dict(filter=False), consolidation=dict(adaptive=True))
    assert not method.separation.filter
