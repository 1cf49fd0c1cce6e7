"""What several folders of tests of the search have in common."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from search.datasets import cache
from search.datasets.cache import Dataset


@pytest.fixture(scope="session")
def parted(tiny_csv_with_test: Path, cache_folder: Path) -> Dataset:
    """A table with a test part, which passes for the reviews."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQSEARCH_CACHE", str(cache_folder))
        own = cache.load(str(tiny_csv_with_test), lambda line: None)
        return replace(own, name="imdb")  # final evaluations on own data have no reference
