import contextlib
import dataclasses

import pytest

from autograde.engine import Engine, Limits
from autograde.engine.processes import Zygote


@pytest.fixture(scope="session")
def engine():
    """One engine for honest notebooks, with the whole sandbox."""
    with Engine(Limits(cell_seconds=60, submission_seconds=120)) as engine:
        yield engine


NARROW = Limits(
    cell_seconds=60,  # what is about time sets a `deadline`; the rest must not depend on the machine's load
    submission_seconds=120,
    memory_bytes=400 * 2**20,
    processes=8,
    file_bytes=2 * 2**20,
    disk_bytes=4 * 2**20,
    output_bytes=50_000,
    report_bytes=200_000,
)


@contextlib.contextmanager
def deadline(engine, seconds):
    """Gives each cell of what runs within so much time."""
    usual = engine.limits
    engine.limits = dataclasses.replace(usual, cell_seconds=seconds)
    try:
        yield
    finally:
        engine.limits = usual


class WithoutNamespaces(Engine):
    """As on a system that grants none, such as an ordinary container."""

    def _zygote(self, role, needs):
        arguments = [needs] if needs else []
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
