import pytest

from autograde.engine import Engine, Limits
from autograde.engine.processes import Zygote


@pytest.fixture(scope="session")
def engine():
    """One engine for honest notebooks, with the whole sandbox."""
    with Engine(Limits(cell_seconds=20, submission_seconds=60)) as engine:
        yield engine


NARROW = Limits(
    cell_seconds=1,
    submission_seconds=40,
    memory_bytes=400 * 2**20,
    processes=8,
    file_bytes=2 * 2**20,
    disk_bytes=4 * 2**20,
    output_bytes=50_000,
    report_bytes=200_000,
)


class WithoutNamespaces(Engine):
    """As on a system that grants none, such as an ordinary container."""

    def _zygote(self, role, plots):
        arguments = ["plots"] if plots else []
        return Zygote(
            role, self.home, *arguments, str(self.import_path) if role == "trial" else "no-namespaces"
        )


@pytest.fixture(scope="session")
def strict_engine():
    """One engine with limits so narrow that reaching them takes little time."""
    with Engine(NARROW) as engine:
        yield engine


@pytest.fixture(scope="session")
def bare_engine():
    """The same without namespaces."""
    with WithoutNamespaces(NARROW) as engine:
        yield engine
