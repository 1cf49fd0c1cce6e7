"""No test touches the store or the cache of the person who runs it; small data for all."""

from __future__ import annotations

import gc
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from search.datasets import archive, cache
from search.datasets.cache import Dataset
from search.datasets.texts import Parts
from tests.programs import ROOT, call
from tests.servers import Database, start_postgresql
from tracking.commandline.paths import TRACKING_URI

# Started with nohup or in the background, tests would have their programs ignore these signals.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

# Files that take longest, by CPU: a process that is given one of them last works on alone.
LONG = (
    "search/test_run_families.py",
    "search/api/test_ask_tell.py",
    "search/api/test_study_in_python.py",
    "search/api/test_scripts.py",
    "test_notebook.py",
    "search/models/test_models.py",
    "search/workers/ray_cluster/test_ray_pool.py",
    "search/test_run_keras_tuner.py",
    "search/coordinator/test_kill_test.py",
    "search/test_export.py",
    "search/test_run_smoke.py",
    "search/test_run_interrupted.py",
    "search/coordinator/test_crash_points.py",
    "search/datasets/test_sealed.py",
    "search/coordinator/test_outages.py",
    "search/coordinator/test_starters.py",
    "search/bundles/formats/test_formats.py",
    "search/test_run_postgresql.py",
    "search/workers/test_process_pool.py",
)
_OFFICIAL = os.environ.get("SEQSEARCH_IMDB")
_PER_CLASS = 60


def _say(line: str) -> None:
    """Stand in for the progress display."""


def pytest_configure(config: pytest.Config) -> None:
    config.option.loadscopereorder = False  # xdist would begin with the files of most tests


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest."""
    place = {ROOT / "tests" / name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


def pytest_collection_finish() -> None:
    """What was loaded to collect the tests stays: let no collection of garbage look at it again.

    With TensorFlow it is millions of objects; looking at them takes half a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)  # as programs have it


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all test processes of this run share."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


@pytest.fixture(scope="session")
def cache_folder(shared_folder: Path) -> Path:
    """One cache for all test processes, so that each data set is prepared once."""
    folder = shared_folder / "cache"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def smoke_home(shared_folder: Path, tiny_csv_with_test: Path) -> Path:
    """A folder whose mlruns hold the finished study lstm-parted-smoke, of two trials: to read.

    It is made once for all test processes, of the table parted.csv in it; what the run said lies
    in said.txt and errors.txt. Who wants to write takes a copy (`copy_study`).
    """
    home = shared_folder / "smoke"
    done = home / "done"
    with FileLock(shared_folder / "smoke.lock"):
        if not done.is_file():
            home.mkdir()
            table = shutil.copy(tiny_csv_with_test, home)
            end = call(home, "search.run", "--study", "lstm", "--data", str(table), "--smoke")
            assert end.returncode == 0, end.stderr
            (home / "said.txt").write_text(end.stdout)
            (home / "errors.txt").write_text(end.stderr)
            done.touch()
    return home


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQSEARCH_MLRUNS", str(tmp_path / "mlruns"))
    monkeypatch.setenv("SEQSEARCH_CACHE", str(cache_folder))
    for variable in ("SEQSEARCH_IMDB", TRACKING_URI):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Database]:
    """A PostgreSQL server of our own on loopback, with an empty database for whoever asks."""
    with start_postgresql() as database:
        yield database


@pytest.fixture(scope="session")
def official_archive() -> Path:
    """The Large Movie Review Dataset that SEQSEARCH_IMDB named when the tests started."""
    if not _OFFICIAL:
        pytest.skip("SEQSEARCH_IMDB does not name the Large Movie Review Dataset")
    return Path(_OFFICIAL)


@pytest.fixture(scope="session")
def official_parts(official_archive: Path) -> Parts:
    """Its labelled reviews, read once; reading takes a few seconds."""
    return archive.read(official_archive)


@pytest.fixture(scope="session")
def tiny_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The beginnings of 120 real reviews, half of them positive: columns text and label."""
    import pandas as pd

    from search.datasets.sources import locate

    packaged = locate("imdb-train", tmp_path_factory.getbasetemp(), _say).path
    reviews = pd.read_csv(packaged, dtype=str, keep_default_na=False)
    reviews = reviews[reviews["source"] == "imdb"]
    few = reviews.groupby("label", sort=True).head(_PER_CLASS)
    positive = few["label"].astype(float) > 0
    table = pd.DataFrame(
        {"text": few["text"].str[:300], "label": positive.map({True: "pos", False: "neg"})}
    )
    path = tmp_path_factory.mktemp("data") / "tiny.csv"
    table.to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def tiny_csv_with_test(tiny_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The texts of `tiny_csv`, a third of them as a test part: columns text, label and split."""
    import pandas as pd

    table = pd.read_csv(tiny_csv)
    table["split"] = ["test" if row % 3 == 0 else "train" for row in range(len(table))]
    path = tmp_path_factory.mktemp("data") / "parted.csv"
    table.to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def tiny_dataset(tiny_csv: Path, cache_folder: Path) -> Dataset:
    """The texts of `tiny_csv`, prepared: about 96 to train on and 24 for validation."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQSEARCH_CACHE", str(cache_folder))
        return cache.load(str(tiny_csv), _say)
