"""The probability of augmentation, by its closed form."""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from gansearch.nn.ada import INTERVAL, AdaptiveProbability

BATCH = 10


def logits(positive: int) -> Tensor:
    """Of a batch, so many of them above 0; r_t is ``positive / 5 - 1``."""
    return torch.tensor([0.1] * positive + [-2.0] * (BATCH - positive))


def after(ada: AdaptiveProbability, batch: Tensor, batches: int) -> float:
    for _ in range(batches):
        ada.accumulate(batch)
    return ada.value.item()


def test_the_probability_rises_at_the_papers_speed_under_overfitting() -> None:
    ada = AdaptiveProbability(target=0.6, kimg=0.5)
    assert after(ada, logits(9), 5 * INTERVAL) == pytest.approx(5 * INTERVAL * BATCH / 500)


def test_the_probability_falls_without_overfitting_and_never_below_0() -> None:
    ada = AdaptiveProbability(target=0.6, kimg=0.5)
    assert after(ada, logits(5), INTERVAL) == 0
    top = after(ada, logits(10), 4 * INTERVAL)
    assert after(ada, logits(7), INTERVAL) == pytest.approx(top - INTERVAL * BATCH / 500)
    assert after(ada, logits(0), 20 * INTERVAL) == 0


def test_the_probability_stops_at_1_and_falls_again() -> None:
    ada = AdaptiveProbability(target=0.6, kimg=0.1)
    assert after(ada, logits(10), 20 * INTERVAL) == 1
    assert after(ada, logits(0), INTERVAL) == pytest.approx(1 - INTERVAL * BATCH / 100)


def test_the_probability_is_constant_at_the_target() -> None:
    ada = AdaptiveProbability(target=0.5, kimg=0.1)
    start = after(ada, logits(10), INTERVAL)
    at_target = torch.tensor([1.0, 1.0, 1.0, -1.0])
    assert after(ada, at_target, 3 * INTERVAL) == pytest.approx(start)


@given(st.lists(st.integers(0, BATCH), min_size=INTERVAL, max_size=INTERVAL))
def test_an_adjustment_follows_the_mean_of_its_batches(positives: list[int]) -> None:
    ada = AdaptiveProbability(target=0.6, kimg=1.0)
    before = after(ada, logits(BATCH), 2 * INTERVAL)
    for positive in positives:
        ada.accumulate(logits(positive))
    r_t = 2 * sum(positives) / (BATCH * INTERVAL) - 1
    step = INTERVAL * BATCH / 1000
    if r_t != pytest.approx(0.6, abs=1e-4):
        assert ada.value.item() == pytest.approx(before + (step if r_t > 0.6 else -step))


def test_the_batchs_sign_and_its_probability_are_logged() -> None:
    ada = AdaptiveProbability(target=0.6, kimg=0.5)
    seen = [ada.accumulate(logits(9)) for _ in range(INTERVAL + 1)]
    assert [s["real_sign"].item() for s in seen] == pytest.approx([0.8] * (INTERVAL + 1))
    applied = [s["augment_p"].item() for s in seen]
    assert applied == pytest.approx([0.0] * INTERVAL + [INTERVAL * BATCH / 500])


def test_several_logits_of_an_image_count_as_one_image() -> None:
    one, several = (AdaptiveProbability(target=0.6, kimg=0.5) for _ in range(2))
    for _ in range(INTERVAL):
        one.accumulate(logits(9))
        several.accumulate(logits(9).repeat(4, 1).T)
    assert torch.equal(one.value, several.value)


def test_a_restored_state_continues_between_two_adjustments() -> None:
    ada = AdaptiveProbability(target=0.6, kimg=0.5)
    after(ada, logits(10), INTERVAL + 3)
    other = AdaptiveProbability(target=0.6, kimg=0.5)
    other.load_state_dict(copy.deepcopy(ada.state_dict()))
    assert after(ada, logits(8), 1) == after(other, logits(8), 1)


def test_the_state_stays_on_the_device() -> None:
    """On the meta device nothing can be read: a step that made the host wait would fail."""
    ada = AdaptiveProbability(target=0.6, kimg=0.5).to("meta")
    seen = ada.accumulate(torch.empty(BATCH, device="meta"))
    assert all(value.is_meta for value in (ada.value, *seen.values()))
