-- name: lock_message
-- First of all, as who applies events does.
select m.plan_day, m.message_id, m.enrollment_id, m.campaign_id, m.step, m.attempt, m.state, m.recipient_hmac, e.lead_id
  from app.message m
  left join app.enrollment e on e.tenant_id = m.tenant_id and e.enrollment_id = m.enrollment_id
 where m.tenant_id = (select app.tenant()) and m.plan_day = :plan_day and m.message_id = :message_id
   for update of m;

-- name: events_of_message
-- All news of a message that was applied.
select v.dedupe_key, v.source, v.attempt, v.kind, v.class, v.cause, v.enhanced_code, v.diagnostic, v.evidence, v.occurred_at
  from app.message_event v
 where v.tenant_id = (select app.tenant()) and v.plan_day = :plan_day and v.message_id = :message_id
 order by v.recorded_at, v.dedupe_key;

-- name: events_of_thread
-- All news of a sequence that was applied.
select v.dedupe_key, v.source, v.attempt, v.kind, v.class, v.cause, v.enhanced_code, v.diagnostic, v.evidence, v.occurred_at
  from app.thread_root r
  join app.message_event v on v.tenant_id = r.tenant_id and v.plan_day = r.plan_day and v.message_id = r.message_id
 where r.tenant_id = (select app.tenant()) and r.enrollment_id = :enrollment_id;

-- name: delete_events
-- As if they had never come.
delete from app.message_event where tenant_id = (select app.tenant()) and dedupe_key = any (cast(:keys as text[]));

-- name: set_fate
-- What the news that is left says of a message.
update app.message
   set outcome = cast(:outcome as text), outcome_rank = :rank, delivered_at = :delivered_at, bounced_at = :bounced_at, complained_at = :complained_at,
       replied_at = :replied_at, unsubscribed_at = :unsubscribed_at
 where tenant_id = (select app.tenant()) and plan_day = :plan_day and message_id = :message_id;

-- name: lock_person
-- As app.suppress does: who suppresses the person meanwhile waits, and finds what is left.
select pg_advisory_xact_lock(app.lock_key('recipient', (select app.tenant())::text, encode(:hmac, 'hex')));

-- name: lock_suppression
-- Files are applied without that lock, and wait at the row.
select from app.suppression
 where tenant_id = (select app.tenant()) and subject_hmac = :hmac and scope = 'tenant' and scope_id = 0 and lifted_at is null for update;

-- name: drop_ground
-- One reason for a suppression; none goes where it was not kept.
delete from app.suppression_ground
 where tenant_id = (select app.tenant()) and subject_hmac = :hmac and scope = 'tenant' and scope_id = 0 and kind = :kind and source = :source;

-- name: strongest_ground
-- What else suppresses the person.
select kind, source from app.suppression_ground
 where tenant_id = (select app.tenant()) and subject_hmac = :hmac and scope = 'tenant' and scope_id = 0
 order by app.suppression_rank(kind) desc, recorded_at limit 1;

-- name: restate
-- It stands, for another reason.
update app.suppression set kind = :kind, source = :source
 where tenant_id = (select app.tenant()) and subject_hmac = :hmac and scope = 'tenant' and scope_id = 0 and lifted_at is null;

-- name: lift
-- Nothing suppresses the person any more; who does so meanwhile waits at this row's unique key, and adds another.
update app.suppression set lifted_at = (select app.now()), lifted_reason = :why
 where tenant_id = (select app.tenant()) and subject_hmac = :hmac and scope = 'tenant' and scope_id = 0 and lifted_at is null;

-- name: end_otherwise
-- A sequence that ended stays ended, and not for a reason that was none.
update app.enrollment set state = 'finished', reason = 'verdict_taken_back', state_at = clock_timestamp()
 where tenant_id = (select app.tenant()) and lead_id = :lead_id and state = :state and reason = :reason
   and (cast(:enrollment_id as bigint) is null or enrollment_id = :enrollment_id);

-- name: disengage
-- Nobody of this lead has answered.
update app.lead l set engaged = false
 where l.tenant_id = (select app.tenant()) and l.lead_id = :lead_id and not exists (
           select from app.enrollment e
             join app.thread_root r on r.tenant_id = e.tenant_id and r.enrollment_id = e.enrollment_id
             join app.message_event v on v.tenant_id = r.tenant_id and v.plan_day = r.plan_day and v.message_id = r.message_id
            where e.tenant_id = l.tenant_id and e.lead_id = l.lead_id and v.kind = 'replied');

-- name: soften
-- A soft bounce that was none.
update app.enrollment set soft_bounces = greatest(soft_bounces - 1, 0)
 where tenant_id = (select app.tenant()) and enrollment_id = :enrollment_id;

-- name: absence
-- The step behind a message, and the absence that other mails tell of.
select r.accepted_at,
       (select max(i.out_of_office_until) from app.inbound_message i
         where i.tenant_id = r.tenant_id and i.enrollment_id = r.enrollment_id and i.routed and i.inbound_id <> :inbound_id) as away_until
  from app.thread_root r
 where r.tenant_id = (select app.tenant()) and r.enrollment_id = :enrollment_id and r.step = :step;

-- name: bring_forward
-- The next step is due as if that absence had not been told.
update app.enrollment set due_day = greatest(cast(:day as date), cast(:away_until as date) + 1), out_of_office_until = :away_until
 where tenant_id = (select app.tenant()) and enrollment_id = :enrollment_id and state = 'active' and step = :step + 1;
