-- name: tenant
-- The tenant's own rules.
select t.tenant_id, d.slug, t.zone, t.country, t.state, t.postal_address, t.unsubscribe_host, p.*
  from app.tenant t join app.tenant_directory d on d.id = t.tenant_id join app.sending_policy p on p.tenant_id = t.tenant_id
 where t.tenant_id = (select app.tenant());

-- name: policy_now
-- Policy time.
select app.now();

-- name: today
-- The tenant's own date.
select (app.now() at time zone zone)::date from app.tenant where tenant_id = (select app.tenant());

-- name: something_may_go
-- Whether a window of an active campaign opens, for somebody who is due, on this date of the tenant's zone; holidays are not looked at.
with due as (
    select distinct c.weekdays, c.window_start, c.window_end,
           -- A foreign country's own zone is not known here: anywhere on earth then.
           case when l.zone is null and l.country <> t.country then null else coalesce(l.zone, c.zone, t.zone) end as zone
      from app.enrollment e
      join app.campaign c on c.tenant_id = e.tenant_id and c.campaign_id = e.campaign_id and c.state = 'active'
      join app.lead l on l.tenant_id = e.tenant_id and l.lead_id = e.lead_id
      join app.tenant t on t.tenant_id = e.tenant_id
     where e.tenant_id = (select app.tenant()) and e.state = 'active' and (e.due_day is null or e.due_day <= :day))
select exists (
    select from due
      join app.tenant t on t.tenant_id = (select app.tenant())
     cross join generate_series(-1, 1) as n
     where extract(isodow from cast(:day as date) + n) - 1 = any (due.weekdays)
       and (due.zone is null
            or ((cast(:day as date) + n + due.window_start) at time zone due.zone < cast(cast(:day as date) + 1 as timestamp) at time zone t.zone
                and (cast(:day as date) + n + due.window_end) at time zone due.zone > cast(cast(:day as date) as timestamp) at time zone t.zone)));

-- name: domains
-- Sending domains with their readiness per account, and what they have sent on the day.
select d.domain_id, d.name, d.pool, d.daily_cap, d.state,
       coalesce((select sum(m.sent) from app.mailbox_day m join app.mailbox b on b.tenant_id = m.tenant_id and b.mailbox_id = m.mailbox_id
                  where m.tenant_id = d.tenant_id and b.domain_id = d.domain_id and m.day = :day), 0) as sent_today,
       coalesce((select jsonb_agg(jsonb_build_object('account_id', r.account_id, 'state', coalesce(r.definite_state, r.state), 'reason', concat_ws(' ', r.seed_fault, r.reason)) order by r.position)
                   from app.domain_account r where r.tenant_id = d.tenant_id and r.domain_id = d.domain_id), '[]') as readiness,
       coalesce((select jsonb_object_agg(h.recipient_provider, h.total)
                   from (select distinct on (recipient_provider) recipient_provider, total from app.reception_score
                          where tenant_id = d.tenant_id and domain_id = d.domain_id and day <= :day
                          order by recipient_provider, day desc, scored_at desc) h), '{}') as health
  from app.sending_domain d
 where d.tenant_id = (select app.tenant()) and d.state <> 'retired'
 order by d.domain_id;

-- name: mailboxes
-- Mailboxes with their ramped cap, health, hold, and sends of the neighbouring days.
select b.mailbox_id, b.domain_id, b.zone, b.hours_start, b.hours_end, b.state, b.min_gap_seconds, b.max_gap_seconds,
       least(b.daily_cap, coalesce(h.cap_today, b.daily_cap)) as daily_cap, coalesce(h.total, 100) as health,
       (select array_agg(a.account_id order by array_position(b.account_names, a.name)) from app.provider_account a where a.name = any (b.account_names)) as account_ids,
       b.inbox_id is not null and coalesce(i.last_error_at < i.last_complete_read, i.last_error_at is null) as inbox_readable,
       (select jsonb_build_object('factor', app.hold_factor(f, :as_of)::text, 'reason', f.reason) from app.hold f
         where f.tenant_id = b.tenant_id and f.released_at is null and app.hold_factor(f, :as_of) < 1
           and f.scope_key in ('tenant', 'mailbox:' || b.mailbox_id, 'domain:' || b.domain_id)
         order by app.hold_factor(f, :as_of), f.hold_id limit 1) as hold,
       coalesce((select jsonb_agg(jsonb_build_object('day', s.day, 'count', s.sent) order by s.day) from app.mailbox_day s
                  where s.tenant_id = b.tenant_id and s.mailbox_id = b.mailbox_id and s.day between cast(:day as date) - 2 and cast(:day as date) + 2), '[]') as sends_by_day
  from app.mailbox b
  left join app.inbox i on i.tenant_id = b.tenant_id and i.inbox_id = b.inbox_id
  left join lateral (select cap_today, total from app.health_score h
                      where h.tenant_id = b.tenant_id and h.mailbox_id = b.mailbox_id and h.day <= :day order by h.day desc, h.scored_at desc limit 1) h on true
 where b.tenant_id = (select app.tenant()) and b.state <> 'retired'
 order by b.mailbox_id;

-- name: open_threads
-- Threads by mailbox, campaign, next step and due day. Whom this day has taken in already is counted by new_leads_today. What an
-- earlier version of this very day has ended counts as it did for that one: see candidates.
select e.mailbox_id, e.campaign_id, e.step, greatest(e.due_day, cast(:day as date)) as due_day, count(*) as threads
  from app.enrollment e
 where e.tenant_id = (select app.tenant()) and e.mailbox_id is not null and e.due_day is not null
   and (e.state = 'active'
        or (e.state = 'finished' and exists (select from app.decision d join app.plan p on p.tenant_id = d.tenant_id and p.plan_id = d.plan_id
             where d.tenant_id = e.tenant_id and d.enrollment_id = e.enrollment_id and d.ends is not null and p.day = :day)))
   and not exists (select from app.message m where m.tenant_id = e.tenant_id and m.plan_day = :day and m.enrollment_id = e.enrollment_id
                      and m.step = 1 and m.state in ('claimed', 'sending', 'in_doubt', 'unknown', 'accepted'))
 group by 1, 2, 3, 4;

-- name: new_leads_today
-- New leads that a mailbox has taken in on this day and a plan of it does not replace.
select mailbox_id, count(*) as taken from app.message
 where tenant_id = (select app.tenant()) and plan_day = :day and step = 1 and state in ('claimed', 'sending', 'in_doubt', 'unknown', 'accepted')
 group by 1;

-- name: other_sends
-- What a plan of this day does not replace: begun attempts that stand, claimed messages, and other days' planned ones.
select mailbox_id, begun_policy_at as at, true as begun from app.send_attempt
 where tenant_id = (select app.tenant()) and outcome not in ('refused', 'not_sent', 'absent')
   and begun_policy_at > cast(:day_start as timestamptz) - interval '25 hours'
union all
select mailbox_id, due_at, false from app.message
 where tenant_id = (select app.tenant())
   and (state = 'claimed' or (state in ('planned', 'retry_wait') and plan_day <> :day))
   and due_at > cast(:day_start as timestamptz) - interval '25 hours' and due_at < cast(:day_start as timestamptz) + interval '49 hours';

-- name: accounts
-- Provider accounts with what this tenant's share leaves for the day.
select a.account_id, a.kind, a.allowed_basis, s.daily_share - coalesce(r.taken, 0) as share_left
  from app.provider_account a
  join app.provider_account_share s on s.tenant_id = (select app.tenant()) and s.account_id = a.account_id
  left join app.rate_bucket r on r.tenant_id = s.tenant_id and r.bucket = 'account:' || a.account_id and r.window_start = :day_start
 order by a.account_id;

-- name: other_holds
-- Holds on less than a mailbox or on more than one, as they stand at the plan's first moment; of several on the same thing the one that leaves least.
select distinct on (scope_key) scope_key, factor::text as factor, reason
  from (select f.scope_key, app.hold_factor(f, :as_of) as factor, f.reason, f.hold_id from app.hold f
         where f.tenant_id = (select app.tenant()) and f.released_at is null
           and split_part(f.scope_key, ':', 1) in ('provider', 'path', 'account', 'campaign', 'lead_file')
        union all
        select 'account:' || a.account_id, app.hold_factor(a, :as_of), a.reason, 0 from app.account_hold a
          join app.provider_account_share s on s.tenant_id = (select app.tenant()) and s.account_id = a.account_id
         where a.released_at is null) h
 where factor < 1
 order by scope_key, h.factor, hold_id;

-- name: people_of_files
-- Running enrollments of those who came with these lead files.
select s.lead_file_id, array_agg(distinct e.enrollment_id order by e.enrollment_id) as enrollments
  from app.lead_source s join app.enrollment e on e.tenant_id = s.tenant_id and e.lead_id = s.lead_id and e.state = 'active'
 where s.tenant_id = (select app.tenant()) and s.lead_file_id = any (:files)
 group by 1 order by 1;

-- name: campaigns
-- Campaigns with their steps and variants.
select c.campaign_id, c.name, c.pool, c.state, c.priority, c.share, c.zone, c.weekdays, c.window_start, c.window_end, c.required_fields,
       (select jsonb_agg(jsonb_build_object('number', s.step, 'delay', s.delay_business_days, 'variants',
                (select jsonb_agg(jsonb_build_object('name', v.variant, 'weight', v.weight, 'content',
                            md5(v.subject || v.text_sha256 || coalesce(v.html_sha256, '')
                                || coalesce((select string_agg(f.sha256 || f.name, '/' order by f.position) from app.campaign_step_attachment f
                                              where f.tenant_id = s.tenant_id and f.campaign_id = s.campaign_id and f.step = s.step), ''))) order by v.variant)
                   from app.campaign_variant v where v.tenant_id = s.tenant_id and v.campaign_id = s.campaign_id and v.step = s.step)) order by s.step)
          from app.campaign_step s where s.tenant_id = c.tenant_id and s.campaign_id = c.campaign_id) as steps
  from app.campaign c
 where c.tenant_id = (select app.tenant()) and c.state <> 'finished'
 order by c.campaign_id;

-- name: candidates
-- The next step of each enrollment that is open and due, and of those that ended lately, so that their decision says why.
-- A message that may be with a provider, or that a run holds, is no candidate: it is kept. One that may be with a provider counts as a contact.
-- Where the tenant wants it, the reply of one person is that of the company, which is the mail domain unless anybody may have an address there.
with company_reply as materialized (
       select l.domain_hmac, max(e.state_at) as replied_at
         from app.enrollment e
         join app.lead l on l.tenant_id = e.tenant_id and l.lead_id = e.lead_id
         join app.sending_policy p on p.tenant_id = e.tenant_id and p.stop_whole_company
        where e.tenant_id = (select app.tenant()) and e.state = 'replied'
          and not app.is_free_mail(split_part(l.address, '@', 2))
        group by 1)
select e.enrollment_id, e.lead_id, e.campaign_id, e.step, e.round, e.mailbox_id, e.due_day, e.state, e.reason, e.state_at, e.out_of_office_until,
       encode(l.address_hmac, 'hex') as recipient, encode(l.domain_hmac, 'hex') as recipient_domain, l.recipient_provider, l.zone, l.country, l.basis,
       not app.is_free_mail(split_part(l.address, '@', 2)) as at_company, l.verified, l.engaged, l.erased_at, l.undeliverable, l.provider_checked_at, b.asked_at as mailbox_denied_at, l.first_name, l.last_name, l.company, l.fields,
       s.kind as suppression_kind, s.created_at as suppressed_at, app.suppressed_everywhere_since(l.global_hmac) as suppressed_everywhere_at, c_reply.replied_at as company_replied_at,
       (select count(*) from app.message r where r.tenant_id = e.tenant_id and r.recipient_hmac = l.address_hmac
           and r.state in ('accepted', 'sending', 'in_doubt', 'unknown')
           and coalesce(r.accepted_at, r.due_at) > cast(:day_start as timestamptz) - make_interval(days => :contact_days)) as recent_contacts
  from app.enrollment e
  join app.lead l on l.tenant_id = e.tenant_id and l.lead_id = e.lead_id
  join app.campaign c on c.tenant_id = e.tenant_id and c.campaign_id = e.campaign_id and c.state <> 'finished'
  left join lateral (
       select kind, created_at from app.suppression s
        where s.tenant_id = e.tenant_id and s.subject_hmac in (l.address_hmac, l.domain_hmac) and s.lifted_at is null
          and (s.expires_at is null or s.expires_at > (select app.now()))
          and (s.scope = 'tenant' or (s.scope = 'campaign' and s.scope_id = e.campaign_id) or (s.scope = 'mailbox' and s.scope_id = e.mailbox_id))
        order by s.created_at limit 1) s on true
  -- Believed for as long as the tenant wants such answers, and for 30 days. A message sent meanwhile knows better.
  left join (app.recipient_probe b join app.audit_policy w on w.tenant_id = b.tenant_id and w.probe_recipients)
    on b.tenant_id = e.tenant_id and b.lead_id = e.lead_id and b.result = 'rejected' and e.step = 1 and b.asked_at > clock_timestamp() - interval '30 days'
  left join company_reply c_reply on c_reply.domain_hmac = l.domain_hmac
 where e.tenant_id = (select app.tenant())
   and ((e.state = 'active' and (e.due_day is null or e.due_day <= :day))
        or (e.state in ('replied', 'bounced', 'unsubscribed', 'complained') and e.state_at > clock_timestamp() - interval '14 days')
        or (e.state = 'finished' and e.reason in ('suppressed', 'company_replied') and e.state_at > clock_timestamp() - interval '14 days')
        -- What an earlier version of this very day has ended is judged anew, so that the same facts give the same plan.
        or (e.state = 'finished' and exists (select from app.decision d join app.plan p on p.tenant_id = d.tenant_id and p.plan_id = d.plan_id
             where d.tenant_id = e.tenant_id and d.enrollment_id = e.enrollment_id and d.ends is not null and p.day = :day)))
   and not exists (select from app.message m
                    where m.tenant_id = e.tenant_id and m.enrollment_id = e.enrollment_id and m.step = e.step
                      and m.state in ('claimed', 'sending', 'in_doubt', 'unknown', 'accepted', 'failed'))
 order by e.enrollment_id;

-- name: used_today
-- What of the day's limits is used by messages that a plan of this day does not replace.
select bucket, taken from app.rate_bucket
 where tenant_id = (select app.tenant()) and window_start = :day_start and bucket like any (array['recipient:%', 'provider:%', 'day']);

-- name: next_version
-- Under a lock, so that two planners of one day get two numbers.
select coalesce(max(version), 0) + 1 from app.plan where tenant_id = (select app.tenant()) and day = :day;

-- name: lock_day
-- One planner of a tenant's day at a time.
select pg_advisory_xact_lock(app.lock_key('plan', (select app.tenant())::text, cast(:day as text)));

-- name: same_plan
-- The newest plan of this day, if it was made from the same snapshot with the same result: planning again inserts nothing.
-- An older one with that result is another matter, since what came between has replaced it.
select plan_id, status, version from app.plan
 where tenant_id = (select app.tenant()) and day = :day and plan_hash = :plan_hash
   and version = (select max(version) from app.plan where tenant_id = (select app.tenant()) and day = :day);

-- name: insert_plan
-- A draft or one of hindsight: nothing is sent from it.
insert into app.plan (tenant_id, day, version, status, planner_version, snapshot_hash, plan_hash, snapshot_key, plan_key, placed, not_placed)
values ((select app.tenant()), :day, :version, :status, :planner_version, :snapshot_hash, :plan_hash, :snapshot_key, :plan_key, :placed, :not_placed)
returning plan_id;

-- name: stage_decisions
-- COPY cannot write to tables under row-level security, so rows come through a stage.
create temporary table decision_stage (
    enrollment_id bigint, step smallint, placed boolean, binding_constraint text, found text[], looked_through text, detail text, ends text,
    send_key bytea, mailbox_id bigint, due_at timestamptz, window_start timestamptz, window_end timestamptz, variant text, content_hash text,
    account_ids integer[]) on commit drop;

-- name: insert_decisions
-- From the stage, idempotent.
insert into app.decision (tenant_id, plan_id, enrollment_id, step, placed, binding_constraint, found, looked_through, detail, ends, send_key, mailbox_id,
                          due_at, window_start, window_end, variant, content_hash, account_ids)
select (select app.tenant()), :plan_id, s.* from decision_stage s
on conflict do nothing;

-- name: end_enrollments
-- Sequences that the plan has ended, with its reason.
update app.enrollment e set state = 'finished', reason = d.ends, state_at = clock_timestamp()
  from app.decision d
 where d.tenant_id = (select app.tenant()) and d.plan_id = :plan_id and d.ends is not null
   and e.tenant_id = d.tenant_id and e.enrollment_id = d.enrollment_id and e.state = 'active';

-- name: release
-- See app.release_plan.
select app.release_plan(:plan_id, :reason);

-- name: plans_of_day
-- The versions of a day: the released one, then the others, newest first.
select plan_id, day, version, status, status_reason, planner_version, snapshot_hash, plan_hash, snapshot_key, plan_key, placed, not_placed, created_at, released_at
  from app.plan where tenant_id = (select app.tenant()) and day = :day order by status = 'released' desc, version desc;

-- name: constraint_counts
-- Why candidates of a plan were not placed.
select binding_constraint, count(*) as candidates from app.decision
 where tenant_id = (select app.tenant()) and plan_id = :plan_id and not placed group by 1 order by 2 desc, 1;

-- name: blockers_of_release
-- What forbids releasing a plan: nothing here may be overridden by a flag.
select 'the tenant is paused' as blocker from app.tenant where tenant_id = (select app.tenant()) and state = 'paused'
union all
select 'no sending domain is ready for any account' where not exists (
    select from app.domain_account where tenant_id = (select app.tenant()) and coalesce(definite_state, state) = 'ready')
union all
select 'the plan places messages of campaign ' || c.name || ', which is ' || c.state
  from app.campaign c
 where c.tenant_id = (select app.tenant()) and c.state <> 'active'
   and exists (select from app.decision d join app.enrollment e on e.tenant_id = d.tenant_id and e.enrollment_id = d.enrollment_id
                where d.tenant_id = c.tenant_id and d.plan_id = :plan_id and d.placed and e.campaign_id = c.campaign_id);

-- name: placed_wordings
-- Each wording that a plan places, with the fields that its people have (true) or have empty (false): letters of equal fields fill in alike.
with placed as (
    select e.campaign_id, d.step, d.variant, f.fields, count(*) as people
      from app.decision d
      join app.enrollment e on e.tenant_id = d.tenant_id and e.enrollment_id = d.enrollment_id
      join app.lead l on l.tenant_id = e.tenant_id and l.lead_id = e.lead_id
     cross join lateral (
           select jsonb_object_agg(key, value <> '' order by key) as fields
             from jsonb_each_text(l.fields || jsonb_build_object('first_name', coalesce(l.first_name, ''), 'last_name', coalesce(l.last_name, ''),
                    'company', coalesce(l.company, ''), 'country', coalesce(l.country, ''), 'source', l.basis_source))) f
     where d.tenant_id = (select app.tenant()) and d.plan_id = :plan_id and d.placed
     group by 1, 2, 3, 4)
select c.campaign_id, c.name as campaign, p.step, p.variant, p.fields, p.people, v.subject, v.text_sha256, v.html_sha256,
       array(select row_to_json(f) from (select a.sha256, a.name, a.octets from app.campaign_step_attachment a
                                          where a.tenant_id = c.tenant_id and a.campaign_id = c.campaign_id and a.step = p.step
                                          order by a.position) f) as attachments,
       t.postal_address, t.sender_company, t.sender_website, t.sender_contact, t.privacy_notice_url, t.unsubscribe_host
  from placed p
  join app.campaign c on c.tenant_id = (select app.tenant()) and c.campaign_id = p.campaign_id
  join app.campaign_variant v on v.tenant_id = c.tenant_id and v.campaign_id = p.campaign_id and v.step = p.step and v.variant = p.variant
  join app.tenant t on t.tenant_id = c.tenant_id
 order by c.name, p.step, p.variant, p.fields;
