"""The engine in the place of nbgrader's `Execute`.

    from autograde.engine.execute import EngineExecute
    c.Autograde.autograde_preprocessors = [EngineExecute, "nbgrader.preprocessors.IgnorePattern", ...]

Everything else in nbgrader stays as it is: it reads the marks from the outputs that this puts into the test
cells. One engine serves a process for as long as it lives, so the first notebook pays for its start and the
rest do not.
"""

from __future__ import annotations

import atexit
import dataclasses
from pathlib import Path

from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Dict, Enum, Float, Unicode

from . import execute

_engines = {}


class EngineExecute(NbGraderPreprocessor):
    """Runs the student's cells in a sandbox and the test cells in a process of their own."""

    timeout = Float(30, help="Seconds for each question and each cell of the student's.").tag(config=True)
    limits = Dict(help="Other limits by name, see autograde.engine.Limits.").tag(config=True)
    sandbox = Enum(
        ["require", "best-effort"],
        "require",
        help="What to do where the system lacks a layer of the sandbox: refuse, or run without it.",
    ).tag(config=True)
    import_path = Unicode(str(execute.PROJECT), help="Folder from which test cells import.").tag(config=True)
    files = Unicode(
        "",
        help="Folder with the data files that notebooks read; by default the assignment's "
        "source folder. {assignment_id} stands for the assignment's name.",
    ).tag(config=True)

    def preprocess(self, nb, resources):
        """(the notebook with outputs, resources); resources["engine"] says how each question ended."""
        result = self._engine().run(nb, self._data_files(resources))
        resources["engine"] = {
            "layers": self._engine().layers,
            "seconds": result.seconds,
            "notes": result.notes,
            "questions": {name: dataclasses.asdict(question) for name, question in result.questions.items()},
        }
        for note in result.notes:
            self.log.warning("%s", note)
        return result.notebook, resources

    def _engine(self):
        key = (self.timeout, self.sandbox, self.import_path, tuple(sorted(self.limits.items())))
        if key not in _engines:
            limits = dict(self.limits)
            limits.setdefault("submission_seconds", max(300.0, self.timeout))
            _engines[key] = execute.Engine(
                execute.Limits(cell_seconds=self.timeout, **limits), self.sandbox, self.import_path
            )
        return _engines[key]

    def _data_files(self, resources):
        assignment = resources.get("nbgrader", {}).get("assignment", "")
        if self.files:
            return Path(self.files.format(assignment_id=assignment))
        if not assignment:
            return None
        course = CourseDirectory(config=self.config)
        folder = Path(course.format_path(course.source_directory, ".", assignment))
        return folder if folder.is_dir() else None


@atexit.register
def close_engines():
    """End the engines of this process."""
    while _engines:
        _engines.popitem()[1].close()
