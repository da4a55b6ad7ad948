# PseudoPose (Eq. 8): a network trained on the labels alone teaches, and stays as it is.
#   python tools/train.py configs/dual_student/supervised_r18_coco.py
#   python tools/train.py configs/dual_student/pseudopose_r18_coco.py --amp
_base_ = 'single_r18_coco.py'
model = dict(
    teacher=dict(
        type='FrozenTeacher',
        checkpoint='work_dirs/supervised_r18_coco/iter_468200.pth',
    )
)
