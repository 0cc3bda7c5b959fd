#!/usr/bin/env bats
# What policy servers answer, to a real Postfix and to examples/lookup/policyd.
load ../helper
load ../launch/helper
load helper
# shellcheck disable=SC2034 # variables for others

@test "what Postfix makes of an action we make of it" {
	ports=()
	for _ in 1 2 3; do
		ports+=($((20000 + RANDOM % 12000)))
	done
	asks=$(printf '{ inet:127.0.0.1:%s, timeout=2s, try_limit=1 }\n' \
		"${ports[@]:1}" | sed 's/^/check_policy_service /' |
		paste -sd ,)
	SERVICES=("127.0.0.1:${ports[0]} inet n - n - - smtpd"
		'anvil unix - - n - 1 anvil' 'error unix - - n - - error'
		'proxymap unix - - n - - proxymap')
	postfix_starts defer_transports=smtp mynetworks=127.0.0.1 \
		"smtpd_recipient_restrictions=$asks, permit"
	PORT=${ports[0]}
	until_true answers
	python_case 200 peers/policies.py "${ports[@]}"
}
