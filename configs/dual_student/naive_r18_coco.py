# The consistency that collapses (section 3.2): two views of equal strength, no detach.
#   python tools/train.py configs/dual_student/naive_r18_coco.py --amp
# With lambda 0.1: --cfg-options model.loss_unlabelled.loss_weight=0.1
# With all labels: --cfg-options train_dataloader.dataset.labelled.num_instances=None \
#     train_dataloader.dataset.unlabelled=all
# Confident predictions only (Fig. 8, A1 to A4):
#   --cfg-options model.pseudo_labels.score_threshold=0.2
# Weights that grow with the prediction (Fig. 8, C):
#   --cfg-options model.pseudo_labels.pixel_weight=9,1
_base_ = 'single_r18_coco.py'
model = dict(detach=False, views=dict(hard=dict(rotation=30, scale=0.25)))
