-- T3 and evidence: what became of an attempt.

create or replace function app.remember_thread(m app.message, a app.send_attempt, p_wire_message_id text, p_subject text) returns void
    language sql
    as $$
    insert into app.thread_root (tenant_id, enrollment_id, step, wire_message_id, tag, subject, plan_day, message_id, accepted_at)
    select m.tenant_id, m.enrollment_id, m.step, p_wire_message_id, a.tag, p_subject, m.plan_day, m.message_id, a.begun_policy_at
     where p_wire_message_id is not null
    on conflict do nothing
    $$;
comment on function app.remember_thread(app.message, app.send_attempt, text, text) is
    'What a reply to it and the next step need. Evidence that does not know the name on the wire leaves it to what comes later.';

create or replace function app.accept_late(
    m app.message, p_attempt smallint, p_provider_message_id text, p_wire_message_id text, p_subject text) returns text
    language plpgsql
    as $$
declare
    a app.send_attempt;
begin
    p_attempt := app.attempt_named(m.plan_day, m.message_id, p_attempt);
    select * into a from app.send_attempt
     where tenant_id = m.tenant_id and plan_day = m.plan_day and message_id = m.message_id and attempt = p_attempt for update;
    if not found then
        return 'no_such_attempt';
    end if;
    if a.outcome = 'accepted' then
        update app.send_attempt set provider_message_id = coalesce(a.provider_message_id, p_provider_message_id)
         where tenant_id = m.tenant_id and plan_day = m.plan_day and message_id = m.message_id and attempt = p_attempt;
        update app.message set provider_message_id = coalesce(m.provider_message_id, p_provider_message_id),
               wire_message_id = coalesce(m.wire_message_id, p_wire_message_id)
         where tenant_id = m.tenant_id and plan_day = m.plan_day and message_id = m.message_id;
        perform app.remember_thread(m, a, p_wire_message_id, p_subject);
        return 'known';
    end if;
    if a.outcome = 'accepted_twice' then
        update app.send_attempt set provider_message_id = coalesce(a.provider_message_id, p_provider_message_id)
         where tenant_id = m.tenant_id and plan_day = m.plan_day and message_id = m.message_id and attempt = p_attempt;
        return 'known';
    end if;
    if a.outcome in ('absent', 'refused', 'not_sent') then
        perform app.count_again(a, m);
    end if;
    -- Another attempt of this message, or of the message that its key points to now, was accepted before.
    if app.accepted_for_key(m) then
        update app.send_attempt set outcome = 'accepted_twice', ended_at = clock_timestamp(), provider_message_id = p_provider_message_id
         where tenant_id = m.tenant_id and plan_day = m.plan_day and message_id = m.message_id and attempt = p_attempt;
        -- A successor that was under way when evidence of its predecessor came: only one of the two counts as accepted.
        update app.message set state = 'superseded', state_at = clock_timestamp(), token = null, lease_until = null, retry_at = null, reason = 'accepted_twice'
         where tenant_id = m.tenant_id and plan_day = m.plan_day and message_id = m.message_id and attempt = p_attempt
           and state in ('sending', 'in_doubt', 'unknown', 'planned', 'retry_wait', 'claimed');
        return 'accepted_twice';
    end if;
    update app.send_attempt
       set outcome = 'accepted', ended_at = clock_timestamp(), provider_message_id = p_provider_message_id
     where tenant_id = m.tenant_id and plan_day = m.plan_day and message_id = m.message_id and attempt = p_attempt;
    return null;
end
$$;
comment on function app.accept_late(app.message, smallint, text, text, text) is
    'Of an attempt whose message may have moved on: NULL when it is accepted now and its message is to follow, else what was found. The caller holds the message.';

create or replace function app.record_acceptance(
    p_plan_day date, p_message_id bigint, p_attempt smallint, p_provider_message_id text, p_wire_message_id text,
    p_subject text, p_next_due_day date) returns text
    language plpgsql
    as $$
declare
    v_tenant integer := app.tenant();
    v_key_is_ours boolean;
    v_known text;
    m app.message;
    a app.send_attempt;
begin
    select * into m from app.message where tenant_id = v_tenant and plan_day = p_plan_day and message_id = p_message_id for update;
    v_key_is_ours := exists (select from app.send_key where tenant_id = v_tenant and send_key = m.send_key and message_id = m.message_id);
    -- The short way, of nearly all. Whoever accepts points the key to what was accepted, and closes it: where a message is under
    -- way, and its key still points to it, nothing else of the key was accepted.
    if v_key_is_ours and m.state = 'sending' and m.attempt = p_attempt then
        update app.send_attempt
           set outcome = 'accepted', ended_at = clock_timestamp(), provider_message_id = p_provider_message_id
         where tenant_id = v_tenant and plan_day = p_plan_day and message_id = p_message_id and attempt = p_attempt and outcome = 'open'
        returning * into a;
    end if;
    if a.outcome is distinct from 'accepted' then
        v_known := app.accept_late(m, p_attempt, p_provider_message_id, p_wire_message_id, p_subject);
        if v_known is not null then
            return v_known;
        end if;
        select * into strict a from app.send_attempt
         where tenant_id = v_tenant and plan_day = p_plan_day and message_id = p_message_id
           and attempt = app.attempt_named(p_plan_day, p_message_id, p_attempt);
        if a.begun_policy_at < app.now() - interval '2 days' then
            -- Its day may be closed. The lock is that of a judgement, which else could close the day beside us without this send.
            perform pg_advisory_xact_lock(app.lock_key('back_off', v_tenant::text));
            update app.sent_closed set closed_before = (a.begun_policy_at at time zone zone)::date
             where tenant_id = v_tenant and closed_before > (a.begun_policy_at at time zone zone)::date;
        end if;
    end if;
    update app.message
       set state = 'accepted', state_at = clock_timestamp(), token = null, lease_until = null, retry_at = null, reason = null,
           accepted_at = a.begun_policy_at, provider_message_id = p_provider_message_id, wire_message_id = p_wire_message_id
     where tenant_id = v_tenant and plan_day = p_plan_day and message_id = p_message_id;
    if not v_key_is_ours then
        -- A successor that has not begun must not go any more, and the key points back to what was accepted.
        update app.message s
           set state = 'cancelled', state_at = clock_timestamp(), token = null, lease_until = null, retry_at = null, reason = 'accepted_before'
          from app.send_key k
         where k.tenant_id = v_tenant and k.send_key = m.send_key and k.message_id <> m.message_id
           and s.tenant_id = v_tenant and s.plan_day = k.plan_day and s.message_id = k.message_id and s.state in ('planned', 'claimed', 'retry_wait');
        update app.send_key set plan_day = m.plan_day, message_id = m.message_id
         where tenant_id = v_tenant and send_key = m.send_key and message_id <> m.message_id;
    end if;
    perform app.remember_thread(m, a, p_wire_message_id, p_subject);
    update app.enrollment
       set step = m.step + 1, mailbox_id = coalesce(mailbox_id, m.mailbox_id), due_day = p_next_due_day, state_at = clock_timestamp(),
           -- A sequence that ended because nobody knew goes on when it is known.
           state = case when (state, reason) = ('finished', 'send_unknown') and p_next_due_day is not null then 'active'
                        when p_next_due_day is null and state = 'active' then 'finished' else state end,
           reason = case when (state, reason) = ('finished', 'send_unknown') and p_next_due_day is not null then null
                         when p_next_due_day is null and (state = 'active' or reason = 'send_unknown') then 'sequence_complete' else reason end
     where tenant_id = v_tenant and enrollment_id = m.enrollment_id and step = m.step;
    if exists (select from app.mailbox where tenant_id = v_tenant and mailbox_id = m.mailbox_id and errors_in_row > 0) then
        update app.mailbox set errors_in_row = 0 where tenant_id = v_tenant and mailbox_id = m.mailbox_id;
    end if;
    return 'accepted';
end
$$;
comment on function app.record_acceptance(date, bigint, smallint, text, text, text, date) is
    'Acceptance by answer or by evidence, from any state, once: accepted | known | accepted_twice | no_such_attempt.';

create or replace function app.end_enrollment(p_enrollment_id bigint, p_reason text) returns void
    language sql
    as $$
    update app.enrollment set state = 'finished', reason = p_reason, state_at = clock_timestamp()
     where tenant_id = app.tenant() and enrollment_id = p_enrollment_id and state = 'active'
    $$;

create or replace function app.record_refusal(
    p_plan_day date, p_message_id bigint, p_attempt smallint, p_outcome text, p_state text, p_reason text, p_retry_at timestamptz, p_answer text)
    returns boolean
    language plpgsql
    as $$
declare
    v_tenant integer := app.tenant();
    m app.message;
    a app.send_attempt;
begin
    select * into m from app.message where tenant_id = v_tenant and plan_day = p_plan_day and message_id = p_message_id for update;
    update app.send_attempt set outcome = p_outcome, ended_at = clock_timestamp(), answer = p_answer
     where tenant_id = v_tenant and plan_day = p_plan_day and message_id = p_message_id and attempt = p_attempt and outcome in ('open', 'in_doubt')
    returning * into a;
    if not found or m.attempt <> p_attempt or m.state not in ('sending', 'in_doubt') then
        return false;
    end if;
    update app.message
       set state = p_state, state_at = clock_timestamp(), token = null, lease_until = null, reason = p_reason,
           retry_at = case when p_state = 'retry_wait' then p_retry_at end
     where tenant_id = v_tenant and plan_day = p_plan_day and message_id = p_message_id;
    if p_state = 'failed' then
        perform app.end_enrollment(m.enrollment_id, 'message_failed');
    end if;
    -- Nothing was sent: the caps are given back, the pace is not.
    perform app.give_back(a, m);
    -- Errors in a row are the path's: an address that does not exist says nothing of it.
    update app.mailbox set errors_in_row = errors_in_row + 1
     where tenant_id = v_tenant and mailbox_id = a.mailbox_id and (p_outcome = 'not_sent' or p_state = 'retry_wait');
    return true;
end
$$;
comment on function app.record_refusal(date, bigint, smallint, text, text, text, timestamptz, text) is
    'A definite non-send: refused by an answer read in full, or not_sent before the first byte.';

create or replace function app.enrollment_rank(p_state text) returns integer
    language sql immutable parallel safe
    as $$ select array_position(array['active', 'finished', 'replied', 'bounced', 'unsubscribed', 'complained'], p_state) $$;
comment on function app.enrollment_rank(text) is 'How much a state says of the person: a stronger one replaces a weaker one, so that any order of news ends in the same state.';

create or replace function app.suppression_rank(p_kind text) returns integer
    language sql immutable parallel safe
    as $$
    select array_position(array['imported', 'left_company', 'hard_bounce', 'manual', 'unsubscribe', 'objection', 'complaint', 'erasure'], p_kind)
    $$;
comment on function app.suppression_rank(text) is 'Which of two reasons for the same silence is told, and must be lifted: the stronger.';

create or replace function app.suppress(
    p_tenant integer, p_subject text, p_hmac bytea, p_scope text, p_scope_id bigint, p_kind text, p_source text) returns boolean
    language plpgsql
    as $$
declare
    v_state text := case p_kind when 'hard_bounce' then 'bounced' when 'complaint' then 'complained' when 'left_company' then 'finished' else 'unsubscribed' end;
    v_new boolean;
begin
    -- Waits for every intent under way for this person; an intent that begins later sees the row.
    perform pg_advisory_xact_lock(app.lock_key(case p_subject when 'domain' then 'recipient_domain' else 'recipient' end, p_tenant::text, encode(p_hmac, 'hex')));
    insert into app.suppression (tenant_id, scope, scope_id, subject, subject_hmac, kind, source, created_at)
    values (p_tenant, p_scope, p_scope_id, p_subject, p_hmac, p_kind, p_source, app.now())
    on conflict (tenant_id, subject_hmac, scope, scope_id) where lifted_at is null do nothing;
    v_new := found;
    -- One that ends by itself, or that a bounce had set, must not stand in the way of what a person asked for.
    update app.suppression set kind = p_kind, source = p_source, expires_at = null
     where not v_new and tenant_id = p_tenant and subject_hmac = p_hmac and scope = p_scope and scope_id = p_scope_id and lifted_at is null
       and (expires_at is not null or app.suppression_rank(p_kind) > app.suppression_rank(kind));
    update app.enrollment e set state = v_state, state_at = clock_timestamp(), reason = p_kind
      from (select lead_id from app.lead where tenant_id = p_tenant and p_subject = 'address' and address_hmac = p_hmac
            union all
            select lead_id from app.lead where tenant_id = p_tenant and p_subject = 'domain' and domain_hmac = p_hmac) l
     where e.tenant_id = p_tenant and e.lead_id = l.lead_id and app.enrollment_rank(v_state) > app.enrollment_rank(e.state)
       and (p_scope = 'tenant' or (p_scope = 'campaign' and e.campaign_id = p_scope_id) or (p_scope = 'mailbox' and e.mailbox_id = p_scope_id));
    return v_new;
end
$$;
comment on function app.suppress(integer, text, bytea, text, bigint, text, text) is
    'Committed before a message''s intent, it stops that message. Idempotent: true the first time.';
