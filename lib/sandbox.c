#define _GNU_SOURCE		/* MAP_ANONYMOUS, syscall numbers */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher.h"
#include "text.h"

#if defined(__linux__) && defined(__x86_64__) && !defined(__ILP32__)
#define ARCHITECTURE 0xc000003e		/* AUDIT_ARCH_X86_64 */
#elif defined(__linux__) && defined(__aarch64__)
#define ARCHITECTURE 0xc00000b7		/* AUDIT_ARCH_AARCH64 */
#endif

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif

#ifdef SANITIZED
const bool sandbox_has_filter = false;
#else
const bool sandbox_has_filter = true;
#endif

#if !defined(ARCHITECTURE) || defined(NO_LINUX)

const char *
sandbox_fault(void)
{
	return "there is no sandbox on this system";
}

bool
sandbox_enter(pid_t other, const int kept[3])
{
	(void)other, (void)kept;
	errno = ENOSYS;
	return false;
}

#else

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

const char *
sandbox_fault(void)
{
	return NULL;
}

/* ---- the filter: seccomp(2), in the instructions of bpf(4); musl has no
 * header of either ---- */

struct instruction {
	uint16_t code;
	uint8_t if_true, if_false;	/* instructions to skip */
	uint32_t k;
};

struct program {
	unsigned short len;
	struct instruction *first;
};

/* What the kernel shows of a call. */
struct call {
	int number;
	uint32_t architecture;
	uint64_t pointer, argument[6];
};

enum {
	LOAD = 0x20,			/* BPF_LD | BPF_W | BPF_ABS */
	EQUALS = 0x15,			/* BPF_JMP | BPF_JEQ | BPF_K */
	RETURN = 0x06			/* BPF_RET | BPF_K */
};

#define KILL 0x80000000U		/* SECCOMP_RET_KILL_PROCESS */
#define ALLOW 0x7fff0000U		/* SECCOMP_RET_ALLOW */

enum { CHECKS = 2, OURSELVES = -1 };	/* a value: our own number */

/* What the channel and the pair ask for, and how a process ends that finds
 * itself broken; some with these values alone. */
static const struct allowed {
	int number;
	struct { uint8_t on, argument; int value; } check[CHECKS];
} allowed[] = {
	{ SYS_pselect6, { { 0, 0, 0 } } },
	{ SYS_recvfrom, { { 0, 0, 0 } } },
	{ SYS_sendto, { { 1, 4, 0 } } },		/* to no address */
	{ SYS_read, { { 0, 0, 0 } } },
	{ SYS_write, { { 0, 0, 0 } } },
	{ SYS_clock_gettime, { { 0, 0, 0 } } },
	{ SYS_setsockopt, { { 1, 1, IPPROTO_TCP }, { 1, 2, TCP_NODELAY } } },
	{ SYS_getsockopt, { { 1, 1, SOL_SOCKET }, { 1, 2, SO_ERROR } } },
	{ SYS_shutdown, { { 0, 0, 0 } } },
	{ SYS_close, { { 0, 0, 0 } } },
	{ SYS_ioctl, { { 1, 1, TCGETS } } },		/* isatty: glibc's, */
	{ SYS_ioctl, { { 1, 1, TIOCGWINSZ } } },	/* musl's */
	{ SYS_restart_syscall, { { 0, 0, 0 } } },	/* after SIGCONT */
	{ SYS_exit_group, { { 0, 0, 0 } } },
	{ SYS_rt_sigprocmask, { { 0, 0, 0 } } },	/* abort, and on: */
	{ SYS_getpid, { { 0, 0, 0 } } },
	{ SYS_gettid, { { 0, 0, 0 } } },
	{ SYS_tgkill, { { 1, 0, OURSELVES }, { 1, 2, SIGABRT } } },
	{ SYS_tkill, { { 1, 0, OURSELVES }, { 1, 1, SIGABRT } } },
};

enum {
	ROWS = sizeof allowed / sizeof *allowed,
	ROW_MAX = 3 + 4 * CHECKS,	/* instructions */
	PROGRAM_MAX = 4 + ROW_MAX * ROWS
};

static void
add(struct program *p, uint16_t code, uint8_t if_true, uint8_t if_false,
    uint32_t k)
{
	p->first[p->len++] = (struct instruction){ code, if_true, if_false, k };
}

/* Half of an argument; another value skips what is left of its row. */
static void
add_check(struct program *p, size_t at, uint32_t value, uint8_t left)
{
	add(p, LOAD, 0, 0, (uint32_t)at);
	add(p, EQUALS, 0, left, value);
}

static void
add_row(struct program *p, const struct allowed *row)
{
	uint8_t left = 1;
	size_t i, at;
	int value;

	for (i = 0; i < CHECKS; i++)
		left = (uint8_t)(left + 4 * row->check[i].on);
	add(p, LOAD, 0, 0, offsetof(struct call, number));
	add(p, EQUALS, 0, left, (uint32_t)row->number);
	for (i = 0; i < CHECKS && row->check[i].on; i++) {
		at = offsetof(struct call, argument) +
		    row->check[i].argument * sizeof (uint64_t);
		value = row->check[i].value;
		left = (uint8_t)(left - 2);
		add_check(p, at, (uint32_t)(value == OURSELVES ? getpid() :
		    value), left);
		left = (uint8_t)(left - 2);
		add_check(p, at + sizeof (uint32_t), 0, left);
	}
	add(p, RETURN, 0, 0, ALLOW);
}

/* Another architecture's numbers mean other calls. */
static bool
take_filter(void)
{
	struct instruction space[PROGRAM_MAX];
	struct program p = { 0, space };
	size_t i;

	add(&p, LOAD, 0, 0, offsetof(struct call, architecture));
	add(&p, EQUALS, 1, 0, ARCHITECTURE);
	add(&p, RETURN, 0, 0, KILL);
	for (i = 0; i < ROWS; i++)
		add_row(&p, &allowed[i]);
	add(&p, RETURN, 0, 0, KILL);
	return !sandbox_has_filter || prctl(PR_SET_SECCOMP,
	    2 /* SECCOMP_MODE_FILTER */, &p, 0, 0) == 0;
}

/* ---- the rest of it ---- */

/* Where replies go to a file it may grow. */
static bool
take_limits(void)
{
	const struct rlimit none = { 0, 0 };
	struct stat st;
	bool file = fstat(1, &st) == 0 && S_ISREG(st.st_mode);

	return setrlimit(RLIMIT_NPROC, &none) == 0 &&
	    setrlimit(RLIMIT_NOFILE, &none) == 0 &&
	    setrlimit(RLIMIT_CORE, &none) == 0 &&
	    (file || setrlimit(RLIMIT_FSIZE, &none) == 0);
}

/* It hears of signals from the other one. */
static void
ignore_signals(void)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	struct sigaction act = { .sa_handler = SIG_IGN };
	size_t i;

	for (i = 0; i < sizeof signals / sizeof *signals; i++)
		sigaction(signals[i], &act, NULL);
}

/* What the commands may read there is none of its business. */
static void
forget_environment(void)
{
	extern char **environ;
	char **variable;

	for (variable = environ; *variable != NULL; variable++)
		octets_erase(*variable, strlen(*variable));
}

/* It may have died before it was to be told.  (Its number may be 1.) */
static bool
dies_with(pid_t other)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
		return false;
	errno = ESRCH;
	return getppid() == other;
}

static bool
leave_log(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	return null >= 0 ? dup2(null, 2) == 2 : close(2) == 0;
}

bool
sandbox_enter(pid_t other, const int kept[3])
{
	ignore_signals();
	if (!dies_with(other) || !leave_log())
		return false;
	launcher_close_all_but(kept);
	forget_environment();
	return take_limits() && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && take_filter();
}

#endif

/* ---- two processes ---- */

void *
sandbox_share(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory != MAP_FAILED ? memory : NULL;
}

pid_t
sandbox_divide(int *pair)
{
	int end[2], error;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, end) != 0)
		return -1;
	pid = fork();
	error = errno;
	*pair = end[pid == 0];
	close(end[pid != 0]);
	if (pid < 0)
		close(*pair);
	errno = error;
	return pid;
}

bool
sandbox_try(void)
{
	static const int none[3] = { 0, 0, 0 };
	int pair, status = 0;
	pid_t us = getpid(), pid = sandbox_divide(&pair), ended;

	if (pid == 0)
		_exit(sandbox_enter(us, none) ? 0 : errno);
	if (pid < 0)
		return false;
	close(pair);
	while ((ended = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
		;
	if (ended < 0)
		return false;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
	return errno == 0;
}
