import pytest

from autograde.engine import Engine, Limits


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    """One engine for honest notebooks, with the whole sandbox."""
    with Engine(Limits(cell_seconds=20, submission_seconds=60)) as engine:
        yield engine


@pytest.fixture(scope="session")
def strict_engine(tmp_path_factory):
    """One engine with limits so narrow that reaching them takes little time."""
    with Engine(Limits(cell_seconds=1.5, submission_seconds=40, memory_bytes=400 * 2**20, processes=8,
                       file_bytes=2 * 2**20, disk_bytes=4 * 2**20, output_bytes=50_000, report_bytes=200_000)) as engine:
        yield engine
