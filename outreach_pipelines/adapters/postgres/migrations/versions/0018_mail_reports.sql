-- What receivers report of mail in our domains' names (DMARC, SMTP TLS), and weekly proofs by messages to our own inboxes.

create table app.mail_report_file (
    tenant_id integer not null references app.tenant,
    name text not null,
    etag text not null,
    reports integer not null check (reports >= 0),
    faults text[] not null default '{}',
    read_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, name, etag)
);
comment on table app.mail_report_file is 'Files that were read, so that none is read twice; with what in them could not be.';

create table app.mail_report (
    tenant_id integer not null,
    mail_report_id bigint generated always as identity,
    domain_id bigint not null,
    kind text not null check (kind in ('dmarc', 'tls')),
    day date not null,
    policy_domain text not null,
    reporter text not null,
    contact text not null default '',
    report_ref text not null,
    begins_at timestamptz not null,
    ends_at timestamptz not null,
    published jsonb not null default '{}',
    remarks text[] not null default '{}',
    stored_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, mail_report_id),
    constraint mail_report_once unique (tenant_id, kind, policy_domain, reporter, report_ref, begins_at),
    foreign key (tenant_id, domain_id) references app.sending_domain,
    check (begins_at <= ends_at)
);
create index mail_report_of_domain on app.mail_report (tenant_id, domain_id, day);
comment on column app.mail_report.day is 'The UTC day on which the reported time begins.';
comment on column app.mail_report.published is 'The policy that the receiver saw.';
comment on column app.mail_report.remarks is 'What the report said wrongly or left out, and how it was read all the same.';

create table app.mail_report_row (
    tenant_id integer not null,
    mail_report_id bigint not null,
    position integer not null,
    domain_id bigint not null,
    day date not null,
    source_ip inet,
    messages bigint not null check (messages > 0),
    disposition text not null,
    dkim_aligned boolean not null,
    spf_aligned boolean not null,
    header_from text not null,
    envelope_from text not null default '',
    dkim jsonb not null default '[]',
    spf jsonb not null default '[]',
    overrides text[] not null default '{}',
    stream text not null check (stream in ('own', 'own_unaligned', 'own_broken', 'forwarded', 'stranger')),
    account text,
    primary key (tenant_id, mail_report_id, position),
    foreign key (tenant_id, mail_report_id) references app.mail_report on delete cascade
);
create index mail_report_row_of_domain on app.mail_report_row (tenant_id, domain_id, day, stream);
comment on column app.mail_report_row.source_ip is 'NULL where the report named none, or nothing that is an address.';
comment on column app.mail_report_row.stream is 'Whose mail it was, as the inventory and the report told when it was read.';
comment on column app.mail_report_row.account is 'The account by whose provider it was sent, where that is seen.';

create table app.tls_report_row (
    tenant_id integer not null,
    mail_report_id bigint not null,
    position integer not null,
    policy_type text not null,
    sessions bigint not null check (sessions >= 0),
    failed_sessions bigint not null check (failed_sessions >= 0),
    failures jsonb not null default '[]',
    primary key (tenant_id, mail_report_id, position),
    foreign key (tenant_id, mail_report_id) references app.mail_report on delete cascade
);
comment on column app.tls_report_row.sessions is 'That succeeded.';

create table app.seed_attempt (
    tenant_id integer not null,
    domain_id bigint not null,
    account_id integer not null references app.provider_account,
    week date not null check (extract(isodow from week) = 1),
    seed text not null check (seed ~ '^[0-9a-f]{32}$'),
    mailbox_id bigint not null,
    inbox_id bigint not null,
    state text not null default 'begun' check (state in ('begun', 'accepted', 'refused', 'not_sent', 'in_doubt')),
    answer text,
    begun_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    verdict text check (verdict in ('passed', 'failed', 'not_arrived')),
    folder text,
    checks jsonb,
    judged_at timestamptz,
    primary key (tenant_id, domain_id, account_id, week),
    constraint seed_once unique (tenant_id, seed),
    foreign key (tenant_id, domain_id, account_id) references app.domain_account on delete cascade,
    foreign key (tenant_id, mailbox_id) references app.mailbox,
    foreign key (tenant_id, inbox_id) references app.inbox on delete cascade,
    check ((state = 'begun') = (ended_at is null)),
    check ((verdict is null) = (judged_at is null)),
    check ((verdict is null) = (checks is null))
);
comment on table app.seed_attempt is 'One message a week, domain and account to an inbox of the tenant''s own. It is written to nobody and counts as no send.';
comment on column app.seed_attempt.week is 'Its Monday, UTC. A week''s row is made before the call, and never a second one.';

select app.protect(t) from unnest(array[
    'app.mail_report_file', 'app.mail_report', 'app.mail_report_row', 'app.tls_report_row', 'app.seed_attempt']::regclass[]) as t;
grant select (tenant_id, mail_report_id, domain_id, kind, day, reporter, stored_at) on app.mail_report to outreach_ops;
grant select (tenant_id, mail_report_id, domain_id, day, messages, dkim_aligned, spf_aligned, stream, account) on app.mail_report_row to outreach_ops;
grant select (tenant_id, domain_id, account_id, week, state, verdict, judged_at) on app.seed_attempt to outreach_ops;
