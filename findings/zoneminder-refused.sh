#!/bin/sh
# zmfilter.pl of ZoneMinder 1.36.33 mails the events that a filter finds, and
# then deletes them, where the filter says both; what could not be mailed is
# kept.  By the mail modules that it has by itself (ZM_NEW_MAIL_MODULES off), a
# mail that the server refuses, by 451 too, is "Notification email sent", and
# the event is deleted.  With the other ones it is kept.
# ZoneMinder's modules that want its database are stubs here, with one filter
# and one event.
. "$(dirname "$0")/unpack"
unpack zoneminder=1.36.33+dfsg1-1 libmime-tools-perl=5.510-1 \
	libmailtools-perl=2.21-2 libtimedate-perl=2.3300-2 \
	libio-stringy-perl=2.111-3 libmime-lite-perl=3.033-1 \
	libemail-date-format-perl=1.008-1
mkdir -p "$tree/stub/ZoneMinder"
echo '1;' >"$tree/stub/DBI.pm"
cat >"$tree/stub/ZoneMinder.pm" <<'END'
package ZoneMinder::Base;
use constant ZM_VERSION => 1;
package ZoneMinder;
use parent 'Exporter';
our @EXPORT = qw(%Config zmDbConnect logInit Debug Info Warning Error Fatal);
our %Config = (
	ZM_DIR_EVENTS => '/', ZM_FILTER_RELOAD_DELAY => 300, ZM_OPT_EMAIL => 1,
	ZM_FROM_EMAIL => 'ann@example.net',
	ZM_EMAIL_HOST => $ENV{SERVER}, ZM_NEW_MAIL_MODULES => $ENV{NEW});
sub say_it { print "$_[0]\n" }
*Info = *Warning = *Error = *Fatal = \&say_it;
sub logInit { }
sub Debug { }
# The database: its only row is the filter.
sub zmDbConnect { bless {} }
sub do { }
sub ping { }
sub prepare_cached { bless { rows => [{ Id => 1, Name => 'f',
	AutoEmail => 1, EmailTo => 'joe@example.org', EmailSubject => 'alarm',
	EmailBody => 'body', AutoDelete => 1 }] } }
sub execute { 1 }
sub finish { }
sub fetchrow_hashref { shift @{$_[0]{rows}} }
1;
END
cat >"$tree/stub/ZoneMinder/Filter.pm" <<'END'
package ZoneMinder::Filter;
$ZoneMinder::Database::dbh = 0;
sub new { bless { %{$_[2]} } }
sub Sql { 1 }
sub Execute { ({ Id => 1 }) }
1;
END
cat >"$tree/stub/ZoneMinder/Event.pm" <<'END'
package ZoneMinder::Event;
sub new { bless { %{$_[2]} } }
sub delete { print "event deleted\n" }
1;
END
PYTHONPATH=$(dirname "$0") python3 -B - "$tree" <<'END'
import os
import subprocess
import sys

import smtpserver

tree = sys.argv[1]


def said(reply, new):
    """What zmfilter.pl says where that is the reply to the mail."""
    came = []

    def to_message(content):
        came.append(content)
        return reply

    port = smtpserver.start(to_message)
    run = subprocess.run(
        ['perl', '-T', '-I', tree + '/stub', '-I', tree + '/usr/share/perl5',
         tree + '/usr/bin/zmfilter.pl', '--filter=f'],
        env={**os.environ, 'NEW': new, 'SERVER': '127.0.0.1:%d' % port},
        timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    print('== %s, ZM_NEW_MAIL_MODULES=%s' % (reply.decode(), new),
          run.stdout.decode(), sep='\n')
    if run.returncode or len(came) != 1:
        sys.exit(2)
    return b'email sent' in run.stdout, b'event deleted' in run.stdout


if (said(b'250 taken', '0') != (True, True)
        or said(b'451 later', '1') != (False, False)):
    sys.exit(2)
as_seen = said(b'451 later', '0') == (True, True)
print('as it was seen' if as_seen else 'this has changed')
sys.exit(not as_seen)
END
