# MM-Fi, all four sensors: MMPareto (ICML 2024).
_base_ = './concat.py'
model = dict(auxiliary_heads=True)
optim_wrapper = dict(**_base_.mm_pareto, constructor='ModalityOptimWrapperConstructor')
