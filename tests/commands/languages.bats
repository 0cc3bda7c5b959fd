#!/usr/bin/env bats
# examples/commands in Perl, and behind a program in PHP.
# shellcheck disable=SC2034,SC2154 # helper's variables
load ../helper
load helper

# said: what the command printed, as the log has it.
said() {
	sed -n 's/.*: output id=[0-9a-f]* line=//p' "$LOG"
}

@test "summary.pl: subject and attachments, in the log" {
	LETTER=$BATS_TEST_TMPDIR/letter
	printf '%s\n' 'Subject: =?utf-8?q?caf=C3=A9?=' 'MIME-Version: 1.0' \
		'Content-Type: multipart/mixed; boundary=x' '' --x '' text --x \
		'Content-Type: application/pdf; name="a b.pdf"' \
		'Content-Transfer-Encoding: base64' '' aGVsbG8K --x-- >"$LETTER"
	FROM='' TO=(a@b '"c d"@e')
	posted '250 2.0.0' -- "$COMMANDS/summary.pl"
	[ "$(said)" = '"from <>"
"to a@b"
"to \x22c d\x22@e"
"subject caf\xC3\xA9"
"attachment a b.pdf application/pdf 6"' ] || fail "$(said)"
	LETTER=
	for FROM in "${ODD[@]}"; do
		posted '250 2.0.0' -- "$COMMANDS/summary.pl"
	done
	nothing_ran
}

@test "summary.pl: what dies is 451, whatever its errno; refuse() is its own" {
	for errno in 65 67 69 77 99 100 112; do
		copy summary.pl "s/^# Here goes.*/\$! = $errno; die 'dead';/"
		posted '451 4.3.0' -- "$COPY"
	done
	copy summary.pl 's/^# Here goes.*/refuse(67);/'
	posted '550 5.1.1' -- "$COPY"
	copy summary.pl 's/^use Email::MIME/use Email::Nothing/'
	posted '451 4.3.0' -- "$COPY"
}

# swift: a program that sends a message to two, twice, by $COPY -bs.
swift() {
	cat >"$BATS_TEST_TMPDIR/swift.php" <<-'END'
		<?php
		require 'Swift/autoload.php';
		$mailer = new Swift_Mailer(
			new Swift_SendmailTransport($argv[1] . ' -bs'));
		$message = (new Swift_Message("caf\u{e9}"))
			->setFrom('ann@example.net')
			->setTo(['help@example.org' => 'Help', 'joe@example.org'])
			->setBody("one\n.\n..two\nFrom x\n");
		for ($n = 0; $n < 2; $n++)
			try {
				echo $mailer->send($message), "\n";
			} catch (Swift_TransportException $e) {
				echo $e->getCode(), "\n";
			}
	END
	php -d error_reporting=E_ERROR "$BATS_TEST_TMPDIR/swift.php" "$COPY" \
		2>>"$LOG" 3>&-
}

@test "sendmail -bs: Swift Mailer's transport, message after message" {
	copy sendmail "s|exec smtpd -bs .* ;;|exec $SMTPD -bs -n me $CATCH ;;|"
	[ "$(swift)" = '2
2' ]
	delivered 2
	[ "$(variable RECIPIENTS)" = 'help@example.org
joe@example.org' ]
	[ "$(variable SENDER)" = ann@example.net ]
	[ "$(tr -d '\r' <"$(message)" | sed '1,/^$/d')" = 'one
.
..two
From x' ]
	[ "$(CATCH_EXIT=75 swift)" = '451
451' ]
}
