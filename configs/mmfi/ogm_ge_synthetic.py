# Simulated sensors, small: OGM-GE (CVPR 2022).
_base_ = './concat_synthetic.py'
optim_wrapper = dict(**_base_.ogm_ge, constructor='ModalityOptimWrapperConstructor')
