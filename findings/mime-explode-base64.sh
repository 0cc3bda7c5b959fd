#!/bin/sh
# Perl's MIME::Explode 0.39.  It decodes base64 line by line.  Where the lines
# of an attachment have a length that four does not divide, as 70 or 74, the
# file that it writes is not what was attached: octets change and are missing,
# and nothing says so.  RFC 2045 6.8 wants lines of at most 76, of whatever
# length, and that a decoder ignores their ends.
. "$(dirname "$0")/unpack"
unpack libmime-explode-perl=0.39-4+b1
PERL5LIB=$tree/usr/share/perl5:$(echo "$tree"/usr/lib/x86_64-linux-gnu/perl5/5*)
export PERL5LIB
seq 999 >"$tree/file"
cat >"$tree/explode.pl" <<'END'
use MIME::Explode;
my $explode = MIME::Explode->new(output_dir => $ARGV[0], mkdir => 0755);
open my $rest, '>', "$ARGV[0].rest" or die;
my $parts = $explode->parse(\*STDIN, $rest);
END
# explode LENGTH: whether the file comes out as it was, of lines of that length.
explode() {
	{
		printf '%s\n' 'Subject: x' 'MIME-Version: 1.0' \
			'Content-Type: multipart/mixed; boundary=here' '' \
			--here 'Content-Type: application/octet-stream' \
			'Content-Disposition: attachment; filename=file' \
			'Content-Transfer-Encoding: base64' ''
		base64 -w "$1" "$tree/file"
		echo --here--
	} >"$tree/mail$1"
	/usr/bin/perl "$tree/explode.pl" "$tree/out$1" <"$tree/mail$1" \
		>&2 || exit 2
	[ -s "$tree/out$1/file" ] || exit 2
	cmp -s "$tree/file" "$tree/out$1/file" && echo as it was || echo changed
}
usual=$(explode 76) || exit 2
seventy=$(explode 70) || exit 2
echo "lines of 76: $usual, lines of 70: $seventy"
wc -c "$tree/file" "$tree/out70/file" | head -n 2
[ "$usual" = 'as it was' ] || exit 2
[ "$seventy" = changed ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
