#!/bin/sh
# Prometheus Alertmanager 0.25.0, email_configs.  An alert that is refused at
# RCPT, by 451 or by 550, fails and comes again: "will retry later".  One that
# is refused behind the message, by 451 too, is "Notify success" in its log: it
# is not sent again before repeat_interval, which is four hours unless it is
# set.
. "$(dirname "$0")/unpack"
unpack prometheus-alertmanager=0.25.0-1+b4
unshare -rm true || exit 2
PYTHONPATH=$(dirname "$0") python3 -B - "$tree" <<'END'
import http.client
import json
import socket
import subprocess
import sys
import time

import smtpserver

tree = sys.argv[1]
CONFIG = '''
global: {smtp_smarthost: "127.0.0.1:%d", smtp_from: ann@example.net,
         smtp_require_tls: false}
route: {receiver: mail, group_wait: 0s, group_interval: 1s}
receivers: [{name: mail, email_configs: [{to: joe@example.org}]}]
'''
ALERT = json.dumps([{'labels': {'alertname': 'down'}}]).encode()


def alert(web):
    """Whether Alertmanager, at that port, took the alert."""
    talk = http.client.HTTPConnection('127.0.0.1', web, timeout=20)
    try:
        talk.request('POST', '/api/v2/alerts', ALERT,
                     {'Content-Type': 'application/json'})
        return talk.getresponse().status == 200
    except OSError:
        return False
    finally:
        talk.close()


def fate(step, reply, patience):
    """How often it tried, and whether it says that it succeeded."""
    tries = []

    def refuse(line):
        if line[:4] == b'RCPT':
            tries.append(line)
            return reply if step == 'RCPT' else None
        return None

    port = smtpserver.start(
        lambda content: reply if step == 'message' else b'250 taken', refuse)
    with socket.create_server(('127.0.0.1', 0)) as free:
        web = free.getsockname()[1]
    with open(tree + '/config', 'w') as file:
        file.write(CONFIG % port)
    with open(tree + '/log', 'wb') as log:
        manager = subprocess.Popen(
            ['unshare', '-rm', 'sh', '-c', 'mount --bind "$0" /usr/share && '
             'exec "$@"', tree + '/usr/share',
             tree + '/usr/bin/prometheus-alertmanager', '--log.level=debug',
             '--config.file=' + tree + '/config', '--cluster.listen-address=',
             '--storage.path=%s/data%d' % (tree, web),
             '--web.listen-address=127.0.0.1:%d' % web], stderr=log)
    end = time.monotonic() + 30
    while not alert(web) and time.monotonic() < end:
        time.sleep(0.1)
    end = time.monotonic() + patience
    while len(tries) < 2 and time.monotonic() < end:
        time.sleep(0.1)
    manager.terminate()
    manager.wait(20)
    with open(tree + '/log') as file:
        success = 'Notify success' in file.read()
    print(reply.decode(), 'to the', step, '- tries:', len(tries),
          '- "Notify success":', success)
    return min(len(tries), 2), success


later, never = b'451 4.2.0 later', b'550 5.7.1 no'
as_seen = (fate('RCPT', later, 30) == fate('RCPT', never, 30) == (2, False) and
           fate('message', b'250 taken', 5) == (1, True) and
           fate('message', later, 5) == fate('message', never, 5) == (1, True))
print('as it was seen' if as_seen else 'this has changed')
sys.exit(not as_seen)
END
