-- Sends of days that are over, added up once, so that judging does not read the whole past again.

create table app.sent_day (
    tenant_id integer not null references app.tenant,
    day date not null,
    mailbox_id bigint not null,
    domain_id bigint not null,
    campaign_id bigint not null,
    account_id integer not null,
    recipient_provider text not null,
    accepted integer not null check (accepted > 0),
    primary key (tenant_id, day, mailbox_id, domain_id, campaign_id, account_id, recipient_provider)
);
comment on table app.sent_day is 'Accepted sends of days that are over, by the tenant''s local day of the send, so that judging reads a day''s attempts no more than once.';

create table app.sent_closed (
    tenant_id integer primary key references app.tenant,
    zone text not null,
    closed_before date not null
);
comment on table app.sent_closed is
    'Days before closed_before stand in app.sent_day and app.account_day as they are; acceptance that is learnt later opens its day again.';

select app.protect(t) from unnest(array['app.sent_day', 'app.sent_closed']::regclass[]) as t;
