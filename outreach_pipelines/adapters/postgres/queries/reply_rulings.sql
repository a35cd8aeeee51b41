-- name: lock_for_ruling
-- One ruling at a time; the attempt is the accepted one, of which the mail is news.
select i.class, i.received_at, i.reviewed_as, i.reviewed_by, i.out_of_office_until, i.read_before_verdict, i.plan_day, i.message_id, i.enrollment_id,
       i.mailbox_id,
       coalesce((select max(a.attempt) from app.send_attempt a
                  where a.tenant_id = i.tenant_id and a.plan_day = i.plan_day and a.message_id = i.message_id
                    and a.outcome in ('accepted', 'accepted_twice')), 1) as attempt
  from app.inbound_message i
 where i.tenant_id = (select app.tenant()) and i.inbound_id = :inbound_id
   for update of i;

-- name: last_send_to
-- The message that a person was last sent: what a mail without a tie is about, when somebody says whom.
select r.plan_day, r.message_id, r.enrollment_id, coalesce(a.mailbox_id, e.mailbox_id) as mailbox_id, coalesce(a.attempt, 1) as attempt
  from app.lead l
  join app.enrollment e on e.tenant_id = l.tenant_id and e.lead_id = l.lead_id
  join app.thread_root r on r.tenant_id = e.tenant_id and r.enrollment_id = e.enrollment_id
  left join app.send_attempt a on a.tenant_id = r.tenant_id and a.plan_day = r.plan_day and a.message_id = r.message_id and a.tag = r.tag
 where l.tenant_id = (select app.tenant()) and lower(l.address) = lower(:address)
 order by r.accepted_at desc, r.step desc limit 1;

-- name: rule
-- The verdict; mail that a person has tied to a send is routed by it. What the reader had made of it is kept beside.
update app.inbound_message
   set read_before_verdict = coalesce(read_before_verdict, jsonb_build_object(
           'routed', routed, 'park_reason', park_reason, 'review', review, 'out_of_office_until', out_of_office_until, 'plan_day', plan_day,
           'message_id', message_id, 'enrollment_id', enrollment_id, 'mailbox_id', mailbox_id))
           || jsonb_build_object('events', coalesce(read_before_verdict -> 'events', '[]') || cast(:events as jsonb)),
       review = coalesce(review, 'somebody looked at it unasked'), reviewed_at = clock_timestamp(), reviewed_as = :verdict, reviewed_by = :actor,
       review_note = :reason, routed = routed or :applies, park_reason = case when :applies then null else park_reason end,
       out_of_office_until = cast(:away_until as date),
       plan_day = :plan_day, message_id = :message_id, enrollment_id = :enrollment_id, mailbox_id = :mailbox_id
 where tenant_id = (select app.tenant()) and inbound_id = :inbound_id;

-- name: take_back
-- The mail as the reader had it; for a verdict in the place of another one it is kept to be ruled on at once.
update app.inbound_message
   set routed = (read_before_verdict ->> 'routed')::boolean, park_reason = read_before_verdict ->> 'park_reason',
       review = read_before_verdict ->> 'review', out_of_office_until = (read_before_verdict ->> 'out_of_office_until')::date,
       plan_day = (read_before_verdict ->> 'plan_day')::date, message_id = (read_before_verdict ->> 'message_id')::bigint,
       enrollment_id = (read_before_verdict ->> 'enrollment_id')::bigint, mailbox_id = (read_before_verdict ->> 'mailbox_id')::bigint,
       reviewed_at = null, reviewed_as = null, reviewed_by = null, review_note = null,
       read_before_verdict = case when :for_another then read_before_verdict end
 where tenant_id = (select app.tenant()) and inbound_id = :inbound_id;

-- name: add_event
-- Through the inbox, as every other news of a send.
insert into app.event_inbox (tenant_id, source, dedupe_key, kind, occurred_at, plan_day, message_id, attempt, body)
values ((select app.tenant()), :source, :dedupe_key, :kind, :occurred_at, :plan_day, :message_id, :attempt, cast(:body as jsonb));

-- name: forget_event
-- Of a verdict that was taken back before its event was applied.
delete from app.event_inbox where tenant_id = (select app.tenant()) and source = 'by_hand' and dedupe_key = :dedupe_key;

-- name: note
-- A person's act.
insert into app.audit_log (tenant_id, actor, action, subject, detail)
values ((select app.tenant()), :actor, :action, :subject, cast(:detail as jsonb));
