# Rendered people, small: views of equal strength, no detach. Collapses.
_base_ = 'single_synthetic.py'
model = dict(detach=False, views=dict(hard=dict(rotation=30, scale=0.25)))
