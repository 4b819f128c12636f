"""Tables and plot of a profile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gansearch.errors import UsageError
from gansearch.report.profiles import profile_figure, profile_tables, write_profile_plot
from gansearch.space import Space
from gansearch.train.profiling.blocks import BlockCost
from gansearch.train.profiling.profile import Block, Profile, SectionCost


@pytest.fixture
def profile(tiny_space: Callable[..., Space]) -> Profile:
    """Two sections and two blocks, one of them in both forms."""
    dense, separable = BlockCost(9000, 0.5, 6.0, 4.0, 2.0), BlockCost(1200, 0.1, 3.0, 1.0, 3.0)
    return Profile(
        config=tiny_space().train_config({"variant": "gan", "g_lr": 0.1}, seed=0),
        device="a device",
        threads=2,
        steps=5,
        round_ms=40.0,
        images=128,
        sections=(SectionCost("d", 30.0, 12.5), SectionCost("data", 10.0, None)),
        blocks=(
            Block("generator.0", separable, {"dense": dense, "separable": separable}),
            Block("generator.1", BlockCost(10, 0.0, 0.5, 0.25, 0.125), {}),
        ),
        predicted_mib=512.0,
    )


def test_tables_have_shares_rates_and_ratios(profile: Profile, printed: Callable[..., str]) -> None:
    text = printed(profile_tables(profile), 160)
    assert "a device, 2 threads" in text
    assert "a round of 128 real images: 40 ms, 0.3125 s a kimg" in text
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}
    assert rows["d"] == ["30.00", "75.0%", "12.5"]
    assert rows["data"] == ["10.00", "25.0%", "-"]
    assert rows["generator.0"][-3:] == ["10.00", "4.00", "2.5"]
    assert "9,000" not in text
    assert "1,200" in text


def test_the_plot_has_a_bar_for_each_row_and_stacks_the_passes(profile: Profile) -> None:
    above, under = profile_figure(profile).axes
    assert [bar.get_width() for bar in above.patches] == [30.0, 10.0]  # type: ignore[attr-defined]
    passes = [(bar.get_x(), bar.get_width()) for bar in under.patches]  # type: ignore[attr-defined]
    assert passes == [(0, 3.0), (0, 0.5), (3.0, 1.0), (0.5, 0.25)]
    assert [text.get_text().strip() for text in above.texts] == ["12.5 MiB"]
    assert [text.get_text().strip() for text in under.texts] == ["dense / separable: 2.5"]


def test_the_plot_is_written_in_the_format_of_its_suffix(profile: Profile, tmp_path: Path) -> None:
    write_profile_plot(profile, tmp_path / "profile.svg")
    assert b"<?xml" in (tmp_path / "profile.svg").read_bytes()[:200]
    with pytest.raises(UsageError, match="should end in"):
        write_profile_plot(profile, tmp_path / "profile.bmp")
