"""seccomp: which system calls a process may make, and who is asked before it clones itself."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import functools
import signal
import struct

from .kernel import PR_SET_PDEATHSIG, call, machine

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
getsockopt:55:209 setsockopt:54:208 getsockname:51:204 getpeername:52:205 wait4:61:260
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
    "socketpair": (53, 199),
}
# system calls after this one do not exist for the student, so that a libc takes an older way
NEWEST = 449

# get dumpable, set and get name, read bounding set, get no_new_privs, VMA
PR_ALLOWED = (3, 15, 16, 23, 39, 0x53564D41)
# F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETLEASE, F_NOTIFY, F_SET_RW_HINT, F_SET_FILE_RW_HINT
F_REFUSED = (8, 10, 15, 1024, 1026, 1036, 1038)
# TCGETS (isatty), TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX; others would change files' flags, for one
IOCTL_ALLOWED = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
AF_UNIX, STREAM, SEQPACKET = (
    1,
    1,
    5,
)  # a datagram socket, though one of a pair, could send to any other's path
CLONE_THREAD_FLAGS = 0x00000100 | 0x00000800 | 0x00010000  # VM, SIGHAND, THREAD
CLONE_FORK_ALLOWED = 0x00200000 | 0x01000000 | signal.SIGCHLD  # CHILD_CLEARTID, CHILD_SETTID
CLONE_NEW_ANY = 0x7E020080 | 0x00008000  # any namespace; CLONE_PARENT
LD, JEQ, JGE, JGT, AND, RET = 0x20, 0x15, 0x35, 0x25, 0x54, 0x06
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
    put(JEQ, special["prctl"], 0, 6)
    argument(0)
    put(JEQ, PR_SET_PDEATHSIG, 0, 3)
    argument(1)
    put(JEQ, signal.SIGKILL, 0, 1)  # which nobody can take back
    put(RET, ALLOW)
    put(LD, NR)
    for name, index, values, found, otherwise in (
        ("prctl", 0, PR_ALLOWED, ALLOW, _fail(errno.EPERM)),
        ("fcntl", 1, F_REFUSED, _fail(errno.EPERM), ALLOW),
        ("ioctl", 1, IOCTL_ALLOWED, ALLOW, _fail(errno.EPERM)),
        ("prlimit64", 0, (0,), ALLOW, _fail(errno.EPERM)),
    ):
        put(JEQ, special[name], 0, 2 + 2 * len(values))
        argument(index)
        for value in values:
            put(JEQ, value, 0, 1)
            put(RET, found)
        put(RET, otherwise)
    put(JEQ, special["socketpair"], 0, 8)
    argument(0)
    put(JEQ, AF_UNIX, 0, 5)
    argument(1)
    put(AND, 0xF)  # the kind, without its flags
    put(JEQ, STREAM, 1, 0)
    put(JEQ, SEQPACKET, 0, 1)
    put(RET, ALLOW)
    put(RET, _fail(errno.EPERM))
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
    return call(317 if machine()[1] == 0 else 277, 1, 1 << 3, descriptor)


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
