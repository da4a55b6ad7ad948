# Parts of denoising continual learning (Peng et al., arXiv 2501.05264v1). gamma, the
# epochs of fitting, is ours.
consolidation_loss = dict(type='WeightConstraintLoss')
adaptive_ewc = dict(weight=10000.0, adaptive=True, beta=0.3, estimator='batch')
# For baselines: the information of all tasks adds up. Online EWC: a decay below 1.
ewc = dict(weight=10000.0, adaptive=False, others='accumulate', estimator='batch')
separation = dict(fit_epochs=5, gradient_stop=True, filter=True)
identification = dict(fit_epochs=5, gradient_stop=True, filter=False)
relearning = dict(alpha_superior=0.5, alpha_inferior=0.7)
rehearsal = dict(per_task=200)
