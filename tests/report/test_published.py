"""Published comparisons beside a study's own."""

from gansearch.report.published import PUBLISHED
from gansearch.variants.catalog import CATALOG


def test_published_tables_belong_to_variants_and_have_numbers() -> None:
    assert PUBLISHED.keys() <= CATALOG.keys()
    for published in PUBLISHED.values():
        assert any(row.fid is not None and row.time is not None for row in published.rows)


def test_faster_projected_gan_trains_faster_on_every_published_set() -> None:
    """Wang et al. 2024: training time falls by 18.7 to 26.2%."""
    rows = PUBLISHED["faster_projected_gan"].rows
    times = [row.time for row in rows if row.time is not None]
    assert (min(times), max(times)) == (-26.16, -18.7)
