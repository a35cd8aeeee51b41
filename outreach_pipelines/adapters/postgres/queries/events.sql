-- name: add_event
-- A verified event waits for its tenant; 0 parks one that nobody may own.
insert into app.event_inbox (tenant_id, source, dedupe_key, kind, occurred_at, plan_day, message_id, attempt, body)
values (:tenant_id, :source, :dedupe_key, :kind, :occurred_at, :plan_day, :message_id, :attempt, cast(:body as jsonb));

-- name: take_waiting
-- The oldest waiting events; two appliers share the work. What found no message waits twice as long after each try.
select event_id, source, dedupe_key, kind, occurred_at, plan_day, message_id, attempt, body
  from app.event_inbox
 where tenant_id = (select app.tenant()) and (tries = 0 or received_at < clock_timestamp() - interval '1 minute' * power(2, tries))
 order by event_id limit :most for update skip locked;

-- name: lock_messages
-- All message rows that a batch touches, by id, before anything else is locked.
-- The attempts of which nothing more is to be learnt: known as accepted, and known by name if the event cannot name them. News of one
-- that was sent once more under the same tag speaks of either copy.
select m.plan_day, m.message_id, m.enrollment_id, m.step, m.attempt, m.state, m.recipient_hmac, m.recipient_provider, m.campaign_id, m.mailbox_id,
       (select coalesce(array_agg(a.attempt), '{}') from app.send_attempt a
         where a.tenant_id = m.tenant_id and a.plan_day = m.plan_day and a.message_id = m.message_id and m.wire_message_id is not null
           and exists (select from app.send_attempt x
                        where x.tenant_id = a.tenant_id and x.plan_day = a.plan_day and x.message_id = a.message_id and x.tag = a.tag
                          and x.outcome in ('accepted', 'accepted_twice'))) as settled_attempts
  from app.message m
 where m.tenant_id = (select app.tenant()) and m.message_id = any (:message_ids) and m.plan_day = any (:plan_days)
 order by m.message_id for update of m;

-- name: insert_events
-- Once for what a feed repeats; of several under one key the first. Those that are new, by their keys.
insert into app.message_event (tenant_id, dedupe_key, plan_day, message_id, attempt, kind, source, class, cause, enhanced_code, diagnostic, evidence,
                               recipient_provider, occurred_at, policy_at)
select (select app.tenant()), r.dedupe_key, r.plan_day, r.message_id, r.attempt, r.kind, r.source, r.class, r.cause, r.enhanced_code, r.diagnostic, r.evidence,
       r.recipient_provider, r.occurred_at, (select app.now())
  from jsonb_to_recordset(cast(:rows as jsonb)) as r (
       place integer, dedupe_key text, plan_day date, message_id bigint, attempt smallint, kind text, source text, class text, cause text, enhanced_code text,
       diagnostic text, evidence text, recipient_provider text, occurred_at timestamptz)
 order by r.place
on conflict (tenant_id, dedupe_key) do nothing
returning dedupe_key;

-- name: merge_news
-- What messages know of themselves.
select app.merge_news(cast(:rows as jsonb));

-- name: follow_news
-- Persons and their sequences; how many are suppressed only now.
select app.follow_news(cast(:rows as jsonb), cast(:free_mail as text[]));

-- name: stop_sequence
-- A reply or a final failure ends the sequence at once.
select app.stop_sequence(:enrollment_id, :state, :reason);

-- name: canary_home
-- The account's way back works: the event of its probe came home.
select app.canary_home(:canary_id);

-- name: forget_waiting
-- Applied: the inbox may forget them.
delete from app.event_inbox where tenant_id = (select app.tenant()) and event_id = any (:event_ids);

-- name: try_later
-- About a message that is not there (yet).
update app.event_inbox set tries = tries + 1 where tenant_id = (select app.tenant()) and event_id = any (:event_ids);

-- name: evidence_facts
-- What a thread needs of a message that evidence, not an answer, shows to be accepted: its subject and its name on the wire.
-- SES makes the Message-ID of its own id and region (Amazon SES API v2, SendEmail, MessageId); elsewhere it is ours.
select coalesce(a.subject, v.subject) as subject, a.begun_policy_at,
       case p.kind when 'ses' then '<' || cast(:provider_message_id as text) || '@' || case p.region when 'us-east-1' then 'email' else p.region end || '.amazonses.com>'
                   else '<' || a.tag || '@' || d.name || '>' end as wire_message_id
  from app.message m
  join app.send_attempt a on a.tenant_id = m.tenant_id and a.plan_day = m.plan_day and a.message_id = m.message_id
   and a.attempt = app.attempt_named(m.plan_day, m.message_id, cast(:attempt as smallint))
  join app.provider_account p on p.account_id = a.account_id
  join app.sending_domain d on d.tenant_id = a.tenant_id and d.domain_id = a.domain_id
  join app.campaign_variant v on v.tenant_id = m.tenant_id and v.campaign_id = m.campaign_id and v.step = m.step and v.variant = m.variant
 where m.tenant_id = (select app.tenant()) and m.plan_day = :plan_day and m.message_id = :message_id;

-- name: policy_now
-- Policy time.
select app.now();

-- name: steps_of
-- The delays of an enrollment's campaign, in order, with the tenant's calendar.
select (select array_agg(s.delay_business_days order by s.step) from app.campaign_step s
         where s.tenant_id = (select app.tenant()) and s.campaign_id = :campaign_id) as delays,
       t.zone, t.country, p.weekend, p.holiday_countries
  from app.tenant t join app.sending_policy p on p.tenant_id = t.tenant_id where t.tenant_id = (select app.tenant());

-- name: waiting_tenants
-- Tenants with events to apply; seen by ops.
select tenant_id, waiting from app.tenants_with_events();
