#!/usr/bin/env bats
# The files of examples/front themselves.
load ../helper

FRONT=$ROOT/examples/front

# The README's table: file and options.
table() {
	sed -n '/^## Behind a proxy/,/^## [^B]/{
		s/^|.*| `\([a-z0-9./-]*\)` | `\(-[^`]*\)` |.*/\1 \2/p
	}' "$ROOT/README.md"
}

files() {
	(cd "$FRONT" && find . -type f | sed 's#^\./##' | sort)
}

@test "each file is in the README, and its head has the table's options" {
	local file options
	[ "$(table | wc -l)" -ge 12 ]
	while read -r file options; do
		grep -q -- "^# smtpd: $options\\>" "$FRONT/$file" ||
			fail "$file: $options"
	done < <(table)
	while read -r file; do
		grep -q "\`$file\`" "$ROOT/README.md" || fail "$file"
	done < <(files)
}

@test "each file says what to edit, how to try it, and what to mind" {
	local file word
	while read -r file; do
		head -n 1 "$FRONT/$file" | grep -q '^# .*/etc/' || fail "$file"
		for word in smtpd Try Edit Mind; do
			grep -q "^# ${word}[:,]" "$FRONT/$file" ||
				fail "$file: $word"
		done
	done < <(files)
}

@test "each file is started by a test" {
	local file tried
	tried=$(cat "$ROOT"/tests/front/*.bats)
	while read -r file; do
		[[ $tried == *"_behind ${file#*/}"* ||
			$tried == *"behind $file"* ||
			$tried == *"by_itself $file"* ||
			$tried == *"tried $file"* ]] || fail "$file"
	done < <(files)
}
