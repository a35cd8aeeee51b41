-- name: paths
-- Messages of a tenant-local day that a provider took, or refused for good, with their fate.
-- Attempts lie in the partitions of their plan days, two days around the day at most.
with day as (
    select cast(cast(:day as date) as timestamp) at time zone zone as since, cast(cast(:day as date) + 1 as timestamp) at time zone zone as until
      from app.tenant where tenant_id = (select app.tenant())
)
select d.name as sending_domain, m.recipient_provider,
       count(*) filter (where a.outcome = 'accepted') as sent,
       count(*) filter (where a.outcome = 'refused') as refused,
       count(*) filter (where m.delivered_at is not null) as delivered,
       count(*) filter (where m.outcome = 'hard_bounced') as hard,
       count(*) filter (where m.outcome = 'soft_bounced') as soft,
       count(*) filter (where m.outcome = 'blocked') as blocked,
       count(*) filter (where m.complained_at is not null) as complained
  from day
  join app.send_attempt a on a.begun_policy_at >= day.since and a.begun_policy_at < day.until
  join app.message m on m.tenant_id = a.tenant_id and m.plan_day = a.plan_day and m.message_id = a.message_id
  join app.sending_domain d on d.tenant_id = a.tenant_id and d.domain_id = a.domain_id
 where a.tenant_id = (select app.tenant()) and a.plan_day between cast(:day as date) - 2 and cast(:day as date) + 2
   and (a.outcome = 'accepted' or (a.outcome = 'refused' and m.state = 'failed' and m.accepted_at is null and m.attempt = a.attempt))
 group by d.name, m.recipient_provider
 order by d.name, m.recipient_provider;

-- name: variants
-- Accepted messages of a tenant-local day by campaign, step and variant, with what they brought.
-- A link's unsubscribe names the message by its tag; one that came by mail is the message's own event.
with day as (
    select cast(cast(:day as date) as timestamp) at time zone zone as since, cast(cast(:day as date) + 1 as timestamp) at time zone zone as until
      from app.tenant where tenant_id = (select app.tenant())
)
select c.name as campaign, m.step, m.variant,
       count(*) as sent,
       count(*) filter (where m.delivered_at is not null) as delivered,
       count(*) filter (where m.replied_at is not null) as replied,
       count(*) filter (where exists (
           select from app.message_event e where e.tenant_id = m.tenant_id and e.plan_day = m.plan_day and e.message_id = m.message_id
              and e.kind = 'out_of_office')) as out_of_office,
       count(*) filter (where m.unsubscribed_at is not null or exists (
           select from app.suppression s where s.tenant_id = m.tenant_id and s.subject_hmac = m.recipient_hmac and s.kind = 'unsubscribe'
              and s.source = a.tag)) as unsubscribed,
       count(*) filter (where m.outcome in ('hard_bounced', 'soft_bounced', 'blocked')) as bounced
  from day
  join app.send_attempt a on a.begun_policy_at >= day.since and a.begun_policy_at < day.until
  join app.message m on m.tenant_id = a.tenant_id and m.plan_day = a.plan_day and m.message_id = a.message_id
  join app.campaign c on c.tenant_id = m.tenant_id and c.campaign_id = m.campaign_id
 where a.tenant_id = (select app.tenant()) and a.plan_day between cast(:day as date) - 2 and cast(:day as date) + 2
   and a.outcome = 'accepted'
 group by c.name, m.step, m.variant
 order by c.name, m.step, m.variant;

-- name: accounts
-- Attempts of a tenant-local day that a provider took, by account, and the replies to their messages.
with day as (
    select cast(cast(:day as date) as timestamp) at time zone zone as since, cast(cast(:day as date) + 1 as timestamp) at time zone zone as until
      from app.tenant where tenant_id = (select app.tenant())
)
select p.name as account, p.kind, count(*) as sent,
       count(*) filter (where a.outcome = 'accepted' and m.replied_at is not null) as replies
  from day
  join app.send_attempt a on a.begun_policy_at >= day.since and a.begun_policy_at < day.until
  join app.message m on m.tenant_id = a.tenant_id and m.plan_day = a.plan_day and m.message_id = a.message_id
  join app.provider_account p on p.account_id = a.account_id
 where a.tenant_id = (select app.tenant()) and a.plan_day between cast(:day as date) - 2 and cast(:day as date) + 2
   and a.outcome in ('accepted', 'accepted_twice')
 group by p.name, p.kind
 order by p.name;

-- name: save
-- The report of a day is rewritten as news comes in.
insert into app.report (tenant_id, kind, day, body) values ((select app.tenant()), :kind, :day, cast(:body as jsonb))
on conflict (tenant_id, kind, day) do update set body = excluded.body, written_at = clock_timestamp();
