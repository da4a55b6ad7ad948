# All of COCO TRAIN with its labels; the people of WILD (unlabeled2017) without, in
# boxes of a person detector. Two students, A + JC, as everywhere on WILD.
# The paper's detections are not public any more: make your own with any detector, as
# COCO detection results (a list of image_id, category_id, bbox, score), for example
# with mmdet's tools/test.py and CocoMetric's outfile_prefix.
_base_ = 'dual_jc_r18_coco.py'
train_dataloader = dict(
    dataset=dict(
        labelled=dict(num_instances=None),
        unlabelled=dict(
            _delete_=True,
            type='UnlabelledPersons',
            data_root='data/coco/',
            ann_file='annotations/image_info_unlabeled2017.json',
            data_prefix=dict(img='unlabeled2017/'),
            boxes='detections',
            bbox_file='data/coco/person_detection_results/'
            'COCO_unlabeled2017_detections_person.json',
            score_threshold=0.5,
            metainfo=dict(from_file='configs/_base_/datasets/coco.py'),
        ),
    )
)
