-- Servers of recipients may be asked about an address before anything is sent, where a tenant wants it.

alter table app.audit_policy add column probe_recipients boolean not null default false;
comment on column app.audit_policy.probe_recipients is 'Whether servers of recipients may be asked about addresses (RCPT TO, never DATA).';

create table app.recipient_probe (
    tenant_id integer not null,
    lead_id bigint not null,
    asked_at timestamptz not null,
    result text not null default 'unknown' check (result in ('valid', 'rejected', 'catch_all', 'unknown')),
    primary key (tenant_id, lead_id),
    foreign key (tenant_id, lead_id) references app.lead
);
create index recipient_probe_rejected on app.recipient_probe (tenant_id, lead_id) where result = 'rejected';
comment on table app.recipient_probe is 'What a recipient''s server said of an address. The row is made before the call, so that a lost one is not made again.';
comment on column app.recipient_probe.asked_at is 'Machine time.';
comment on column app.recipient_probe.result is 'rejected: 550 5.1.1 to RCPT TO. It suppresses nobody.';
select app.protect('app.recipient_probe');
