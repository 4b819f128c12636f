"""Self-attention against loops over places."""

import torch
from torch.autograd import gradgradcheck

from gansearch.nn.attention import SelfAttention
from gansearch.nn.conv import ConvFactory
from gansearch.settings import Dsc


def attention(channels: int = 16, *, spectral_norm: bool = False) -> SelfAttention:
    torch.manual_seed(0)
    conv = ConvFactory(Dsc(), "generator")
    return SelfAttention(conv, channels, resolution=4, spectral_norm=spectral_norm).double()


def test_the_attentions_gate_starts_at_0() -> None:
    x = torch.randn(2, 16, 4, 4, dtype=torch.float64)
    assert torch.equal(attention(spectral_norm=True)(x), x)


def test_each_position_attends_to_the_pooled_positions() -> None:
    layer, x = attention(), torch.randn(2, 16, 4, 4, dtype=torch.float64)
    with torch.no_grad():
        layer.gate.fill_(0.7)
        y = layer(x)
        query, key, value = (
            torch.einsum("oc,nchw->nohw", f.weight[:, :, 0, 0], x)
            for f in (layer.query, layer.key, layer.value)
        )
        assert (query.shape[1], key.shape[1], value.shape[1]) == (2, 2, 8)
        key, value = (
            torch.stack(
                [m[:, :, a : a + 2, b : b + 2].amax((2, 3)) for a in (0, 2) for b in (0, 2)]
            )
            for m in (key, value)
        )  # [4, N, C]
        for n in range(2):
            for i in range(4):
                for j in range(4):
                    scores = torch.stack([query[n, :, i, j] @ k[n] for k in key])
                    weights = scores.exp() / scores.exp().sum()
                    gathered = sum(w * v[n] for w, v in zip(weights, value, strict=True))
                    expected = x[n, :, i, j] + 0.7 * layer.out.weight[:, :, 0, 0] @ gathered
                    torch.testing.assert_close(y[n, :, i, j], expected)


def test_attention_can_be_differentiated_twice() -> None:
    layer, x = attention(4), torch.randn(1, 4, 2, 2, dtype=torch.float64, requires_grad=True)
    with torch.no_grad():
        layer.gate.fill_(1.0)
    assert gradgradcheck(layer, (x,))


def test_few_channels_have_one_query() -> None:
    layer = attention(4)
    assert layer.query.weight.shape[0] == 1
    assert layer(torch.randn(1, 4, 4, 4, dtype=torch.float64)).shape == (1, 4, 4, 4)
