"""StyleGAN2's discriminator: its parts in closed form, and R1 through all of it."""

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d
from torch import nn
from torch.nn import functional as F

from gansearch.losses.penalties import r1
from gansearch.nn.conv import ConvFactory, SeparableConv
from gansearch.nn.equalised import equalise
from gansearch.nn.stylegan2 import BLUR, Discriminator, MinibatchStddev, ResidualBlock
from gansearch.settings import Dsc

DENSE = ConvFactory(Dsc(), "discriminator")


@pytest.mark.parametrize(("count", "group"), [(8, 4), (6, 3), (5, 1), (2, 2), (1, 1)])
def test_minibatch_stddev_is_of_groups_of_up_to_four(count: int, group: int) -> None:
    x = torch.randn(count, 3, 4, 4, dtype=torch.float64)
    out = MinibatchStddev()(x)
    assert out.shape == (count, 4, 4, 4)
    assert torch.equal(out[:, :3], x)
    groups = count // group
    for index in range(count):
        members = x[index % groups :: groups].numpy()
        assert len(members) == group
        expected = np.sqrt(members.var(axis=0) + 1e-8).mean()
        assert out[index, 3].numpy() == pytest.approx(expected)


def test_residual_block_blurs_before_each_step_down() -> None:
    torch.manual_seed(0)
    block = equalise(ResidualBlock(DENSE, 2, 3, 8)).double()
    nn.init.normal_(block.conv.bias)
    x = torch.randn(1, 2, 8, 8, dtype=torch.float64)
    blur = np.outer(BLUR, BLUR)

    def blurred(signal: torch.Tensor, padding: int) -> torch.Tensor:
        maps = [convolve2d(np.pad(m, padding), blur, mode="valid") for m in signal[0].numpy()]
        return torch.tensor(np.stack(maps))[None]

    def act(signal: torch.Tensor) -> torch.Tensor:
        return torch.where(signal > 0, signal, 0.2 * signal) * 2**0.5

    with torch.no_grad():
        skip = F.conv2d(blurred(x, 1)[..., ::2, ::2], block.skip.weight)
        y = act(F.conv2d(x, block.conv.weight, block.conv.bias, padding=1))
        y = act(F.conv2d(blurred(y, 2), block.down.weight, block.down.bias, stride=2))
        assert torch.allclose(block(x), (y + skip) / 2**0.5)


def test_variance_of_white_noise_stays() -> None:
    """As long as nothing is smoothed away: without the blur, a block keeps unit variance."""
    torch.manual_seed(0)
    block = equalise(ResidualBlock(DENSE, 64, 64, 32))
    block.blur.zero_()[1, 1] = 1
    with torch.no_grad():
        out = block(torch.randn(4, 64, 32, 32))[..., 2:-2, 2:-2]
    assert out.square().mean().item() == pytest.approx(1, rel=0.2)


def test_layers_by_resolution() -> None:
    conv = ConvFactory(Dsc(where="discriminator", resolutions="16-32"), "discriminator")
    network = Discriminator(conv, 3, {4: 16, 8: 16, 16: 8, 32: 8})
    blocks = [layer for layer in network if isinstance(layer, ResidualBlock)]
    separable = [isinstance(block.conv, SeparableConv) for block in blocks]
    assert separable == [True, True, False]  # 32, 16 and 8 pixels
    assert not any(isinstance(block.skip, SeparableConv) for block in blocks)
    assert network(torch.randn(4, 3, 32, 32)).shape == (4,)


@pytest.mark.parametrize("dsc", [{}, {"where": "both"}, {"where": "both", "kernel_size": 5}])
def test_the_gradient_of_r1_equals_the_numerical_one(dsc) -> None:
    torch.manual_seed(0)
    conv = ConvFactory(Dsc(**dsc), "discriminator")
    network = Discriminator(conv, 1, {4: 4, 8: 4}).double()
    images = torch.randn(4, 1, 8, 8, dtype=torch.float64)
    r1(network, images, 2.0).backward()
    step = 1e-5
    for name, weight in network.named_parameters():
        if weight.grad is None:  # the last bias moves no gradient of the logits
            assert name.endswith("bias")
            continue
        place = int(weight.grad.abs().argmax())
        values = []
        for move in (step, -2 * step):
            with torch.no_grad():
                weight.view(-1)[place] += move
            values.append(r1(network, images, 2.0).item())
        with torch.no_grad():
            weight.view(-1)[place] += step
        numerical = (values[0] - values[1]) / (2 * step)
        assert weight.grad.view(-1)[place].item() == pytest.approx(numerical, rel=1e-3, abs=1e-7)
