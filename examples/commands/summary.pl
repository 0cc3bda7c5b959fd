#!/usr/bin/perl
# summary.pl: smtpd summary.pl
# Needs: libemail-mime-perl
# Prints each message's subject and its attachments, which the log then has.  A
# start for a script of your own.
#
# "die" exits with the number of the last system error, which may be 65 or 100,
# a bounce.  END makes all of them 75, try again; a refusal is "refuse(67)".
use strict;
use warnings;

my $refusal;
sub refuse { $refusal = shift; exit }
END { $? = $refusal // ($? && 75) }

use Email::MIME;

binmode STDOUT, ':utf8';
my $message = Email::MIME->new(do { local $/; <STDIN> });
print 'from ', $ENV{SENDER} || '<>', "\n";
print "to $_\n" for split /\n/, $ENV{RECIPIENTS};
print 'subject ', $message->header_str('Subject') // '', "\n";
$message->walk_parts(sub {
	my $part = shift;
	return if $part->subparts || !defined $part->filename;
	print 'attachment ', $part->filename, ' ',
		$part->content_type =~ s/;.*//sr, ' ', length $part->body, "\n";
});
# Here goes what is to be done with it.
