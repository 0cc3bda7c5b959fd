# Loaded after ../helper and ../launch/helper: real mail systems, each with a
# configuration and a queue of its own, as clients on loopback.
# shellcheck disable=SC2034,SC2154 # variables for and of others

EXIM4=${EXIM:-/opt/exim}/usr/sbin/exim4
COURIERTLS=${COURIER:-/opt/courier}/usr/bin/couriertls
JUDGE=$ROOT/tests/peers/judge
POSTFIX=
SERVICES=()
ANN=ann@example.net
JOSE=$'jos\xc3\xa9@example.org'

# $LETTER, which a client is to bring, complete so that none adds a field: dot
# lines, 8-bit octets, empty lines at the end.
write_letter() {
	LETTER=$BATS_TEST_TMPDIR/letter
	printf '%s\n' 'From: ann@example.net' 'To: help@example.org' \
		"Subject: ${1:-peers}" 'Date: Tue, 03 Jun 2025 09:00:00 +0000' \
		'Message-Id: <peers@example.net>' 'MIME-Version: 1.0' \
		'Content-Type: text/plain; charset=utf-8' \
		'Content-Transfer-Encoding: 8bit' '' . .. .x ... ' . ' \
		'From ann' $'caf\xc3\xa9 \xff\x80\xfe' '' .. . '' '' >"$LETTER"
}

# $PEM, a key with its certificate, which is to be nobody else's to read, and
# $CERTIFICATE alone; of setup_file.
install_pem() {
	export PEM=$BATS_FILE_TMPDIR/tls.pem \
		CERTIFICATE=$BATS_FILE_TMPDIR/certificate.pem
	install -m 600 "$ROOT/tests/lib/tls.pem" "$PEM"
	sed -n '/BEGIN CERT/,$p' "$PEM" >"$CERTIFICATE"
}

# courier [option ...]: smtpd with a real couriertls.
courier() {
	[ -x "$COURIERTLS" ] || fail "no program at $COURIERTLS"
	TLS_CERTFILE=${CERTFILE-$PEM} listen tcpserver -v --starttls \
		"exec $COURIERTLS -server -remotefd=0 -localfd=3 -statusfd=4" \
		"$@"
}

# addresses FIRST LAST
addresses() {
	seq -f 'r%03g@example.org' "$1" "$2"
}

until_true() {
	local end=$((SECONDS + 30))
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || fail "in vain: $*" "$(statuses)"
	done
}

# came N FIELDS: the Nth message is so many Received fields, and $LETTER octet
# for octet.
came() {
	local got
	got=$(message "$1")
	LC_ALL=C sed '/^From: /,$d' "$got" | grep -v '^[[:blank:]]' |
		cut -d : -f 1 | cmp - <(yes Received | head -n "$2")
	LC_ALL=C sed -n '/^From: /,$p' "$got" | cmp - "$LETTER"
}

# is NAME N TEXT: the variable in the Nth run, octet for octet.
is() {
	variable "$1" "$2" | cmp - <(printf '%s\n' "$3") ||
		fail "$1: $(variable "$1" "$2")"
}

# The parameters of MAIL in the Nth run, after SIZE.
mail_options_are() {
	variable SMTP_MAIL_OPTIONS "$1" | sed -nE 's/^SIZE=[0-9]+ ?//Ip' |
		cmp - <(printf '%s\n' "$2") ||
		fail "$(variable SMTP_MAIL_OPTIONS "$1")"
}

# "sent|bounced|deferred ADDRESS" for each try in the client's log, Postfix's or
# Exim's.
statuses() {
	LC_ALL=C sed -nE -e 's/.* to=<([^>]*)>, .* status=(\w+) .*/\2 \1/p' \
		-e 's/^[-0-9]+ [0-9:]+ \S+ [-=]> (\S+) .*/sent \1/p' \
		-e 's/^[-0-9]+ [0-9:]+ \S+ \*\* (\S+) .*/bounced \1/p' \
		-e 's/^[-0-9]+ [0-9:]+ \S+ == (\S+) .*/deferred \1/p' "$MAILLOG"
}

tried() {
	[ "$(statuses | wc -l)" -ge "$1" ]
}

# In any order.
statuses_are() {
	diff <(printf '%s\n' "$@" | sort) <(statuses | sort)
}

# The bounce for ADDRESS ... is the Nth message, as any other.
bounced() {
	local n=$1
	shift
	is SENDER "$n" ''
	is RECIPIENT "$n" "$ANN"
	sed -n 's/^Final-Recipient: rfc822; *//p' "$(message "$n")" | sort |
		cmp - <(printf '%s\n' "$@" | sort)
}

# postfix_starts SETTING ...: with the lines SERVICES in master.cf too.
postfix_starts() {
	local own=$BATS_TEST_TMPDIR/postfix name
	CONF=$own/etc
	MAILLOG=$own/log
	mkdir -p "$CONF" "$own/queue" "$own/data"
	chown postfix "$own/data"
	chmod a+x "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR"
	for name in bounce:bounce defer:bounce trace:bounce \
		rewrite:trivial-rewrite smtp:smtp lmtp:lmtp retry:error; do
		echo "${name%:*} unix - - n - 0 ${name#*:}"
	done >"$CONF/master.cf"
	cat >>"$CONF/master.cf" <<-'END'
		cleanup unix n - n - 0 cleanup
		pickup unix n - n 60 1 pickup
		qmgr unix n - n 300 1 qmgr
		scache unix - - n - 1 scache
		tlsmgr unix - - n 1000? 1 tlsmgr
		postlog unix-dgram n - n - 1 postlogd
	END
	printf '%s\n' "${SERVICES[@]}" >>"$CONF/master.cf"
	printf '%s\n' "$@" "queue_directory=$own/queue" \
		"data_directory=$own/data" "maillog_file=$MAILLOG" \
		"maillog_file_prefixes=$own" compatibility_level=3.6 \
		myhostname=client.example mydestination= alias_maps= \
		inet_protocols=ipv4 inet_interfaces=loopback-only \
		disable_dns_lookups=yes smtp_host_lookup=native \
		lmtp_host_lookup=native notify_classes= fast_flush_domains= \
		>"$CONF/main.cf"
	POSTFIX=yes
	postfix -c "$CONF" start 3>&- || fail 'Postfix does not start'
}

postfix_stops() {
	[ -z "$POSTFIX" ] || postfix -c "$CONF" stop 3>&-
	POSTFIX=
}

# post [option ...] RECIPIENT ...: $LETTER, to Postfix.
post() {
	sendmail -C "$CONF" -i -f "$ANN" -B 8BITMIME "$@" <"$LETTER" 3>&-
}

# exim_at [transport option ...]
exim_at() {
	local own=$BATS_TEST_TMPDIR/exim
	CONF=$own/conf
	MAILLOG=$own/main
	[ -x "$EXIM4" ] || fail "no program at $EXIM4"
	mkdir -p "$own"
	chown Debian-exim "$own"
	chmod a+x "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR"
	printf '%s\n' "exim_path = $EXIM4" "spool_directory = $own/spool" \
		"log_file_path = $own/%s" 'primary_hostname = client.example' \
		'keep_environment =' 'dsn_advertise_hosts = *' \
		'acl_smtp_rcpt = accept' 'begin routers' 'all:' \
		'driver = accept' 'transport = all' 'begin retry' \
		'* * F,1h,1m' 'begin transports' 'all:' 'driver = smtp' \
		"hosts = $ADDRESS" "port = $PORT" allow_localhost \
		'connection_max_messages = 1' "$@" >"$CONF"
}

# Returns when every recipient has been tried.
exim() {
	"$EXIM4" -C "$CONF" -odf "$@" 2>>"$BATS_TEST_TMPDIR/said" 3>&-
}

teardown() {
	postfix_stops
	stop_listening
}
