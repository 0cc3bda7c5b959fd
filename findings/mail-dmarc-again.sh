#!/bin/sh
# Perl's Mail::DMARC 1.20211209, dmarc_receive, which files the aggregate
# reports of RFC 7489 out of the mail that brings them.  A report that comes
# again it knows by its id, and makes no second one of it; but its records it
# adds a second time, so that each message in it counts twice.  A report whose
# part has a type that it does not know, as application/x-gzip, it does not
# file, and exits 0.
# In its own words, in Store/SQL.pm: "report already exists".
. "$(dirname "$0")/unpack"
unpack libmail-dmarc-perl=1.20211209-4 libclass-inspector-perl=1.36-3 \
	libconfig-tiny-perl=2.28-2 libdbd-sqlite3-perl=1.72-1 \
	libdbi-perl=1.643-4+deb12u3 libdbix-simple-perl=1.37-2 \
	libemail-messageid-perl=1.408-1 \
	libemail-mime-contenttype-perl=1.028-1 \
	libemail-mime-encodings-perl=1.317-1 libemail-mime-perl=1.953-1 \
	libemail-simple-perl=2.218-1 libfile-sharedir-perl=1.118-3 \
	libmodule-runtime-perl=0.016-2 libnet-dns-perl=1.36-1+deb12u1 \
	libnet-idn-encode-perl=2.500-3+b1 libnet-ip-perl=1.26-3 \
	libparams-util-perl=1.102-2+b1 \
	libregexp-common-perl=2017060201-3 libsocket6-perl=0.29-3 \
	libtext-unidecode-perl=1.30-3 liburi-perl=5.17-1 \
	libxml-libxml-perl=2.0207+dfsg+really+2.0134-1+deb12u1 \
	libxml-sax-base-perl=1.09-3 libsqlite3-0=3.40.1-2+deb12u2 \
	libxml2=2.9.14+dfsg-1.3~deb12u6 libicu72=72.1-3+deb12u1
PERL5LIB=$tree/usr/share/perl5:$(echo "$tree"/usr/lib/x86_64-linux-gnu/perl5/5*)
export PERL5LIB
cat >"$tree/report.py" <<'END'
import email.message
import gzip
import sys

REPORT = b"""<?xml version="1.0"?>
<feedback>
<report_metadata>
 <org_name>example.net</org_name><email>dmarc@example.net</email>
 <report_id>one</report_id>
 <date_range><begin>1796000000</begin><end>1796086399</end></date_range>
</report_metadata>
<policy_published>
 <domain>example.org</domain><adkim>r</adkim><aspf>r</aspf>
 <p>none</p><sp>none</sp><pct>100</pct>
</policy_published>
<record>
 <row>
  <source_ip>192.0.2.7</source_ip><count>3</count>
  <policy_evaluated>
   <disposition>none</disposition><dkim>pass</dkim><spf>fail</spf>
  </policy_evaluated>
 </row>
 <identifiers><header_from>example.org</header_from></identifiers>
 <auth_results>
  <dkim><domain>example.org</domain><result>pass</result></dkim>
  <spf><domain>example.org</domain><result>fail</result></spf>
 </auth_results>
</record>
</feedback>
"""
mail = email.message.EmailMessage()
mail['From'] = 'dmarc@example.net'
mail['Subject'] = ('Report Domain: example.org Submitter: example.net '
                   'Report-ID: <one>')
name = 'example.net!example.org!1796000000!1796086399.xml.gz'
mail.set_content('a report\n')
mail.add_attachment(gzip.compress(REPORT), maintype='application',
                    subtype=sys.argv[1], filename=name,
                    params={'name': name})
sys.stdout.buffer.write(bytes(mail))
END
python3 "$tree/report.py" gzip >"$tree/gzip"
python3 "$tree/report.py" x-gzip >"$tree/x-gzip"
cp "$tree/usr/share/perl5/auto/share/dist/Mail-DMARC/mail-dmarc.ini" "$tree"
cd "$tree" || exit 2
# receive TYPE: its exit status.
receive() {
	perl usr/bin/dmarc_receive --file "$1" >/dev/null 2>&1
	echo $?
}
# counted: how many reports there are, and messages in them.
counted() {
	python3 - <<-'END'
		import sqlite3
		base = sqlite3.connect('dmarc_reports.sqlite')
		(reports,), = base.execute('SELECT COUNT(*) FROM report')
		rows = base.execute('SELECT count FROM report_record')
		print(reports, 'of', sum(count for count, in rows))
	END
}
once="$(receive gzip), $(counted)"
again="$(receive gzip), $(counted)"
other="$(receive x-gzip), $(counted)"
echo "once: $once; again: $again; as x-gzip: $other"
[ "$once" = '0, 1 of 3' ] || exit 2
[ "$again; $other" = '0, 1 of 6; 0, 1 of 6' ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
