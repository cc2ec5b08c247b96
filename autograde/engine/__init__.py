"""Executes one sanitized notebook: students' code in a sandbox, test cells in a process of their own, a wire
between.

wire     the values that may cross, and their frames         calls    functions called over a wire, both ways
sandbox  what a process gives up before a student's code      zygote   warm, clean, forks
warden   starts and ends one student process                  student  untrusted: runs cells, answers calls
trial    trusted: runs test cells                             processes  the engine's ends of all these
execute  the engine                                           clean    makes a stranger's text and images
         harmless
preprocessor  the engine in the place of nbgrader's Execute
"""

from .execute import Engine, EngineError, Limits, Question, Result, SandboxUnavailable

__all__ = ["Engine", "EngineError", "Limits", "Question", "Result", "SandboxUnavailable"]
