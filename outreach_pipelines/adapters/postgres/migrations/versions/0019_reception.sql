-- New leads rotate by health: that of the mailbox, and that of its domain with the provider of the recipient.

create table app.reception_score (
    tenant_id integer not null,
    domain_id bigint not null,
    recipient_provider text not null check (recipient_provider in ('google', 'microsoft', 'yahoo', 'other')),
    day date not null,
    version text not null,
    total smallint not null check (total between 0 and 100),
    parts jsonb not null,
    scored_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, domain_id, recipient_provider, day, version),
    foreign key (tenant_id, domain_id) references app.sending_domain
);
comment on table app.reception_score is 'How a recipient provider receives a sending domain, as of the end of a day; parts say why. 0 takes no new leads.';
select app.protect('app.reception_score'::regclass);
grant select on app.reception_score to outreach_ops;
