# MM-Fi, all four sensors: AGM (ICCV 2023).
_base_ = './concat.py'
optim_wrapper = dict(**_base_.agm, constructor='ModalityOptimWrapperConstructor')
