-- name: tenant_id
-- The number of a tenant, before any transaction can be its own.
select id from app.tenant_directory where slug = :slug;

-- name: add_to_directory
-- A new tenant's number. Nothing when another process was faster.
insert into app.tenant_directory (slug) values (:slug) on conflict do nothing;

-- name: known_items
-- What was applied last and is still in the files.
select kind, name, digest from app.inventory_item where tenant_id = (select app.tenant()) and withdrawn_at is null;

-- name: lock
-- One import of a tenant's inventory at a time.
select pg_advisory_xact_lock(app.lock_key('inventory', (select app.tenant())::text));

-- name: put_tenant
-- Whether the tenant is paused is not the files' to say.
insert into app.tenant (tenant_id, name, zone, postal_address, country, sender_company, sender_website, sender_contact, privacy_notice_url, unsubscribe_host)
values ((select app.tenant()), :name, :zone, :postal_address, :country, :sender_company, :sender_website, :sender_contact, :privacy_notice_url, :unsubscribe_host)
on conflict (tenant_id) do update set
    name = excluded.name, zone = excluded.zone, postal_address = excluded.postal_address, country = excluded.country,
    sender_company = excluded.sender_company, sender_website = excluded.sender_website, sender_contact = excluded.sender_contact,
    privacy_notice_url = excluded.privacy_notice_url, unsubscribe_host = excluded.unsubscribe_host;

-- name: put_policy
-- The tenant's rules; those that the files do not know keep their value.
insert into app.sending_policy (tenant_id, daily_cap, minute_cap, quiet_start, quiet_end, weekend, holiday_countries, contact_messages, contact_days,
    company_daily_cap, recipient_domain_daily_cap, follow_up_max_wait_days, errors_in_row_stop, verified_only, stop_whole_company, smtp_at_least_once, ramp_up, thresholds)
values ((select app.tenant()), :daily_cap, :minute_cap, :quiet_start, :quiet_end, :weekend, :holiday_countries, :contact_messages, :contact_days,
    :company_daily_cap, :recipient_domain_daily_cap, :follow_up_max_wait_days, :errors_in_row_stop, :verified_only, :stop_whole_company, :smtp_at_least_once,
    cast(:ramp_up as jsonb), cast(:thresholds as jsonb))
on conflict (tenant_id) do update set
    daily_cap = excluded.daily_cap, minute_cap = excluded.minute_cap, quiet_start = excluded.quiet_start, quiet_end = excluded.quiet_end,
    weekend = excluded.weekend, holiday_countries = excluded.holiday_countries, contact_messages = excluded.contact_messages,
    contact_days = excluded.contact_days, company_daily_cap = excluded.company_daily_cap,
    recipient_domain_daily_cap = excluded.recipient_domain_daily_cap, follow_up_max_wait_days = excluded.follow_up_max_wait_days,
    errors_in_row_stop = excluded.errors_in_row_stop, verified_only = excluded.verified_only, stop_whole_company = excluded.stop_whole_company,
    smtp_at_least_once = excluded.smtp_at_least_once,
    ramp_up = excluded.ramp_up, thresholds = excluded.thresholds;

-- name: put_audit_policy
-- What the DNS audit is asked for.
insert into app.audit_policy (tenant_id, reports_to, blocklists, also, cloudflare_token, probe_recipients)
values ((select app.tenant()), :reports_to, :blocklists, :also, :cloudflare_token, :probe_recipients)
on conflict (tenant_id) do update set
    reports_to = excluded.reports_to, blocklists = excluded.blocklists, also = excluded.also, cloudflare_token = excluded.cloudflare_token,
    probe_recipients = excluded.probe_recipients;

-- name: put_account
-- An account of the installation; its quota and breaker are not the files' to say, and another connection must be proven anew.
insert into app.provider_account as a (name, kind, region, settings, secret_ref, allowed_basis)
values (:name, :kind, :region, cast(:settings as jsonb), :secret_ref, :allowed_basis)
on conflict (name) do update set
    kind = excluded.kind, region = excluded.region, settings = excluded.settings, secret_ref = excluded.secret_ref, allowed_basis = excluded.allowed_basis,
    proven_at = case when a.settings = excluded.settings then a.proven_at end;

-- name: put_share
-- What of the account's daily quota, where one is known, is this tenant's.
insert into app.provider_account_share as s (tenant_id, account_id, share, daily_share, configuration_set, ses_tenant, sending_addresses)
select (select app.tenant()), a.account_id, :share, floor(a.daily_quota * cast(:share as numeric)), :configuration_set, :ses_tenant, cast(:sending_addresses as jsonb)
  from app.provider_account a where a.name = :name
on conflict (tenant_id, account_id) do update set
    share = excluded.share, daily_share = excluded.daily_share, configuration_set = excluded.configuration_set, withdrawn_at = null,
    sending_addresses = excluded.sending_addresses,
    ses_tenant = excluded.ses_tenant, ses_tenant_status = case when s.ses_tenant = excluded.ses_tenant then s.ses_tenant_status end,
    ses_tenant_read_at = case when s.ses_tenant = excluded.ses_tenant then s.ses_tenant_read_at end;

-- name: put_inbox
-- An IMAP login; what was read there is kept.
insert into app.inbox (tenant_id, name, host, port, tls, username, secret_ref, receives, tokens, authserv_ids)
values ((select app.tenant()), :name, :host, :port, :tls, :username, :secret_ref, :receives, cast(:tokens as jsonb), :authserv_ids)
on conflict (tenant_id, name) do update set
    host = excluded.host, port = excluded.port, tls = excluded.tls, username = excluded.username, secret_ref = excluded.secret_ref,
    receives = excluded.receives, tokens = excluded.tokens, authserv_ids = excluded.authserv_ids, failures = 0, rests_until = null, retired_at = null;

-- name: put_domain
-- A domain that comes back is active again; one at rest stays at rest.
insert into app.sending_domain as d (tenant_id, name, pool, direction, region, tracking_host, dkim_selectors, mail_from)
values ((select app.tenant()), :name, :pool, :direction, :region, :tracking_host, :dkim_selectors, :mail_from)
on conflict (tenant_id, name) do update set
    pool = excluded.pool, direction = excluded.direction, region = excluded.region, tracking_host = excluded.tracking_host,
    dkim_selectors = excluded.dkim_selectors, mail_from = excluded.mail_from, state = case d.state when 'retired' then 'active' else d.state end;

-- name: drop_other_accounts
-- Ways that the domain no longer goes.
delete from app.domain_account r using app.sending_domain d, app.provider_account a
 where r.tenant_id = (select app.tenant()) and d.tenant_id = r.tenant_id and d.domain_id = r.domain_id and a.account_id = r.account_id
   and d.name = :name and not a.name = any (:accounts);

-- name: put_domain_accounts
-- The domain's accounts in their order; what the audit knows of them is kept.
insert into app.domain_account (tenant_id, domain_id, account_id, position)
select d.tenant_id, d.domain_id, a.account_id, wanted.position
  from app.sending_domain d
 cross join unnest(cast(:accounts as text[])) with ordinality as wanted (name, position)
  join app.provider_account a on a.name = wanted.name
 where d.tenant_id = (select app.tenant()) and d.name = :name
on conflict (tenant_id, domain_id, account_id) do update set position = excluded.position;

-- name: put_mailbox
-- A mailbox as its row says; what it has sent, its pace and its errors are kept.
insert into app.mailbox (tenant_id, domain_id, inbox_id, address, display_name, zone, hours_start, hours_end, daily_cap,
    min_gap_seconds, max_gap_seconds, state, account_names)
values ((select app.tenant()),
    (select domain_id from app.sending_domain where tenant_id = (select app.tenant()) and name = :domain),
    (select inbox_id from app.inbox where tenant_id = (select app.tenant()) and name = :inbox),
    :address, :display_name, :zone, :hours_start, :hours_end, :daily_cap, :min_gap_seconds, :max_gap_seconds, :state, :account_names)
on conflict (tenant_id, address) do update set
    domain_id = excluded.domain_id, inbox_id = excluded.inbox_id, display_name = excluded.display_name, zone = excluded.zone,
    hours_start = excluded.hours_start, hours_end = excluded.hours_end, daily_cap = excluded.daily_cap,
    min_gap_seconds = excluded.min_gap_seconds, max_gap_seconds = excluded.max_gap_seconds, state = excluded.state,
    state_reason = null, account_names = excluded.account_names;

-- name: set_mailbox_accounts
-- Mailboxes without accounts of their own follow their domain.
update app.mailbox set account_names = :account_names where tenant_id = (select app.tenant()) and address = :address;

-- name: put_template
-- Where a text is kept, under its digest.
insert into app.template (tenant_id, sha256, name, object_key) values ((select app.tenant()), :sha256, :name, :object_key)
on conflict (tenant_id, sha256) do nothing;

-- name: put_campaign
-- A campaign without its steps.
insert into app.campaign (tenant_id, name, pool, state, priority, zone, weekdays, window_start, window_end, required_fields, optional_fields,
    lead_files, lead_where)
values ((select app.tenant()), :name, :pool, :state, :priority, :zone, :weekdays, :window_start, :window_end, :required_fields, :optional_fields,
    :lead_files, cast(:lead_where as jsonb))
on conflict (tenant_id, name) do update set
    pool = excluded.pool, state = excluded.state, priority = excluded.priority, zone = excluded.zone, weekdays = excluded.weekdays,
    window_start = excluded.window_start, window_end = excluded.window_end, required_fields = excluded.required_fields,
    optional_fields = excluded.optional_fields, lead_files = excluded.lead_files, lead_where = excluded.lead_where;

-- name: drop_steps
-- The steps are written anew whole: a message keeps the hash of what it says.
delete from app.campaign_step s using app.campaign c
 where s.tenant_id = (select app.tenant()) and c.tenant_id = s.tenant_id and c.campaign_id = s.campaign_id and c.name = :campaign;

-- name: add_step
-- A step of a campaign.
insert into app.campaign_step (tenant_id, campaign_id, step, delay_business_days)
select tenant_id, campaign_id, :step, :delay_business_days from app.campaign where tenant_id = (select app.tenant()) and name = :campaign;

-- name: add_attachment
-- A file that goes with a step.
insert into app.campaign_step_attachment (tenant_id, campaign_id, step, position, name, sha256, octets)
select tenant_id, campaign_id, :step, :position, :name, :sha256, :octets
  from app.campaign where tenant_id = (select app.tenant()) and name = :campaign;

-- name: add_variant
-- A wording of a step.
insert into app.campaign_variant (tenant_id, campaign_id, step, variant, weight, subject, text_sha256, html_sha256)
select tenant_id, campaign_id, :step, :variant, :weight, :subject, :text_sha256, :html_sha256
  from app.campaign where tenant_id = (select app.tenant()) and name = :campaign;

-- name: withdraw_account
-- Nothing new leaves through it; what did is still looked up there.
update app.provider_account_share set withdrawn_at = clock_timestamp(), daily_share = 0
 where tenant_id = (select app.tenant()) and account_id = (select account_id from app.provider_account where name = :name);

-- name: withdraw_inbox
-- Its mailboxes are gone from the files too, or the files would not fit together.
update app.inbox set retired_at = clock_timestamp() where tenant_id = (select app.tenant()) and name = :name;

-- name: withdraw_domain
-- Its audits and its mailboxes' threads stay.
update app.sending_domain set state = 'retired' where tenant_id = (select app.tenant()) and name = :name;

-- name: withdraw_mailbox
-- Replies to it are still read.
update app.mailbox set state = 'retired', state_reason = 'no longer in the inventory' where tenant_id = (select app.tenant()) and address = :name;

-- name: withdraw_campaign
-- No further step of it is sent.
update app.campaign set state = 'finished' where tenant_id = (select app.tenant()) and name = :name;

-- name: remember_item
-- So that loading the same files again changes nothing.
insert into app.inventory_item (tenant_id, kind, name, digest) values ((select app.tenant()), :kind, :name, :digest)
on conflict (tenant_id, kind, name) do update set digest = excluded.digest, withdrawn_at = null;

-- name: forget_item
-- Withdrawn, and remembered as that.
update app.inventory_item set withdrawn_at = clock_timestamp() where tenant_id = (select app.tenant()) and kind = :kind and name = :name;

-- name: log_change
-- What the files changed, part by part.
insert into app.audit_log (tenant_id, actor, action, subject) values ((select app.tenant()), 'inventory files', :action, :subject);

-- name: expect_many_rows
-- A stage has no statistics, and a nested loop chosen for its supposed few rows would look through all leads for each real one.
set local enable_nestloop = off;

-- name: wait_for_intents
-- Every intent under way for this tenant ends first, as for an unsubscribe: what begins later sees the suppressions.
select pg_advisory_xact_lock(app.lock_key('tenant', (select app.tenant())::text));

-- name: stage_suppressions
-- COPY cannot write to tables under row-level security, so rows come through a stage.
create temporary table suppression_stage (subject text, subject_hmac bytea, kind text, source text, since timestamptz) on commit drop;

-- name: insert_suppressions
-- One that is there keeps its kind and the earlier of the two times.
insert into app.suppression as s (tenant_id, scope, subject, subject_hmac, kind, source, created_at)
select distinct on (subject_hmac) (select app.tenant()), 'tenant', subject, subject_hmac, kind, source, since
  from suppression_stage order by subject_hmac, since
on conflict (tenant_id, subject_hmac, scope, scope_id) where lifted_at is null
do update set created_at = excluded.created_at where excluded.created_at < s.created_at;

-- name: end_suppressed
-- As app.suppress does it for one person. In the order of the ids, so that two writers wait instead of blocking each other.
with hit as (
    select e.tenant_id, e.enrollment_id, min(x.kind) as kind
      from (select l.tenant_id, l.lead_id, s.kind from suppression_stage s
              join app.lead l on l.tenant_id = (select app.tenant()) and l.address_hmac = s.subject_hmac
            union all
            select l.tenant_id, l.lead_id, s.kind from suppression_stage s
              join app.lead l on l.tenant_id = (select app.tenant()) and l.domain_hmac = s.subject_hmac) x
      join app.enrollment e on e.tenant_id = x.tenant_id and e.lead_id = x.lead_id and e.state = 'active'
     group by e.tenant_id, e.enrollment_id
), locked as (
    select e.tenant_id, e.enrollment_id, hit.kind from app.enrollment e join hit using (tenant_id, enrollment_id)
     order by e.enrollment_id for update of e
)
update app.enrollment e
   set state = case locked.kind when 'hard_bounce' then 'bounced' when 'complaint' then 'complained' else 'unsubscribed' end,
       state_at = clock_timestamp(), reason = locked.kind
  from locked where e.tenant_id = locked.tenant_id and e.enrollment_id = locked.enrollment_id and e.state = 'active';
