# Human3.6M's two test people in four views each, scored in 3D after triangulation, and
# the five training people as unlabelled images. Make the annotation files from a store
# with cameras and from extracted frames:
#   python tools/dataset_converters/store_to_coco.py data/h36m_cpn data/h36m \
#       --out data/h36m/annotations/h36m_test.json --split test --every 65
#   python tools/dataset_converters/store_to_coco.py data/h36m_cpn data/h36m \
#       --out data/h36m/annotations/h36m_train.json --split train --every 5 --without-3d
# How many frames the paper takes it does not say.
h36m = dict(
    data_root='data/h36m/', metainfo=dict(from_file='configs/_base_/datasets/h36m.py')
)
h36m_people = dict(
    **h36m,
    type='UnlabelledPersons',
    ann_file='annotations/h36m_train.json',
    boxes='annotations',
)
h36m_test = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        **h36m,
        type='CocoDataset',
        data_mode='topdown',
        ann_file='annotations/h36m_test.json',
        test_mode=True,
        max_refetch=0,
        pipeline=[
            dict(type='LoadImage'),
            dict(type='GetBBoxCenterScale'),
            dict(type='TopdownAffine', input_size=(256, 256)),
            dict(type='PackPoseInputs'),
        ],
    ),
)
# Joint by joint, views are left out that are off by more than 50 px. Errors of 10 px
# along each axis, which triangulate to what the paper reports, hardly ever reach that;
# with 20 px good views would go, too. What it is for: joints on the wrong side of the
# body, half of which are off by more than 59 px (motion capture in these cameras). The
# paper does not say whether it leaves views out.
triangulated_pose = dict(type='TriangulatedPoseMetric', max_error=50)
h36m_protocol = dict(
    boxes='projected joints',
    data='Human3.6M S9, S11, four views',
    triangulation=f'views {triangulated_pose["max_error"]} px off left out',
)
# Table 6: MPII's joints, as predicted, that Human3.6M has as well.
h36m_evaluator = dict(
    type='PerNetworkMetric',
    scored_by=[
        dict(
            **triangulated_pose,
            joint_groups=('shoulder', 'elbow', 'wrist'),
            pred_skeleton='mpii16',
        )
    ],
    protocol=h36m_protocol,
)
