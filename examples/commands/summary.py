#!/usr/bin/env python3
# summary.py: smtpd summary.py
# Needs: python3
# Prints each message's subject and its attachments, which the log then has.  A
# start for a script of your own: whatever it raises is exit 1, try again.
import email, email.policy, os, sys

sys.stdout.reconfigure(errors='backslashreplace')
message = email.message_from_binary_file(sys.stdin.buffer,
                                         policy=email.policy.default)
print('from', os.environ['SENDER'] or '<>')
for recipient in os.environ['RECIPIENTS'].splitlines():
    print('to', recipient)
print('subject', message['Subject'])
for part in message.iter_attachments():
    print('attachment', part.get_filename(), part.get_content_type(),
          len(part.get_payload(decode=True) or b''))
# Here goes what is to be done with it.
