-- Who is written to, why that is lawful, and how far each sequence has come.

create table app.lead_file (
    tenant_id integer not null references app.tenant,
    lead_file_id bigint generated always as identity,
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    object_key text not null,
    row_count integer not null check (row_count >= 0),
    accepted integer not null check (accepted >= 0),
    already_known integer not null check (already_known >= 0),
    rejected integer not null check (rejected >= 0),
    imported_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, lead_file_id),
    unique (tenant_id, sha256),
    check (row_count = accepted + already_known + rejected)
);
comment on constraint lead_file_check on app.lead_file is 'No row is dropped: each is accepted or rejected with its reason.';

create table app.refused_file (
    tenant_id integer not null references app.tenant,
    sha256 text not null,
    object_key text not null,
    line integer not null,
    sentence text not null,
    refused_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, sha256)
);

create table app.lead (
    tenant_id integer not null references app.tenant,
    lead_id bigint generated always as identity,
    address text,
    address_hmac bytea not null,
    domain_hmac bytea not null,
    global_hmac bytea not null,
    recipient_provider text not null default 'other' check (recipient_provider in ('google', 'microsoft', 'yahoo', 'other')),
    first_name text,
    last_name text,
    company text,
    country text,
    zone text,
    basis text not null,
    basis_evidence text not null,
    basis_source text not null,
    fields jsonb not null default '{}',
    provider_checked_at timestamptz,
    undeliverable text check (undeliverable in ('null_mx', 'no_such_domain')),
    verified boolean not null default false,
    engaged boolean not null default false,
    erased_at timestamptz,
    created_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, lead_id),
    unique (tenant_id, address_hmac),
    check ((address is null) = (erased_at is not null)),
    check ((undeliverable is not null) <= (provider_checked_at is not null))
);
create index lead_of_mail_domain on app.lead (tenant_id, split_part(address, '@', 2));
comment on column app.lead.provider_checked_at is 'Machine time of the last definite answer about the MX of its domain.';
comment on column app.lead.undeliverable is 'Why nothing can be delivered to its domain, as the DNS said for certain.';
comment on table app.lead is 'One row per person and tenant; the HMACs stay after erasure so that nobody is written to again by accident.';

create table app.lead_source (
    tenant_id integer not null,
    lead_file_id bigint not null,
    line integer not null check (line >= 1),
    lead_id bigint not null,
    basis text,
    basis_evidence text,
    basis_source text,
    primary key (tenant_id, lead_file_id, line),
    foreign key (tenant_id, lead_id) references app.lead,
    foreign key (tenant_id, lead_file_id) references app.lead_file
);
create index lead_source_of_lead on app.lead_source (tenant_id, lead_id);
comment on column app.lead_source.basis_evidence is 'What this row itself shows for its basis; erased with the person.';

create table app.rejected_row (
    tenant_id integer not null,
    lead_file_id bigint not null,
    line integer not null check (line >= 1),
    reason text not null,
    detail text not null,
    raw text not null,
    primary key (tenant_id, lead_file_id, line),
    foreign key (tenant_id, lead_file_id) references app.lead_file
);

create table app.enrollment (
    tenant_id integer not null,
    enrollment_id bigint generated always as identity,
    lead_id bigint not null,
    campaign_id bigint not null,
    round smallint not null default 1 check (round >= 1),
    step smallint not null default 1 check (step >= 1),
    due_day date,
    mailbox_id bigint,
    state text not null default 'active'
        check (state in ('active', 'replied', 'bounced', 'unsubscribed', 'complained', 'finished')),
    reason text,
    out_of_office_until date,
    soft_bounces smallint not null default 0,
    created_at timestamptz not null default clock_timestamp(),
    state_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, enrollment_id),
    unique (tenant_id, lead_id, campaign_id, round),
    foreign key (tenant_id, lead_id) references app.lead,
    foreign key (tenant_id, campaign_id) references app.campaign,
    foreign key (tenant_id, mailbox_id) references app.mailbox,
    check ((state = 'finished') <= (reason is not null)),
    check ((step > 1) <= (mailbox_id is not null))
);
create index enrollment_open on app.enrollment (tenant_id, campaign_id, due_day) where state = 'active';
create index enrollment_of_lead on app.enrollment (tenant_id, lead_id);
comment on column app.enrollment.step is 'The step to be sent next.';
comment on column app.enrollment.mailbox_id is 'Sticky: the mailbox that sent the first step.';

create table app.thread_root (
    tenant_id integer not null,
    enrollment_id bigint not null,
    step smallint not null,
    wire_message_id text not null,
    tag text not null,
    subject text not null,
    plan_day date not null,
    message_id bigint not null,
    accepted_at timestamptz not null,
    primary key (tenant_id, enrollment_id, step),
    unique (tenant_id, wire_message_id),
    unique (tenant_id, tag),
    foreign key (tenant_id, enrollment_id) references app.enrollment
);
comment on table app.thread_root is 'What a thread needs after its message rows are dropped: replies, bounces and unsubscribe links still find it.';

select app.protect(t) from unnest(array[
    'app.lead_file', 'app.refused_file', 'app.lead', 'app.lead_source', 'app.rejected_row', 'app.enrollment', 'app.thread_root']::regclass[]) as t;

grant select (tenant_id, lead_file_id, row_count, accepted, already_known, rejected, imported_at) on app.lead_file to outreach_ops;
grant select (tenant_id, enrollment_id, campaign_id, step, due_day, state, reason) on app.enrollment to outreach_ops;
