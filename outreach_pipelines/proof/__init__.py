"""The send protocol under every fault, and an independent judge of what came of it.

Belongs here: a world whose time, chance, providers and processes are decided by one seed; the production batch loop run in
it, over a store in memory or over PostgreSQL; faults; the judge. Does not: any rule that production needs, nor pytest.

    virtual_loop    asyncio on virtual time, with chance among what is ready
    schedule        what is planned, and which faults befall it; `drawing` makes one from a seed
    memory_store    the transactions of the send protocol on rows in memory (`rows`, `intent_rules`, `memory_*`)
    postgres_system the same system on PostgreSQL, whose clocks are the world's (`virtual_database`)
    providers       simulated providers with an append-only ledger, and the queue of their events
    process         a process that may be paused, and killed before or after the effect of any call
    world           all of them together, from the first claim until nothing is open
    judge           what broke a promise, told from ledger, journal and final states alone
    shrink          a failing schedule made as short as it can be, told as a story
    crash           real processes killed on the way, a mail server with a ledger, and a judge that reads only that and the database
    runner          many schedules over all cores, summed up
"""
