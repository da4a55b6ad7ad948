# MM-Fi by task: naive fine-tuning, the baseline.
#   python tools/train.py configs/mmfi/tasks_fine_tuning.py
_base_ = [
    '../_base_/models/mmfi.py',
    '../_base_/datasets/mmfi_tasks.py',
    '../_base_/schedules/mmfi_tasks.py',
    '../_base_/continual.py',
]
