"""The rules for bulk senders, held against one message as it would arrive.

`check.check_message` is the door. Sources: Gmail "Email sender guidelines", Yahoo "Sender Requirements & Recommendations",
Outlook "New requirements for high-volume senders", RFC 5322, RFC 8058.
"""
