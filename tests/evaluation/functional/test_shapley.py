"""Shapley values of games whose values are known."""

import itertools
from math import factorial

import pytest
import torch

from mmpose_ext.evaluation.functional import (
    ExactPlan,
    KernelPlan,
    PermutationPlan,
    coalitions,
    kernel_shapley,
    permutation_shapley,
    shapley_matrix,
    shapley_values,
)


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def by_definition(profit, players):
    """Mean over all orders of what a player adds."""
    values = torch.zeros(players, dtype=torch.float64)
    for order in itertools.permutations(range(players)):
        subset = 0
        for player in order:
            values[player] += profit[subset | 1 << player] - profit[subset]
            subset |= 1 << player
    return values / factorial(players)


def game_of(profit):
    """The function from subsets to profits."""

    def profit_of(masks):
        number = (masks * 2 ** torch.arange(masks.shape[1])).sum(1)
        return profit[number]

    return profit_of


def test_order_of_subsets():
    masks = coalitions(3)
    assert masks.shape == (8, 3) and masks.dtype == torch.bool
    assert masks[5].tolist() == [True, False, True]
    assert all(
        bool(masks[s, m]) == bool((s >> m) & 1) for s in range(8) for m in (0, 2)
    )


def test_coefficients_of_four():
    """1/4, 1/12, 1/12, 1/4 for subsets of 0, 1, 2 and 3 others."""
    matrix = shapley_matrix(4)
    expected = {0: 1 / 4, 1: 1 / 12, 2: 1 / 12, 3: 1 / 4}
    for subset in range(16):
        size = coalitions(4)[subset].sum().item()
        for player in range(4):
            inside = (subset >> player) & 1
            sign = 1 if inside else -1
            others = size - inside
            assert matrix[player, subset].item() == pytest.approx(
                sign * expected[others]
            )


def test_glove_game():
    """One left glove, two right ones: the left one is worth 2/3 of a pair."""
    masks = coalitions(3)
    profit = (masks[:, 0] & (masks[:, 1] | masks[:, 2])).double()
    torch.testing.assert_close(
        shapley_values(profit), torch.tensor([4 / 6, 1 / 6, 1 / 6]).double()
    )


@pytest.mark.parametrize('players', [1, 2, 3, 4, 6])
def test_values(players):
    profit = draw(2**players)
    torch.testing.assert_close(shapley_values(profit), by_definition(profit, players))


def test_axioms():
    profit, other = draw(16, 5), draw(16, 5, seed=1)
    values = shapley_values(profit)
    assert values.shape == (4, 5)
    torch.testing.assert_close(values.sum(0), profit[-1] - profit[0])  # efficiency
    torch.testing.assert_close(
        shapley_values(2 * profit - other), 2 * values - shapley_values(other)
    )
    # Symmetry: swap players 1 and 2, and their values are swapped.
    masks = coalitions(4)[:, [0, 2, 1, 3]]
    swapped = profit[(masks * 2 ** torch.arange(4)).sum(1)]
    torch.testing.assert_close(shapley_values(swapped), values[[0, 2, 1, 3]])
    # Dummy: player 3 adds 7 to whatever there is.
    dummy = torch.cat([profit[:8], profit[:8] + 7])
    torch.testing.assert_close(shapley_values(dummy)[3], torch.full((5,), 7.0).double())


def test_keeps_the_type():
    assert shapley_values(torch.ones(4)).dtype == torch.float32


SAMPLED = {
    'permutation': lambda game, n, seed: permutation_shapley(
        game, 6, n // 5, torch.Generator().manual_seed(seed)
    ),
    'permutation_plain': lambda game, n, seed: permutation_shapley(
        game, 6, n // 5, torch.Generator().manual_seed(seed), antithetic=False
    ),
    'kernel': lambda game, n, seed: kernel_shapley(
        game, 6, n, torch.Generator().manual_seed(seed)
    ),
    'kernel_plain': lambda game, n, seed: kernel_shapley(
        game, 6, n, torch.Generator().manual_seed(seed), paired=False
    ),
}


@pytest.mark.parametrize('name', SAMPLED)
def test_sampled_converge(name):
    """Close to the exact values of six players, within the standard error they give."""
    profit = draw(64)
    exact = shapley_values(profit)
    values, error = SAMPLED[name](game_of(profit), 20000, 0)
    assert error.max() < 0.03
    assert ((values - exact).abs() < 4 * error).all()
    assert (values - exact).abs().max() > 0, 'it is an estimate'


@pytest.mark.parametrize('name', SAMPLED)
def test_standard_error(name):
    """It is the spread of the estimates of many runs."""
    profit = draw(64)
    runs = [SAMPLED[name](game_of(profit), 400, seed) for seed in range(200)]
    values, errors = (torch.stack(part) for part in zip(*runs, strict=True))
    ratio = errors.square().mean(0).sqrt() / values.std(0)
    assert 0.8 < ratio.min() and ratio.max() < 1.25
    # The efficiency of whole permutations, and of the constrained fit.
    total = (profit[-1] - profit[0]).expand(200)
    torch.testing.assert_close(values.sum(1), total)


def test_pairs_help():
    """Reverse orders cancel what pairs of players do together."""
    masks = coalitions(6).double()
    profit = masks @ draw(6) + torch.einsum('sm,mn,sn->s', masks, draw(6, 6), masks)
    exact = shapley_values(profit)
    values, error = SAMPLED['permutation'](game_of(profit), 60, 0)
    torch.testing.assert_close(values, exact)
    assert error.max() < 1e-12
    values, error = SAMPLED['kernel'](game_of(profit), 60, 0)
    torch.testing.assert_close(values, exact)
    assert error.max() < 1e-12


def test_additive_game():
    """The regression is exact, whatever it draws."""
    weights = draw(8, 3)
    values, error = kernel_shapley(
        lambda masks: masks.double() @ weights + 4,
        8,
        24,
        torch.Generator().manual_seed(1),
    )
    torch.testing.assert_close(values, weights)
    assert error.max() < 1e-10


def test_plans():
    """Subsets come once, and profits may have more dimensions."""
    profit = draw(256, 3)
    for plan in (
        ExactPlan.of(8),
        PermutationPlan.draw(8, 12, torch.Generator().manual_seed(0)),
        KernelPlan.draw(8, 64, torch.Generator().manual_seed(0)),
    ):
        assert len(plan.masks.unique(dim=0)) == len(plan.masks)
        values, error = plan.estimate(game_of(profit)(plan.masks))
        assert values.shape == error.shape == (8, 3)
        torch.testing.assert_close(values.sum(0), profit[-1] - profit[0])
    same = PermutationPlan.draw(8, 12, torch.Generator().manual_seed(0))
    again = PermutationPlan.draw(8, 12, torch.Generator().manual_seed(0))
    assert torch.equal(same.orders, again.orders)


def test_invalid():
    with pytest.raises(ValueError, match=r'\(2\^M, ...\), got shape \(12,\)'):
        shapley_values(torch.ones(12))
    with pytest.raises(ValueError, match='got shape'):
        shapley_values(torch.ones(1))
    with pytest.raises(ValueError, match='1 to 16 players, got 0'):
        coalitions(0)
    with pytest.raises(ValueError, match='permutation_shapley'):
        coalitions(17)
    with pytest.raises(ValueError, match='num_permutations=3'):
        PermutationPlan.draw(4, 3)
    with pytest.raises(ValueError, match='at least 2 permutations'):
        PermutationPlan.draw(4, 1, antithetic=False)
    with pytest.raises(ValueError, match='draw more'):
        KernelPlan.draw(6, 6, torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match='even number'):
        KernelPlan.draw(6, 31)
    with pytest.raises(ValueError, match='at least 2 players'):
        KernelPlan.draw(1, 32)
