# Simulated sensors, small: AGM (ICCV 2023).
_base_ = './concat_synthetic.py'
optim_wrapper = dict(**_base_.agm, constructor='ModalityOptimWrapperConstructor')
