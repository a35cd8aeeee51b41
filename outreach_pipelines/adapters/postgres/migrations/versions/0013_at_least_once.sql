-- A tenant's choice to send once more, under the same Message-ID, what a server that keeps no records may have taken.

alter table app.sending_policy add column smtp_at_least_once boolean not null default false;
comment on column app.sending_policy.smtp_at_least_once is
    'Where nothing will ever tell whether a message was taken, it is sent once more: some people get it twice. False: it stays unknown.';

alter table app.message add column repeats smallint check (repeats >= 1);
comment on column app.message.repeats is
    'All later attempts leave under the tag and Message-ID of this one, which may have been taken: receivers can tell the copies for one.';
