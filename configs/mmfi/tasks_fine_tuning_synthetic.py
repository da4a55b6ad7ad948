# Simulated sensors by task, small: naive fine-tuning, the baseline.
#   python tools/train.py configs/mmfi/tasks_fine_tuning_synthetic.py
_base_ = [
    '../_base_/models/mmfi_small.py',
    '../_base_/datasets/mmfi_synthetic_tasks.py',
    '../_base_/schedules/mmfi_synthetic_tasks.py',
    '../_base_/continual.py',
]
