# Table 6, Supervised: trained on MPII alone, scored on Human3.6M after triangulation.
#   python tools/test.py configs/dual_student/supervised_r18_mpii_h36m.py \
#       work_dirs/supervised_r18_mpii/iter_468200.pth
_base_ = ['../_base_/datasets/h36m_triangulated.py', 'supervised_r18_mpii.py']
test_dataloader = dict(_delete_=True, **_base_.h36m_test)
test_evaluator = dict(_delete_=True, **_base_.h36m_evaluator)
