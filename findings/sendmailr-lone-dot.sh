#!/bin/sh
# sendmailR 1.4-0 for R.  It joins the lines of its text by CR LF, and doubles
# no dot: a line that begins with one comes without it, and one that is a lone
# dot ends the mail.  What stands behind it is commands, it may be another mail,
# and sendmail() returns 221, which is success.
. "$(dirname "$0")/unpack"
unpack r-cran-sendmailr=1.4-0-1 r-cran-base64enc=0.1-3-3 \
	r-base-core=4.2.2.20221110-2 \
	libblas3=3.11.0-2 liblapack3=3.11.0-2 libgfortran5=12.2.0-14+deb12u1 \
	libquadmath0=12.2.0-14+deb12u1 libgomp1=12.2.0-14+deb12u1 \
	libtirpc3=1.3.3+ds-1 libicu72=72.1-3+deb12u1
lib=$tree/usr/lib/x86_64-linux-gnu
LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$tree/usr/lib/R/lib:$lib/blas:$lib/lapack
R_HOME=$tree/usr/lib/R R_LIBS=$tree/usr/lib/R/site-library \
	R_DEFAULT_PACKAGES=NULL
export R_HOME R_LIBS R_DEFAULT_PACKAGES
cat >"$tree/send.R" <<'END'
arg <- commandArgs(TRUE)
result <- sendmailR::sendmail("<ann@example.net>", "<joe@example.org>", "x",
	strsplit(arg[2], "\n")[[1]],
	control = list(smtpServer = "127.0.0.1", smtpPort = arg[1]))
quit(status = result$code != 221)
END
PYTHONPATH=$(dirname "$0") python3 -B - "$tree" <<'END'
import sys

import lonedot

tree = sys.argv[1]
lonedot.check([tree + '/usr/lib/R/bin/exec/R', '--no-echo', '--no-restore',
               '--no-environ', '--no-init-file', '--no-site-file',
               '--file=' + tree + '/send.R', '--args'],
              '\n'.join(lonedot.LINES))
END
