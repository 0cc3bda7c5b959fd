/*
 * The program itself, whose speaker is in an attacker's hands: linked with
 * --wrap, so that what the client says makes it do this, for tests/87-sandbox.
 *
 *   NOOP now WHAT           at once
 *   NOOP content WHAT       at the first octets of a message
 *   NOOP later WHAT         when much of one has been read
 *   NOOP between WHAT       before the second run of a message in LMTP
 *
 * WHAT is a name of attempts, or the number of a call, whose arguments are zero
 * then.  Whoever is there still exits with STILL_THERE.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "protocol.h"

enum { STILL_THERE = 99 };

struct span __real_protocol_command(struct protocol *p, struct span line);
struct span __wrap_protocol_command(struct protocol *p, struct span line);
size_t __real_protocol_content(struct protocol *p, char *octets, size_t len);
size_t __wrap_protocol_content(struct protocol *p, char *octets, size_t len);
struct span __real_protocol_next(struct protocol *p);
struct span __wrap_protocol_next(struct protocol *p);
void __stack_chk_fail(void);

/* ---- what is no call, or not this kernel's way to one ---- */

static void
write_to_nobody(void)
{
	static volatile size_t zero;

	*(volatile char *)zero = 0;
}

static void
trap(void)
{
	__builtin_trap();
}

#ifdef __x86_64__
/* brk(NULL), as 32 bits have it: as 64 bits have it this is a call that is let
 * through. */
static void
call_by_32_bits(void)
{
	int result = SYS_recvfrom;

	__asm__ volatile ("int $0x80" : "+a" (result) : "b" (0) : "memory");
}

/* read(0, NULL, 0), as x32 has it. */
static void
call_by_x32(void)
{
	syscall(0x40000000 + SYS_read, 0, NULL, 0);
}
#endif

/* ---- calls ---- */

static char space[512], saying[] = "escape says this\n";

/* isatty, as each glibc asks it: by TCGETS, and by TCGETS2 since 2.42. */
static void
ask_for_terminal(void)
{
#ifdef __GLIBC__
	syscall(SYS_ioctl, 0, 0x5401, space);
	syscall(SYS_ioctl, 0, 0x802c542a, space);
#endif
	isatty(0);
}

static const struct sockaddr_in address = { .sin_family = AF_INET };
static const struct rlimit many = { 1024, 1024 };
static const struct timespec never = { 0, 1 };
static char nowhere[] = "/nowhere";
static char *const words[] = { nowhere, NULL };
static int value = 1;
static socklen_t length = sizeof value;
static struct iovec part = { saying, sizeof saying - 1 };
static struct {
	size_t len;			/* struct cmsghdr, with what follows */
	int level, type, fd;
} control = { CMSG_LEN(sizeof (int)), SOL_SOCKET, SCM_RIGHTS, 0 };
static struct msghdr rights = { .msg_iov = &part, .msg_iovlen = 1,
    .msg_control = &control, .msg_controllen = sizeof control };

enum { SELF = -1001, PARENT = -1002 };	/* their numbers */

static long parent;

__attribute__((constructor)) static void
find_parent(void)
{
	parent = getpid();
}

#define AT(what) ((long)(what))
#define OPEN(flags) AT_FDCWD, AT("/etc/passwd"), flags
#define NO_FILE -1, 0
#define PAGE 4096
#define HIGH ((long)1 << 4 * sizeof (long))	/* what 32 bits do not show */

static const struct attempt {
	const char *name;
	void (*act)(void);		/* or NULL: a call */
	long number, argument[6];
} attempts[] = {
#define CALL(name, number, ...) { name, NULL, number, { __VA_ARGS__ } }
#define ACT(name, function) { name, function, 0, { 0 } }
	CALL("say", SYS_write, 2, AT(saying), sizeof saying - 1),
	ACT("terminal", ask_for_terminal),
	ACT("segv", write_to_nobody),
	ACT("abort", abort),
	ACT("trap", trap),
	ACT("stack", __stack_chk_fail),
#ifdef __x86_64__
	ACT("int80", call_by_32_bits),
	ACT("x32", call_by_x32),
	CALL("open", SYS_open, AT("/etc/passwd"), O_RDONLY),
	CALL("fork", SYS_fork, 0),
	CALL("dup2", SYS_dup2, 0, 2),
	CALL("setrlimit", SYS_setrlimit, RLIMIT_NPROC, AT(&many)),
#endif
	CALL("openat", SYS_openat, OPEN(O_RDONLY)),
	CALL("openat-null", SYS_openat, AT_FDCWD, AT("/dev/null"), O_RDWR),
	CALL("socket", SYS_socket, AF_INET, SOCK_STREAM, 0),
	CALL("socketpair", SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, AT(space)),
	CALL("connect", SYS_connect, 0, AT(&address), sizeof address),
	CALL("bind", SYS_bind, 0, AT(&address), sizeof address),
	CALL("listen", SYS_listen, 0, 1),
	CALL("execve", SYS_execve, AT(nowhere), AT(words), 0),
	CALL("execveat", SYS_execveat, AT_FDCWD, AT(nowhere), AT(words), 0,
	    0),
	CALL("clone", SYS_clone, SIGCHLD),
	CALL("clone-thread", SYS_clone, CLONE_VM | CLONE_THREAD, 0),
	CALL("ptrace", SYS_ptrace, 0x4206 /* PTRACE_SEIZE */, PARENT),
	CALL("read-parent", SYS_process_vm_readv, PARENT, AT(&part), 1,
	    AT(&part), 1, 0),
	CALL("kill-parent", SYS_kill, PARENT, 0),
	CALL("kill-self", SYS_kill, SELF, 0),
	CALL("kill-all", SYS_kill, -1, 0),
	CALL("tgkill-parent", SYS_tgkill, PARENT, PARENT, SIGABRT),
	CALL("tgkill-other-signal", SYS_tgkill, SELF, SELF, 0),
	CALL("tkill-parent", SYS_tkill, PARENT, SIGABRT),
	CALL("tkill-other-signal", SYS_tkill, SELF, 0),
	CALL("sendmsg", SYS_sendmsg, 1, AT(&rights), 0),
	CALL("shmget", SYS_shmget, 0, PAGE, 0600),
	CALL("shmat", SYS_shmat, 0, 0, 0),
	CALL("mmap", SYS_mmap, 0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
	    NO_FILE),
	CALL("mmap-exec", SYS_mmap, 0, PAGE, PROT_READ | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, NO_FILE),
	CALL("mprotect-exec", SYS_mprotect, AT(space), PAGE, PROT_READ |
	    PROT_EXEC),
	CALL("brk", SYS_brk, 0),
	CALL("io_uring_setup", 425, 1, AT(space)),
	CALL("prctl-dumpable", SYS_prctl, PR_SET_DUMPABLE, 1),
	CALL("prctl-seccomp", SYS_prctl, PR_SET_SECCOMP, 2, AT(space)),
	CALL("seccomp", SYS_seccomp, 1, 0, AT(space)),
	CALL("prlimit", SYS_prlimit64, 0, RLIMIT_NPROC, AT(&many), 0),
	CALL("personality", SYS_personality, -1),
	CALL("sigaction", SYS_rt_sigaction, SIGTERM, 0, AT(space), 8),
	CALL("ioctl-push", SYS_ioctl, 0, TIOCSTI, AT(space)),
	CALL("ioctl-paste", SYS_ioctl, 0, TIOCLINUX, AT(space)),
	CALL("setsockopt", SYS_setsockopt, 1, SOL_SOCKET, SO_REUSEADDR,
	    AT(&value), sizeof value),
	CALL("setsockopt-tcp", SYS_setsockopt, 1, IPPROTO_TCP, TCP_CORK,
	    AT(&value), sizeof value),
	CALL("getsockopt", SYS_getsockopt, 1, SOL_SOCKET, SO_TYPE, AT(&value),
	    AT(&length)),
	CALL("sendto-address", SYS_sendto, 1, AT(saying), 1, 0, AT(&address),
	    sizeof address),
	CALL("sendto-high", SYS_sendto, 1, AT(saying), 1, 0, HIGH, 16),
	CALL("dup", SYS_dup, 0),
	CALL("fcntl", SYS_fcntl, 0, F_DUPFD, 10),
	CALL("fcntl-owner", SYS_fcntl, 0, F_SETOWN, SELF),
	CALL("writev", SYS_writev, 2, AT(&part), 1),
	CALL("nanosleep", SYS_nanosleep, AT(&never), 0),
};

static long
number_of(long word)
{
	return word == SELF ? getpid() : word == PARENT ? parent : word;
}

static void
try(const struct attempt *a)
{
	const long *n = a->argument;

	if (a->act != NULL)
		a->act();
	else
		syscall(a->number, number_of(n[0]), number_of(n[1]),
		    number_of(n[2]), n[3], n[4], n[5]);
}

static _Noreturn void
escape(const char *what)
{
	struct attempt by_number = { what, NULL, atoi(what), { 0 } };
	size_t i;

	for (i = 0; i < sizeof attempts / sizeof *attempts; i++)
		if (strcmp(attempts[i].name, what) == 0)
			break;
	try(i < sizeof attempts / sizeof *attempts ? &attempts[i] :
	    &by_number);
	_exit(STILL_THERE);
}

/* ---- when ---- */

static char in_content[64], later[64], between[64];

/* Is it this line?  Then it names what. */
static bool
is_for(const char *when, struct span line, char *what, size_t size)
{
	size_t len = strlen(when);

	if (line.len < len + 2 || memcmp(line.ptr, when, len) != 0)
		return false;
	span_copy((struct span){ line.ptr + len, line.len - len - 2 }, what,
	    size);
	return true;
}

struct span
__wrap_protocol_command(struct protocol *p, struct span line)
{
	char what[64];

	if (is_for("NOOP now ", line, what, sizeof what))
		escape(what);
	is_for("NOOP content ", line, in_content, sizeof in_content);
	is_for("NOOP later ", line, later, sizeof later);
	is_for("NOOP between ", line, between, sizeof between);
	return __real_protocol_command(p, line);
}

size_t
__wrap_protocol_content(struct protocol *p, char *octets, size_t len)
{
	static size_t all;
	size_t taken = __real_protocol_content(p, octets, len);

	all += taken;
	if (in_content[0] != '\0')
		escape(in_content);
	if (later[0] != '\0' && all > 128 * 1024)
		escape(later);
	return taken;
}

struct span
__wrap_protocol_next(struct protocol *p)
{
	static int runs;

	if (protocol_commits(p) && between[0] != '\0' && runs++ == 1)
		escape(between);
	return __real_protocol_next(p);
}
