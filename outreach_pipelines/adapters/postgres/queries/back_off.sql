-- name: lock
-- One judgement of a tenant at a time.
select pg_advisory_xact_lock(app.lock_key('back_off', (select app.tenant())::text));

-- name: rules
-- The tenant's zone and thresholds.
select t.zone, p.thresholds
  from app.tenant t join app.sending_policy p on p.tenant_id = t.tenant_id where t.tenant_id = (select app.tenant());

-- name: standing
-- Holds not released, of the tenant and of its accounts.
select scope_key, signal, level, factor, reason, sentence, evidence, since, until, probation_factor, probation_days, counts_from
  from app.hold where tenant_id = (select app.tenant()) and released_at is null and signal <> 'answer'
union all
select 'shared_account:' || h.account_id, signal, level, factor, reason, sentence, evidence, since, until, probation_factor, probation_days, counts_from
  from app.account_hold h join app.provider_account_share s on s.tenant_id = (select app.tenant()) and s.account_id = h.account_id
 where h.released_at is null and h.signal <> 'answer';

-- name: news
-- What was heard of sends, by scope, by the local day of the send and the local day of the news.
select s.scope_key, (n.begun_policy_at at time zone :zone)::date as day, (n.learnt_at at time zone :zone)::date as learnt_on, n.news, count(*) as count
  from app.send_news(:since, :now, :classes, :causes, :news) n
 cross join lateral (select app.hold_scopes(n.mailbox_id, n.domain_id, n.campaign_id, n.account_id, n.recipient_provider)
                     union
                     select 'lead_file:' || f.lead_file_id from app.lead_source f where f.tenant_id = (select app.tenant()) and f.lead_id = n.lead_id) s (scope_key)
 where n.news in ('hard', 'soft', 'block', 'complaint')
 group by 1, 2, 3, 4;

-- name: closed_before
-- From which local day on sends are counted anew; none when nothing is closed, or in the days of another zone.
select closed_before from app.sent_closed where tenant_id = (select app.tenant()) and zone = :zone;

-- name: forget_days
-- Days that are counted again, because they were opened again or the zone has changed; and those that no judgement looks back to.
delete from app.sent_day d
 where d.tenant_id = (select app.tenant())
   and (d.day < :oldest
        or d.day >= coalesce((select c.closed_before from app.sent_closed c where c.tenant_id = d.tenant_id and c.zone = :zone), '-infinity'));

-- name: close_days
-- What a few days have settled: accepted sends of the days from :open until :close, which is the first one that stays open.
with counted as (
    insert into app.sent_day (tenant_id, day, mailbox_id, domain_id, campaign_id, account_id, recipient_provider, accepted)
    select a.tenant_id, (a.begun_policy_at at time zone :zone)::date, a.mailbox_id, a.domain_id, m.campaign_id, a.account_id, m.recipient_provider, count(*)
      from app.send_attempt a
      join app.message m on m.tenant_id = a.tenant_id and m.plan_day = a.plan_day and m.message_id = a.message_id
     where a.tenant_id = (select app.tenant()) and a.outcome = 'accepted' and a.plan_day >= cast(:open as timestamptz)::date - 3
       and a.begun_policy_at >= :open and a.begun_policy_at < :close
     group by 1, 2, 3, 4, 5, 6, 7
)
insert into app.sent_closed as c (tenant_id, zone, closed_before) values ((select app.tenant()), :zone, :close_day)
on conflict (tenant_id) do update set zone = excluded.zone, closed_before = excluded.closed_before;

-- name: sends
-- Accepted sends of some scopes by local day, and those whose provider reports complaints; from :open on they are counted anew.
with counted as (
    select mailbox_id, domain_id, campaign_id, account_id, recipient_provider, day, accepted
      from app.sent_day where tenant_id = (select app.tenant()) and day >= :since_day and day < :open_day
    union all
    select a.mailbox_id, a.domain_id, m.campaign_id, a.account_id, m.recipient_provider, (a.begun_policy_at at time zone :zone)::date, count(*)
      from app.send_attempt a
      join app.message m on m.tenant_id = a.tenant_id and m.plan_day = a.plan_day and m.message_id = a.message_id
     where a.tenant_id = (select app.tenant()) and a.outcome = 'accepted' and a.plan_day >= cast(:open as timestamptz)::date - 3
       and a.begun_policy_at >= :open and a.begun_policy_at <= :now
     group by 1, 2, 3, 4, 5, 6
)
select s.scope_key, c.day, sum(c.accepted)::bigint as accepted,
       coalesce(sum(c.accepted) filter (where c.recipient_provider = any (:reporting)), 0)::bigint as reporting
  from counted c cross join lateral app.hold_scopes(c.mailbox_id, c.domain_id, c.campaign_id, c.account_id, c.recipient_provider) s (scope_key)
 where s.scope_key = any (:scopes)
 group by 1, 2;

-- name: sends_of_files
-- Accepted sends to the leads of some files; a lead of two files counts for both.
select 'lead_file:' || f.lead_file_id as scope_key, (a.begun_policy_at at time zone :zone)::date as day, count(*) as accepted,
       count(*) filter (where m.recipient_provider = any (:reporting)) as reporting
  from (select distinct lead_file_id, lead_id from app.lead_source
         where tenant_id = (select app.tenant()) and 'lead_file:' || lead_file_id = any (:scopes)) f
  join app.message m on m.tenant_id = (select app.tenant()) and m.lead_id = f.lead_id
  join app.send_attempt a on a.tenant_id = m.tenant_id and a.plan_day = m.plan_day and a.message_id = m.message_id
 where a.outcome = 'accepted' and a.plan_day >= cast(:since as timestamptz)::date - 3 and a.begun_policy_at >= :since and a.begun_policy_at <= :now
 group by 1, 2;

-- name: fates
-- Single sends of some scopes and whether they bounced hard. A refusal that condemns the recipient is one too, although nothing was accepted.
with hard as (
    select plan_day, message_id, attempt from app.send_news(:since, :now, :classes, :causes, :news) where news = 'hard'
)
select s.scope_key, a.begun_policy_at as sent_at, h.message_id is not null as hard
  from app.send_attempt a
  join app.message m on m.tenant_id = a.tenant_id and m.plan_day = a.plan_day and m.message_id = a.message_id
  left join hard h on h.plan_day = a.plan_day and h.message_id = a.message_id and h.attempt = a.attempt
 cross join lateral (select app.hold_scopes(a.mailbox_id, a.domain_id, m.campaign_id, a.account_id, m.recipient_provider)
                     union
                     select 'lead_file:' || f.lead_file_id from app.lead_source f where f.tenant_id = a.tenant_id and f.lead_id = m.lead_id) s (scope_key)
 where a.tenant_id = (select app.tenant()) and a.plan_day >= cast(:since as timestamptz)::date - 3
   and a.begun_policy_at >= :since and a.begun_policy_at <= :now
   and (a.outcome = 'accepted' or h.message_id is not null)
   and s.scope_key = any (:scopes);

-- name: complaints
-- When complaints about a domain's sends came in.
select 'domain:' || domain_id as scope_key, learnt_at
  from app.send_news(:since, :now, :classes, :causes, :news) where news = 'complaint' and learnt_at > cast(:now as timestamptz) - interval '24 hours';

-- name: answers
-- Bounces and refusals of the last hours in the receivers' own words.
select s.scope_key, a.mailbox_id, e.policy_at, e.class, e.cause, coalesce(e.diagnostic, '') as diagnostic
  from app.message_event e
  join app.message m on m.tenant_id = e.tenant_id and m.plan_day = e.plan_day and m.message_id = e.message_id
  join app.send_attempt a on a.tenant_id = m.tenant_id and a.plan_day = m.plan_day and a.message_id = m.message_id and a.attempt = coalesce(e.attempt, m.attempt)
 cross join lateral (values ('path:' || a.mailbox_id || ':' || a.account_id), ('account:' || a.account_id),
                            ('provider:' || a.mailbox_id || ':' || m.recipient_provider)) s (scope_key)
 where e.tenant_id = (select app.tenant()) and e.kind in ('bounced', 'refused') and e.class is not null
   and e.policy_at > :since and e.policy_at <= :now;

-- name: errors
-- Mailboxes with errors in a row, and when the last one came.
select 'mailbox:' || b.mailbox_id as scope_key, b.errors_in_row,
       coalesce((select max(a.begun_policy_at) from app.send_attempt a
                  where a.tenant_id = b.tenant_id and a.mailbox_id = b.mailbox_id and a.outcome in ('refused', 'not_sent')), :now) as last_at
  from app.mailbox b where b.tenant_id = (select app.tenant()) and b.errors_in_row >= :least;

-- name: add_account_days
-- This tenant's part of its accounts' record, by UTC day; what is known already is left as it is, and what was sent and learnt before :open is final.
insert into app.account_day (tenant_id, account_id, day, learnt_on, accepted, reporting, hard, complaints)
select (select app.tenant()), account_id, day, learnt_on, sum(accepted), sum(reporting), sum(hard), sum(complaints)
  from (select a.account_id, (a.begun_policy_at at time zone 'UTC')::date as day, (a.begun_policy_at at time zone 'UTC')::date as learnt_on,
               count(*) as accepted, count(*) filter (where m.recipient_provider = any (:reporting)) as reporting, 0 as hard, 0 as complaints
          from app.send_attempt a
          join app.message m on m.tenant_id = a.tenant_id and m.plan_day = a.plan_day and m.message_id = a.message_id
         where a.tenant_id = (select app.tenant()) and a.outcome = 'accepted' and a.plan_day >= cast(:open as timestamptz)::date - 3
           and a.begun_policy_at >= :open and a.begun_policy_at <= :now
         group by 1, 2
        union all
        select account_id, (begun_policy_at at time zone 'UTC')::date, (learnt_at at time zone 'UTC')::date, 0, 0,
               count(*) filter (where news = 'hard'), count(*) filter (where news = 'complaint')
          from app.send_news(:since, :now, :classes, :causes, :news) where news in ('hard', 'complaint') and learnt_at >= :open
         group by 1, 2, 3) as own
 group by account_id, day, learnt_on
on conflict (tenant_id, account_id, day, learnt_on) do update
   set accepted = excluded.accepted, reporting = excluded.reporting, hard = excluded.hard, complaints = excluded.complaints
 where (account_day.accepted, account_day.reporting, account_day.hard, account_day.complaints)
       is distinct from (excluded.accepted, excluded.reporting, excluded.hard, excluded.complaints);

-- name: account_days
-- The record of the tenant's accounts over all tenants.
select 'shared_account:' || s.account_id as scope_key, d.*
  from app.provider_account_share s cross join lateral app.account_days(s.account_id, :since_day) d
 where s.tenant_id = (select app.tenant());

-- name: set_hold
-- The one automatic hold of a scope and a signal.
insert into app.hold as h (tenant_id, scope_key, signal, level, factor, reason, sentence, evidence, since, until, probation_factor, probation_days,
                           counts_from, set_at)
values ((select app.tenant()), :scope_key, :signal, :level, :factor, :reason, :sentence, cast(:evidence as jsonb), :since, :until, :probation_factor,
        :probation_days, :counts_from, :at)
on conflict (tenant_id, scope_key, signal) where released_at is null and signal <> 'manual'
do update set sentence = excluded.sentence, evidence = excluded.evidence, since = excluded.since, until = excluded.until,
    probation_factor = excluded.probation_factor, probation_days = excluded.probation_days, counts_from = excluded.counts_from;

-- name: release_hold
-- It ends, and its row remains.
update app.hold set released_at = :at, released_reason = :why
 where tenant_id = (select app.tenant()) and scope_key = :scope_key and signal = :signal and signal <> 'manual' and released_at is null;

-- name: set_account_hold
-- See app.set_account_hold.
select app.set_account_hold(:account_id, :signal, :level, :factor, :reason, :sentence, cast(:evidence as jsonb), :since, :until, :probation_factor,
                            :probation_days, :counts_from, :at);

-- name: release_account_hold
-- See app.release_account_hold.
select app.release_account_hold(:account_id, :signal, :why, :at);

-- name: log_change
-- Who reads the log learns what was decided and on what numbers; nothing in it names a person.
insert into app.audit_log (tenant_id, actor, action, subject, detail)
values ((select app.tenant()), 'back_off', :action, :subject, cast(:detail as jsonb));
