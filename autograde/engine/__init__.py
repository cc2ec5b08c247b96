"""Executes one sanitized notebook: students' code in a sandbox, test cells in a process of their own, a wire
between.

execute    the engine                               preprocessor  it, in the place of nbgrader's Execute
processes  its ends of the processes that it runs   clean         makes a stranger's text and images harmless
zygote     warm, clean, forks                       rehearsal     warms the calls in it
trial      trusted: runs test cells                 student       untrusted: runs cells, answers calls
warden     starts and ends one student process      interpreter   runs them; shell is the same with IPython
outputs    what cells show, as notebooks keep it    sandbox       what a student process gives up first: landlock,
folders    measures and removes what students filled              seccomp, namespaces, on kernel
calls      functions called over a wire, both ways  wire          what crosses: plain, frames, sharing,
                                                                  encoding, decoding
"""

from .execute import Engine, EngineError, Limits, Question, Result, SandboxUnavailable

__all__ = ["Engine", "EngineError", "Limits", "Question", "Result", "SandboxUnavailable"]
