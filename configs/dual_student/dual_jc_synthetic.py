# Rendered people, small: two students, Joint Cutout in the hard views.
#   python tools/train.py configs/dual_student/dual_jc_synthetic.py
# Patches are half as large as at 256 x 192, like the people.
_base_ = 'dual_synthetic.py'
model = dict(
    occlusions=[
        [dict(type='BatchJointCutout', num_joints=5, half_size=(5, 10), jitter=5.0)]
    ]
)
