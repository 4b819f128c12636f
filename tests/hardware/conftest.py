from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One cache for all of these tests, and none of the machine's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANSEARCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
