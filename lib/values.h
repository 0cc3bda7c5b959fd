/*
 * values - what an option may be set to
 *
 * Each takes the address of a member of the type named here, and the option's
 * value; it returns what is wrong with that, or NULL.  Strings are kept, not
 * copied.
 */
#ifndef VALUES_H
#define VALUES_H

#include "lists.h"

typedef const char *value_setter(void *member, const char *value);

/* bool: on, off. */
value_setter value_flag, value_clear_flag;

/* const char *: a line of printable ASCII, our name, a folder, a shell's
 * command. */
value_setter value_banner, value_hostname, value_directory, value_command;

/* unsigned long long: a number; octets, with K, M or G behind them. */
value_setter value_count, value_octets;

/* unsigned long long: sessions at a time, 1 at least. */
value_setter value_sessions;

/* size_t: recipients of a message. */
value_setter value_recipients;

/* long long: milliseconds, from seconds; 0 only where that is no limit. */
value_setter value_seconds, value_seconds_or_none;

/* enum log_to. */
value_setter value_log;

/* bool: reject, else normalize. */
value_setter value_bare_newline;

/* struct list: one more domain or file of them, one more file of users. */
value_setter value_domain, value_users;

/* struct list: one more network; one more of them, or "unix". */
value_setter value_network, value_speaker;

/* struct proxies: on, and one more network where a value is there. */
struct proxies {
	bool on;
	struct list from;		/* empty: anybody */
};
value_setter value_proxy;

/* The program that a shell's command begins with, or execs at once; empty where
 * there is none. */
struct span value_program(const char *command);

/* bool: sendmail's modes, of which ours is -bs; on. */
value_setter value_mode;

/* bool, as value_mode left it: a word of sendmail's -o, behind -bs only. */
value_setter value_sendmail_word;

#endif
