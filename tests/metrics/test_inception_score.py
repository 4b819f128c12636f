from __future__ import annotations

import numpy as np
import pytest
import torch

from gansearch.metrics.inception_score import SPLITS, inception_score


def test_equals_torch_fidelity() -> None:
    from torch_fidelity.metric_isc import isc_features_to_metric

    logits = torch.from_numpy(3 * np.random.default_rng(0).normal(size=(257, 20)))
    expected = isc_features_to_metric(logits, SPLITS, shuffle=False)
    scores = inception_score(logits)
    assert float(scores.mean()) == pytest.approx(expected["inception_score_mean"], rel=1e-9)
    assert float(scores.std(correction=0)) == pytest.approx(expected["inception_score_std"])


def test_sure_of_every_class_scores_their_number() -> None:
    logits = 1000 * torch.eye(7).repeat(SPLITS, 1)
    torch.testing.assert_close(inception_score(logits), torch.full((SPLITS,), 7.0).double())


@pytest.mark.parametrize("logits", [torch.zeros(30, 5), 1000 * torch.eye(5)[[2]].repeat(30, 1)])
def test_unsure_or_of_one_class_scores_one(logits: torch.Tensor) -> None:
    torch.testing.assert_close(inception_score(logits), torch.ones(SPLITS).double())
