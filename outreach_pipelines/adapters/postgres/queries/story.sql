-- name: lead_of_address
-- The person behind a hash.
select lead_id from app.lead where tenant_id = (select app.tenant()) and address_hmac = :hmac;

-- name: lead_of_message
-- The person a message is for.
select lead_id, recipient_hmac from app.message
 where tenant_id = (select app.tenant()) and message_id = :message_id and plan_day = coalesce(cast(:plan_day as date), plan_day);

-- name: stepped
-- Whether a driver steps policy time.
select exists (select from app.clock);

-- name: origins
-- Files and lines that named the person.
select f.imported_at as recorded_at, f.object_key as file, s.line, l.basis, l.basis_evidence as evidence, l.basis_source as source
  from app.lead_source s
  join app.lead_file f on f.tenant_id = s.tenant_id and f.lead_file_id = s.lead_file_id
  join app.lead l on l.tenant_id = s.tenant_id and l.lead_id = s.lead_id
 where s.tenant_id = (select app.tenant()) and s.lead_id = :lead_id;

-- name: refused_rows
-- Refused rows that hold the address anywhere.
select f.imported_at as recorded_at, f.object_key as file, r.line, r.reason, r.detail, r.raw
  from app.rejected_row r join app.lead_file f on f.tenant_id = r.tenant_id and f.lead_file_id = r.lead_file_id
 where r.tenant_id = (select app.tenant()) and strpos(lower(r.raw), lower(cast(:address as text))) > 0;

-- name: enrollments
-- The person's campaigns; of one message, only its own.
select e.created_at as recorded_at, e.enrollment_id as enrollment, c.name as campaign, e.round, e.step, e.due_day, b.address as mailbox,
       e.state, e.reason, e.out_of_office_until, e.state_at
  from app.enrollment e
  join app.campaign c on c.tenant_id = e.tenant_id and c.campaign_id = e.campaign_id
  left join app.mailbox b on b.tenant_id = e.tenant_id and b.mailbox_id = e.mailbox_id
 where e.tenant_id = (select app.tenant()) and e.lead_id = :lead_id
   and (cast(:message_id as bigint) is null
        or e.enrollment_id in (select m.enrollment_id from app.message m where m.tenant_id = e.tenant_id and m.message_id = :message_id));

-- name: decisions
-- What each plan decided that was released, or is the last one made in time; of one message, the plans that decided about its step.
select p.created_at as recorded_at, p.day, p.version, p.status, c.name as campaign, d.step, d.binding_constraint as binding, d.found, d.detail,
       d.ends, b.address as mailbox, d.due_at, d.message_id, d.kept_reason
  from app.enrollment e
  join app.decision d on d.tenant_id = e.tenant_id and d.enrollment_id = e.enrollment_id
  join app.plan p on p.tenant_id = d.tenant_id and p.plan_id = d.plan_id
  join app.campaign c on c.tenant_id = e.tenant_id and c.campaign_id = e.campaign_id
  left join app.mailbox b on b.tenant_id = d.tenant_id and b.mailbox_id = d.mailbox_id
 where e.tenant_id = (select app.tenant()) and e.lead_id = :lead_id
   and (p.released_at is not null
        or (p.status = 'draft'
            and not exists (select from app.plan n where n.tenant_id = p.tenant_id and n.day = p.day and n.version > p.version and n.status <> 'hindsight')))
   and (cast(:message_id as bigint) is null
        or (d.enrollment_id, d.step) in (select m.enrollment_id, m.step from app.message m where m.tenant_id = e.tenant_id and m.message_id = :message_id));

-- name: messages
-- The person's messages, or the one; of one that found no account to leave by, what is known of each that its domain is not ready for.
select m.state_at as recorded_at, m.message_id, m.plan_day, c.name as campaign, m.step, m.variant, b.address as mailbox, m.due_at,
       m.window_start, m.window_end, m.not_before, m.state, m.reason, m.outcome, m.wire_message_id, d.name as domain,
       array(select a.name || ': ' || coalesce(nullif(concat_ws(' ', r.seed_fault, r.reason), ''), 'no audit has looked at it yet.')
               from unnest(m.account_ids) with ordinality as w (account_id, position)
               join app.provider_account a using (account_id)
               left join app.domain_account r on r.tenant_id = m.tenant_id and r.domain_id = b.domain_id and r.account_id = a.account_id
              where starts_with(m.reason, 'no_usable_account') and coalesce(r.definite_state, r.state, '') <> 'ready'
              order by w.position) as closed_ways
  from app.message m
  join app.enrollment e on e.tenant_id = m.tenant_id and e.enrollment_id = m.enrollment_id
  join app.campaign c on c.tenant_id = m.tenant_id and c.campaign_id = m.campaign_id
  join app.mailbox b on b.tenant_id = m.tenant_id and b.mailbox_id = m.mailbox_id
  join app.sending_domain d on d.tenant_id = b.tenant_id and d.domain_id = b.domain_id
 where m.tenant_id = (select app.tenant()) and e.lead_id = :lead_id and m.message_id = coalesce(cast(:message_id as bigint), m.message_id);

-- name: attempts
-- Calls to providers for these messages.
select a.begun_at as recorded_at, a.message_id, a.attempt, p.name as account, p.kind as account_kind, a.tag, a.begun_policy_at as begun_at,
       a.outcome, a.ended_at, a.provider_message_id, a.answer
  from app.message m
  join app.enrollment e on e.tenant_id = m.tenant_id and e.enrollment_id = m.enrollment_id
  join app.send_attempt a on a.tenant_id = m.tenant_id and a.plan_day = m.plan_day and a.message_id = m.message_id
  join app.provider_account p on p.account_id = a.account_id
 where m.tenant_id = (select app.tenant()) and e.lead_id = :lead_id and m.message_id = coalesce(cast(:message_id as bigint), m.message_id);

-- name: events
-- News of these messages that was applied; it outlives their rows.
select v.recorded_at, v.message_id, v.attempt, v.kind, v.source, v.class as bounce_class, v.cause, v.enhanced_code, v.diagnostic, v.evidence,
       v.occurred_at, v.policy_at
  from app.message_event v
 where v.tenant_id = (select app.tenant()) and v.message_id = coalesce(cast(:message_id as bigint), v.message_id)
   and (v.plan_day, v.message_id) in (
        select m.plan_day, m.message_id from app.message m join app.enrollment e on e.tenant_id = m.tenant_id and e.enrollment_id = m.enrollment_id
         where m.tenant_id = v.tenant_id and e.lead_id = :lead_id
        union all
        select r.plan_day, r.message_id from app.thread_root r join app.enrollment e on e.tenant_id = r.tenant_id and e.enrollment_id = r.enrollment_id
         where r.tenant_id = v.tenant_id and e.lead_id = :lead_id);

-- name: inbound
-- Mail that was routed to the person's sequences, or to the one message.
select i.recorded_at, x.name as inbox, i.folder, i.class as mail_class, i.park_reason, i.confidence, i.evidence, i.object_key, i.reply_text,
       i.out_of_office_until, i.received_at
  from app.inbound_message i
  join app.inbox x on x.tenant_id = i.tenant_id and x.inbox_id = i.inbox_id
  join app.enrollment e on e.tenant_id = i.tenant_id and e.enrollment_id = i.enrollment_id
 where i.tenant_id = (select app.tenant()) and e.lead_id = :lead_id
   and (cast(:message_id as bigint) is null or i.message_id = :message_id);

-- name: suppressions
-- Of the address and of its domain; a person nobody imported may be suppressed too.
select s.recorded_at, s.scope, s.subject, s.kind, s.source, s.created_at, s.expires_at, s.lifted_at, s.lifted_reason
  from app.suppression s
 where s.tenant_id = (select app.tenant())
   and (s.subject_hmac = :hmac
        or s.subject_hmac in (select l.domain_hmac from app.lead l where l.tenant_id = s.tenant_id and l.address_hmac = :hmac));

-- name: holds
-- What slowed or stopped one of these messages in its window, the holds of accounts included; after its end a hold is on probation.
with story as (
    select m.mailbox_id, b.domain_id, m.campaign_id, m.lead_id, a.account_id, m.recipient_provider, m.window_start, m.window_end
      from app.message m
      join app.enrollment e on e.tenant_id = m.tenant_id and e.enrollment_id = m.enrollment_id
      join app.mailbox b on b.tenant_id = m.tenant_id and b.mailbox_id = m.mailbox_id
     cross join unnest(m.account_ids) as a (account_id)
     where m.tenant_id = (select app.tenant()) and e.lead_id = :lead_id and m.message_id = coalesce(cast(:message_id as bigint), m.message_id)
)
select h.recorded_at, app.scope_name(h.scope_key) as scope_key, cast(h.factor as double precision) as factor, cast(h.probation_factor as double precision) as probation_factor,
       h.level, coalesce(nullif(h.sentence, ''), h.reason) as reason, h.since, h.until, h.released_at, h.released_reason
  from app.hold h
 where h.tenant_id = (select app.tenant())
   and exists (select from story s
                where h.since < s.window_end and coalesce(h.released_at, 'infinity') > s.window_start and app.hold_factor(h, s.window_start) < 1
                  and (h.scope_key in (select app.hold_scopes(s.mailbox_id, s.domain_id, s.campaign_id, s.account_id, s.recipient_provider))
                       or h.scope_key in (select 'lead_file:' || f.lead_file_id from app.lead_source f
                                           where f.tenant_id = h.tenant_id and f.lead_id = s.lead_id)))
union all
select h.recorded_at, 'account ' || p.name, cast(h.factor as double precision), cast(h.probation_factor as double precision),
       h.level, coalesce(nullif(h.sentence, ''), h.reason), h.since, h.until, h.released_at, h.released_reason
  from app.account_hold h
  join app.provider_account p on p.account_id = h.account_id
 where exists (select from story s
                where s.account_id = h.account_id and h.since < s.window_end and coalesce(h.released_at, 'infinity') > s.window_start
                  and app.hold_factor(h, s.window_start) < 1);
