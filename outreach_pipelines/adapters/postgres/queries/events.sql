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

-- name: insert_event
-- Once for what a feed repeats.
insert into app.message_event (tenant_id, dedupe_key, plan_day, message_id, attempt, kind, source, class, cause, enhanced_code, diagnostic, evidence,
                               recipient_provider, occurred_at, policy_at)
values ((select app.tenant()), :dedupe_key, :plan_day, :message_id, :attempt, :kind, :source, :class, :cause, :enhanced_code, :diagnostic, :evidence,
        :recipient_provider, :occurred_at, (select app.now()))
on conflict (tenant_id, dedupe_key) do nothing;

-- name: merge_outcome
-- A lattice: stronger outcomes win, times by their minimum, so any order gives the same row.
-- A refusal is the message's fate only if it was its last word: another attempt may have been taken since.
update app.message
   set outcome = case when :rank > outcome_rank then cast(:outcome as text) else outcome end,
       outcome_rank = greatest(outcome_rank, :rank),
       state = case when :kind = 'rejected' and state = 'accepted' then 'failed' else state end,
       reason = case when :kind = 'rejected' and state = 'accepted' then 'rejected by the provider after acceptance' else reason end,
       delivered_at = case when :kind = 'delivered' then least(delivered_at, :occurred_at) else delivered_at end,
       bounced_at = case when :kind in ('bounced', 'refused') then least(bounced_at, :occurred_at) else bounced_at end,
       complained_at = case when :kind = 'complained' then least(complained_at, :occurred_at) else complained_at end,
       replied_at = case when :kind = 'replied' then least(replied_at, :occurred_at) else replied_at end,
       unsubscribed_at = case when :kind = 'unsubscribe_requested' then least(unsubscribed_at, :occurred_at) else unsubscribed_at end
 where tenant_id = (select app.tenant()) and plan_day = :plan_day and message_id = :message_id
   and (:kind <> 'refused' or (state = 'failed' and attempt = :attempt));

-- name: suppress
-- For the whole tenant: takes the recipient's lock exclusively.
select app.suppress((select app.tenant()), 'address', :hmac, 'tenant', 0, :kind, :source);

-- name: stop_sequence
-- A reply or a final failure ends the sequence at once, also for a message already claimed (its intent asks again).
update app.enrollment set state = :state, reason = :reason, state_at = clock_timestamp()
 where tenant_id = (select app.tenant()) and enrollment_id = :enrollment_id and app.enrollment_rank(:state) > app.enrollment_rank(state);

-- name: delay_next_step
-- Later, never sooner.
update app.enrollment
   set due_day = greatest(due_day, :day), out_of_office_until = greatest(out_of_office_until, :away_until), soft_bounces = soft_bounces + :soft
 where tenant_id = (select app.tenant()) and enrollment_id = :enrollment_id and state = 'active';

-- name: engage
-- Somebody who answered is worth a good mailbox.
update app.lead set engaged = true
 where tenant_id = (select app.tenant()) and lead_id = (select lead_id from app.enrollment where tenant_id = (select app.tenant()) and enrollment_id = :enrollment_id);

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

-- name: stop_company
-- Where the tenant wants it, a reply of one person ends the sequences to the whole company, which is the mail domain unless anybody may
-- have an address there.
update app.enrollment e set state = 'finished', reason = 'company_replied', state_at = clock_timestamp()
  from app.lead mine, app.lead theirs, app.enrollment answered, app.sending_policy p
 where p.tenant_id = (select app.tenant()) and p.stop_whole_company
   and answered.tenant_id = p.tenant_id and answered.enrollment_id = :enrollment_id
   and mine.tenant_id = p.tenant_id and mine.lead_id = answered.lead_id
   and split_part(mine.address, '@', 2) <> all (cast(:free_mail as text[]))
   and theirs.tenant_id = p.tenant_id and theirs.domain_hmac = mine.domain_hmac and theirs.lead_id <> mine.lead_id
   and e.tenant_id = p.tenant_id and e.lead_id = theirs.lead_id and e.state = 'active';
