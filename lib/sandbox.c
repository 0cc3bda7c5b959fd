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
	REACHES = 0x35,			/* BPF_JMP | BPF_JGE | BPF_K */
	RETURN = 0x06			/* BPF_RET | BPF_K */
};

#define KILL 0x80000000U		/* SECCOMP_RET_KILL_PROCESS */
#define ALLOW 0x7fff0000U		/* SECCOMP_RET_ALLOW */

#define OURSELVES 0xffffffffU		/* a value: our own number */

/* Half of an argument, the first of them being 1; 0: no check.  OR: another
 * value of the same. */
enum { CHECKS = 2, OR = -1 };
#define LOW(argument) (2 * (argument) + 1)
#define HIGH(argument) (2 * (argument) + 2)

/* isatty(3); glibc asks by TCGETS2 since 2.42, and may be newer than what it
 * was when we were built. */
#ifdef __GLIBC__
#define IS_TERMINAL { LOW(1), TCGETS }, { OR, 0x802c542a }
#else
#define IS_TERMINAL { LOW(1), TIOCGWINSZ }
#endif

/* What the channel and the pair ask for, and how a process ends that finds
 * itself broken; some with these values alone. */
static const struct allowed {
	int number;
	struct { int half; uint32_t value; } check[CHECKS];
} allowed[] = {
	{ SYS_pselect6, { { 0, 0 } } },
	{ SYS_recvfrom, { { 0, 0 } } },
	{ SYS_sendto, { { LOW(4), 0 }, { HIGH(4), 0 } } },	/* to no address */
	{ SYS_read, { { 0, 0 } } },
	{ SYS_write, { { 0, 0 } } },
	{ SYS_clock_gettime, { { 0, 0 } } },
	{ SYS_setsockopt, { { LOW(1), IPPROTO_TCP }, { LOW(2), TCP_NODELAY } } },
	{ SYS_getsockopt, { { LOW(1), SOL_SOCKET }, { LOW(2), SO_ERROR } } },
	{ SYS_shutdown, { { 0, 0 } } },
	{ SYS_close, { { 0, 0 } } },
	{ SYS_ioctl, { IS_TERMINAL } },
	{ SYS_restart_syscall, { { 0, 0 } } },		/* after SIGCONT */
	{ SYS_exit_group, { { 0, 0 } } },
	{ SYS_rt_sigprocmask, { { 0, 0 } } },		/* abort, with: */
#ifdef __GLIBC__
	{ SYS_getpid, { { 0, 0 } } },
	{ SYS_gettid, { { 0, 0 } } },
	{ SYS_tgkill, { { LOW(0), OURSELVES }, { LOW(2), SIGABRT } } },
#else
	{ SYS_tkill, { { LOW(0), OURSELVES }, { LOW(1), SIGABRT } } },
#endif
};

enum {
	ROWS = sizeof allowed / sizeof *allowed,
	ROW_MAX = 2 + 2 * CHECKS,	/* instructions */
	PROGRAM_MAX = 5 + ROW_MAX * ROWS,
	TO_ALLOW = 254, TO_KILL = 255	/* jumps to what stands at the end */
};

_Static_assert(PROGRAM_MAX < TO_ALLOW, "every jump reaches");

static void
add(struct program *p, uint16_t code, size_t if_true, size_t if_false,
    uint32_t k)
{
	p->first[p->len++] = (struct instruction){ code, (uint8_t)if_true,
	    (uint8_t)if_false, k };
}

/* The last comparison allows, where it holds; any kills, where it does not, and
 * there is no other value. */
static void
add_row(struct program *p, const struct allowed *row)
{
	size_t i;
	int half = row->check[0].half, next;
	uint32_t value;

	add(p, EQUALS, half > 0 ? 0 : TO_ALLOW, TO_KILL,
	    (uint32_t)row->number);
	for (i = 0; i < CHECKS && half != 0; i++, half = next) {
		next = i + 1 < CHECKS ? row->check[i + 1].half : 0;
		value = row->check[i].value;
		if (half != OR)
			add(p, LOAD, 0, 0, (uint32_t)(offsetof(struct call,
			    argument) + ((size_t)half - 1) *
			    sizeof (uint32_t)));
		add(p, EQUALS, next > 0 ? 0 : TO_ALLOW, next == OR ? 0 :
		    TO_KILL, value == OURSELVES ? (uint32_t)getpid() : value);
	}
}

/* Halves the rows until there is one: the kernel tries every number there is at
 * the start, and is the faster the fewer it compares with. */
static void
add_rows(struct program *p, const struct allowed *const *row, size_t n)
{
	size_t half = n / 2, at = p->len;

	if (n == 1) {
		add_row(p, *row);
		return;
	}
	add(p, REACHES, 0, 0, (uint32_t)row[half]->number);
	add_rows(p, row, half);
	p->first[at].if_true = (uint8_t)(p->len - at - 1);
	add_rows(p, row + half, n - half);
}

static void
add_end(struct program *p)
{
	size_t i, end = p->len;

	add(p, RETURN, 0, 0, ALLOW);
	add(p, RETURN, 0, 0, KILL);
	for (i = 0; i < end; i++) {
		if (p->first[i].if_true == TO_ALLOW)
			p->first[i].if_true = (uint8_t)(end - i - 1);
		if (p->first[i].if_false == TO_KILL)
			p->first[i].if_false = (uint8_t)(end - i);
	}
}

/* By number, which is another on each architecture. */
static void
sort_rows(const struct allowed *row[ROWS])
{
	size_t i, at;

	for (i = 0; i < ROWS; i++) {
		for (at = i; at > 0 &&
		    row[at - 1]->number > allowed[i].number; at--)
			row[at] = row[at - 1];
		row[at] = &allowed[i];
	}
}

/* Another architecture's numbers mean other calls. */
static bool
take_filter(void)
{
	struct instruction space[PROGRAM_MAX];
	struct program p = { 0, space };
	const struct allowed *row[ROWS];

	sort_rows(row);
	add(&p, LOAD, 0, 0, offsetof(struct call, architecture));
	add(&p, EQUALS, 0, TO_KILL, ARCHITECTURE);
	add(&p, LOAD, 0, 0, offsetof(struct call, number));
	add_rows(&p, row, ROWS);
	add_end(&p);
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

/* It hears of signals from the other one; and a handler, as who accepts leaves
 * one for SIGCHLD, would return by a call that the filter kills for. */
static void
ignore_signals(void)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD };
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
