#!/bin/sh
# MIME::Parser of MIME-tools 5.510: what a parameter of a field says in the form
# of RFC 2231, with a charset, becomes an encoded word (RFC 2047); a boundary
# too: boundary*=us-ascii''b is looked for as =?us-ascii?Q?b?=.  No part is
# found, all text is in the preamble, where programs do not look, and parse_data
# returns as ever; an error stands in $parser->results alone.
# The documentation says of neither that it is so.
. "$(dirname "$0")/unpack"
unpack libmime-tools-perl=5.510-1 libmailtools-perl=2.21-2
PERL5LIB=$tree/usr/share/perl5 perl - <<'END'
use strict;
use warnings;
use MIME::Parser;

# parts BOUNDARY: how many of two are found, and what was looked for.
sub parts {
	my ($boundary) = @_;
	my $parser = MIME::Parser->new;
	$parser->output_to_core(1);
	$parser->tmp_to_core(1);
	my $mail = $parser->parse_data("MIME-Version: 1.0\n" .
		"Content-Type: multipart/mixed; $boundary\n\n" .
		"--b\n\none\n--b\n\ntwo\n--b--\n");
	my $seen = $mail->parts . ' parts, by ' .
		$mail->head->multipart_boundary . ', ' .
		$parser->results->errors . ' errors';
	print "$boundary: $seen\n";
	return $seen;
}

print "MIME-tools $MIME::Parser::VERSION\n";
my $as_seen = parts('boundary=b') eq '2 parts, by b, 0 errors' &&
	parts('boundary*0=b') eq '2 parts, by b, 0 errors' &&
	parts(q{boundary*=us-ascii''b}) eq
		'0 parts, by =?us-ascii?Q?b?=, 1 errors';
print $as_seen ? "as it was seen\n" : "this has changed\n";
exit !$as_seen;
END
