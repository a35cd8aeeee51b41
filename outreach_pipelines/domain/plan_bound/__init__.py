"""How many messages of a snapshot could be placed at most: a bound that no plan can pass, to hold a plan against.

The rules as a linear programme over groups of messages, mailboxes and stretches of the day. Where a rule is not linear,
a weaker one that is takes its place, so the bound is never below what is possible, and may lie above it.

    demand      who could be written to, in groups that fare alike
    supply      what mailboxes can give: slots in stretches of time, room by date, by 24 hours, for new leads
    early_room  the part of that which holds leave for messages that they slow
    programme   a linear programme, solved by HiGHS
    bound       the rules as its rows
"""
