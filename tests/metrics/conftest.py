from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One cache for all of these tests, and none of the machine's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANSEARCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of the published architecture; its statistics keep features from vanishing."""
    from gansearch.metrics.inception import WEIGHTS, Inception

    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        model = Inception()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = None  # one batch sets the running statistics
        model.train().network(torch.randn(4, 3, 128, 128).cumsum(3).tanh())
        last = model.network.Mixed_7c
        for name in ("1x1", "3x3_2a", "3x3_2b", "3x3dbl_3a", "3x3dbl_3b", "_pool"):
            getattr(last, f"branch{name}").bn.weight.fill_(0.01)  # as small as the published ones'
    path = tmp_path_factory.mktemp("weights") / WEIGHTS.file
    torch.save(model.network.state_dict(), path)
    return path
