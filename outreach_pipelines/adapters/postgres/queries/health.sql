-- name: tenant
-- The tenant's zone, its ramp, and policy time.
select t.zone, p.ramp_up, (select app.now()) as policy_now
  from app.tenant t join app.sending_policy p on p.tenant_id = t.tenant_id where t.tenant_id = (select app.tenant());

-- name: mailboxes
-- Mailboxes with the audit of their domain and the holds that stood, both as of a moment.
select b.mailbox_id, b.address, b.state, b.daily_cap, b.zone,
       case when d.day is null then 'none' when d.stopped @> b.account_names and cardinality(b.account_names) > 0 then 'all_stopped'
            when d.unanswered then 'unanswered' else 'usable' end as audit,
       least(1, own.factor, shared.factor) as factor, coalesce(own.warned, false) or coalesce(shared.warned, false) as warned
  from app.mailbox b
  left join lateral (select n.day, cardinality(n.unanswered) > 0 as unanswered,
                            coalesce((select array_agg(distinct s.name) from app.dns_finding f cross join lateral unnest(f.stops) s (name)
                                       where f.tenant_id = n.tenant_id and f.domain_id = n.domain_id and f.day = n.day), '{}') as stopped
                       from app.dns_audit n
                      where n.tenant_id = b.tenant_id and n.domain_id = b.domain_id and n.day between cast(:day as date) - 7 and :day
                      order by n.day desc limit 1) d on true
  left join lateral (select array_agg(a.account_id) as ids from app.provider_account a where a.name = any (b.account_names)) accounts on true
  left join lateral (select min(app.hold_factor(h, :at)) as factor, bool_or(h.level = 'warn') as warned from app.hold h
                      where h.tenant_id = b.tenant_id and h.set_at <= :at and (h.released_at is null or h.released_at > :at)
                        and h.scope_key = any (array['mailbox:' || b.mailbox_id, 'domain:' || b.domain_id]
                                               || (select array_agg('account:' || id) from unnest(accounts.ids) id))) own on true
  left join lateral (select min(app.hold_factor(h, :at)) as factor, bool_or(h.level = 'warn') as warned from app.account_hold h
                      where h.account_id = any (accounts.ids) and h.set_at <= :at and (h.released_at is null or h.released_at > :at)) shared on true
 where b.tenant_id = (select app.tenant()) and b.state <> 'retired'
 order by b.mailbox_id;

-- name: sends
-- Accepted sends by the mailbox's own day and the recipient's provider.
select a.mailbox_id, a.domain_id, m.recipient_provider, a.mailbox_day as day, count(*) as accepted
  from app.send_attempt a
  join app.message m on m.tenant_id = a.tenant_id and m.plan_day = a.plan_day and m.message_id = a.message_id
 where a.tenant_id = (select app.tenant()) and a.outcome = 'accepted'
   and a.plan_day >= cast(:first as date) - 3 and a.mailbox_day between :first and :day
 group by 1, 2, 3, 4;

-- name: domains
-- Sending domains that may still get a score.
select domain_id from app.sending_domain where tenant_id = (select app.tenant()) and state <> 'retired' order by domain_id;

-- name: news
-- What was heard of sends, by the mailbox's own days of the send and of the news, and the recipient's provider.
select n.mailbox_id, n.domain_id, n.recipient_provider, n.mailbox_day as day, (n.learnt_at at time zone b.zone)::date as learnt_on, n.news, count(*) as count
  from app.send_news(:since, :until, :classes, :causes, :news) n
  join app.mailbox b on b.tenant_id = (select app.tenant()) and b.mailbox_id = n.mailbox_id
 where n.mailbox_day between :first and :day
 group by 1, 2, 3, 4, 5, 6;

-- name: unsubscribes
-- Who asked not to be written to any more, by whatever way, at the last send before they asked.
select m.mailbox_id, m.day, (s.created_at at time zone b.zone)::date as learnt_on, 'unsubscribe' as news, count(*) as count
  from app.suppression s
 cross join lateral (select a.mailbox_id, a.mailbox_day as day
                       from app.message r join app.send_attempt a on a.tenant_id = r.tenant_id and a.plan_day = r.plan_day and a.message_id = r.message_id
                      where r.tenant_id = s.tenant_id and r.recipient_hmac = s.subject_hmac and a.outcome = 'accepted' and a.begun_policy_at <= s.created_at
                      order by a.begun_policy_at desc limit 1) m
  join app.mailbox b on b.tenant_id = s.tenant_id and b.mailbox_id = m.mailbox_id
 where s.tenant_id = (select app.tenant()) and s.kind = 'unsubscribe' and s.subject = 'address' and s.created_at between :since and :until
   and m.day between :first and :day
 group by 1, 2, 3;

-- name: refusals
-- Refused sends by the mailbox's own day and the code of the answer.
select a.mailbox_id, a.mailbox_day as day, p.kind, split_part(coalesce(a.answer, ''), ' ', 1) as code, count(*) as count
  from app.send_attempt a join app.provider_account p on p.account_id = a.account_id
 where a.tenant_id = (select app.tenant()) and a.outcome = 'refused'
   and a.plan_day >= cast(:first as date) - 3 and a.mailbox_day between :first and :day
 group by 1, 2, 3, 4
 union all
-- A login that was refused where no send was tried, in the words of a server that refuses one (RFC 4954 section 6).
select f.mailbox_id, f.day, 'smtp', '535', f.count from app.login_failures(cast(:first as date), cast(:day as date)) f;

-- name: ramp_days
-- Every earlier day of a mailbox, with that day's score. From the counters, since partitions of messages are dropped one day and the ramp is not.
select d.mailbox_id, d.day, d.sent, h.total
  from app.mailbox_day d
  left join app.health_score h on h.tenant_id = d.tenant_id and h.mailbox_id = d.mailbox_id and h.day = d.day and h.version = :version
 where d.tenant_id = (select app.tenant()) and d.day < :day;

-- name: stops
-- When evidence had stopped a mailbox or its domain.
select b.mailbox_id, b.zone, h.set_at, least(h.until, h.released_at, :at) as ended_at
  from app.hold h
  join app.mailbox b on b.tenant_id = h.tenant_id and h.scope_key in ('mailbox:' || b.mailbox_id, 'domain:' || b.domain_id)
 where h.tenant_id = (select app.tenant()) and h.level = 'stop' and h.signal <> 'manual' and h.set_at < :at;

-- name: stage_scores
-- COPY cannot write to tables under row-level security, so rows come through a stage.
create temporary table health_score_stage (mailbox_id bigint, version text, total smallint, parts jsonb, cap_today integer, ramp_stage text) on commit drop;

-- name: save_scores
-- From the stage; a row that says the same already is left as it is.
insert into app.health_score as h (tenant_id, mailbox_id, day, version, total, parts, cap_today, ramp_stage)
select (select app.tenant()), s.mailbox_id, :day, s.version, s.total, s.parts, s.cap_today, s.ramp_stage from health_score_stage s
on conflict (tenant_id, mailbox_id, day, version) do update
   set total = excluded.total, parts = excluded.parts, cap_today = excluded.cap_today, ramp_stage = excluded.ramp_stage, scored_at = clock_timestamp()
 where (h.total, h.parts, h.cap_today, h.ramp_stage) is distinct from (excluded.total, excluded.parts, excluded.cap_today, excluded.ramp_stage);

-- name: stage_receptions
-- As for the scores of mailboxes.
create temporary table reception_score_stage (domain_id bigint, recipient_provider text, version text, total smallint, parts jsonb) on commit drop;

-- name: save_receptions
-- From the stage; a row that says the same already is left as it is.
insert into app.reception_score as r (tenant_id, domain_id, recipient_provider, day, version, total, parts)
select (select app.tenant()), s.domain_id, s.recipient_provider, :day, s.version, s.total, s.parts from reception_score_stage s
on conflict (tenant_id, domain_id, recipient_provider, day, version) do update
   set total = excluded.total, parts = excluded.parts, scored_at = clock_timestamp()
 where (r.total, r.parts) is distinct from (excluded.total, excluded.parts);
