# Table 4, Ours (+DARK): joints between the pixels, when encoded and when decoded. The
# heatmaps are smoothed as far as MSRAHeatmap's formula asks for sigma 3.
_base_ = 'dual_w48_coco_wild_384x288.py'
codec = dict(unbiased=True, blur_kernel_size=17)
dark = {
    **_base_.student,
    'head': {**_base_.student.head, 'decoder': {**_base_.codec, **codec}},
}
model = dict(students=[dark, dark])
submission = 'work_dirs/dual_w48_dark_coco_wild_384x288'
test_evaluator = dict(
    scored_by=[dict(**_base_.test_dev_metric, outfile_prefix=submission)]
)
