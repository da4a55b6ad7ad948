# COCO test-dev: detected boxes, flip test, a submission file for the evaluation server.
#   python tools/test.py CONFIG CHECKPOINT
# writes work_dirs/CONFIG.<network>.keypoints.json, one a network; rename one to
# person_keypoints_test-dev2017_<name>_results.json, zip and submit.
# The boxes are SimpleBaseline's (Xiao et al.), 60.9 AP on test-dev.
test_dataset = dict(
    type='CocoDataset',
    data_root='data/coco/',
    data_mode='topdown',
    ann_file='annotations/image_info_test-dev2017.json',
    data_prefix=dict(img='test2017/'),
    bbox_file='data/coco/person_detection_results/'
    'COCO_test-dev2017_detections_AP_H_609_person.json',
    test_mode=True,
    max_refetch=0,
)
test_dev_metric = dict(
    type='CocoMetric',
    ann_file='data/coco/annotations/image_info_test-dev2017.json',
    format_only=True,
)
test_dev_evaluator = dict(
    type='PerNetworkMetric', protocol=dict(data='COCO test-dev2017')
)
flip_test = dict(flip_test=True, shift_heatmap=True)  # as MMPose's for this codec
