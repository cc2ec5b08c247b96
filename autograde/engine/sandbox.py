"""What a process gives up before it meets a student's code.

Three kernel interfaces are called directly, through ctypes: Landlock (which files, which signals, no TCP),
seccomp (which system calls) and namespaces (own process numbers, own empty network, own disk of limited
size); rlimits and capabilities besides. On PyPI, `py-landlock` is Landlock alone, `pyseccomp` binds a C
library that pip does not bring, and `sandlock` 0.8 confines a live process by Landlock alone: its other
layers are for a child that it starts itself, where speed here rests on forks of a warm process. None grants
one single fork at a time, which is what bounds processes, for root too. So it is this file to read, instead
of packages to trust.

A layer is a name with what it prevents:

    files          Landlock: reading but the Python installation and the private folder, writing but the
                   latter, executing
    network        seccomp: no socket but a pair of one's own; Landlock and an empty network namespace besides
    signals        Landlock's scope, or a PID namespace: no signal leaves the sandbox
    system calls   seccomp: a list of those that numerical Python needs; all others fail (ptrace, mount, bpf,
                   io_uring, ...)
    processes      seccomp's notification: a fork needs the warden's leave, a thread a free place
    limits         rlimits: memory, processor, size of a file, open files, no core; no capability is left
    disk           a tmpfs of limited size as private folder
    namespaces     user, PID, mount, network, IPC: nothing outlives the student process, nothing else can be
                   named

`network` to `limits` and `files` are required. Where `disk` is missing the warden watches the folder's size
instead, and where `namespaces` is, it ends what is left itself. What Landlock cannot hide: that a path
exists, its size and its times.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import functools
import json
import os
import platform
import resource
import shutil
import signal
import site
import socket
import struct
import sys

REQUIRED = ("files", "network", "signals", "system calls", "processes", "limits")
LAYERS = (*REQUIRED, "disk", "namespaces")
MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}

# name:number on x86_64:number on aarch64, from the kernel's own headers; what is not here is refused.
ALLOWED = """
read:0:63 write:1:64 open:2:- openat:257:56 openat2:437:437 close:3:57 close_range:436:436 stat:4:-
fstat:5:80 lstat:6:- newfstatat:262:79 statx:332:291 lseek:8:62 mmap:9:222 mprotect:10:226 munmap:11:215
brk:12:214 mremap:25:216 madvise:28:233 msync:26:227 mincore:27:232 rt_sigaction:13:134
rt_sigprocmask:14:135 rt_sigreturn:15:139 rt_sigpending:127:136 rt_sigtimedwait:128:137
rt_sigsuspend:130:133 sigaltstack:131:132 pread64:17:67 pwrite64:18:68 readv:19:65 writev:20:66
preadv:295:69 pwritev:296:70 preadv2:327:286 pwritev2:328:287 access:21:- faccessat:269:48
faccessat2:439:439 pipe:22:- pipe2:293:59 select:23:- pselect6:270:72 poll:7:- ppoll:271:73
epoll_create:213:- epoll_create1:291:20 epoll_ctl:233:21 epoll_wait:232:- epoll_pwait:281:22
epoll_pwait2:441:441 eventfd:284:- eventfd2:290:19 timerfd_create:283:85 timerfd_settime:286:86
timerfd_gettime:287:87 sched_yield:24:124 sched_getaffinity:204:123 sched_getparam:143:121
sched_getscheduler:145:120 sched_get_priority_max:146:125 sched_get_priority_min:147:126 dup:32:23 dup2:33:-
dup3:292:24 nanosleep:35:101 clock_nanosleep:230:115 clock_gettime:228:113 clock_getres:229:114
gettimeofday:96:169 time:201:- times:100:153 getpid:39:172 getppid:110:173 gettid:186:178 getuid:102:174
geteuid:107:175 getgid:104:176 getegid:108:177 getresuid:118:148 getresgid:120:150 getgroups:115:158
getpgrp:111:- getpgid:121:155 getsid:124:156 getrusage:98:165 getrlimit:97:163 setrlimit:160:164
getpriority:140:141 getcpu:309:168 set_tid_address:218:96 set_robust_list:273:99 rseq:334:293 futex:202:98
futex_waitv:449:449 membarrier:324:283 getrandom:318:278 arch_prctl:158:- uname:63:160 sysinfo:99:179
getcwd:79:17 chdir:80:49 fchdir:81:50 mkdir:83:- mkdirat:258:34 rmdir:84:- unlink:87:- unlinkat:263:35
rename:82:- renameat:264:38 renameat2:316:276 link:86:- linkat:265:37 symlink:88:- symlinkat:266:36
readlink:89:- readlinkat:267:78 truncate:76:45 ftruncate:77:46 fallocate:285:47 fsync:74:82 fdatasync:75:83
getdents:78:- getdents64:217:61 umask:95:166 flock:73:32 statfs:137:43 fstatfs:138:44 sendfile:40:71
copy_file_range:326:285 sendto:44:206 recvfrom:45:207 sendmsg:46:211 recvmsg:47:212 shutdown:48:210
getsockopt:55:209 setsockopt:54:208 getsockname:51:204 getpeername:52:205 socketpair:53:199 wait4:61:260
waitid:247:95 exit:60:93 exit_group:231:94 alarm:37:- setitimer:38:103 getitimer:36:102 timer_create:222:107
timer_settime:223:110 timer_gettime:224:108 timer_getoverrun:225:109 timer_delete:226:111 pause:34:-
restart_syscall:219:128 kill:62:129 tkill:200:130 tgkill:234:131 rt_sigqueueinfo:129:138
rt_tgsigqueueinfo:297:240 landlock_create_ruleset:444:444 landlock_add_rule:445:445
landlock_restrict_self:446:446 fadvise64:221:223 readahead:187:213
"""
SPECIAL = {
    "clone": (56, 220),
    "clone3": (435, 435),
    "prctl": (157, 167),
    "prlimit64": (302, 261),
    "fcntl": (72, 25),
    "ioctl": (16, 29),
}
# system calls after this one do not exist for the student, so that a libc takes an older way
NEWEST = 449

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
# get dumpable, set and get name, read bounding set, get no_new_privs, VMA
PR_ALLOWED = (3, 15, 16, 23, 39, 0x53564D41)
F_REFUSED = (8, 10, 15, 1024, 1026)  # F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETLEASE, F_NOTIFY
IOCTL_REFUSED = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX
CLONE_THREAD_FLAGS = 0x00000100 | 0x00000800 | 0x00010000  # VM, SIGHAND, THREAD
CLONE_FORK_ALLOWED = 0x00200000 | 0x01000000 | signal.SIGCHLD  # CHILD_CLEARTID, CHILD_SETTID
CLONE_NEW_ANY = 0x7E020080 | 0x00008000  # any namespace; CLONE_PARENT
NEWUSER, NEWPID, NEWNS, NEWNET, NEWIPC, NEWUTS = (
    0x10000000,
    0x20000000,
    0x00020000,
    0x40000000,
    0x08000000,
    0x04000000,
)
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 0x4000, 1 << 18


class Refused(RuntimeError):
    """A layer cannot be given; the text says why."""


def _call(number, *arguments):
    """A system call; OSError where it fails."""
    converted = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = _libc.syscall(ctypes.c_long(number), *converted)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _prctl(option, value):
    if (
        _libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))
        != 0
    ):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _machine():
    return MACHINES.get(platform.machine())


def hide():
    """Make this process's memory unreadable to others of the same user."""
    _prctl(PR_SET_DUMPABLE, 0)


def die_with_parent(parent):
    """Be killed when the parent ends; `parent` is its process number, in case it ended before this."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent is not None and os.getppid() != parent:
        os._exit(1)


# --- namespaces and disk: once in the zygote, then in each warden -------------------------------------------


def prepare():
    """Give this single-threaded process namespaces of its own; what a warden needs to know of them.

    Returns {"namespaces": True} or {"namespaces": False, "why": text}. Nothing is lost where they are not
    granted.
    """
    if _machine() is not None:
        filter_program(*_machine())  # remembered by the forks
    user, group = os.geteuid(), os.getegid()
    try:
        if _libc.unshare(NEWUSER | NEWNS | NEWNET | NEWIPC | NEWUTS) == 0:
            for name, text in (
                ("setgroups", "deny"),
                ("uid_map", f"{user} {user} 1"),
                ("gid_map", f"{group} {group} 1"),
            ):
                with open(f"/proc/self/{name}", "w") as file:
                    file.write(text)
        elif _libc.unshare(NEWNS | NEWNET | NEWIPC | NEWUTS) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        _mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    except OSError as problem:
        return {"namespaces": False, "why": f"this system does not grant user namespaces ({problem})"}
    return {"namespaces": True}


def _mount(source, target, kind, flags, data):
    if _libc.mount(source, target, kind, ctypes.c_ulong(flags), data) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def private_disk(folder, most_bytes):
    """Give this process's children PID numbers and a small disk at `folder` of their own."""
    if _libc.unshare(NEWPID | NEWNS) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    options = f"size={most_bytes},nr_inodes=2000,mode=700"
    _mount(b"tmpfs", os.fsencode(folder), b"tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options.encode())


# --- Landlock -----------------------------------------------------------------------------------------------

FS_EXECUTE, FS_WRITE_FILE, FS_READ_FILE, FS_READ_DIR = 1, 2, 4, 8
FS_TRUNCATE, FS_IOCTL_DEV = 1 << 14, 1 << 15
# folders, regular files, symbolic links; no device, socket or pipe
FS_MAKE = 1 << 7 | 1 << 8 | 1 << 12
FS_REMOVE, FS_REFER = 1 << 4 | 1 << 5, 1 << 13
READ = FS_READ_FILE | FS_READ_DIR
PRIVATE = READ | FS_WRITE_FILE | FS_TRUNCATE | FS_MAKE | FS_REMOVE | FS_REFER
SCOPE_ABSTRACT_SOCKETS, SCOPE_SIGNALS = 1, 2
SYSTEM_PATHS = (
    "/usr/lib",
    "/usr/lib64",
    "/lib",
    "/lib64",
    "/usr/local/lib",
    "/usr/share/zoneinfo",
    "/usr/share/fonts",
    "/usr/share/locale",
    "/etc/localtime",
    "/etc/ld.so.cache",
    "/etc/fonts",
)
DEVICES = (
    ("/dev/null", FS_READ_FILE | FS_WRITE_FILE),
    ("/dev/zero", FS_READ_FILE),
    ("/dev/urandom", FS_READ_FILE),
    ("/dev/random", FS_READ_FILE),
)


def landlock_abi():
    """The kernel's Landlock version, 0 where there is none."""
    try:
        return _call(444, None, 0, 1)
    except OSError:
        return 0


@functools.lru_cache
def readable_paths(*protect):
    """What Python needs to read. A folder that holds, or lies in, one of `protect` is left out, but for the
    parts of the Python installation: those may lie in it (a .venv), and must not hold it (Refused)."""

    def real(paths):
        return {os.path.realpath(path) for path in paths if path and os.path.exists(path)}

    protected = real(protect)
    python = real(
        [
            os.path.join(prefix, part)
            for prefix in {sys.prefix, sys.base_prefix, sys.exec_prefix}
            for part in ("lib", "lib64", "pyvenv.cfg")
        ]
        + [os.path.dirname(os.__file__), *site.getsitepackages()]
    )
    for path in python:
        if any(_within(secret, path) for secret in protected):
            raise Refused(
                f"the course lies inside the Python installation at {path}, which students' code "
                "must be able to read; move the course, or use a virtual environment"
            )
    others = real([*sys.path, *SYSTEM_PATHS])
    return sorted(
        python
        | {
            path
            for path in others
            if not any(_within(secret, path) or _within(path, secret) for secret in protected)
        }
    )


def remember(order):
    """Work out in the zygote, once, what each of its forks would."""
    try:
        readable_paths(*order["protect"])
    except Refused:
        pass


def _within(path, folder):
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def restrict_files(abi, folder, readable):
    """Landlock: read `readable`, use `folder`, nothing else; no TCP; signals and abstract sockets stay
    inside, as `abi` has it."""
    files = (1 << (16 if abi >= 5 else 15)) - 1
    network = 3 if abi >= 4 else 0
    scope = SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS if abi >= 6 else 0
    attributes = struct.pack("=QQQ", files, network, scope)[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    ruleset = _call(444, attributes, len(attributes), 0)
    try:
        for path, rights in [(folder, PRIVATE), *((path, READ) for path in readable), *DEVICES]:
            try:
                fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                if not os.path.isdir(path):
                    rights &= FS_READ_FILE | FS_WRITE_FILE
                _call(445, ruleset, 1, struct.pack("=Qi", rights, fd), 0)
            finally:
                os.close(fd)
        _call(446, ruleset, 0)
    finally:
        os.close(ruleset)


def keep_signals_inside():
    """For a serving child: it cannot signal the process that it was forked from. Nothing happens where
    Landlock is too old."""
    try:
        ruleset = _call(444, struct.pack("=QQQ", 0, 0, SCOPE_SIGNALS), 24, 0)
        _call(446, ruleset, 0)
        os.close(ruleset)
    except OSError:
        pass


# --- seccomp ------------------------------------------------------------------------------------------------

LD, JEQ, JGE, JGT, RET = 0x20, 0x15, 0x35, 0x25, 0x06
ALLOW, NOTIFY, KILL = 0x7FFF0000, 0x7FC00000, 0x80000000
NR, ARCH, FIRST_ARGUMENT = 0, 4, 16


def _fail(number):
    return 0x00050000 | number


@functools.lru_cache
def filter_program(audit_arch, column):
    """The seccomp filter as bytes; `column` picks the machine's system call numbers."""
    code = []

    def put(op, k, yes=0, no=0):
        code.append(struct.pack("=HBBI", op, yes, no, k))

    def argument(index):
        put(LD, FIRST_ARGUMENT + 8 * index)  # the low half; all that is compared are ints of 32 bits

    put(LD, ARCH)
    put(JEQ, audit_arch, 1, 0)
    put(RET, KILL)
    put(LD, NR)
    if column == 0:
        put(JGE, 0x40000000, 0, 1)  # the x32 calls have numbers of their own
        put(RET, KILL)
    numbers = sorted(
        {
            int(entry.split(":")[1 + column])
            for entry in ALLOWED.split()
            if entry.split(":")[1 + column] != "-"
        }
    )
    for number in numbers:
        put(JEQ, number, 0, 1)
        put(RET, ALLOW)
    special = {name: numbers[column] for name, numbers in SPECIAL.items()}
    put(JEQ, special["clone"], 0, 1)
    put(RET, NOTIFY)
    for name, index, values, found, otherwise in (
        ("prctl", 0, PR_ALLOWED, ALLOW, _fail(errno.EPERM)),
        ("fcntl", 1, F_REFUSED, _fail(errno.EPERM), ALLOW),
        ("ioctl", 1, IOCTL_REFUSED, _fail(errno.EPERM), ALLOW),
        ("prlimit64", 0, (0,), ALLOW, _fail(errno.EPERM)),
    ):
        put(JEQ, special[name], 0, 2 + 2 * len(values))
        argument(index)
        for value in values:
            put(JEQ, value, 0, 1)
            put(RET, found)
        put(RET, otherwise)
    put(JEQ, special["clone3"], 0, 1)
    put(RET, _fail(errno.ENOSYS))
    put(JGT, NEWEST, 0, 1)
    put(RET, _fail(errno.ENOSYS))
    put(RET, _fail(errno.EPERM))
    return b"".join(code)


def filter_system_calls(program):
    """Install the filter for good; the descriptor on which a warden hears of each clone."""
    buffer = ctypes.create_string_buffer(program, len(program))
    descriptor = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    return _call(317 if _machine()[1] == 0 else 277, 1, 1 << 3, descriptor)


RECEIVE_NOTICE, SEND_NOTICE, CONTINUE = 0xC0502100, 0xC0182101, 1


def answer_clone(listener, may_fork, may_add_thread):
    """Answer one clone that waits on `listener`: `may_fork()` and `may_add_thread(task)` decide, and are
    asked once."""
    notice = bytearray(80)
    try:
        fcntl.ioctl(listener, RECEIVE_NOTICE, notice, True)
    except OSError:
        return  # the task is gone
    identity, task = struct.unpack_from("=QI", notice)
    (flags,) = struct.unpack_from("=Q", notice, 32)
    if flags & CLONE_NEW_ANY:
        refusal = errno.EPERM
    elif flags & CLONE_THREAD_FLAGS == CLONE_THREAD_FLAGS:
        refusal = 0 if may_add_thread(task) else errno.EAGAIN
    else:
        refusal = 0 if not flags & ~CLONE_FORK_ALLOWED and may_fork() else errno.EPERM
    reply = struct.pack("=QqiI", identity, 0, -refusal, 0 if refusal else CONTINUE)
    try:
        fcntl.ioctl(listener, SEND_NOTICE, reply)
    except OSError:
        pass


# --- all of it, in a student process ------------------------------------------------------------------------


def limit(memory_bytes, seconds, file_bytes):
    """rlimits, which a process without capabilities cannot raise again."""
    limit_memory(memory_bytes)
    for name, value in (
        ("CPU", int(seconds) + 1),
        ("FSIZE", file_bytes),
        ("NOFILE", 128),
        ("CORE", 0),
        ("MEMLOCK", 0),
        ("MSGQUEUE", 0),
        ("NICE", 0),
        ("RTPRIO", 0),
        ("SIGPENDING", 256),
    ):
        which = getattr(resource, f"RLIMIT_{name}", None)
        if which is not None:
            _, hard = resource.getrlimit(which)
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(which, (value, value))


def limit_memory(more_bytes):
    """Allow this process `more_bytes` of addresses beyond what it maps now."""
    with open("/proc/self/statm") as file:
        mapped = int(file.read().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = mapped + more_bytes if hard == resource.RLIM_INFINITY else min(hard, mapped + more_bytes)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def drop_capabilities():
    _call(126 if _machine()[1] == 0 else 91, struct.pack("=II", 0x20080522, 0), bytes(24))


def enter(order, warden, keep, ready):
    """Give up everything, and report to the warden what was given up, with the listener's descriptor.

    `keep` are the descriptors that stay open besides the warden's. Returns whether student's code may run:
    with order["sandbox"] == "require" only where no required layer is missing.
    """
    given, missing = [], {}
    if ready["namespaces"]:
        given += ["namespaces", "disk"]
    else:
        missing["namespaces"] = missing["disk"] = ready["why"]
    for key in list(os.environ):
        del os.environ[key]
    os.environ.update(
        HOME=order["folder"],
        TMPDIR=order["folder"],
        LANG="C.UTF-8",
        OPENBLAS_NUM_THREADS="1",
        OMP_NUM_THREADS="1",
        MPLBACKEND="Agg",
        PATH="/usr/bin:/bin",
    )
    os.setsid()
    os.umask(0o077)
    os.chdir(order["folder"])
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    _close_others({0, 1, 2, warden.fileno(), *keep})

    def layer(names, action):
        try:
            result = action()
            given.extend(name for name in names if name not in given)
            return result
        except (OSError, Refused) as problem:
            missing.update((name, str(problem)) for name in names)

    layer(
        ["limits"],
        lambda: (
            limit(order["memory_bytes"], order["submission_seconds"], order["file_bytes"]),
            drop_capabilities(),
            hide(),
        ),
    )
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    abi = landlock_abi()
    if abi >= 3:
        layer(["files"], lambda: restrict_files(abi, order["folder"], readable_paths(*order["protect"])))
    else:
        missing["files"] = (
            "this kernel has no Landlock of version 3 (Linux 6.2)" if abi else "this kernel has no Landlock"
        )
    if abi >= 6 and "files" in given or ready["namespaces"]:
        given.append("signals")
    else:
        missing["signals"] = "neither Landlock of version 6 (Linux 6.12) nor a PID namespace is there"
    listener = None
    if _machine() is None:
        missing.update(
            dict.fromkeys(("network", "system calls", "processes"), f"no table for {platform.machine()}")
        )
    else:
        program = filter_program(*_machine())
        listener = layer(["network", "system calls", "processes"], lambda: filter_system_calls(program))
    lacking = [name for name in REQUIRED if name in missing]
    report = {"layers": [name for name in LAYERS if name in given], "missing": missing}
    if lacking and order["sandbox"] == "require":
        report = {
            "refused": "The sandbox is not complete: "
            + "; ".join(f'the layer "{name}" is missing ({missing[name]})' for name in lacking)
            + ". Students' code is not run without it, unless you ask for a best-effort sandbox."
        }
    message = json.dumps(report).encode()
    if listener is None:
        warden.send(message)
    else:
        socket.send_fds(warden, [message], [listener])
        os.close(listener)
    warden.close()
    return "refused" not in report


def _close_others(keep):
    edge = 0
    for fd in sorted(keep):
        if fd > edge:
            os.closerange(edge, fd)
        edge = fd + 1
    os.closerange(edge, 65536)


def copy_tree(source, target):
    """The released data files into the private folder."""
    shutil.copytree(source, target, dirs_exist_ok=True)
