# Table 4, Ours (+DARK): joints between the pixels, when encoded and when decoded.
_base_ = 'dual_w48_coco_wild_384x288.py'
codec = dict(unbiased=True)
dark = {
    **_base_.student,
    'head': {**_base_.student.head, 'decoder': {**_base_.codec, 'unbiased': True}},
}
model = dict(students=[dark, dark])
