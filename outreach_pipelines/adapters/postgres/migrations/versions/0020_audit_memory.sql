-- The DNS audit in its full width: what the files ask of it, what it compares with, what changed, and who was told.

create table app.audit_policy (
    tenant_id integer primary key references app.tenant,
    reports_to text,
    blocklists text[] not null default '{}',
    also text[] not null default '{}',
    cloudflare_token text
);
comment on table app.audit_policy is 'What the DNS audit is asked for beyond the records; written from the inventory files.';
comment on column app.audit_policy.reports_to is 'The mailbox that DMARC and TLS-RPT records shall name; NAME@* is NAME at each sending domain itself.';
comment on column app.audit_policy.blocklists is 'Zones of lists of addresses; those of domains after domain:.';
comment on column app.audit_policy.cloudflare_token is 'A reference such as env:NAME, never the token.';

alter table app.provider_account_share add column sending_addresses jsonb not null default '[]';
comment on column app.provider_account_share.sending_addresses is 'Addresses that this tenant''s mail leaves from and nobody else''s: {"ip", "helo"}.';

alter table app.inbox add column authserv_ids text[] not null default '{}';
comment on column app.inbox.authserv_ids is 'Names by which the inbox''s own server signs Authentication-Results (RFC 8601 section 2.5); empty: the topmost field is believed.';

create table app.dns_memory (
    tenant_id integer not null,
    domain_id bigint not null,
    answers bytea not null,
    alarms jsonb not null default '[]',
    kept_at timestamptz not null,
    primary key (tenant_id, domain_id),
    foreign key (tenant_id, domain_id) references app.sending_domain
);
comment on table app.dns_memory is 'What the next audit of a domain compares with.';
comment on column app.dns_memory.answers is 'The last definite answer to each question, as a file of answers packed by zlib.';
comment on column app.dns_memory.alarms is 'Faults that were told, or will be when they are seen again.';

create table app.dns_news (
    tenant_id integer not null,
    news_id bigint generated always as identity,
    domain_id bigint not null,
    day date not null,
    seen_at timestamptz not null,
    kind text not null check (kind in ('not_ready', 'ready_again', 'out_of_sight', 'critical', 'mended', 'records')),
    subject text not null,
    sentence text not null,
    gone text[] not null default '{}',
    come text[] not null default '{}',
    primary key (tenant_id, news_id),
    foreign key (tenant_id, domain_id) references app.sending_domain
);
create index dns_news_by_time on app.dns_news (tenant_id, seen_at);
comment on table app.dns_news is 'What changed from one audit to the next, each change once.';
comment on column app.dns_news.seen_at is 'Policy time, one for all news of an audit: people are told of an audit at once.';
comment on column app.dns_news.subject is 'The account, the check with its name, or the record''s type and name.';

create table app.dns_notice (
    tenant_id integer not null references app.tenant,
    seen_at timestamptz not null,
    target text not null,
    state text not null default 'waiting' check (state in ('waiting', 'sent', 'given_up')),
    tries smallint not null default 0,
    next_try_at timestamptz not null default clock_timestamp(),
    last_error text,
    sent_at timestamptz,
    primary key (tenant_id, seen_at, target),
    check ((state = 'sent') = (sent_at is not null))
);
create index dns_notice_waiting on app.dns_notice (tenant_id, next_try_at) where state = 'waiting';
comment on column app.dns_notice.target is 'The reference to the secret address, never the address.';

select app.protect(t) from unnest(array[
    'app.audit_policy', 'app.dns_memory', 'app.dns_news', 'app.dns_notice']::regclass[]) as t;
grant select on app.dns_news to outreach_ops;
grant select (tenant_id, seen_at, state, tries, next_try_at) on app.dns_notice to outreach_ops;
