-- name: machine_now
-- Machine time, as attempts and probes know it.
select clock_timestamp();

-- name: believe_probes
-- The queue was seen to hold nothing after `before`: probes that were home by then carry the watermark of their streams.
update app.account_canary set believed_at = clock_timestamp() where believed_at is null and home_at <= :before;

-- name: settle_dangling
-- An attempt whose message was moved on by evidence of another one, and whose own end nobody wrote down.
update app.send_attempt a set outcome = 'in_doubt', ended_at = clock_timestamp(), answer = 'lease_over'
 where a.tenant_id = (select app.tenant()) and a.outcome = 'open' and a.begun_at < clock_timestamp() - make_interval(secs => :lease_seconds)
   and not exists (select from app.message m where m.tenant_id = a.tenant_id and m.plan_day = a.plan_day and m.message_id = a.message_id
                      and m.state = 'sending' and m.attempt = a.attempt);

-- name: open_doubts
-- Every attempt in doubt, the oldest first, with all that is known around it.
select clock_timestamp() as now, a.plan_day, a.message_id, a.attempt, a.account_id, a.begun_at, a.tag, a.answer, m.released_on_absence, a.lost_from is not null as supposed,
       m.repeats is null and coalesce((select y.smtp_at_least_once from app.sending_policy y where y.tenant_id = m.tenant_id), false) as at_least_once,
       p.name as account, b.address as sender, d.name as domain, l.address as recipient,
       app.evidence_rule(p.kind, p.settings, s.configuration_set, i.username) as rule,
       coalesce(s.configuration_set_since > a.begun_at, true) as stream_changed,
       exists (select from app.event_inbox e where e.tenant_id = a.tenant_id and e.plan_day = a.plan_day and e.message_id = a.message_id) as evidence_waits,
       (select app.last_unread()) as unread_at,
       (select max(c.intended_at) from app.account_canary c
         where c.account_id = a.account_id and c.configuration_set = s.configuration_set and c.believed_at is not null) as watermark,
       (select max(c.intended_at) from app.account_canary c
         where c.account_id = a.account_id and c.configuration_set = s.configuration_set) as last_probe,
       (select coalesce(array_agg(k.looked_at order by k.looked_at), '{}') from app.evidence_look k
         where k.tenant_id = a.tenant_id and k.plan_day = a.plan_day and k.message_id = a.message_id and k.attempt = a.attempt
           and k.found = 'not_seen') as unseen_at,
       (select max(k.looked_at) from app.evidence_look k
         where k.tenant_id = a.tenant_id and k.plan_day = a.plan_day and k.message_id = a.message_id and k.attempt = a.attempt) as last_look
  from app.send_attempt a
  join app.message m on m.tenant_id = a.tenant_id and m.plan_day = a.plan_day and m.message_id = a.message_id
  join app.lead l on l.tenant_id = m.tenant_id and l.lead_id = m.lead_id
  join app.mailbox b on b.tenant_id = a.tenant_id and b.mailbox_id = a.mailbox_id
  join app.sending_domain d on d.tenant_id = a.tenant_id and d.domain_id = a.domain_id
  join app.provider_account p on p.account_id = a.account_id
  left join app.inbox i on i.tenant_id = b.tenant_id and i.inbox_id = b.inbox_id
  left join app.provider_account_share s on s.tenant_id = a.tenant_id and s.account_id = a.account_id
 where a.tenant_id = (select app.tenant()) and a.outcome = 'in_doubt'
 order by a.begun_at, a.message_id, a.attempt limit :most;

-- name: note_probe
-- A probe that doubt asks for, written down before it is sent.
with sent_from as (
    select min(b.address) as address from app.mailbox b
      join app.domain_account r on r.tenant_id = b.tenant_id and r.domain_id = b.domain_id and r.account_id = :account_id
     where b.tenant_id = (select app.tenant()) and coalesce(r.definite_state, r.state) = 'ready'
)
insert into app.account_canary (account_id, configuration_set)
select s.account_id, s.configuration_set from app.provider_account_share s cross join sent_from
 where s.tenant_id = (select app.tenant()) and s.account_id = :account_id and s.configuration_set is not null and sent_from.address is not null
returning canary_id, (select address from sent_from) as sender;

-- name: record_look
-- What a look at a provider's records found.
insert into app.evidence_look (tenant_id, plan_day, message_id, attempt, looked_at, found, reason)
values ((select app.tenant()), :plan_day, :message_id, :attempt, :looked_at, :found, :reason)
on conflict do nothing;

-- name: rejected_after_acceptance
-- The provider threw it away after it had taken it: news that goes the way of all events.
insert into app.event_inbox (tenant_id, source, dedupe_key, kind, occurred_at, plan_day, message_id, attempt, body)
values ((select app.tenant()), 'look_up', :dedupe_key, 'rejected', :occurred_at, :plan_day, :message_id, :attempt, cast(:body as jsonb));

-- name: release_absent
-- Absence is proven, or ruled by a person (then without a limit).
select app.release_absent(:plan_day, :message_id, cast(:attempt as smallint), :reason, cast(:most as integer));

-- name: give_up_doubt
-- No evidence will come.
select app.give_up_doubt(:plan_day, :message_id, cast(:attempt as smallint), :reason);

-- name: step_of
-- Which step of which campaign a message is, for the day of the next one.
select campaign_id, step from app.message where tenant_id = (select app.tenant()) and plan_day = :plan_day and message_id = :message_id;

-- name: accepted_twice_lately
-- Messages whose second acceptance came to light since then.
select plan_day, message_id, attempt from app.send_attempt
 where tenant_id = (select app.tenant()) and outcome = 'accepted_twice' and ended_at > clock_timestamp() - cast(:since as interval)
 order by plan_day, message_id, attempt;

-- name: attempt_to_rule
-- The newest attempt of a message, which a person is to rule on.
select m.plan_day, m.message_id, m.state, m.window_end > (select app.now()) as window_open, a.attempt, a.outcome, a.begun_at, p.name as account
  from app.message m
  left join lateral (select * from app.send_attempt x
                      where x.tenant_id = m.tenant_id and x.plan_day = m.plan_day and x.message_id = m.message_id
                      order by x.attempt desc limit 1) a on true
  left join app.provider_account p on p.account_id = a.account_id
 where m.tenant_id = (select app.tenant()) and m.message_id = :message_id and (cast(:plan_day as date) is null or m.plan_day = :plan_day);

-- name: note_ruling
-- Who decided what, why, and what came of it.
insert into app.doubt_ruling (tenant_id, plan_day, message_id, attempt, ruling, reason, ruled_by, outcome_before, came_of_it)
values ((select app.tenant()), :plan_day, :message_id, :attempt, :ruling, :reason, :ruled_by, :outcome_before, :came_of_it);

-- name: inbox_of_sender
-- The inbox behind a mailbox.
select inbox_id from app.mailbox where tenant_id = (select app.tenant()) and address = :sender;
