"""Seeds and keys of configurations."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gansearch.search.samplers.base import derive_seed, key_of
from gansearch.space import Space

params = st.dictionaries(st.text(max_size=5), st.one_of(st.integers(), st.booleans(), st.text()))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.integers(0, 2**20), stream=st.integers(0, 2**20))
def test_seeds_are_32_bits_and_differ_by_trial_stream_and_study(
    number: int, stream: int, make_space: Callable[..., Space]
) -> None:
    space, other = make_space(seed=0), make_space(seed=1)
    seeds = [
        derive_seed(space, number, stream),
        derive_seed(space, number + 1, stream),
        derive_seed(space, number, stream + 1),
        derive_seed(other, number, stream),
    ]
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert len(set(seeds)) == 4
    assert seeds[0] == derive_seed(space, number, stream)


@given(params)
def test_a_key_does_not_depend_on_the_order_of_parameters(params: dict[str, object]) -> None:
    assert key_of(params) == key_of(dict(reversed(params.items())))  # type: ignore[arg-type]


def test_true_and_1_are_different_values() -> None:
    assert key_of({"flag": True}) != key_of({"flag": 1})
