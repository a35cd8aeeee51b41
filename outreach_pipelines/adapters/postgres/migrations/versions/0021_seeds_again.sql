-- Seeds that failed go again within their week, and what they showed of a way to send stands beside what its DNS shows.

alter table app.seed_attempt add column attempt smallint not null default 1 check (attempt between 1 and 7);
alter table app.seed_attempt add column findings text;
alter table app.seed_attempt drop constraint seed_attempt_pkey, add primary key (tenant_id, domain_id, account_id, week, attempt);
comment on table app.seed_attempt is 'Messages to inboxes of the tenant''s own, of each domain and account. They are written to nobody and count as no send.';
comment on column app.seed_attempt.week is 'Its Monday, UTC.';
comment on column app.seed_attempt.attempt is 'Of the week and way. The row is made before the call, and never a second one of its number.';
comment on column app.seed_attempt.findings is 'What told the domain''s DNS findings apart when it was sent (app.findings_mark); NULL before any audit.';
grant select (attempt, begun_at) on app.seed_attempt to outreach_ops;

alter table app.domain_account add column seed_fault text;
alter table app.domain_account add column seed_fault_until timestamptz;
alter table app.domain_account add check ((seed_fault is null) = (seed_fault_until is null));
comment on column app.domain_account.seed_fault is
    'What seeds refuted for certain, one sentence. It makes definite_state not_ready whatever DNS says; NULL when they refuted nothing.';
comment on column app.domain_account.seed_fault_until is 'When it is no more believed, unless another seed shows it again.';
comment on column app.domain_account.reason is 'What the newest audit says; of what seeds refuted, seed_fault does.';
