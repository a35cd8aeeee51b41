-- name: claim
-- T1: takes messages that are due, under a lease, only while policy time lies in the run's hour and the machine's clock is trusted; and reads what their letters need.
with clock as (select app.now() as policy_now),
picked as (
    select m.tenant_id, m.plan_day, m.message_id
      from app.message m
      join app.plan p on p.tenant_id = m.tenant_id and p.plan_id = m.plan_id and p.status = 'released'
     where m.tenant_id = (select app.tenant())
       and m.state in ('planned', 'retry_wait')
       and m.due_at <= (select policy_now from clock) + make_interval(secs => :ahead_seconds)
       and m.due_at < cast(:hour as timestamptz) + interval '1 hour'
       and m.not_before <= (select policy_now from clock)
       and m.window_end > (select policy_now from clock)
       and (m.retry_at is null or m.retry_at <= clock_timestamp())
       and (select policy_now from clock) >= :hour
       and (select policy_now from clock) < cast(:hour as timestamptz) + interval '1 hour'
       and (select app.clock_guard_passes())
     order by m.due_at, m.message_id
     limit :most
     for update of m skip locked
),
claimed as (
    update app.message m
       set state = 'claimed', state_at = clock_timestamp(), token = :token, attempt = m.attempt + 1, retry_at = null,
           lease_until = clock_timestamp() + make_interval(secs => :lease_seconds)
      from picked
     where m.tenant_id = picked.tenant_id and m.plan_day = picked.plan_day and m.message_id = picked.message_id
    returning m.*
)
select c.plan_day, c.message_id, c.attempt, c.repeats, c.step, c.enrollment_id, c.campaign_id, c.mailbox_id, c.due_at, c.window_end,
       c.recipient_hmac, c.content_hash,
       coalesce(l.address, '') as recipient, l.first_name, l.last_name, l.company, l.country, l.fields, l.basis_source,
       b.address as sender_address, b.display_name as sender_name,
       v.subject, v.text_sha256, v.html_sha256,
       array(select row_to_json(f) from (select a.sha256, a.name, a.octets from app.campaign_step_attachment a
                                          where a.tenant_id = c.tenant_id and a.campaign_id = c.campaign_id and a.step = c.step
                                          order by a.position) f) as attachments,
       t.postal_address, t.sender_company, t.sender_website, t.sender_contact, t.privacy_notice_url, t.unsubscribe_host,
       coalesce((select array_agg(r.wire_message_id order by r.step) from app.thread_root r
                  where r.tenant_id = c.tenant_id and r.enrollment_id = c.enrollment_id and r.step < c.step), '{}') as thread,
       (select r.subject from app.thread_root r
         where r.tenant_id = c.tenant_id and r.enrollment_id = c.enrollment_id and r.step = 1) as thread_subject
  from claimed c
  join app.lead l on l.tenant_id = c.tenant_id and l.lead_id = c.lead_id
  join app.mailbox b on b.tenant_id = c.tenant_id and b.mailbox_id = c.mailbox_id
  join app.campaign_variant v on v.tenant_id = c.tenant_id and v.campaign_id = c.campaign_id and v.step = c.step and v.variant = c.variant
  join app.tenant t on t.tenant_id = c.tenant_id
 order by c.due_at, c.message_id;

-- name: begin_send
-- T2: the intent, in one transaction of its own: this statement. What stands in FROM is done before what is selected from it.
select (intent).verdict, (intent).reason, (intent).not_before, (intent).account_id
  from (select app.begin_send(:plan_day, :message_id, :token, :hour, :epoch, :tag, :subject, :worker) as intent
          from set_config('app.tenant', :tenant, true) offset 0) as one;

-- name: record_acceptance
-- T3 or evidence: the provider has taken it.
select app.record_acceptance(:plan_day, :message_id, cast(:attempt as smallint), :provider_message_id, :wire_message_id, :subject, :next_due_day);

-- name: accept
-- T3 in one transaction of its own, which is this statement; see `begin_send`.
select app.record_acceptance(:plan_day, :message_id, cast(:attempt as smallint), :provider_message_id, :wire_message_id, :subject, :next_due_day)
  from set_config('app.tenant', :tenant, true);

-- name: record_refusal
-- T3: a definite non-send, with the state it leads to.
select app.record_refusal(:plan_day, :message_id, cast(:attempt as smallint), :outcome, :state, :reason,
                          clock_timestamp() + make_interval(secs => :retry_seconds), :answer);

-- name: record_doubt
-- T3: the answer was lost. Compare-and-set, since evidence may have been faster.
-- The attempt is in doubt also where evidence of an earlier attempt has moved the message on meanwhile.
with doubted as (
    update app.message set state = 'in_doubt', state_at = clock_timestamp(), token = null, lease_until = null, reason = :reason
     where tenant_id = (select app.tenant()) and plan_day = :plan_day and message_id = :message_id
       and state = 'sending' and attempt = :attempt
)
update app.send_attempt set outcome = 'in_doubt', ended_at = clock_timestamp(), answer = :reason
 where tenant_id = (select app.tenant()) and plan_day = :plan_day and message_id = :message_id and attempt = :attempt and outcome = 'open';

-- name: fail_claim
-- A letter that cannot be written: nothing was sent and no attempt was begun.
with failed as (
    update app.message
       set state = 'failed', state_at = clock_timestamp(), token = null, lease_until = null, reason = :reason, attempt = attempt - 1
     where tenant_id = (select app.tenant()) and plan_day = :plan_day and message_id = :message_id and state = 'claimed' and token = :token
    returning enrollment_id
)
select app.end_enrollment(enrollment_id, 'message_failed') from failed;

-- name: release_claims
-- A run that stops hands its claims back; the numbers of attempts that never began are free again.
update app.message set state = 'planned', state_at = clock_timestamp(), token = null, lease_until = null, reason = 'run_stopped', attempt = attempt - 1
 where tenant_id = (select app.tenant()) and token = :token and state = 'claimed';

-- name: next_due
-- The next moment at which this hour's run may find something to claim.
-- A message that waits by the machine's clock has no moment of policy time until that wait is over.
select min(greatest(m.due_at, m.not_before)) filter (where m.retry_at is null or m.retry_at <= clock_timestamp()) as due_at,
       cast(extract(epoch from min(m.retry_at) filter (where m.retry_at > clock_timestamp()) - clock_timestamp()) as float8) as retry_seconds
  from app.message m
  join app.plan p on p.tenant_id = m.tenant_id and p.plan_id = m.plan_id and p.status = 'released'
 where m.tenant_id = (select app.tenant()) and m.state in ('planned', 'retry_wait')
   and greatest(m.due_at, m.not_before) < cast(:hour as timestamptz) + interval '1 hour'
   and m.window_end > greatest(m.due_at, m.not_before, (select app.now()));

-- name: sweep_claims
-- A claim whose lease is over made no call: it is planned again.
update app.message set state = 'planned', state_at = clock_timestamp(), token = null, lease_until = null, reason = 'lease_over', attempt = attempt - 1
 where tenant_id = (select app.tenant()) and state = 'claimed' and lease_until < clock_timestamp();

-- name: sweep_sending
-- A sending message whose lease is over may have been sent: it is in doubt, and never planned by a clock.
with doubted as (
    update app.message set state = 'in_doubt', state_at = clock_timestamp(), token = null, lease_until = null, reason = 'lease_over'
     where tenant_id = (select app.tenant()) and state = 'sending' and lease_until < clock_timestamp()
    returning tenant_id, plan_day, message_id, attempt
)
update app.send_attempt a set outcome = 'in_doubt', ended_at = clock_timestamp(), answer = 'lease_over'
  from doubted d
 where a.tenant_id = d.tenant_id and a.plan_day = d.plan_day and a.message_id = d.message_id and a.attempt = d.attempt and a.outcome = 'open';

-- name: sweep_expired
-- A window that has passed is never made up for: the next plan decides anew.
update app.message set state = 'expired', state_at = clock_timestamp(), retry_at = null, reason = coalesce('window_passed, last: ' || reason, 'window_passed')
 where tenant_id = (select app.tenant()) and state in ('planned', 'retry_wait') and window_end <= (select app.now())
   -- A clock that is wrong would end windows that are still to come.
   and (select app.clock_guard_passes());

-- name: sweep_suppressed
-- Planned messages of suppressed people, so that lists of what is open tell the truth before their slot comes.
update app.message m set state = 'suppressed', state_at = clock_timestamp(), retry_at = null, reason = s.kind
  from app.suppression s
 where m.tenant_id = (select app.tenant()) and m.state in ('planned', 'retry_wait')
   and s.tenant_id = m.tenant_id and s.subject_hmac in (m.recipient_hmac, m.domain_hmac) and s.lifted_at is null
   and (s.expires_at is null or s.expires_at > (select app.now()))
   and (s.scope = 'tenant' or (s.scope = 'campaign' and s.scope_id = m.campaign_id) or (s.scope = 'mailbox' and s.scope_id = m.mailbox_id));

-- name: sweep_stopped
-- Planned messages of sequences that have ended, and of plans that another version has replaced.
update app.message m set state = 'cancelled', state_at = clock_timestamp(), retry_at = null,
       reason = case when e.state <> 'active' then 'enrollment_' || e.state else 'plan_revoked' end
  from app.enrollment e, app.plan p
 where m.tenant_id = (select app.tenant()) and m.state in ('planned', 'retry_wait')
   and e.tenant_id = m.tenant_id and e.enrollment_id = m.enrollment_id
   and p.tenant_id = m.tenant_id and p.plan_id = m.plan_id
   and (e.state <> 'active' or p.status = 'revoked');

-- name: give_up_doubt
-- Where nothing is told later (plain SMTP), such a message is unknown after the horizon; or sent once more, where its tenant chose that.
select app.give_up_doubt(a.plan_day, a.message_id, a.attempt, coalesce(m.reason, 'reply_lost'))
  from app.message m
  join app.send_attempt a on a.tenant_id = m.tenant_id and a.plan_day = m.plan_day and a.message_id = m.message_id and a.attempt = m.attempt
  join app.provider_account p on p.account_id = a.account_id
  join app.mailbox b on b.tenant_id = a.tenant_id and b.mailbox_id = a.mailbox_id
  left join app.inbox i on i.tenant_id = b.tenant_id and i.inbox_id = b.inbox_id
 where m.tenant_id = (select app.tenant()) and m.state = 'in_doubt' and m.state_at < clock_timestamp() - make_interval(secs => :horizon_seconds)
   and p.kind = 'smtp' and app.evidence_rule(p.kind, p.settings, null, i.username) = 'none';

-- name: end_repeats
-- What was to be sent once more and was not within its window.
select 1 from generate_series(1, app.end_repeats());

-- name: current_epoch
-- The epoch that a process remembers at its start.
select number from app.epoch;

-- name: due_state
-- What a driver of stepped policy time must know before it steps.
select count(*) filter (where state in ('claimed', 'sending')) as under_way,
       count(*) filter (where state = 'in_doubt') as in_doubt,
       min(greatest(due_at, not_before)) filter (where state = 'planned' and window_end > (select app.now())
           and exists (select from app.plan p where p.tenant_id = m.tenant_id and p.plan_id = m.plan_id and p.status = 'released')) as next_due,
       count(*) filter (where state = 'retry_wait' and retry_at < clock_timestamp() + interval '3 seconds') as retry_waits
  from app.message m where state in ('planned', 'retry_wait', 'claimed', 'sending', 'in_doubt');

-- name: refusal_event
-- A refusal is news about the recipient or the path: it goes the way of all events.
insert into app.event_inbox (tenant_id, source, dedupe_key, kind, occurred_at, plan_day, message_id, attempt, body)
values ((select app.tenant()), 'answer', :dedupe_key, 'refused', clock_timestamp(), :plan_day, :message_id, :attempt, cast(:body as jsonb));

-- name: accounts_to_prove
-- SES accounts that this tenant's due messages want, with no event seen from them for a while; each with the probe it is to be sent.
with wanted as (
    select a.account_id, coalesce((select s.configuration_set from app.provider_account_share s
                                    where s.tenant_id = (select app.tenant()) and s.account_id = a.account_id), '') as configuration_set,
           (select b.address from app.mailbox b join app.domain_account r on r.tenant_id = b.tenant_id and r.domain_id = b.domain_id
             where b.tenant_id = (select app.tenant()) and r.account_id = a.account_id and coalesce(r.definite_state, r.state) = 'ready'
             order by b.mailbox_id limit 1) as sender
      from app.provider_account a
     where a.kind = 'ses' and (a.proven_at is null or a.proven_at < clock_timestamp() - make_interval(mins => :minutes))
       and exists (select from app.message m where m.tenant_id = (select app.tenant()) and m.state in ('planned', 'retry_wait') and a.account_id = any (m.account_ids)
                      and m.due_at < (select app.now()) + interval '1 hour' and m.window_end > (select app.now()))
),
noted as (
    insert into app.account_canary (account_id, configuration_set)
    select account_id, configuration_set from wanted where sender is not null
    returning account_id, canary_id
)
select wanted.account_id, wanted.sender, noted.canary_id from wanted join noted using (account_id);

-- name: hold_refused_path
-- A provider that stops a path, or the tenant's account, is obeyed at once; the hold ends by itself and is asked anew then.
insert into app.hold (tenant_id, scope_key, signal, level, factor, reason, sentence, since, until)
select a.tenant_id, case when :whole_account then 'account:' || a.account_id else 'path:' || a.mailbox_id || ':' || a.account_id end,
       'answer', 'stop', 0, 'provider_refused', :sentence, (select app.now()), (select app.now()) + interval '2 hours'
  from app.send_attempt a
 where a.tenant_id = (select app.tenant()) and a.plan_day = :plan_day and a.message_id = :message_id and a.attempt = :attempt
on conflict (tenant_id, scope_key, signal) where released_at is null and signal <> 'manual'
do update set until = excluded.until, sentence = excluded.sentence, factor = 0, level = 'stop';
