import pytest
import torch
from torch.nn.functional import linear
from torch.testing import assert_close

from mmpose_ext.models.layers import CrossAttention, SelfAttention, attention


def explicit(query, key, value, num_heads):
    """Softmax attention written out, one head at a time; (N, L, C) in and out."""
    heads = [x.chunk(num_heads, dim=-1) for x in (query, key, value)]
    outputs = []
    for q, k, v in zip(*heads, strict=True):
        weight = torch.softmax(q @ k.transpose(1, 2) / q.shape[-1] ** 0.5, dim=-1)
        outputs.append(weight @ v)
    return torch.cat(outputs, dim=-1)


def peaky(module):
    """Weights large enough that attention is far from uniform."""
    torch.manual_seed(0)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return module


@pytest.mark.parametrize('num_heads', [1, 2, 4])
def test_values_of_self_attention(num_heads):
    module = peaky(SelfAttention(8, num_heads, qkv_bias=True))
    x = torch.randn(3, 5, 8)
    query, key, value = linear(x, module.qkv.weight, module.qkv.bias).chunk(3, -1)
    expected = module.proj(explicit(query, key, value, num_heads))
    out = module(x)
    assert_close(out, expected, atol=1e-5, rtol=0)
    target = torch.randn_like(out)
    parameters = list(module.parameters())
    fused = torch.autograd.grad((out * target).sum(), parameters)
    plain = torch.autograd.grad((expected * target).sum(), parameters)
    assert_close(fused, plain, atol=1e-4, rtol=1e-4)


def test_values_of_cross_attention():
    module = peaky(CrossAttention(8, 2, context_dims=12, bias=True))
    x, context = torch.randn(3, 5, 8), torch.randn(3, 7, 12)
    key, value = module.kv(context).chunk(2, -1)
    expected = module.proj(explicit(module.q(x), key, value, 2))
    assert_close(module(x, context), expected, atol=1e-5, rtol=0)
    assert module(x, context).shape == x.shape


def test_bias_is_off_by_default():
    assert SelfAttention(8, 2).qkv.bias is None
    cross = CrossAttention(8, 2, context_dims=16)
    assert cross.q.bias is None and cross.kv.bias is None
    assert cross.proj.bias is not None


def test_bfloat16_on_cpu(monkeypatch):
    seen = []

    def record(query, key, value, mask):
        seen.extend(x.dtype for x in (query, key, value))
        assert not torch.is_autocast_enabled('cpu')
        return fused(query, key, value, mask)

    fused = attention.scaled_dot_product_attention
    monkeypatch.setattr(attention, 'scaled_dot_product_attention', record)
    module, x = peaky(SelfAttention(8, 2)), torch.randn(3, 5, 8)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        out = module(x)
    assert out.dtype == torch.bfloat16
    assert seen == [torch.float32] * 3
    assert_close(out.float(), module(x), atol=0.05, rtol=0.05)
    out.float().sum().backward()
    assert all(p.grad.dtype == torch.float32 for p in module.parameters())
    assert all(p.grad.isfinite().all() for p in module.parameters())


def test_unseen_tokens_do_not_matter():
    module, x = peaky(SelfAttention(8, 2)), torch.randn(3, 5, 8)
    seen = torch.tensor([[1, 1, 1, 0, 0], [1, 0, 1, 0, 1], [0, 0, 0, 0, 0]]).bool()
    out = module(x, seen)
    assert_close(out[0, :3], module(x[:1, :3])[0])
    other = x.masked_fill(~seen[..., None], 7.0)
    assert_close(module(other, seen)[:2][seen[:2]], out[:2][seen[:2]])
    assert_close(out[2], module(x)[2])  # nobody is seen: everybody is


@pytest.mark.parametrize('num_heads', [3, 16, 0, -2])
def test_invalid(num_heads):
    message = rf'num_heads={num_heads} does not divide embed_dims=8'
    with pytest.raises(ValueError, match=message):
        SelfAttention(8, num_heads)
    with pytest.raises(ValueError, match=message):
        CrossAttention(8, num_heads, context_dims=8)
