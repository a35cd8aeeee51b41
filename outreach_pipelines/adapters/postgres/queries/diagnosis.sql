-- name: system
-- Guard, epoch, partitions. A partition behind a gap is of no use to the days before it.
with partition as (
    select first_day, end_day from app.partition_days('app.message')
)
select e.mode, clock_timestamp() - e.heartbeat_at as heartbeat_age,
       clock_timestamp() between e.heartbeat_at - interval '5 seconds' and e.heartbeat_at + interval '72 hours' as guard_passes,
       p.number as epoch, p.reason as epoch_reason,
       (select min(end_day) - 1 from partition a
         where end_day > (app.now() at time zone 'UTC')::date and not exists (select from partition b where b.first_day = a.end_day)) as last_partition
  from app.environment e, app.epoch p;

-- name: accounts
-- Accounts with the age of their proof and the holds that stop them.
select a.name, a.kind, clock_timestamp() - a.proven_at as proof_age, a.breaker,
       coalesce((select array_agg(coalesce(nullif(h.sentence, ''), h.reason) order by h.account_hold_id) from app.account_hold h
                  where h.account_id = a.account_id and h.released_at is null and app.hold_factor(h, (select app.now())) = 0), '{}') as stops
  from app.provider_account a order by a.name;

-- name: directory
-- Names and numbers of tenants.
select id, slug from app.tenant_directory order by slug;

-- name: is_founded
-- Whether the tenant's inventory was ever applied.
select exists (select from app.tenant where tenant_id = (select app.tenant()));

-- name: tenant
-- One tenant's counts; no row while its inventory was never applied.
select t.zone, t.founded_at, case when t.state = 'paused' then coalesce(t.pause_reason, 'no reason given') end as paused_because,
       (select count(*) from app.sending_domain d where d.tenant_id = t.tenant_id and d.state = 'active') as active_domains,
       (select count(*) from app.mailbox b where b.tenant_id = t.tenant_id and b.state in ('active', 'ramping')) as mailboxes,
       coalesce((select array_agg(b.address order by b.address) from app.mailbox b
                  where b.tenant_id = t.tenant_id and b.state in ('active', 'ramping') and b.inbox_id is null), '{}') as without_inbox,
       (select count(*) from app.campaign c where c.tenant_id = t.tenant_id and c.state = 'active') as active_campaigns,
       (select count(*) from app.lead l where l.tenant_id = t.tenant_id and l.erased_at is null) as leads,
       (select count(*) from app.enrollment e where e.tenant_id = t.tenant_id and e.state = 'active') as active_enrollments,
       (select count(*) from app.event_inbox e where e.tenant_id = t.tenant_id and e.received_at < clock_timestamp() - interval '10 minutes') as waiting_events
  from app.tenant t where t.tenant_id = (select app.tenant());

-- name: paths
-- Domains with their accounts as sending believes them, and the records that the newest audit asks for.
select d.name as domain, a.name as account, coalesce(r.definite_state, r.state) as state, concat_ws(' ', r.seed_fault, r.reason) as reason, r.seed_fault is not null as by_seed,
       coalesce((select array_agg(line order by f.position) from app.dns_finding f cross join unnest(f.publish) as line
                  where f.tenant_id = d.tenant_id and f.domain_id = d.domain_id and a.name = any (f.stops)
                    and f.day = (select max(n.day) from app.dns_audit n where n.tenant_id = d.tenant_id and n.domain_id = d.domain_id)), '{}') as publish
  from app.sending_domain d
  join app.domain_account r on r.tenant_id = d.tenant_id and r.domain_id = d.domain_id
  join app.provider_account a on a.account_id = r.account_id
 where d.tenant_id = (select app.tenant()) and d.state = 'active'
 order by d.name, r.position;

-- name: inboxes
-- Inboxes of mailboxes that may send, with the age of the last complete read and an error that came after it.
select i.name, clock_timestamp() - i.last_complete_read as read_age,
       case when i.last_complete_read is null or i.last_error_at >= i.last_complete_read then i.last_error end as error
  from app.inbox i
 where i.tenant_id = (select app.tenant()) and i.retired_at is null
 order by i.name;

-- name: plans
-- The newest plan of today and of tomorrow in the tenant's zone; a released version is the one in force.
select distinct on (p.day) p.day, p.version, p.status, p.placed,
       coalesce((select jsonb_object_agg(c.binding_constraint, c.candidates) from (
            select d.binding_constraint, count(*) as candidates from app.decision d
             where d.tenant_id = p.tenant_id and d.plan_id = p.plan_id and not d.placed group by 1) c), '{}') as not_placed
  from app.plan p
 where p.tenant_id = (select app.tenant()) and p.day between cast(:today as date) and cast(:today as date) + 1
 order by p.day, p.status = 'released' desc, p.version desc;

-- name: holds
-- Holds in force, those that leave least first.
select h.scope_key, app.scope_name(h.scope_key) as scope, cast(f.factor as double precision) as factor, coalesce(nullif(h.sentence, ''), h.reason) as reason
  from app.hold h cross join lateral (select app.hold_factor(h, (select app.now())) as factor) f
 where h.tenant_id = (select app.tenant()) and h.released_at is null and f.factor < 1
 order by f.factor, h.scope_key;

-- name: messages
-- Doubt, and what the sweeper should have closed by now.
select count(*) filter (where state = 'in_doubt') as in_doubt,
       clock_timestamp() - min(state_at) filter (where state = 'in_doubt') as oldest_doubt,
       count(*) filter (where state = 'unknown') as unknown,
       count(*) filter (where state in ('planned', 'retry_wait') and window_end < (select app.now()) - interval '1 hour') as past_window
  from app.message
 where tenant_id = (select app.tenant()) and state in ('in_doubt', 'unknown', 'planned', 'retry_wait')
   and plan_day >= cast(:today as date) - 7;

-- name: policy_now
-- Policy time.
select app.now();
