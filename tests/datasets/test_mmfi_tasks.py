"""Groups of actions as tasks."""

import pytest

from mmpose_ext.datasets.mmfi_layout import PROTOCOLS
from mmpose_ext.datasets.mmfi_tasks import TASKS, read_tasks


@pytest.mark.parametrize(('protocol', 'count'), [(1, 7), (2, 6)])
def test_default_tasks_share_out_the_protocol(protocol, count):
    tasks = read_tasks(None, protocol)
    assert len(tasks) == count
    named = [action for actions in tasks for action in actions]
    assert sorted(named) == sorted(PROTOCOLS[protocol])
    assert TASKS[protocol] is tasks


def test_own_tasks():
    assert read_tasks([['A02'], ['A04', 'A27']], 1) == (('A02',), ('A04', 'A27'))
    assert read_tasks([['A01', 'A02']], 3) == (('A01', 'A02'),)


def test_invalid():
    with pytest.raises(ValueError, match='protocol 3 has no tasks'):
        read_tasks(None, 3)
    with pytest.raises(ValueError, match=r'task \[2\] has no actions'):
        read_tasks([['A02'], []], 1)
    with pytest.raises(ValueError, match='no actions'):
        read_tasks([], 1)
    with pytest.raises(ValueError, match=r"\['A02'\] occur in more than one"):
        read_tasks([['A02'], ['A02', 'A03']], 1)
    with pytest.raises(ValueError, match=r"\['A01'\] are not in protocol 1"):
        read_tasks([['A01']], 1)
