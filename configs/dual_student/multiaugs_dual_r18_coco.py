# MultiAugs (Zhou et al., 2024), a later reference: two students, four hard views of
# each person, losses added up.
_base_ = 'dual_r18_coco.py'
model = dict(
    occlusions=[
        [dict(type='BatchCutOcclude', num_joints=2), dict(type='BatchCutout')],
        [dict(type='BatchJointCutout', num_joints=5), dict(type='BatchCutMix')],
        [dict(type='BatchJointCutout', num_joints=5)],
        [dict(type='BatchCutOcclude', num_joints=2)],
    ]
)
