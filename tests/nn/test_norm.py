"""Conditional batch norm against one affine batch norm for each class."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from gansearch.nn.norm import ConditionalBatchNorm

CLASSES, CHANNELS = 4, 5


@pytest.fixture
def norm() -> ConditionalBatchNorm:
    torch.manual_seed(0)
    layer = ConditionalBatchNorm(CHANNELS, lambda width: nn.Embedding(CLASSES, width))
    for embedding in (layer.gain, layer.bias):
        nn.init.normal_(embedding.weight)
    return layer


@pytest.mark.parametrize("training", [True, False])
def test_every_class_has_an_affine_of_its_own_and_all_share_the_statistics(norm, training) -> None:
    x, labels = torch.randn(12, CHANNELS, 3, 3) * 3 + 1, torch.arange(12) % CLASSES
    norm(x, labels)  # moves the running statistics
    norm.train(training)
    mean, variance = norm.norm.running_mean.clone(), norm.norm.running_var.clone()
    y = norm(x, labels)
    for i, label in enumerate(labels):
        expected = F.batch_norm(
            x,
            mean,
            variance,
            weight=1 + norm.gain.weight[label],
            bias=norm.bias.weight[label],
            training=training,
        )
        torch.testing.assert_close(y[i], expected[i])


def test_conditional_batch_norm_starts_close_to_a_plain_one() -> None:
    x = torch.randn(8, CHANNELS, 3, 3)
    layer = ConditionalBatchNorm(CHANNELS, lambda width: nn.Embedding(CLASSES, width))
    y = layer(x, torch.arange(8) % CLASSES)
    torch.testing.assert_close(y, nn.BatchNorm2d(CHANNELS)(x), rtol=0.1, atol=1e-6)
    assert not torch.equal(y[0], layer(x, torch.arange(1, 9) % CLASSES)[0])


def test_conditions_may_be_vectors() -> None:
    layer = ConditionalBatchNorm(CHANNELS, lambda width: nn.Linear(7, width, bias=False))
    x, condition = torch.randn(8, CHANNELS, 3, 3), torch.randn(8, 7)
    plain = nn.BatchNorm2d(CHANNELS, affine=False)(x)
    gain, bias = condition @ layer.gain.weight.T, condition @ layer.bias.weight.T
    expected = plain * (1 + gain)[:, :, None, None] + bias[:, :, None, None]
    torch.testing.assert_close(layer(x, condition), expected)
