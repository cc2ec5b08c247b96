"""Hostile and faulty submissions: each gets the outcome that it deserves, and costs no one else anything.

A submission is three questions. The source under test answers the first, `double`; `triple` and `apply` are
answered honestly, so that a question that should keep its marks shows it. On one engine an honest neighbour
is graded before and after it. The hidden tests hold a sentinel that may appear nowhere in the result; a
folder stands for the gradebook; a listener waits for connections that must not come.
"""

import dataclasses
import json
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from autograde.engine import execute
from autograde.engine.warden import descendants
from tests.engine.conftest import deadline
from tests.engine.notebooks import added, given, notebook, solution, test

SENTINEL = "sentinel-4b1d7c"
DOUBLE = "def double(x): return 2 * x"
TRIPLE = "def triple(x): return 3 * x"
APPLY = "def apply(f, x): return f(x)"
TEST_DOUBLE = f"""
### BEGIN HIDDEN TESTS
secret = "{SENTINEL}"       # {SENTINEL}
rng = np.random.default_rng()
for x in (rng.normal(), rng.normal(size=3), np.arange(4.0), rng.normal(size=(2, 2))):
    before, result = np.copy(x), double(x)
    assert isinstance(result, (float, np.ndarray)), "double(x) is no number or array."
    assert np.array_equal(result, 2 * before), "double(x) is not twice x."
    assert np.array_equal(x, before), "double changed its argument."
### END HIDDEN TESTS
"""
TEST_TRIPLE = (
    f"secret = '{SENTINEL}'\nx = np.random.default_rng().normal(size=3)\n"
    f"assert np.array_equal(triple(x), 3 * x), 'Not thrice.'"
)
TEST_APPLY = f"""
calls = []
def f(x):
    secret = "{SENTINEL}"
    calls.append(x)
    return x + 1
assert apply(f, 1.0) == 2.0, "apply(f, x) is not f(x)."
assert len(calls) == 1, "apply should call f once."
"""


def submission(double=DOUBLE, triple=TRIPLE, apply=APPLY, first=()):
    return notebook(
        given("import numpy as np"),
        *map(added, first),
        solution(double, "double"),
        test(TEST_DOUBLE, "test_double"),
        solution(triple, "triple"),
        test(TEST_TRIPLE, "test_triple"),
        solution(apply, "apply"),
        test(TEST_APPLY, "test_apply"),
    )


@dataclass(frozen=True)
class Case:
    """A hostile source for `double`, and the statuses of the three questions that it may end with."""

    double: str
    status: str = "wrong"
    triple: str = "right"
    apply: str = "right"
    apply_source: str = APPLY
    first: tuple = ()
    endless: bool = False  # something in it ends at its deadline alone

    @property
    def seconds(self):
        """Its deadline: short where it will be reached, and long where a loaded machine must not reach it."""
        return 1.5 if self.endless or "timeout" in (self.status, self.apply) else 60


def body(text, **options):
    """A `double` that does something in each call and returns nothing."""
    return Case(
        "import os, sys, time, signal, threading, gc, socket, ctypes, builtins\ndef double(x):\n    "
        + text.strip().replace("\n", "\n    "),
        **options,
    )


def honest_after(text, **options):
    """Code of the cell's own, then an honest `double`."""
    return Case(f"{text}\n{DOUBLE}", status="right", **options)


CASES = {
    # a question that ends its process, or never ends
    "os._exit": body("os._exit(0)", status="crashed"),
    "os._exit in the cell": Case("import os\nos._exit(0)"),
    "segmentation fault": body("ctypes.string_at(0)", status="crashed"),
    "abort": body("os.abort()", status="crashed"),
    "sys.exit": body("sys.exit(0)"),
    "quit in the cell": honest_after("quit()"),
    "input": body("return float(input())"),
    "endless loop": body("while True: pass", status="timeout"),
    "endless loop in the cell": Case("while True: pass", endless=True),
    "loop that swallows everything": body(
        "while True:\n    try:\n        time.sleep(1)\n    except BaseException:\n        pass",
        status="timeout",
    ),
    "sleep with signals ignored": body(
        "for s in range(1, 32):\n    try: signal.signal(s, signal.SIG_IGN)\n"
        "    except OSError: pass\ntime.sleep(99)",
        status="timeout",
    ),
    "stops itself": body("os.kill(os.getpid(), signal.SIGSTOP)\ntime.sleep(99)", status="timeout"),
    "deep recursion": body("sys.setrecursionlimit(10**9)\ndef f(): f()\nf()", status="*", endless=True),
    "a timer that kills": body(
        "signal.setitimer(signal.ITIMER_REAL, 0.01)\nwhile True: pass", status="crashed"
    ),
    # bombs
    "memory at once": body("return bytearray(10**11)", status="crashed"),
    "memory bit by bit": body("rows = []\nwhile True: rows.append(bytearray(10**7))", status="crashed"),
    "memory in the cell": Case("rows = []\nwhile True: rows.append(bytearray(10**7))", triple="*", apply="*"),
    "fork": body("while True: os.fork()"),
    "fork in the cell": honest_after("import os\ntry:\n    while True: os.fork()\nexcept OSError: pass"),
    "threads": body(
        "rows = []\nwhile True:\n    t = threading.Thread(target=time.sleep, args=(99,), "
        "daemon=True)\n    t.start(); rows.append(t)"
    ),
    "a full disk": body("for i in range(10**6): open(f'f{i}', 'wb').write(bytes(10**6))"),
    "many files": body("for i in range(10**7): open(f'f{i}', 'w').close()"),
    "deep folders": body("for i in range(10**7): os.mkdir('d'); os.chdir('d')"),
    "one line of 20 MB": honest_after("print('x' * 20_000_000)"),
    "a flood of output": body("while True: print('x' * 1000)", status="timeout"),
    "a flood of warnings": Case(
        "import warnings\ndef double(x):\n"
        "    for i in range(2000): warnings.warn(f'w{i}')\n    return 2 * x",
        status="right",
    ),
    "a flood of errors": body("raise ValueError('x' * 10**7)"),
    "a huge image": honest_after(
        "display({'image/png': b'\\x89PNG\\r\\n\\x1a\\n' + bytes(10**7)}, raw=True)"
    ),
    # other processes, other files, the network
    "kill the parent": body("os.kill(os.getppid(), signal.SIGKILL)\nreturn 1.0", status="*"),
    "kill everyone": body(
        "for pid in range(2, 30_000):\n    try: os.kill(pid, signal.SIGKILL)\n    except OSError: pass",
        status="*",
    ),
    "kill everyone at once": body("os.kill(-1, signal.SIGKILL)", status="*"),
    "kill everyone at once in the cell": Case("import os\nos.kill(-1, 9)", status="*"),
    "ptrace": body(
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "if libc.ptrace(16, os.getppid(), 0, 0) == 0: return 2 * x\n"
        "raise OSError(ctypes.get_errno(), 'refused')"
    ),
    "read the parent's memory": body("return open(f'/proc/{os.getppid()}/mem', 'rb').read()"),
    "read every process": body(
        "found = b''\nfor pid in range(1, 5000):\n"
        "    for name in ('environ', 'cmdline', 'maps', 'mem'):\n"
        "        try: found += open(f'/proc/{pid}/{name}', 'rb').read(4096)\n"
        "        except OSError: pass\nraise ValueError(found)"
    ),
    "write the gradebook": body("open(OUTSIDE + '/gradebook.db', 'w').write('20')"),
    "write the gradebook in the cell": honest_after(
        "try: open(OUTSIDE + '/gradebook.db', 'w').write('20')\nexcept OSError: pass"
    ),
    "change the gradebook's mode": body("os.chmod(OUTSIDE + '/gradebook.db', 0)"),
    "truncate the gradebook": body("os.truncate(OUTSIDE + '/gradebook.db', 0)"),
    "read the solutions": body("return open(COURSE + '/solutions/01_quadratics/quadratics.ipynb').read()"),
    "import the marking": body("sys.path.insert(0, COURSE)\nimport autograde.marking"),
    "import the engine's own modules": body("import engine.execute"),
    "write start-up files": body(
        "for name in (sys.prefix + '/lib/x.pth', "
        "os.path.expanduser('~/.ipython/x.py'), '/etc/cron.d/x', '/tmp/x'):\n"
        "    try: open(name, 'w')\n    except OSError: continue\n    return 2 * x"
    ),
    "a link out of the folder": body(
        "os.symlink(OUTSIDE + '/gradebook.db', 'link')\nopen('link', 'w').write('20')"
    ),
    "connect": body("socket.create_connection(('127.0.0.1', PORT), 1)"),
    "connect to a unix socket": body("s = socket.socket(socket.AF_UNIX)\ns.connect(OUTSIDE + '/socket')"),
    "download": body("import urllib.request\nurllib.request.urlopen(f'http://127.0.0.1:{PORT}/')"),
    "send to a socket's path": honest_after(
        "import os, socket\nfound = [os.dup(fd) for fd in range(3, 20) if _is_socket(fd)]\n"
        "for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):\n"
        "    try: found += [end.detach() for end in socket.socketpair(socket.AF_UNIX, kind)]\n"
        "    except OSError: pass\n"
        "for fd in found:\n"
        "    with socket.socket(fileno=fd) as end:\n"
        "        for send in (lambda: end.sendto(b'x', 64, OUTSIDE + '/datagrams'),\n"
        "                     lambda: end.sendmsg([b'x'], [], 64, OUTSIDE + '/datagrams')):\n"
        "            try: send()\n"
        "            except OSError: pass"
    ),
    "pairs of sockets of every family": body(
        "for family in range(2, 46):\n    try: socket.socketpair(family)\n"
        "    except PermissionError: continue\n    except OSError: pass\n    return 2 * x\nreturn 0.0"
    ),
    "the flags of a file outside": body(
        "import fcntl\nfcntl.ioctl(os.open(np.__file__, os.O_RDONLY), 0x80086601, bytes(8))\nreturn 2 * x"
    ),
    "a subprocess": body(
        "import subprocess\nsubprocess.run(['sh', '-c', 'echo 20 > ' + OUTSIDE + '/gradebook.db'])"
    ),
    "a detached grandchild": body("if os.fork() == 0:\n    os.setsid()\n    time.sleep(99)\nreturn 2 * x"),
    "a pool of processes": body(
        "import multiprocessing\nwith multiprocessing.Pool(2) as pool: return pool.map(abs, [1])"
    ),
    "the fork of a test, taken": Case(
        "import os, threading, time\ndef take():\n    while True:\n        try:\n"
        "            if os.fork() == 0: time.sleep(99)\n            os._exit(0)\n"
        "        except OSError: pass\nthreading.Thread(target=take, daemon=True).start()\n" + DOUBLE,
        status="*",
        triple="*",
        apply="*",
    ),
    "all domains of Landlock taken": Case(
        "import os, struct\nfrom engine.kernel import call\ntry:\n    while True:\n"
        "        fd = call(444, struct.pack('=QQQ', 0, 0, 2), 24, 0)\n"
        "        call(446, fd, 0)\n        os.close(fd)\nexcept OSError: pass\nmain = os.getpid()\n"
        "def double(x):\n    os.kill(main, 9)\n    return 2 * x",
        status="*",
    ),
    # reading the tests
    "frames and gc": body(
        "found = []\nframe = sys._getframe()\n"
        "while frame: found.append(str(frame.f_globals) + str(frame.f_locals)); frame = "
        "frame.f_back\n"
        "found += [o for o in gc.get_objects() if isinstance(o, (str, dict, list)) and "
        "'sentinel' in str(o)[:10**4]]\n"
        "raise ValueError(str(found)[-1500:])"
    ),
    "In, history and linecache": body(
        "import linecache\nraise ValueError(str(In) + "
        "str(get_ipython().history_manager.input_hist_raw) + "
        "str(linecache.cache)[-900:])"
    ),
    "frames of a function that was passed": Case(
        DOUBLE,
        "right",
        apply="wrong",
        apply_source="def apply(f, x):\n    raise ValueError(str(dir(f)) + "
        "str(vars(type(f))) + str(getattr(f, '__globals__', '')) "
        "+ str(getattr(f, '__code__', '')))",
    ),
    "answers by the order of calls": Case(
        "n = 0\ndef double(x):\n    global n\n    n += 1\n    return [1.0, 2.0][n % 2]"
    ),
    # lies about values
    "a class that equals everything": body(
        "class Yes(float):\n    def __eq__(self, o): return True\n"
        "    def __ne__(self, o): return False\nreturn Yes(0)"
    ),
    "an array that equals everything": body(
        "class Yes(np.ndarray):\n    def __eq__(self, o): return True\n"
        "    def __array_function__(self, *a): return True\n"
        "    def __array_ufunc__(self, *a, **k): return True\n"
        "return np.zeros(np.shape(x)).view(Yes)"
    ),
    "an object that claims another class": body(
        "class Liar:\n    __class__ = np.ndarray\n"
        "    dtype = np.dtype('f8')\n    shape = ()\n"
        "    def __array__(self, *a): return np.zeros(3)\n"
        "    def __getattr__(self, n): return self\n"
        "    def __reduce__(self): return (print, ('x',))\n"
        "return Liar()"
    ),
    "a float that claims another class": body(
        "class Odd(float):\n    __class__ = property(lambda s: np.ndarray)\nreturn Odd(1)", status="*"
    ),
    "a dict of lies": body(
        "class D(dict):\n    def items(self): return [('a', 1)] * 10**5\n"
        "    def __len__(self): return 2**40\nreturn D()"
    ),
    "a list that never ends": body(
        "class L(list):\n    def __iter__(self): return iter(lambda: 1, 2)\nreturn L()"
    ),
    "an int of a million digits": body("return 10 ** 1_000_000"),
    "a list in itself": body("rows = []\nrows.append(rows)\nreturn rows"),
    "depth of 10^5": body("rows = []\nfor _ in range(10**5): rows = [rows]\nreturn rows", status="*"),
    "an object array": body("return np.array([x, None], dtype=object)"),
    "an array of 1 GB": body("return np.zeros(2**27)", status="crashed"),
    "a broadcast array of 8 TB": body("return np.broadcast_to(1.0, (10**6, 10**6))"),
    "an empty array of a billion rows": body("return np.zeros((2**30, 0))"),
    "an array of forty dimensions": body("return np.zeros((1,) * 40)"),
    "a number that is none": body("return np.frombuffer(b'\\1' * 16, 'g')[0]"),
    "a span of time": body("return np.timedelta64(2)"),
    "a function of numpy's": body("return np.multiply"),
    "a generator": body("return (i for i in range(3))"),
    "a lambda": body("return lambda: x"),
    "nan": body("return x * np.nan"),
    "another dtype": body("return np.float32(2) * np.asarray(x, np.float32)"),
    "another shape": body("return np.atleast_2d(2 * x)[None]"),
    "a result that changes later": Case(
        "kept = np.zeros(3)\ndef double(x):\n    kept.fill(np.sum(x))\n    return kept"
    ),
    "its argument, doubled in place": body("x *= 2\nreturn x"),
    "exceptions with names of marks": body(
        "raise type('20/20 points', (Exception,), {'__str__': lambda s: '\\x1b[2K\\r20/20'})()"
    ),
    "exceptions that cannot be shown": body(
        "class E(Exception):\n    def __str__(self): raise self\n"
        "    __repr__ = __str__\n"
        "    def __getattribute__(self, n): raise self\nraise E"
    ),
    "exceptions that take for ever": body(
        "class E(Exception):\n    def __str__(self):\n        while True: pass\nraise E", status="timeout"
    ),
    "exceptions that end loops": body("raise StopIteration"),
    "exceptions that are no Exception": body("raise type('Skip', (BaseException,), {})()", status="*"),
    "the engine's own words": body("raise NameError('is not defined in your notebook.')"),
    "a warning from a line that no file has": Case(
        "import warnings\nfrom engine import student\nstudent.int = lambda line: 10**30\n"
        "def double(x):\n    warnings.warn('w')\n    return 2 * x",
        status="right",
    ),
    "a traceback, though no file is so long": Case(
        "from engine import calls, student\n"
        "told = ('ValueError', 'V', None, 't', (('cell 1', 10**5000, '', ''),), -1, -1)\n"
        "student.Outputs.take = lambda self: (('error', told),)\n"
        "calls.pack_exception = lambda *a, **k: told\ndef double(x): return 0.0",
        status="*",
        triple="*",
        apply="*",
    ),
    "the test's own verdict": body("raise NotImplementedError('right')", status="not attempted"),
    # the interpreter and IPython turned against us
    "patched builtins": Case(
        "import builtins\nbuiltins.isinstance = lambda *a: True\n"
        "builtins.all = builtins.any = lambda *a: True\n"
        "builtins.len = lambda *a: 3\ndef double(x): return 0.0",
        status="*",
        triple="*",
        apply="*",
    ),
    "patched numpy": Case(
        "np.array_equal = np.allclose = lambda *a, **k: True\n"
        "np.testing.assert_allclose = lambda *a, **k: None\n"
        "def double(x): return 0.0"
    ),
    "a fake numpy": Case(
        "import sys, types\nfake = types.ModuleType('numpy')\n"
        "fake.array_equal = lambda *a: True\nsys.modules['numpy'] = np = fake\n"
        "def double(x): return 0.0",
        triple="*",
        apply="*",
    ),
    "its own numpy.py": Case(
        "open('numpy.py', 'w').write('array_equal = lambda *a: True')\nimport sys\n"
        "sys.path.insert(0, '.')\nsys.modules.pop('numpy')\n"
        "import numpy as np\ndef double(x): return 0.0",
        triple="*",
        apply="*",
    ),
    "input transformers": Case(
        "ip = get_ipython()\nip.input_transformers_post.append(lambda lines: "
        "['pass\\n'])\n"
        "ip.ast_transformers.append(type('T', (), {'visit': lambda s, n: n})())\n"
        "def double(x): return 0.0",
        triple="wrong",
        apply="wrong",
    ),
    "custom exceptions and tracebacks": Case(
        "ip = get_ipython()\nip.set_custom_exc((BaseException,), "
        "lambda *a, **k: None)\n"
        "ip.showtraceback = lambda *a, **k: None\n"
        "ip._showtraceback = ip.showtraceback\n"
        "def double(x): raise AssertionError"
    ),
    "a patched shell": Case(
        "ip = get_ipython()\ntype(ip).run_cell = type(ip).run_cell_async = lambda *a, "
        "**k: None\ndef double(x): return 0.0",
        triple="*",
        apply="*",
    ),
    "display hooks and formatters": Case(
        "import sys\nsys.displayhook = lambda v: print('20/20')\n"
        "ip = get_ipython()\nip.displayhook = None\n"
        "ip.display_formatter.format = lambda *a, **k: ({'text/plain': "
        "'20'}, {})\n"
        "ip.events.register('post_run_cell', lambda r: print('20'))\n"
        "def double(x): return 0.0"
    ),
    "a mark as a display": Case(
        "display({'text/plain': '1'}, raw=True)\ndef double(x):\n"
        "    display({'text/plain': '1'}, raw=True)\n    print('1')\n    return 0.0"
    ),
    "the writer of outputs": Case(
        "ip = get_ipython()\nip.outputs.rows.append(('result', '1', None))\n"
        "ip.outputs.take = lambda: (('result', '1', None),) * 3000\n"
        "ip.outputs.take_text = lambda: 5\ndef double(x): return 0.0",
        status="*",
        triple="*",
        apply="*",
    ),
    "patched fork": Case(
        "import os\nos.fork = lambda: 0\ndef double(x): return 0.0", status="*", triple="*", apply="*"
    ),
    "import hooks": Case(
        "import sys\nclass F:\n    def find_spec(self, *a): raise SystemExit\n"
        "sys.meta_path.insert(0, F())\ndef double(x): return 0.0"
    ),
    "trace and profile functions": Case(
        "import sys, threading\n"
        "sys.settrace(lambda *a: print(a[0].f_code.co_name))\n"
        "sys.setprofile(lambda *a: None)\n"
        "def double(x): return 0.0"
    ),
    "code at exit": honest_after(
        "import atexit, threading, time\natexit.register(lambda: time.sleep(99))\n"
        "threading.Thread(target=time.sleep, args=(99,)).start()\n"
        "class D:\n    def __del__(self): time.sleep(99)\nd = D()"
    ),
    "every setting turned over": honest_after(
        "import builtins, decimal, gc, sys, threading, warnings\n"
        "gc.callbacks.append(lambda *a: 1 / 0)\ngc.set_threshold(1)\nbuiltins.__build_class__ = None\n"
        "warnings.simplefilter('error')\nnp.seterr(all='raise')\nsys.setrecursionlimit(150)\n"
        "decimal.getcontext().prec = 1\nsys.excepthook = threading.excepthook = sys.unraisablehook = None\n"
        "np.set_printoptions(precision=0)\nsys.set_int_max_str_digits(640)\nsys.setswitchinterval(1e-9)\n"
        "sys.stdout = sys.stderr = None"
    ),
    "a thread that changes the answer": Case(
        "import threading\nfactor = 2\ndef flip():\n    global factor\n    while True: factor = 2 - factor\n"
        "threading.Thread(target=flip, daemon=True).start()\ndef double(x): return factor * x",
        status="*",
    ),
    "system calls of all kinds": body(
        "libc = ctypes.CDLL(None)\nfor n in range(463):\n"
        "    if n not in (0, 15, 23, 34, 35, 60, 61, 130, 202, 230, 231, "
        "247, 270, 271, 281, 7, 128, 219, 232, 441, 449):\n"
        "        libc.syscall(n, 0, 0, 0, 0, 0, 0)",
        status="*",
    ),
    # the wire
    "noise on every descriptor": body(
        "for fd in range(3, 128):\n    try: os.write(fd, os.urandom(64))\n"
        "    except OSError: pass\nreturn 2 * x",
        status="*",
    ),
    "every descriptor closed": body("os.closerange(0, 128)\nreturn 2 * x", status="crashed"),
    "every descriptor closed in the cell": Case("import os\nos.closerange(0, 128)"),
    "every descriptor made one": body(
        "for fd in range(3, 60):\n    for other in range(3, 60):\n"
        "        try: os.dup2(fd, other)\n        except OSError: pass\n"
        "return 2 * x",
        status="*",
    ),
    "a forged answer": body(
        "from engine import calls\nfor fd in range(3, 20):\n"
        "    for serial in range(1, 9):\n"
        "        data = calls.dumps((serial, '', (), 0.0), calls.RETURN)\n"
        "        try: os.write(fd, len(data).to_bytes(8, 'little') + data)\n"
        "        except OSError: pass\nreturn 0.0",
        status="*",
    ),
    "a frame of 2^60 bytes": body(
        "for fd in range(3, 20):\n"
        "    try: os.write(fd, (2**60).to_bytes(8, 'little'))\n"
        "    except OSError: pass\ntime.sleep(99)",
        status="*",
    ),
    "a frame that drips": body(
        "for fd in range(3, 20):\n"
        "    try: os.write(fd, (10**6).to_bytes(8, 'little'))\n"
        "    except OSError: pass\n"
        "while True:\n    for fd in range(3, 20):\n        try: os.write(fd, b'x')\n"
        "        except OSError: pass\n    time.sleep(0.01)",
        status="timeout",
    ),
    "endless questions": body(
        "from engine import calls\n"
        "fd = [f for f in range(3, 20) if os.path.exists('.') and "
        "_is_socket(f)][-1]\n"
        "data = calls.dumps((1, 'secret'), calls.GET)\n"
        "frame = len(data).to_bytes(8, 'little') + data\n"
        "os.set_blocking(fd, True)\n"
        "while True: os.write(fd, frame); os.read(fd, 10**6)",
        status="*",
        endless=True,
    ),
    "an answer to the main process by a child": Case(
        "import os, sys, threading, time\ndef flood():\n    time.sleep(0.3)\n    for fd in range(3, 128):\n"
        "        try: os.write(fd, b'x' * 100)\n        except OSError: pass\n"
        "threading.Thread(target=flood, daemon=True).start()\ndef double(x): return 0.0",
        status="*",
        triple="*",
        apply="*",
    ),
    "keys that collide": Case(
        "from engine import calls\n"
        "calls.dumps = lambda b, k=0: calls.Encoder(calls.Table(), None).message(k, "
        "{i * (2**61 - 1): 1 for i in range(1, 3000)})\n"
        "def double(x): return 0.0",
        status="*",
        triple="*",
        apply="*",
    ),
    "a main process that takes nothing": Case(
        "import sys\nip = get_ipython()\nimport gc\n"
        "from engine import student\n"
        "student.Student.fork_server = lambda self: None\n"
        "def double(x): return 0.0",
        status="*",
        triple="*",
        apply="*",
    ),
    "a patched wire": Case(
        "from engine import calls, encoding\n"
        "encoding.Encoder._values = lambda *a: None\nencoding._WRITERS.clear()\n"
        "calls.pack_exception = lambda *a, **k: 5\ndef double(x): return 0.0",
        status="*",
        triple="*",
        apply="*",
    ),
    "a callback kept and called later": Case(
        DOUBLE,
        "right",
        apply="wrong",
        apply_source="kept = []\ndef apply(f, x):\n    kept.append(f)\n    return f(f(x))",
    ),
    "a callback in a thread": Case(
        DOUBLE,
        "right",
        apply="wrong",
        apply_source="import threading\ndef apply(f, x):\n    got = []\n"
        "    t = threading.Thread(target=lambda: got.append(f(x)))\n"
        "    t.start(); t.join()\n    return got[0]",
    ),
    "a callback that calls back for ever": Case(
        DOUBLE, "right", apply="wrong", apply_source="def apply(f, x):\n    return f(lambda y: apply(f, y))"
    ),
    "a callback without end": Case(
        DOUBLE, "right", apply="timeout", apply_source="def apply(f, x):\n    while True: f(x)"
    ),
    "a callback with another number": Case(
        DOUBLE,
        "right",
        apply="crashed",
        apply_source="def apply(f, x):\n    f._number = 10**6\n    return f(x)",
    ),
    "a deadline that is put off": Case(
        DOUBLE,
        "right",
        apply="timeout",
        apply_source="def apply(f, x):\n    import time\n    for i in range(1000): time.sleep(0.05); f(x)",
    ),
}

FULL = ("a full disk", "many files", "deep folders")  # which end a process that has no disk of its own

HOSTS = """
import numpy as np, stat, os
OUTSIDE, COURSE, PORT = {outside!r}, {course!r}, {port}
def _is_socket(fd):
    try: return stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError: return False
"""


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    """(folder that stands for the grader's files, sockets that listen, one that takes datagrams)."""
    folder = tmp_path_factory.mktemp("grader")
    (folder / "gradebook.db").write_text("marks")
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.socket(socket.AF_UNIX) as local,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams,
    ):
        local.bind(str(folder / "socket"))
        local.listen()
        datagrams.bind(str(folder / "datagrams"))
        for waiting in (listener, local, datagrams):
            waiting.settimeout(0)
        yield folder, listener, local, datagrams


def statuses(result):
    return [result.questions[name].status for name in ("test_double", "test_triple", "test_apply")]


def no_one_left(engine):
    """Waits a moment for processes of a submission to end; whether all did."""
    latest = time.monotonic() + 30
    while time.monotonic() < latest:
        zygotes = [source.process.pid for source in engine._sources.values()]
        if not any(descendants(zygote) or left_alone(zygote) for zygote in zygotes):
            return True
        time.sleep(0.02)
    return False


def received(datagrams):
    """What has come to a socket that waits for nothing."""
    found = []
    while True:
        try:
            found.append(datagrams.recv(100))
        except BlockingIOError:
            return found


def left_alone(zygote):
    """Forks of a zygote whose session has lost its leader: they may have another parent by now."""
    command = Path(f"/proc/{zygote}/cmdline").read_bytes()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cmdline").read_bytes() == command:
                leader = os.getsid(int(entry.name))
                found += [int(entry.name)] if not Path(f"/proc/{leader}").exists() else []
        except OSError:
            continue
    return found


ENGINES_MET = []  # each case's honest neighbour afterwards is the next one's before


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_submission_gets_its_outcome_and_costs_no_one_anything(strict_engine, ground, name):
    case, (folder, listener, local, datagrams) = CASES[name], ground
    hosts = HOSTS.format(outside=str(folder), course=str(execute.PROJECT), port=listener.getsockname()[1])
    nb = submission(case.double, TRIPLE, case.apply_source, (hosts, *case.first))
    if strict_engine not in ENGINES_MET:
        ENGINES_MET.append(strict_engine)
        assert statuses(strict_engine.run(submission())) == ["right"] * 3
    with deadline(strict_engine, case.seconds):
        result = strict_engine.run(nb)
    assert statuses(strict_engine.run(submission())) == ["right"] * 3

    got = statuses(result)
    wanted = (case.status, case.triple, case.apply)
    assert all(want in ("*", status) for want, status in zip(wanted, got)), (
        got,
        [q.message for q in result.questions.values()],
    )
    if "return 0.0" in case.double:  # however it is dressed
        assert got[0] in ("wrong", "crashed", "timeout")
    shown = (
        json.dumps([cell.get("outputs") for cell in result.notebook.cells])
        + repr(result.questions)
        + repr(result.notes)
    )
    assert SENTINEL not in shown
    assert len(shown) < 400_000 and "\\u001b" not in shown
    assert {
        output.output_type
        for cell in result.notebook.cells
        if execute.kind_of(cell) == "test"
        for output in cell.outputs
    } <= {"stream", "error"}
    for cell in result.notebook.cells:
        if execute.kind_of(cell) == "test":
            failed = result.questions[cell.metadata.nbgrader.grade_id].status != "right"
            assert any(output.output_type == "error" for output in cell.outputs) == failed
    assert (folder / "gradebook.db").read_text() == "marks"
    assert sorted(os.listdir(folder)) == ["datagrams", "gradebook.db", "socket"]
    assert oct((folder / "gradebook.db").stat().st_mode & 0o700) == "0o600"
    for waiting in (listener, local):
        with pytest.raises(BlockingIOError):
            waiting.accept()
    assert received(datagrams) == []
    assert no_one_left(strict_engine)


@pytest.mark.parametrize(
    "name",
    [
        "os._exit",
        "kill everyone",
        "kill the parent",
        "fork",
        "connect",
        "write the gradebook",
        "threads",
        "memory bit by bit",
        "endless loop",
        "code at exit",
        "a detached grandchild",
        "the fork of a test, taken",
        "all domains of Landlock taken",
        "send to a socket's path",
        *FULL,
    ],
)
def test_the_battery_holds_without_namespaces_too(bare_engine, ground, name, monkeypatch):
    if name in FULL:
        monkeypatch.setitem(CASES, name, dataclasses.replace(CASES[name], status="crashed"))
    test_a_hostile_submission_gets_its_outcome_and_costs_no_one_anything(bare_engine, ground, name)


def test_no_test_can_swallow_the_end_of_the_students_process(engine):
    check = "try:\n    f()\nexcept Exception:\n    pass"
    for source, status in (
        ("import os\ndef f(): os._exit(0)", "crashed"),
        ("def f(): raise ValueError", "right"),
    ):
        assert engine.run(notebook(solution(source), test(check))).questions["test"].status == status
    swallow = "try:\n    f()\nexcept BaseException:\n    pass"
    result = engine.run(notebook(solution("import os\ndef f(): os._exit(0)"), test(swallow)))
    assert result.questions["test"].status == "crashed"


def test_twenty_thousand_displays_make_a_small_report(engine):
    result = engine.run(submission("for i in range(20_000): display(i)\n" + DOUBLE))
    assert statuses(result) == ["right"] * 3 and len(json.dumps(result.notebook)) < 100_000
