#!/bin/sh
# dmarc_receive of Mail::DMARC 1.20211209 puts the DMARC report in a mail into a
# database, by "--file /dev/stdin".  A report that comes again, as when the
# reply to it was lost, is found by its number, and stays one; its rows are
# added once more, so that each message in it counts twice.  It exits 0, also
# where the mail holds no report.
. "$(dirname "$0")/unpack"
unpack libmail-dmarc-perl=1.20211209-4 libclass-inspector-perl=1.36-3 \
	libconfig-tiny-perl=2.28-2 libdata-optlist-perl=0.113-1 \
	libdbd-sqlite3-perl=1.72-1 libdbi-perl=1.643-4+deb12u3 \
	libdbix-simple-perl=1.37-2 libemail-address-xs-perl=1.05-1+b1 \
	libemail-date-format-perl=1.008-1 libemail-messageid-perl=1.408-1 \
	libemail-mime-contenttype-perl=1.028-1 \
	libemail-mime-encodings-perl=1.317-1 libemail-mime-perl=1.953-1 \
	libemail-simple-perl=2.218-1 libfile-sharedir-perl=1.118-3 \
	libmodule-runtime-perl=0.016-2 libnet-dns-perl=1.36-1+deb12u1 \
	libnet-idn-encode-perl=2.500-3+b1 libnet-ip-perl=1.26-3 \
	libparams-util-perl=1.102-2+b1 libregexp-common-perl=2017060201-3 \
	libregexp-ipv6-perl=0.03-3 libsocket6-perl=0.29-3 \
	libtext-unidecode-perl=1.30-3 liburi-perl=5.17-1 \
	libxml-libxml-perl=2.0207+dfsg+really+2.0134-1+deb12u1 \
	libxml-sax-base-perl=1.09-3 libxml-sax-perl=1.02+dfsg-3 \
	libxml-namespacesupport-perl=1.12-2 \
	libxml2=2.9.14+dfsg-1.3~deb12u6 libicu72=72.1-3+deb12u1
PERL5LIB=$tree/usr/share/perl5:$tree/usr/lib/x86_64-linux-gnu/perl5/5.36
export PERL5LIB
cd "$tree" || exit 2
cat >mail-dmarc.ini <<END
[organization]
domain = example.org
org_name = x
email = postmaster@example.org
[report_store]
backend = SQL
dsn = dbi:SQLite:dbname=$tree/reports
END
cat >report.xml <<'END'
<?xml version="1.0"?>
<feedback><report_metadata><org_name>example.net</org_name>
<email>d@example.net</email><report_id>77</report_id>
<date_range><begin>1795900000</begin><end>1795986399</end></date_range>
</report_metadata><policy_published><domain>example.org</domain>
<adkim>r</adkim><aspf>r</aspf><p>none</p><sp>none</sp><pct>100</pct>
</policy_published><record><row><source_ip>192.0.2.1</source_ip>
<count>2</count><policy_evaluated><disposition>none</disposition>
<dkim>pass</dkim><spf>pass</spf></policy_evaluated></row>
<identifiers><header_from>example.org</header_from></identifiers>
<auth_results><spf><domain>example.org</domain><result>pass</result></spf>
</auth_results></record></feedback>
END
name='example.net!example.org!1795900000!1795986399.xml.gz'
cat >mail <<END
From: d@example.net
To: dmarc@example.org
Subject: Report domain: example.org Submitter: example.net Report-ID: <77>
MIME-Version: 1.0
Content-Type: application/gzip; name="$name"
Content-Disposition: attachment; filename="$name"
Content-Transfer-Encoding: base64

$(gzip -c report.xml | base64)
END
received() {
	timeout 60 perl usr/bin/dmarc_receive --file /dev/stdin <mail
	status=$?
	counted=$(perl -MDBI -e '$d = DBI->connect("dbi:SQLite:reports");
		print join "/", map { $d->selectrow_array($_) }
			"select count(*) from report",
			"select sum(count) from report_record"')
	echo "exit status $status, reports/messages: $counted"
}
received
[ "$status $counted" = '0 1/2' ] || exit 2
received
[ "$status $counted" = '0 1/4' ] || {
	echo 'this has changed'
	exit 1
}
echo 'as it was seen'
