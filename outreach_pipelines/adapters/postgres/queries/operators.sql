-- name: places
-- All of a tenant that a person may pause or hold, by name.
select 'tenant' as kind, slug as name, 'tenant' as scope_key, '' as state from app.tenant_directory where id = (select app.tenant())
union all
select 'mailbox', address, 'mailbox:' || mailbox_id, state from app.mailbox where tenant_id = (select app.tenant()) and state <> 'retired'
union all
select 'domain', name, 'domain:' || domain_id, state from app.sending_domain where tenant_id = (select app.tenant()) and state <> 'retired'
union all
select 'campaign', name, 'campaign:' || campaign_id, state from app.campaign where tenant_id = (select app.tenant()) and state <> 'finished'
union all
select 'lead-file', object_key, 'lead_file:' || lead_file_id, '' from app.lead_file where tenant_id = (select app.tenant())
union all
select k.kind, a.name, k.scope || a.account_id, '' from app.provider_account a
  join app.provider_account_share s on s.tenant_id = (select app.tenant()) and s.account_id = a.account_id
 cross join (values ('account', 'account:'), ('shared-account', 'shared_account:')) k (kind, scope)
 order by kind, name;

-- name: in_force
-- Holds that keep something back now, those of the tenant's accounts and of providers' refusals among them.
select h.scope_key, h.signal, cast(app.hold_factor(h, (select app.now())) as double precision) as factor,
       coalesce(nullif(h.sentence, ''), h.reason) as sentence, h.since, h.until
  from app.hold h
 where h.tenant_id = (select app.tenant()) and h.released_at is null and app.hold_factor(h, (select app.now())) < 1
union all
select 'shared_account:' || h.account_id, h.signal, cast(app.hold_factor(h, (select app.now())) as double precision),
       coalesce(nullif(h.sentence, ''), h.reason), h.since, h.until
  from app.account_hold h join app.provider_account_share s on s.tenant_id = (select app.tenant()) and s.account_id = h.account_id
 where h.released_at is null and app.hold_factor(h, (select app.now())) < 1
union all
select 'tenant', 'paused', 0, pause_reason, null, null from app.tenant where tenant_id = (select app.tenant()) and state = 'paused'
 order by factor, scope_key;

-- name: load
-- What waits in a scope within its window, and what is under way. Parts of the scope that are not named are NULL.
select count(*) filter (where m.state in ('planned', 'retry_wait')) as waiting, count(*) filter (where m.state in ('claimed', 'sending')) as under_way,
       min(greatest(m.due_at, m.not_before)) filter (where m.state in ('planned', 'retry_wait')) as next_due
  from app.message m join app.mailbox b on b.tenant_id = m.tenant_id and b.mailbox_id = m.mailbox_id
 where m.tenant_id = (select app.tenant()) and m.state in ('planned', 'retry_wait', 'claimed', 'sending') and m.window_end > (select app.now())
   and m.mailbox_id = coalesce(cast(:mailbox as bigint), m.mailbox_id)
   and b.domain_id = coalesce(cast(:domain as bigint), b.domain_id)
   and m.campaign_id = coalesce(cast(:campaign as bigint), m.campaign_id)
   and m.recipient_provider = coalesce(cast(:provider as text), m.recipient_provider)
   and (cast(:account as integer) is null or cast(:account as integer) = any (m.account_ids))
   and (cast(:lead_file as bigint) is null
        or exists (select from app.lead_source f where f.tenant_id = m.tenant_id and f.lead_id = m.lead_id and f.lead_file_id = cast(:lead_file as bigint)));

-- name: set_manual_hold
-- What a person has set: no judgement touches it, and no inventory file.
insert into app.hold (tenant_id, scope_key, signal, level, factor, reason, sentence, evidence, since, until, set_at)
values ((select app.tenant()), :scope_key, :signal, :level, :factor, :reason, :sentence, cast(:evidence as jsonb), :since, :until, :at);

-- name: end_holds
-- They end, and their rows remain.
update app.hold set released_at = :at, released_reason = :why
 where tenant_id = (select app.tenant()) and scope_key = :scope_key and signal = :signal and released_at is null;

-- name: refusal_stands
-- A hold of two hours after a provider's refusal.
select exists (select from app.hold where tenant_id = (select app.tenant()) and scope_key = :scope_key and signal = 'answer' and released_at is null
                                      and until > (select app.now()));

-- name: forget_errors
-- The intent asks the mailbox itself; a person has looked.
update app.mailbox set errors_in_row = 0 where tenant_id = (select app.tenant()) and 'mailbox:' || mailbox_id = :scope_key and errors_in_row > 0;

-- name: tenant_pause
-- Why the tenant is paused; no row when it is not.
select pause_reason from app.tenant where tenant_id = (select app.tenant()) and state = 'paused';

-- name: pause_tenant
-- With a reason it is paused, without one it goes on.
update app.tenant set state = case when cast(:reason as text) is null then 'active' else 'paused' end, pause_reason = :reason
 where tenant_id = (select app.tenant());

-- name: note
-- A person's act.
insert into app.audit_log (tenant_id, actor, action, subject, detail)
values ((select app.tenant()), :actor, :action, :subject, cast(:detail as jsonb));

-- name: policy_now
-- Policy time.
select app.now();

-- name: wait_for_intents
-- Intents hold this lock shared from before they look at holds until their end. Nothing else is held while waiting here.
select pg_advisory_xact_lock(app.lock_key('tenant', (select app.tenant())::text));

-- name: wake
-- Put off by a hold or a pause: asked again now. A message whose row is locked is being asked at this moment.
update app.message m set not_before = m.due_at
  from (select tenant_id, plan_day, message_id from app.message
         where tenant_id = (select app.tenant()) and state = 'planned' and not_before > (select app.now()) and not_before > due_at
           and (reason like 'held: %' or reason in ('path_held', 'tenant_paused'))
         order by plan_day, message_id for update skip locked) w
 where m.tenant_id = w.tenant_id and m.plan_day = w.plan_day and m.message_id = w.message_id;
