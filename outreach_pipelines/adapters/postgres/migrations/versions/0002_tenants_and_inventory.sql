-- Who sends, through whom, from which domains and mailboxes, and what.

create table app.tenant (
    tenant_id integer primary key references app.tenant_directory (id),
    name text not null,
    zone text not null,
    state text not null default 'active' check (state in ('active', 'paused')),
    pause_reason text check ((state = 'paused') = (pause_reason is not null)),
    postal_address text not null check (btrim(postal_address) <> ''),
    country text not null,
    sender_company text not null check (btrim(sender_company) <> ''),
    sender_website text not null,
    sender_contact text not null,
    privacy_notice_url text not null,
    unsubscribe_host text not null
);
comment on column app.tenant.postal_address is 'Line by line, as it stands in each message.';

create table app.sending_policy (
    tenant_id integer primary key references app.tenant,
    daily_cap integer check (daily_cap >= 0),
    minute_cap integer check (minute_cap >= 0),
    quiet_start time,
    quiet_end time,
    weekend smallint[] not null default '{5,6}',
    holiday_countries text[] not null default '{}',
    contact_messages integer check (contact_messages >= 0),
    contact_days integer check (contact_days > 0),
    company_daily_cap integer check (company_daily_cap >= 0),
    recipient_domain_daily_cap integer check (recipient_domain_daily_cap >= 0),
    recipient_provider_caps jsonb not null default '{}',
    follow_up_max_wait_days integer not null default 5 check (follow_up_max_wait_days >= 0),
    rolling_factor numeric not null default 1.25 check (rolling_factor >= 1),
    errors_in_row_stop integer not null default 5 check (errors_in_row_stop > 0),
    verified_only boolean not null default false,
    stop_whole_company boolean not null default false,
    ramp_up jsonb not null default '{}',
    thresholds jsonb not null default '{}',
    check ((quiet_start is null) = (quiet_end is null)),
    check ((contact_messages is null) = (contact_days is null))
);
comment on column app.sending_policy.weekend is 'Weekdays count from Monday = 0, here and everywhere.';
comment on column app.sending_policy.ramp_up is 'The fields of domain.sending_policy.RampUp; shares are decimal text. thresholds: likewise BackOffThresholds.';
comment on column app.sending_policy.daily_cap is 'NULL is unlimited, 0 is none.';

-- Accounts serve many tenants, so they stand outside of row-level security and hold nothing of any tenant.
create table app.provider_account (
    account_id integer generated always as identity primary key,
    name text not null unique,
    kind text not null check (kind in ('ses', 'smtp', 'mailgun', 'postmark')),
    region text,
    settings jsonb not null default '{}',
    secret_ref text,
    allowed_basis text[] not null,
    daily_quota integer check (daily_quota >= 0),
    rate_per_second numeric check (rate_per_second > 0),
    proven_at timestamptz,
    breaker text not null default 'closed' check (breaker in ('closed', 'open', 'half_open')),
    breaker_until timestamptz
);
comment on column app.provider_account.secret_ref is 'A reference such as env:NAME, never the secret; NULL where the process''s own role is used.';
comment on column app.provider_account.settings is 'How it is spoken to, with references in place of secrets and of what differs between machines.';
comment on column app.provider_account.proven_at is 'Machine time at which the way back (events, or the envelope sender''s inbox) was last shown to work.';
grant select, insert, update on app.provider_account to outreach_app;
grant select on app.provider_account to outreach_ops, outreach_readonly;

create table app.provider_account_share (
    tenant_id integer not null references app.tenant,
    account_id integer not null references app.provider_account,
    share numeric not null default 1 check (share > 0 and share <= 1),
    daily_share integer check (daily_share >= 0),
    configuration_set text,
    withdrawn_at timestamptz,
    primary key (tenant_id, account_id),
    check (withdrawn_at is null or daily_share is not distinct from 0)
);
comment on column app.provider_account_share.withdrawn_at is
    'No longer in the files: nothing new leaves through it, and what did is still looked up there.';

create table app.account_bucket (
    account_id integer not null references app.provider_account,
    window_start timestamptz not null,
    taken integer not null default 0,
    primary key (account_id, window_start)
);
grant select on app.account_bucket to outreach_ops;

create table app.account_hold (
    account_hold_id bigint generated always as identity primary key,
    account_id integer not null references app.provider_account,
    signal text not null default 'manual' check (signal in ('hard_bounces', 'complaints', 'manual')),
    level text not null default 'manual' check (level in ('warn', 'slow', 'stop', 'manual')),
    factor numeric not null check (factor >= 0 and factor <= 1),
    reason text not null,
    sentence text not null default '',
    evidence jsonb not null default '{}',
    since timestamptz not null,
    until timestamptz,
    probation_factor numeric not null default 1 check (probation_factor > 0 and probation_factor <= 1),
    probation_days integer not null default 0 check (probation_days >= 0),
    counts_from timestamptz,
    set_at timestamptz not null default app.now(),
    recorded_at timestamptz not null default clock_timestamp(),
    released_at timestamptz,
    released_reason text,
    check ((released_at is null) = (released_reason is null))
);
create index account_hold_in_force on app.account_hold (account_id) where released_at is null;
create unique index account_hold_once on app.account_hold (account_id, signal) where released_at is null and signal <> 'manual';
comment on table app.account_hold is 'A hold on an account for all its tenants; columns as in app.hold. Written by app.set_account_hold and app.release_account_hold only.';
grant select on app.account_hold to outreach_app, outreach_ops;

create table app.provider_health (
    account_id integer not null references app.provider_account,
    minute timestamptz not null,
    calls integer not null default 0,
    accepted integer not null default 0,
    refused integer not null default 0,
    unanswered integer not null default 0,
    milliseconds bigint not null default 0,
    primary key (account_id, minute)
);
grant select on app.provider_health to outreach_app, outreach_ops;

create table app.sending_domain (
    tenant_id integer not null references app.tenant,
    domain_id bigint generated always as identity,
    name text not null check (name = lower(name)),
    pool text not null,
    direction text not null,
    region text,
    tracking_host text,
    dkim_selectors text[] not null default '{}',
    mail_from text,
    spf_includes text[] not null default '{}',
    daily_cap integer check (daily_cap >= 0),
    state text not null default 'active' check (state in ('active', 'resting', 'retired')),
    primary key (tenant_id, domain_id),
    unique (tenant_id, name)
);

create table app.domain_account (
    tenant_id integer not null,
    domain_id bigint not null,
    account_id integer not null references app.provider_account,
    position smallint not null,
    state text not null default 'unknown' check (state in ('ready', 'not_ready', 'unknown')),
    reason text not null default 'not audited yet',
    definite_state text check (definite_state in ('ready', 'not_ready')),
    definite_at timestamptz,
    standing jsonb,
    primary key (tenant_id, domain_id, account_id),
    foreign key (tenant_id, domain_id) references app.sending_domain on delete cascade
);
comment on table app.domain_account is 'Whether a domain may send through an account, as the DNS audit last knew it.';
comment on column app.domain_account.state is 'What the newest audit saw.';
comment on column app.domain_account.definite_state is 'What is believed, for as long as it holds; it wins over state. NULL when nothing definite holds.';
comment on column app.domain_account.standing is 'The belief whole, with an unconfirmed fault, as the next audit needs it.';

create table app.inbox (
    tenant_id integer not null references app.tenant,
    inbox_id bigint generated always as identity,
    name text not null,
    host text not null,
    port text not null,
    tls text not null default 'tls' check (tls in ('tls', 'none')),
    username text not null,
    secret_ref text not null,
    receives text[] not null,
    last_complete_read timestamptz,
    last_error text,
    last_error_at timestamptz,
    retired_at timestamptz,
    primary key (tenant_id, inbox_id),
    unique (tenant_id, name)
);
comment on column app.inbox.retired_at is 'No longer in the files: its login may be gone.';
comment on column app.inbox.last_complete_read is 'Machine time of the last sync that read to the end with each message routed or parked.';

create table app.imap_cursor (
    tenant_id integer not null,
    inbox_id bigint not null,
    folder text not null,
    uid_validity bigint not null,
    last_uid bigint not null default 0,
    modseq bigint,
    primary key (tenant_id, inbox_id, folder),
    foreign key (tenant_id, inbox_id) references app.inbox on delete cascade
);

create table app.mailbox (
    tenant_id integer not null references app.tenant,
    mailbox_id bigint generated always as identity,
    domain_id bigint not null,
    inbox_id bigint,
    address text not null check (address = lower(address)),
    display_name text not null,
    zone text not null,
    hours_start time,
    hours_end time,
    daily_cap integer not null check (daily_cap >= 0),
    min_gap_seconds integer not null default 120 check (min_gap_seconds >= 0),
    max_gap_seconds integer not null default 300,
    state text not null default 'ramping' check (state in ('ramping', 'active', 'resting', 'retired')),
    state_reason text,
    account_names text[] not null,
    errors_in_row integer not null default 0,
    next_at timestamptz not null default '-infinity',
    primary key (tenant_id, mailbox_id),
    unique (tenant_id, address),
    foreign key (tenant_id, domain_id) references app.sending_domain,
    foreign key (tenant_id, inbox_id) references app.inbox,
    check (max_gap_seconds >= min_gap_seconds),
    check ((hours_start is null) = (hours_end is null))
);
create index mailbox_of_domain on app.mailbox (tenant_id, domain_id);
comment on column app.mailbox.next_at is 'Policy time before which the pace lets nothing go.';

create table app.template (
    tenant_id integer not null references app.tenant,
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    name text not null,
    object_key text not null,
    primary key (tenant_id, sha256)
);

create table app.campaign (
    tenant_id integer not null references app.tenant,
    campaign_id bigint generated always as identity,
    name text not null,
    pool text not null,
    state text not null default 'active' check (state in ('draft', 'active', 'paused', 'finished')),
    priority integer not null default 100,
    share numeric not null default 1 check (share > 0),
    zone text,
    weekdays smallint[] not null default '{0,1,2,3,4}',
    window_start time not null default '09:00',
    window_end time not null default '17:00',
    required_fields text[] not null default '{}',
    optional_fields text[] not null default '{}',
    lead_files text[] not null default '{*}',
    lead_where jsonb not null default '[]',
    track_opens boolean not null default false,
    primary key (tenant_id, campaign_id),
    unique (tenant_id, name)
);
comment on column app.campaign.lead_where is 'Pairs of field and value; of a lead, all must be equal, whatever the case.';

create table app.campaign_step (
    tenant_id integer not null,
    campaign_id bigint not null,
    step smallint not null check (step >= 1),
    delay_business_days integer not null check (delay_business_days >= 0),
    primary key (tenant_id, campaign_id, step),
    foreign key (tenant_id, campaign_id) references app.campaign on delete cascade
);

create table app.campaign_variant (
    tenant_id integer not null,
    campaign_id bigint not null,
    step smallint not null,
    variant text not null check (variant ~ '^[A-Za-z][A-Za-z0-9-]{0,39}$'),
    weight integer not null default 1 check (weight > 0),
    subject text not null,
    text_sha256 text not null,
    html_sha256 text,
    primary key (tenant_id, campaign_id, step, variant),
    foreign key (tenant_id, campaign_id, step) references app.campaign_step on delete cascade,
    foreign key (tenant_id, text_sha256) references app.template,
    foreign key (tenant_id, html_sha256) references app.template
);

create table app.inventory_item (
    tenant_id integer not null references app.tenant,
    kind text not null,
    name text not null,
    digest text not null,
    withdrawn_at timestamptz,
    primary key (tenant_id, kind, name)
);
comment on table app.inventory_item is 'What of the inventory files was applied last, so that loading twice changes nothing.';

select app.protect(t) from unnest(array[
    'app.tenant', 'app.inventory_item', 'app.sending_policy', 'app.provider_account_share', 'app.sending_domain', 'app.domain_account',
    'app.inbox', 'app.imap_cursor', 'app.mailbox', 'app.template', 'app.campaign', 'app.campaign_step',
    'app.campaign_variant']::regclass[]) as t;

grant select on app.tenant, app.provider_account_share, app.sending_domain, app.domain_account to outreach_ops;
grant select (tenant_id, inbox_id, last_complete_read, last_error_at) on app.inbox to outreach_ops;
grant select (tenant_id, mailbox_id, domain_id, inbox_id, daily_cap, state, errors_in_row, next_at) on app.mailbox to outreach_ops;
grant select (tenant_id, campaign_id, name, state) on app.campaign to outreach_ops;
