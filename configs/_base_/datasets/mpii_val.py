# MPII at 256 x 256: the validation people with their head boxes, PCKh@0.5.
codec = dict(type='MSRAHeatmap', input_size=(256, 256), heatmap_size=(64, 64), sigma=2)
input_size = codec['input_size']
mpii = dict(
    type='MpiiDataset', data_root='data/mpii/', data_mode='topdown', max_refetch=0
)
mpii_train = dict(
    **mpii, ann_file='annotations/mpii_train.json', data_prefix=dict(img='images/')
)

val_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        **mpii,
        ann_file='annotations/mpii_val.json',
        headbox_file='data/mpii/annotations/mpii_gt_val.mat',
        data_prefix=dict(img='images/'),
        test_mode=True,
        pipeline=[
            dict(type='LoadImage'),
            dict(type='GetBBoxCenterScale'),
            dict(type='TopdownAffine', input_size=input_size),
            dict(type='PackPoseInputs'),
        ],
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(
    type='PerNetworkMetric',
    scored_by=[dict(type='MpiiPCKAccuracy')],
    protocol=dict(boxes='centre and scale of the file', data='MPII val'),
)
test_evaluator = val_evaluator
