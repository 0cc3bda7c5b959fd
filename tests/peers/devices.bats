#!/usr/bin/env bats
# What devices write, to a real Postfix with its defaults and to smtpd.
load ../helper
load ../launch/helper
load helper
# shellcheck disable=SC2034 # variables for others

# postfix_listens: on $PORT, and keeps what it gets.
postfix_listens() {
	for _ in 1 2 3 4 5; do
		PORT=$((20000 + RANDOM % 12000))
		answers || break
	done
	SERVICES=("127.0.0.1:$PORT inet n - n - - smtpd"
		'anvil unix - - n - 1 anvil' 'error unix - - n - - error'
		'proxymap unix - - n - - proxymap'
		'showq unix n - n - - showq')
	postfix_starts defer_transports=smtp
	until_true answers
}

@test "what Postfix takes from a device we take, and as the same address" {
	postfix_listens
	python_case 200 peers/devices.py "$PORT" "$CONF" client.example
}
