#!/usr/bin/env bats
# A script of each tradition, run as its own manual page has it.
# shellcheck disable=SC2016,SC2154 # words of the scripts; helper's variables
load ../helper

TO=('<help-box@example.org>')
LETTER=('From: ann@example.net' 'To: help@example.org' 'Subject: launch list'
	'' 'body' '..dot')
DELIVERED='body
.dot'

# send [option ...] -- command ...: $LETTER to each of $TO.
send() {
	say 'EHLO client.example' 'MAIL FROM:<ann@example.net>' \
		"${TO[@]/#/RCPT TO:}" DATA "${LETTER[@]}" . QUIT | serve "$@"
}


# The reply to the message, behind those to EHLO, MAIL, each RCPT and DATA.
told() {
	reply_is $((${#TO[@]} + 5)) "$1"
}

@test "procmail(1): a recipe files it; with -t a fault leaves it outside" {
	cat >"$BOX/rc" <<-END
		MAILDIR=$BOX
		DEFAULT=$BOX/default
		LOGFILE=$BOX/procmail.log
		LOCKSLEEP=1
		:0:
		* ^Subject:.*launch
		launch
	END
	send -- procmail -t -m "$BOX/rc"
	told '250 2.0.0 Ok'
	[ "$(sed '1,/^$/d' "$BOX/launch" | sed '/^$/d')" = "$DELIVERED" ]
	sed -i "s|^launch|$BOX/no/such/folder/|; /^DEFAULT/d" "$BOX/rc"
	sed -i 's/^MAILDIR=.*/MAILDIR=\/nonexistent\nDEFAULT=\/nonexistent\/x\nORGMAIL=\/nonexistent\/y/' \
		"$BOX/rc"
	send -- procmail -t -m "$BOX/rc"
	told '451 4.3.0'
}

@test "maildrop(1): a filter files it; EXITCODE is the reply, faults are 451" {
	maildirmake "$BOX/Maildir"
	cat >"$BOX/filter" <<-END
		if (/^Subject:.*launch/)
		{
			to "$BOX/Maildir"
		}
		EXITCODE=67
		exit
	END
	chmod 600 "$BOX/filter"
	send -- maildrop "$BOX/filter"
	told '250 2.0.0 Ok'
	[ "$(sed '1,/^$/d' "$BOX"/Maildir/new/*)" = "$DELIVERED" ]
	LETTER[2]='Subject: other'
	send -- maildrop "$BOX/filter"
	told '550 5.1.1'
	echo 'to "/nonexistent/x"' >"$BOX/filter"
	send -- maildrop "$BOX/filter"
	told '451 4.3.0'
}

# As in a .qmail file: "|" and this, which sh runs.
qmail() {
	send -r 1 -- sh -c "$1"
}

@test "qmail-command(8): its variables; 0, 99, 100 and 111 as there" {
	qmail '{ printf "%s%s%s" "$UFLINE" "$RPLINE" "$DTLINE"; cat; echo; } \
		>>"$BOX/mbox"'
	told '250 2.0.0 Ok'
	[ "$(sed -n '1s/ [A-Z].*//p;2,3p' "$BOX/mbox")" = 'From ann@example.net
Return-Path: <ann@example.net>
Delivered-To: help-box@example.org' ]
	sed '1,/^$/d' "$BOX/mbox" | grep -qx .dot
	qmail '[ "$EXT@$HOST" = box@example.org ] && [ "$LOCAL" = help-box ] &&
		[ "$SENDER$NEWSENDER" = ann@example.netann@example.net ] && exit 99'
	told '250 2.0.0 Ok'
	qmail 'echo "This address no longer accepts mail."; exit 100'
	told '554 5.3.0'
	qmail 'echo "Cannot open the list."; exit 111'
	told '451 4.3.0'
}

@test "Postfix's pipe(8): a filter that is given -f sender -- recipient ..." {
	cat >"$BOX/filter" <<-'END'
		#!/bin/sh
		cd "$BOX" && cat >"in.$$" || exit 75
		grep -q '^Subject: spam' "in.$$" && { echo rejected; exit 69; }
		printf '%s\n' "$@" >"args.$$" && mv "in.$$" out
	END
	chmod +x "$BOX/filter"
	TO+=('<joe@example.org>')
	send -a -- sh -c 'exec "$BOX/filter" -f "$SENDER" -- "$@"' sh
	told '250 2.0.0 Ok'
	[ "$(cat "$BOX"/args.*)" = '-f
ann@example.net
--
help-box@example.org
joe@example.org' ]
	[ "$(sed '1,/^$/d' "$BOX/out")" = "$DELIVERED" ]
	LETTER[2]='Subject: spam'
	send -a -- sh -c 'exec "$BOX/filter" -f "$SENDER" -- "$@"' sh
	told '554 5.3.0'
}

@test "a CGI-style script: who it was from REMOTE_ADDR, what from stdin" {
	PROTO=TCP TCPREMOTEIP=192.0.2.7 TCPREMOTEPORT=4711 send -- python3 -c '
import email, os, sys
message = email.message_from_binary_file(sys.stdin.buffer)
print("250 2.6.0", os.environ["REMOTE_ADDR"], os.environ["REMOTE_PORT"],
      os.environ["RECIPIENT"], message["Subject"],
      len(message.get_payload().splitlines()))'
	told '250 2.6.0 192.0.2.7 4711 help-box@example.org launch list 2'
}
