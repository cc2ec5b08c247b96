"""Each layer of the sandbox is there: what it prevents works without it, and fails within."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from autograde.engine import Engine, Limits, SandboxUnavailable, kernel, landlock, sandbox, seccomp
from tests.engine.notebooks import added, notebook, solution, test

PROJECT = Path(__file__).resolve().parents[2]

# Each attempt is the body of a function that may use `outside`, a folder of the grader's, and `parent`, a
# process of ours.
ATTEMPTS = {
    "files: read the course": "open(course + '/autograde/marking.py').read()",
    "files: list the course": "os.listdir(course)",
    "files: read the gradebook": "open(outside + '/gradebook.db').read()",
    "files: read home": "os.listdir(home)",
    "files: read /proc": "open('/proc/self/environ').read()",
    "files: read another's memory": "open(f'/proc/{parent}/mem', 'rb')",
    "files: read /etc/passwd": "open('/etc/passwd').read()",
    "files: list /tmp": "os.listdir('/tmp')",
    "files: write outside": "open(outside + '/new', 'w').write('x')",
    "files: append to the gradebook": "open(outside + '/gradebook.db', 'a').write('x')",
    "files: truncate the gradebook": "os.truncate(outside + '/gradebook.db', 20)",
    "files: rename": "os.rename(outside + '/a', outside + '/b'); os.rename(outside + '/b', outside + '/a')",
    "files: link out": "os.symlink(outside + '/gradebook.db', 'link'); open('link').read()",
    "files: hard link": "os.link(outside + '/gradebook.db', outside + '/hard'); os.unlink(outside + '/hard')",
    "files: make a folder": "os.mkdir(outside + '/folder')",
    "files: remove": "os.unlink(outside + '/spare')",
    "files: run a program": "os.execv('/bin/true', ['true']) if os.fork() == 0 else os.wait()",
    "system calls: chmod": "os.chmod(outside + '/gradebook.db', 0o600)",
    "system calls: utime": "os.utime(outside + '/gradebook.db')",
    "system calls: xattr": "os.setxattr(outside + '/gradebook.db', 'user.a', b'1')",
    "system calls: limits of another": "resource.prlimit(parent, resource.RLIMIT_NOFILE, "
    "resource.prlimit(parent, "
    "resource.RLIMIT_NOFILE))",
    "system calls: priority of another": "os.setpriority(os.PRIO_PROCESS, parent, 1)",
    "system calls: memfd": "os.memfd_create('a')",
    "system calls: shared memory": "syscall(29 if x86 else 194, 0, 4096, 0o1600)",
    "system calls: keyring": "syscall(250 if x86 else 219, 0, -3, 1)",
    "system calls: io_uring": "syscall(425, 4, bytes(200))",
    "system calls: inotify": "syscall(294 if x86 else 26, 0)",
    "system calls: pidfd": "os.pidfd_open(parent)",
    "system calls: own filter": "syscall(317 if x86 else 277, 2, 0, bytes(4))",
    "system calls: flags of a file": "fcntl.ioctl(os.open(os.__file__, 0), 0x80086601, bytearray(8))",
    "network: tcp": "socket.socket().close()",
    "network: tcp 6": "socket.socket(socket.AF_INET6).close()",
    "network: udp": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()",
    "network: unix": "socket.socket(socket.AF_UNIX).close()",
    "network: netlink": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close()",
    "network: datagrams": "[end.close() for end in socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)]",
    "signals: to another process": "os.kill(parent, 0)",
    "signals: to a group": "os.killpg(os.getpgid(parent), 0)",
    "signals: by a file": "fcntl.fcntl(os.pipe()[0], 8, parent)",
    "processes: outlive the grader": "syscall(157 if x86 else 167, 1, 0, 0, 0, 0)",
    "processes: fork": "os.fork() or os._exit(0)",
    "processes: many threads": "[threads.append(threading.Thread(target=stop.wait)) or threads[-1].start() "
    "for _ in range(20)]",
    "processes: a program": "subprocess.run(['true'], check=True)",
    "limits: raise a limit": "resource.setrlimit(resource.RLIMIT_CORE, (0, 2**20))",
    "limits: memory": "bytearray(700 * 2**20)",
    "limits: many files": "files.extend(open('/dev/null') for _ in range(140))",
    "limits: one long file": "open(outside + '/long' if 'graded' not in globals() else 'long', "
    "'wb').write(bytes(3 * 2**20))",
}
PRELUDE = """
import ctypes, fcntl, os, platform, resource, socket, subprocess, threading
outside, course, parent, home = {outside!r}, {course!r}, {parent}, {home!r}
x86 = platform.machine() == "x86_64"
threads, files, stop = [], [], threading.Event()
def syscall(*args):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(*[ctypes.c_long(a) if isinstance(a, int) else a for a in args]) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
def attempt(text):
    try:
        exec(text, globals())
        return "works"
    except BaseException as problem:
        return type(problem).__name__
    finally:
        stop.set()
        for thread in threads:
            if thread.ident: thread.join()
        for file in files: file.close()
        threads.clear(), files.clear(), stop.clear()
"""


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    """A folder of the grader's, and a process of ours."""
    folder = tmp_path_factory.mktemp("outside")
    for name in ("gradebook.db", "a", "spare"):
        (folder / name).write_text("marks of all students")
    with subprocess.Popen(["sleep", "300"], start_new_session=True) as process:
        yield folder, PRELUDE.format(
            outside=str(folder), course=str(PROJECT), parent=process.pid, home=str(Path.home())
        )
        process.kill()


@pytest.fixture(scope="module", params=["strict_engine", "bare_engine"])
def within(request, ground):
    """What each attempt gives in a student's cell, with namespaces and without."""
    strict_engine = request.getfixturevalue(request.param)
    folder, prelude = ground
    before = sorted((path.name, path.read_text()) for path in folder.iterdir())
    cells = [added(prelude + "graded = True"), *(added(f"attempt({text!r})") for text in ATTEMPTS.values())]
    result = strict_engine.run(notebook(*cells))
    assert sorted((path.name, path.read_text()) for path in folder.iterdir()) == before
    assert result.notes == []
    return {
        name: cell.outputs[0]["data"]["text/plain"].strip("'")
        for name, cell in zip(ATTEMPTS, result.notebook.cells[1:])
    }


@pytest.fixture(scope="module")
def without(ground):
    """What each attempt gives in a plain interpreter."""
    folder, prelude = ground
    code = prelude + (
        f"import json, sys\nprint('\\n"
        f"' + json.dumps({{name: attempt(text) for name, text in {ATTEMPTS!r}.items()}}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=folder.parent
    )
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.mark.parametrize("name", ATTEMPTS)
def test_an_attempt_fails_in_the_sandbox(within, name):
    assert within[name] in (
        "PermissionError",
        "OSError",
        "MemoryError",
        "RuntimeError",
        "ValueError",
        "ProcessLookupError",
    )


UNCERTAIN = {
    "system calls: xattr",
    "system calls: keyring",
    "system calls: io_uring",
    "system calls: shared memory",
    "system calls: flags of a file",
}


@pytest.mark.parametrize("name", sorted(set(ATTEMPTS) - UNCERTAIN))
def test_the_same_attempt_works_without_the_sandbox(without, name):
    if without[name] in ("PermissionError", "FileNotFoundError") and os.getuid() != 0:
        pytest.skip("this user may not do it anyway")
    assert without[name] == "works"


@pytest.mark.parametrize("kind", ["strict_engine", "bare_engine"])
def test_no_socket_that_a_student_has_reaches_another_by_its_path(request, kind, tmp_path):
    """Not one made by the student, nor one that the engine has left open."""
    send = (
        "import os, socket\nends = [*socket.socketpair(), *socket.socketpair(type=socket.SOCK_SEQPACKET)]\n"
        "reached = 0\nfor fd in range(3, 128):\n    try:\n        end = socket.socket(fileno=os.dup(fd))\n"
        "    except OSError:\n        continue\n    for say in (lambda: end.sendto(b'x', {path!r}),\n"
        "        lambda: end.sendmsg([b''], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, b'')], 0, {path!r})):\n"
        "        try:\n            say()\n        except OSError:\n            pass\n    reached += 1\nprint(reached > 4)"
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as box:
        box.bind(str(tmp_path / "box"))
        os.chmod(tmp_path / "box", 0o777)
        os.chmod(tmp_path, 0o711)
        box.setblocking(False)
        source = send.format(path=str(tmp_path / "box"))
        cells = (
            added(source),
            test("f(1)"),
            solution("def f(x):\n    " + source.replace("\n", "\n    "), "f"),
            test("f(1)", "again"),
        )
        result = request.getfixturevalue(kind).run(notebook(*cells))
        with pytest.raises(BlockingIOError):
            box.recv(10)
        outputs = [output for cell in result.notebook.cells for output in cell.outputs]
        assert any("True" in output.get("text", "") for output in outputs) or "ended the process" in str(
            result.notes
        )


def test_the_private_disk_is_full_at_its_limit(strict_engine):
    fill = (
        "n = 0\ntry:\n    for n in range(50):\n        open(f'f{n}', 'wb').write(bytes(2**20))\n"
        "except OSError as problem:\n    print(n, problem.errno)"
    )
    cell = strict_engine.run(notebook(added(fill))).notebook.cells[0]
    assert cell.outputs[0]["text"] == "4 28\n"


def test_a_private_folder_that_grows_too_large_ends_the_process_where_it_is_no_disk_of_its_own(bare_engine):
    fill = "import time\nfor n in range(100):\n    open(f'f{n}', 'wb').write(bytes(2**20)); time.sleep(0.01)"
    result = bare_engine.run(notebook(added(fill), added("1 + 1")))
    assert [cell.outputs[0].output_type for cell in result.notebook.cells] == ["error", "execute_result"]
    assert "ended the process" in result.notes[0]


@pytest.mark.parametrize("kind", ["strict_engine", "bare_engine"])
def test_the_private_folder_can_be_used(request, kind):
    use = (
        "import os, tempfile\nos.makedirs('a/b')\nopen('a/b/c', 'w').write('hello')\n"
        "os.rename('a/b/c', 'd')\n"
        "assert open('d').read() == 'hello'\nos.remove('d')\n"
        "with tempfile.NamedTemporaryFile() as file: assert "
        "os.path.samefile(os.path.dirname(file.name), '.')\n"
        "sorted(os.listdir())"
    )
    cell = request.getfixturevalue(kind).run(notebook(added(use))).notebook.cells[0]
    assert cell.outputs[0]["data"]["text/plain"] == "['a']"


def test_the_environment_and_the_command_line_tell_nothing(strict_engine):
    os.environ["GRADING_SECRET"] = "4711"
    try:
        with Engine(Limits(cell_seconds=60)) as engine:
            cell = engine.run(
                notebook(added("import os, sys\nprint(dict(os.environ), sys.argv, sys.path)"))
            ).notebook.cells[0]
    finally:
        del os.environ["GRADING_SECRET"]
    assert "4711" not in cell.outputs[0]["text"] and str(Path.home()) not in cell.outputs[0]["text"].replace(
        sys.base_prefix, ""
    )


def test_all_layers_are_reported(strict_engine):
    assert set(sandbox.REQUIRED) <= set(strict_engine.layers) <= set(sandbox.LAYERS)
    assert set(strict_engine.layers) | set(strict_engine.missing) == set(sandbox.LAYERS)


def test_a_missing_layer_is_named_and_refused_unless_best_effort_is_asked_for(tmp_path):
    # a course inside the Python installation cannot be hidden from students
    course = Path(os.__file__).parent
    with pytest.raises(SandboxUnavailable, match='"files" is missing .*inside the Python installation'):
        Engine(import_path=course)
    with Engine(sandbox="best-effort", import_path=course) as engine:
        assert "files" in engine.missing and "files" not in engine.layers and "network" in engine.layers


@pytest.mark.parametrize("machine", kernel.MACHINES)
def test_the_filter_is_sound_on_each_machine(machine):
    """Every jump of the program stays inside it, and every path through it returns."""
    program = seccomp.filter_program(*kernel.MACHINES[machine])
    rows = [program[i : i + 8] for i in range(0, len(program), 8)]
    assert len(rows) < 4096
    for i, row in enumerate(rows):
        op, yes, no = int.from_bytes(row[:2], "little"), row[2], row[3]
        if op in (seccomp.JEQ, seccomp.JGE, seccomp.JGT):
            assert i + 1 + max(yes, no) < len(rows)
    assert int.from_bytes(rows[-1][:2], "little") == seccomp.RET


def test_what_python_needs_can_be_read_and_the_course_cannot():
    paths = landlock.readable_paths(str(PROJECT))
    assert any(
        os.path.dirname(os.__file__) == path or os.path.dirname(os.__file__).startswith(path + "/")
        for path in paths
    )
    assert not any(str(PROJECT).startswith(path.rstrip("/") + "/") or path == str(PROJECT) for path in paths)
