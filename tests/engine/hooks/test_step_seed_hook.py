from types import SimpleNamespace

import torch
from mmengine.logging import MessageHub

from mmpose_ext.engine.hooks import StepSeedHook
from mmpose_ext.models.step_generator import run_seed, step_generator, step_seed


def draws(hook, runner, steps):
    """What dropout would draw in some steps."""
    found = {}
    for step in steps:
        runner.iter = step
        hook.before_train_iter(runner, step)
        found[step] = torch.rand(4).tolist()
    return found


def make_runner(name, seed):
    torch.manual_seed(seed)
    return SimpleNamespace(iter=0, message_hub=MessageHub.get_instance(name))


def test_values():
    hook, runner = StepSeedHook(), make_runner('step_seed', 5)
    hook.before_train(runner)
    whole = draws(hook, runner, range(4))
    assert len({tuple(row) for row in whole.values()}) == 4
    torch.rand(100)  # whatever was drawn elsewhere
    resumed = make_runner('step_seed_resumed', 5)
    hook.before_train(resumed)
    assert draws(hook, resumed, [2, 3]) == {2: whole[2], 3: whole[3]}
    other = make_runner('step_seed_other', 6)
    hook.before_train(other)
    assert draws(hook, other, [2])[2] != whole[2]


def test_the_run_keeps_its_seed():
    """What is drawn for a step or a test does not depend on when it is asked."""
    runner = make_runner('step_seed_kept', 7)
    before = step_generator().initial_seed()
    hook = StepSeedHook()
    hook.before_train(runner)
    draws(hook, runner, [0, 1])
    assert torch.initial_seed() != 7 and run_seed() == 7
    assert step_generator().initial_seed() == before


def test_two_streams():
    """What a step draws itself has nothing to do with its dropout."""
    runner = make_runner('step_seed_streams', 7)
    hook = StepSeedHook()
    hook.before_train(runner)
    hook.before_train_iter(runner, 0)
    assert torch.rand(4).tolist() != torch.rand(4, generator=step_generator()).tolist()


def test_seed_of_a_rank():
    """This process's unless another is named; resumed runs rely on the numbers."""
    assert step_seed(5, 7) == step_seed(5, 7, rank=0) == 7_000_026
    assert step_seed(5, 7, rank=2) == 7_000_026 + 15_838
