"""What a run over tasks is about to do, for people."""

from __future__ import annotations

from mmpose_ext.engine.continual.task_data import TaskData
from mmpose_ext.engine.continual.task_method import TaskMethod
from mmpose_ext.engine.hooks.run_summary_hook import as_table


def describe_tasks(task_data: TaskData, method: TaskMethod, num_epochs: int) -> str:
    """Phases of the run, and the data and noise of each task.

    Args:
        task_data: Data of the tasks.
        method: What is done.
        num_epochs: Epochs of training on each task.
    """
    parts = [
        name
        for name in ('separation', 'consolidation', 'relearning', 'rehearsal')
        if getattr(method, name) is not None
    ]
    phases = f'{num_epochs} epochs of training on each'
    if method.fit_epochs:
        phases += f', {method.fit_epochs} of fitting before each but the first'
    if method.data == 'seen':
        phases += ', always with all tasks so far'
    sizes = task_data.sizes
    return as_table(
        [
            ('tasks', f'{len(sizes)}; {phases}'),
            ('method', ', '.join(parts) or 'fine-tuning'),
            *(
                (f'task {number + 1}', task_data.describe(number))
                for number in range(len(sizes))
            ),
        ]
    )
