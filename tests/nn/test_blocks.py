"""Blocks against their definition."""

import torch

from gansearch.nn.blocks import Maxout


def test_maxout_is_the_largest_of_its_pieces() -> None:
    layer = Maxout(7, 5, pieces=3)
    x = torch.randn(4, 7)
    weight, bias = layer.linear.weight, layer.linear.bias
    pieces = [x @ weight[i * 5 : i * 5 + 5].T + bias[i * 5 : i * 5 + 5] for i in range(3)]
    expected = torch.maximum(torch.maximum(pieces[0], pieces[1]), pieces[2])
    torch.testing.assert_close(layer(x), expected)


def test_maxout_of_one_piece_is_linear() -> None:
    layer = Maxout(6, 4, pieces=1)
    x = torch.randn(3, 6)
    torch.testing.assert_close(layer(x), layer.linear(x))
