"""IPython in the place of `interpreter.py`, for notebooks with magics, `display`, plots or values to show.

Part of the untrusted side: nothing here protects anyone.
"""

from __future__ import annotations

import os
import sys

from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

from .interpreter import Interpreter, Outputs, frames_of


class Publisher(DisplayPublisher):
    def publish(self, data, metadata=None, source=None, *, transient=None, update=False, **kwargs):
        self.shell.outputs.show("display", data)

    def clear_output(self, wait=False):
        pass


class Hook(DisplayHook):
    def write_output_prompt(self):
        pass

    def write_format_data(self, format_dict, md_dict=None):
        self.shell.outputs.show("result", format_dict)

    def log_output(self, format_dict):
        pass

    def finish_displayhook(self):
        self._is_active = False


class Compiler(CachingCompiler):
    def get_code_name(self, raw_code, transformed_code, number):
        return f"<cell {number}>"


class Shell(InteractiveShell):
    """IPython without a terminal, a kernel, a history file or subprocesses."""

    displayhook_class = Type(Hook)
    display_pub_class = Type(Publisher)
    compiler_class = Type(Compiler)
    outputs = None

    def enable_gui(self, gui=None):
        pass

    def ask_exit(self):
        print("`quit()` and `exit()` do nothing in a graded notebook.")

    def system(self, command):
        raise PermissionError("Programs cannot be started in a graded notebook")

    getoutput = system

    def showtraceback(self, exc_tuple=None, *args, **kwargs):
        kind, problem, trace = self._get_exc_info(exc_tuple)
        self.outputs.error(problem, frames_of(trace))

    def showsyntaxerror(self, filename=None, running_compiled_code=False):
        problem = sys.exc_info()[1]
        place = getattr(problem, "filename", None)
        frame = (
            ((place.strip("<>"), problem.lineno or 0, "", (problem.text or "").strip()[:200]),)
            if isinstance(place, str) and place.startswith("<cell")
            else ()
        )
        self.outputs.error(type(problem)(getattr(problem, "msg", str(problem))), frame)


class ShellInterpreter(Interpreter):
    """Runs cells that are Python alone with as little of IPython as it can tell, and others with all of it.

    `folder` is where IPython may keep its empty profile. With `plots`, matplotlib is ready.
    """

    def __init__(self, folder, plots):
        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.cache_size = 0
        config.InteractiveShell.history_length = 0
        config.InteractiveShell.autocall = 0
        os.environ["IPYTHONDIR"] = folder
        self.shell = Shell.instance(config=config)
        self.shell.outputs = Outputs(1 << 20)
        if plots:
            self.shell.enable_matplotlib("inline")
        self.shell.run_cell("None", store_history=False)  # the first run of a cell imports and compiles much
        self.space = self.shell.user_ns

    @property
    def outputs(self):
        return self.shell.outputs

    @outputs.setter
    def outputs(self, outputs):
        self.shell.outputs = outputs

    def hooked(self):
        shell = self.shell
        return bool(shell.ast_transformers or shell.input_transformers_post or shell.custom_exceptions)

    def code(self, source, count):
        return None if self.hooked() else super().code(source, count)

    def parsed(self, source, name):
        return self.shell.compile.ast_parse(source, name)

    def compiled(self, tree, name):
        return self.shell.compile(tree, name, "exec")

    def run(self, source, count, code):
        shell = self.shell
        shell.execution_count = count
        if code is None:
            outcome = shell.run_cell(source, store_history=True)
            return outcome.error_before_exec or outcome.error_in_exec
        shell.compile.cache(source, count)  # for tracebacks
        shell.events.trigger("pre_execute")
        try:
            with shell.builtin_trap:
                exec(code, shell.user_global_ns, shell.user_ns)
        except BaseException as problem:
            shell.showtraceback()
            return problem
        finally:
            shell.events.trigger("post_execute")  # figures are shown here
