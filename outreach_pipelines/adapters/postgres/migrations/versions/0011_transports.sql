-- What a provider tells of our standing with it: quota, rate, sending status of account and tenant. And the files of campaign steps.

alter table app.provider_account
    add column provider_quota integer check (provider_quota >= 0),
    add column sent_24_hours integer check (sent_24_hours >= 0),
    add column sending_enabled boolean,
    add column enforcement text,
    add column standing_read_at timestamptz,
    add constraint standing_is_read_whole check ((standing_read_at is null) = (sent_24_hours is null) and (standing_read_at is null) = (sending_enabled is null));
comment on column app.provider_account.provider_quota is 'As the provider stated it; NULL is unlimited. daily_quota is what of it others have left us.';
comment on column app.provider_account.sent_24_hours is 'By the provider''s count, ours and others'', at standing_read_at (machine time).';

alter table app.provider_account_share
    add column ses_tenant text check (ses_tenant ~ '^[A-Za-z0-9_-]{1,64}$'),
    add column ses_tenant_status text check (ses_tenant_status in ('enabled', 'reinstated', 'disabled')),
    add column ses_tenant_read_at timestamptz,
    add constraint ses_tenant_status_is_dated check ((ses_tenant_status is null) = (ses_tenant_read_at is null)),
    add constraint ses_tenant_status_has_tenant check (ses_tenant is not null or ses_tenant_status is null);
comment on column app.provider_account_share.ses_tenant is 'The name of this client among the SES tenants of the account: it is paused alone.';

alter table app.account_hold
    drop constraint account_hold_signal_check,
    add constraint account_hold_signal_check check (signal in ('hard_bounces', 'complaints', 'answer', 'manual'));

create table app.campaign_step_attachment (
    tenant_id integer not null,
    campaign_id bigint not null,
    step smallint not null,
    position smallint not null check (position between 1 and 5),
    name text not null check (name ~ '^[^/\\:]{1,120}$'),
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    octets integer not null check (octets between 1 and 5242880),
    primary key (tenant_id, campaign_id, step, position),
    unique (tenant_id, campaign_id, step, name),
    foreign key (tenant_id, campaign_id, step) references app.campaign_step on delete cascade
);
comment on table app.campaign_step_attachment is 'Files that go with a step, by the SHA-256 of their octets in the object store.';
select app.protect('app.campaign_step_attachment'::regclass);
