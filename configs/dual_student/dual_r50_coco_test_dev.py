# Table 4, Ours (+SB), ResNet-50: trained as for Table 3, scored on test-dev.
_base_ = ['../_base_/datasets/coco_test_dev.py', 'dual_r50_coco_wild.py']
model = dict(test_cfg=_base_.flip_test)
test_dataloader = dict(
    dataset=dict(
        _delete_=True,
        **_base_.test_dataset,
        pipeline=_base_.val_dataloader.dataset.pipeline,
    )
)
submission = 'work_dirs/dual_r50_coco_test_dev'
test_evaluator = dict(
    _delete_=True,
    **_base_.test_dev_evaluator,
    scored_by=[dict(**_base_.test_dev_metric, outfile_prefix=submission)],
)
