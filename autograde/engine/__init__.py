"""Executes one sanitized notebook: students' code in a sandbox, test cells in a process of their own, a wire
between.

execute    the engine                               preprocessor  it, in the place of nbgrader's Execute
processes  its ends of the processes that it runs   clean         makes a stranger's text and images harmless
zygote     warm, clean, forks                       rehearsal     warms the calls in it
trial      trusted: runs test cells                 student       untrusted: runs cells, answers calls
warden     starts and ends one student process      sandbox       what that gives up first: landlock, seccomp,
                                                                  namespaces, on kernel
folders    measures and removes what students filled
calls      functions called over a wire, both ways  wire          what crosses: plain, frames, sharing,
                                                                  encoding, decoding
"""

from .execute import Engine, EngineError, Limits, Question, Result, SandboxUnavailable

__all__ = ["Engine", "EngineError", "Limits", "Question", "Result", "SandboxUnavailable"]
