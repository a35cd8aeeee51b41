-- Inboxes by access token, checks of logins, and mail that waits for a person's verdict.

alter table app.inbox
    add column tokens jsonb,
    add column failures smallint not null default 0,
    add column rests_until timestamptz;
comment on column app.inbox.failures is 'Reads that failed in a row.';
comment on column app.inbox.rests_until is 'Machine time before which it is not asked again: servers lock a login that is refused too often.';
comment on column app.inbox.tokens is 'Where secret_ref is no password but what access tokens are issued for: {"kind": "google"}, or "microsoft" with directory and client_id.';

alter table app.inbound_message
    add column review text,
    add column reviewed_at timestamptz,
    add column reviewed_as text,
    add column reviewed_by text,
    add column review_note text,
    add constraint inbound_reviewed_whole check ((reviewed_at is null) = (reviewed_as is null) and (reviewed_at is null) = (reviewed_by is null)),
    add constraint inbound_reviewed_on_request check (reviewed_at is null or review is not null);
create index inbound_to_review on app.inbound_message (tenant_id, inbound_id) where review is not null and reviewed_at is null;
comment on column app.inbound_message.review is 'Why a person should look at it; NULL where what it says was certain, or is nothing to act on.';
comment on column app.inbound_message.reviewed_as is 'The person''s verdict.';

create table app.login_check (
    tenant_id integer not null references app.tenant,
    login_check_id bigint generated always as identity,
    inbox_id bigint,
    account_id integer references app.provider_account,
    outcome text not null check (outcome in ('accepted', 'refused', 'unreachable')),
    detail text not null default '',
    day date not null,
    daily boolean not null default false,
    checked_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, login_check_id),
    foreign key (tenant_id, inbox_id) references app.inbox on delete cascade,
    check (num_nonnulls(inbox_id, account_id) = 1)
);
create index login_check_lately on app.login_check (tenant_id, day);
comment on table app.login_check is 'Each outcome of logging in where mail is read or handed in: by the daily check, and by a read that was refused.';
comment on column app.login_check.day is 'The day of policy time, UTC.';
comment on column app.login_check.daily is 'By the check of the day, and not by a read that was refused.';

select app.protect('app.login_check');
grant select (tenant_id, inbox_id, account_id, outcome, day, checked_at) on app.login_check to outreach_ops;
