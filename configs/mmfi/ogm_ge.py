# MM-Fi, all four sensors: OGM-GE (CVPR 2022).
_base_ = './concat.py'
optim_wrapper = dict(**_base_.ogm_ge, constructor='ModalityOptimWrapperConstructor')
