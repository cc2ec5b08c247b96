"""A class with hostile code among honest work: marks, neighbours, leaks, files, connections and processes of
the whole run.

Each attack on its own is tested with the engine; here they meet a real course folder, with a gradebook,
solutions in reach of the instructor, and neighbours' work on the same disk.
"""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
import pytest

from autograde.classroom import Classroom
from autograde.course import ROOT
from autograde.grading import grade
from tests.grading import classes
from tests.grading.classes import FULL, HONEST, SOLUTION, TOPIC, WRONG, hand_in, notebook

SENTINEL = "sentinel-7c41e0"
MARK = "hostile-process-7c41e0"
REST = 18.0  # all but the one question that the attack sits in


def inside(code: str):
    """The reference solution, with `code` run each time the first question is called."""
    return notebook(
        {
            **SOLUTION,
            "quadratic": "def quadratic(A, b, c, x):\n"
            + "\n".join(f"    {line}" for line in code.splitlines()),
        }
    )


def at_top(code: str):
    """Two answers are wrong, and `code` runs when the first answer cell is executed."""
    return notebook(
        {
            **SOLUTION,
            **WRONG,
            "quadratic": f"{SOLUTION['quadratic']}\ntry:\n"
            + "\n".join(f"    {line}" for line in code.splitlines())
            + "\nexcept BaseException as problem:\n    print(type(problem).__name__)",
        }
    )


def with_text(markdown: str):
    """The reference solution, and a text of the student's after it, which only the grader reads."""
    nb = notebook()
    nb.cells.append(nbformat.v4.new_markdown_cell(markdown))
    return nb


def searching(base: Path) -> str:
    """Code that prints what it can read of the gradebook, the neighbours' work, the solutions and other
    processes.
    """
    return f"""import glob, os
for pattern in ("{base}/out/gradebook.db", "{base}/out/**/*", "{base}/class/**/*.ipynb",
                "{ROOT}/solutions/**/*.ipynb", "{ROOT}/autograde/**/*.py",
                "/proc/*/environ", "/proc/*/maps"):
    for path in glob.glob(pattern, recursive=True):
        try:
            content = open(path, "rb").read()
            at = content.find(b"sentinel" + b"-7c")
            print(path, content[at:at + 20], content[:20])
        except OSError:
            pass"""


def attacks(base: Path, port: int) -> dict:
    """student: (notebook, score)."""
    out, folder = base / "out", base / "class"
    search = searching(base)
    write = f"""import glob, os, sqlite3
for path in ("{out}/gradebook.db", "{out}/planted", "{folder}/planted", "{ROOT}/planted",
             "{ROOT}/autograde/marking.py", "/tmp/{MARK}", "/var/tmp/{MARK}",
             os.path.expanduser("~/{MARK}"), "{out}/autograded/0-first/01_quadratics/quadratics.ipynb"):
    for act in (lambda: open(path, "ab").write(b"planted"), lambda: os.unlink(path),
                lambda: os.rename(path, path + "{MARK}"), lambda: os.chmod(path, 0)):
        try:
            act()
        except OSError:
            pass
try:
    sqlite3.connect("{out}/gradebook.db").execute("UPDATE grade SET auto_score = 2").connection.commit()
except sqlite3.Error:
    pass"""
    connect = f"""import socket
for family, address in ((socket.AF_INET, ("127.0.0.1", {port})), (socket.AF_INET6, ("::1", {port}))):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        try:
            with socket.socket(family, kind) as s:
                s.settimeout(0.5)
                s.connect(address)
                s.send(b"x")
        except OSError:
            pass"""
    datagrams = f"""import socket
for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
    a, b = socket.socketpair(socket.AF_UNIX, kind)
    a.sendto(b"x", socket.MSG_DONTWAIT, "{base}/datagrams")"""
    stay = f"""import os, sys, time
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(300)", "{MARK}"])
        os._exit(0)"""
    kill = """import os, signal
for target in (-1, 0, os.getppid(), 1):
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(target, number)
        except OSError:
            pass"""
    return {
        "exit": (inside("import os\nos._exit(0)"), REST),
        "quit": (inside("quit()"), REST),
        "loop": (inside("while True:\n    pass"), REST),
        "stubborn": (
            inside(
                "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n   "
                "     pass"
            ),
            REST,
        ),
        "memory": (inside("return [bytearray(10**8) for _ in range(10**4)]"), REST),
        "claims": (inside("print('Score: 20/20')\nreturn float('nan')"), REST),
        "search": (at_top(search), HONEST),
        "write": (at_top(write), HONEST),
        "connect": (at_top(connect), HONEST),
        "formula": (with_text("$" + r"\hat" * 390 + " a$"), FULL),
        "quotes": (with_text("- > a\n>> b\n" * 1800), FULL),
        "datagrams": (at_top(datagrams), HONEST),
        "stay": (inside(stay), REST),
        "kill": (inside(kill), REST),
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """(report, base folder, connections seen, files that were there before) of a class with all attacks in
    it.
    """
    base = tmp_path_factory.mktemp("hostile")
    server = socket.create_server(("127.0.0.1", 0))
    port, seen = server.getsockname()[1], []
    datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    datagrams.bind(str(base / "datagrams"))
    datagrams.setblocking(False)

    def listen():
        with contextlib.suppress(OSError):  # the fixture closes the server at its end
            while True:
                seen.append(server.accept())

    threading.Thread(target=listen, daemon=True).start()
    cases = attacks(base, port)
    for student, (nb, _) in cases.items():
        hand_in(base / "class", student, nb)
    secret = notebook({**SOLUTION, **WRONG, "answer_1": f"{SOLUTION['answer_1']}  # {SENTINEL}"})
    for student in ("0-first", "m-middle", "zz-last"):
        hand_in(base / "class", student, secret)
    with Classroom(base / "out", base / "class") as room:
        room.register(TOPIC)
    classes.execute(
        base / "out" / "gradebook.db", "INSERT INTO student (id, email) VALUES ('registered', ?)", SENTINEL
    )
    code = {
        path: path.stat().st_mtime_ns
        for folder in ("autograde", "solutions", "exercises")
        for path in (ROOT / folder).rglob("*.*")
        if "__pycache__" not in path.parts
    }
    report = grade(base / "class", base / "out", workers=2, timeout=2)
    with contextlib.suppress(BlockingIOError):
        seen.append(datagrams.recv(100))
    yield classes.rows(report), base, seen, cases, code
    server.close()
    datagrams.close()


def test_each_attack_costs_its_own_question_and_earns_nothing(run):
    rows, base, _, cases, _ = run
    assert {student: rows[student].score for student in cases} == {
        student: score for student, (_, score) in cases.items()
    }
    assert {
        student: score
        for student, score in classes.scores(base / "out" / "gradebook.db").items()
        if student in cases
    } == {student: score for student, (_, score) in cases.items()}


def test_honest_neighbours_keep_their_marks_and_files(run):
    rows, base, _, _, _ = run
    for student in ("0-first", "m-middle", "zz-last"):
        assert rows[student].score == HONEST and rows[student].as_handed_in
        assert (
            b"planted"
            not in (base / "out" / "autograded" / student / TOPIC.folder / "quadratics.ipynb").read_bytes()
        )


def test_the_loops_run_out_of_time_and_are_told_so(run):
    rows = run[0]
    for student in ("loop", "stubborn"):
        first = rows[student].questions[0]
        assert first.status == "timeout" and "2 s" in first.message
        assert rows[student].seconds < 20


def test_no_secret_reaches_what_a_student_gets(run):
    _, base, _, cases, _ = run
    for student in cases:
        for step in ("autograded", "feedback"):
            for path in (base / "out" / step / student).rglob("*.*"):
                assert SENTINEL not in path.read_text(), path


def test_the_search_for_secrets_finds_them_where_there_is_no_sandbox(run):
    done = subprocess.run(
        [sys.executable, "-c", searching(run[1])], capture_output=True, text=True, timeout=60
    )
    assert SENTINEL in done.stdout and "gradebook.db" in done.stdout and "/solutions/" in done.stdout


def test_nothing_is_written_outside_and_nothing_of_the_course_is_changed(run):
    _, base, _, _, code = run
    assert not [path for path in base.rglob("*planted*")] and not (ROOT / "planted").exists()
    assert not [
        place for place in ("/tmp", "/var/tmp", os.path.expanduser("~")) if (Path(place) / MARK).exists()
    ]
    touched = [path for path in code if "marking.py" in path.name and path.stat().st_mtime_ns != code[path]]
    assert not touched and b"planted" not in (ROOT / "autograde" / "marking.py").read_bytes()


def test_no_connection_is_made(run):
    time.sleep(0.2)
    assert run[2] == []


def test_no_process_is_left(run):
    left = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if MARK.encode() in (entry / "cmdline").read_bytes():
                left.append(entry.name)
        except OSError:
            continue
    assert not left
