"""The catalogue of mistakes: what people really write, and what they should then read.

One module per topic, each with a `Catalogue` called `catalogue`. For each function it holds wrong versions with their
sentence, and right versions written otherwise; for each concept question, what each wrong option gets wrong. A wrong
version is plain source: the tests put it in a student's place, the simulated class submits it, and the grader compares
a student's results with its results to say which mistake it is.
"""

import ast
import importlib
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Version:
    """One way to write a function. `sentence` is what its author should read, empty where the version is right."""

    label: str
    function: Callable
    sentence: str = ""

    @property
    def source(self) -> str:
        """The function's source as a student would have typed it, without the catalogue's decorator."""
        text = textwrap.dedent(inspect.getsource(self.function))
        definition = ast.parse(text).body[0]
        return "\n".join(text.splitlines()[definition.lineno - 1 :])


@dataclass
class Catalogue:
    """The mistakes of one topic. `sections` maps a function or answer to the lecture's heading to read again."""

    topic: str
    sections: dict[str, str] = field(default_factory=dict)
    mistakes: dict[str, list[Version]] = field(default_factory=dict)
    variants: dict[str, list[Version]] = field(default_factory=dict)
    answers: dict[str, dict[str, str]] = field(default_factory=dict)

    def wrong(self, label: str, sentence: str) -> Callable:
        """Decorator: enters a wrong version of the function it stands on, with the sentence for its author."""
        return self._enter(self.mistakes, label, sentence)

    def right(self, label: str) -> Callable:
        """Decorator: enters a right version, written otherwise than the reference; it must get full marks."""
        return self._enter(self.variants, label, "")

    def wrong_answer(self, question: str, letter: str, sentence: str) -> None:
        """Enters what a student who chose `letter` should read."""
        self.answers.setdefault(question, {})[letter] = sentence

    def _enter(self, shelf: dict, label: str, sentence: str) -> Callable:
        def enter(function: Callable) -> Callable:
            versions = shelf.setdefault(function.__name__, [])
            if any(version.label == label for version in versions):
                raise ValueError(f"{self.topic}: {function.__name__} already has a version {label!r}")
            versions.append(Version(label, function, sentence))
            return function

        return enter


def catalogue_of(topic_folder: str) -> Catalogue:
    """The catalogue of the topic in folder `topic_folder`, such as `01_quadratics`."""
    return importlib.import_module(f"{__name__}.{topic_folder.split('_', 1)[1]}").catalogue
