#!/bin/sh
# policyd-rate-limit 1.0.1.1: of a file of --file whose name does not end in
# ".yaml", such as limits.yml or limits.new, no setting counts: each has its
# built-in default, limits and socket too, and nothing says so.  Under a name
# that ends in ".yaml" the same file counts.
. "$(dirname "$0")/unpack"
unpack policyd-rate-limit=1.0.1.1-2.1+deb12u1 python3-yaml=6.0-3+b2
for name in limits.yaml limits.yml limits.new; do
	printf '%s\n' 'backend: 0' 'limits:' '  - [2, 60]' >"$tree/$name"
	PYTHONPATH=$tree/usr/lib/python3/dist-packages \
		python3 -B "$tree/usr/bin/policyd-rate-limit" \
		--file "$tree/$name" --get-config limits >"$tree/$name.said" \
		2>&1 </dev/null || exit 2
	echo "$name, which says [[2, 60]]: $(cat "$tree/$name.said")"
done
if [ "$(cat "$tree/limits.yaml.said")" = '[[2, 60]]' ] &&
	[ "$(cat "$tree/limits.yml.said")" = '[(10, 60), (150, 86400)]' ] &&
	cmp -s "$tree/limits.yml.said" "$tree/limits.new.said"; then
	echo 'as it was seen'
else
	echo 'this has changed'
	exit 1
fi
