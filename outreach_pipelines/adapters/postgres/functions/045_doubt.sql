-- Doubt: what an account tells of lost answers, and the ways out that no event opens. Each is a compare-and-set on the attempt.

create or replace function app.evidence_rule(p_kind text, p_settings jsonb, p_configuration_set text, p_inbox_login text) returns text
    language sql immutable parallel safe
    as $$
    select case
        when p_kind = 'ses' and coalesce(p_configuration_set, '') <> '' then 'events'
        when p_kind in ('mailgun', 'postmark') then 'look_up'
        -- Both keep a copy of what a login sends by SMTP; it can be looked for only where the inbox is of the same login.
        when p_kind = 'smtp' and p_settings ->> 'username' = p_inbox_login
             and (p_settings ->> 'host' in ('smtp.gmail.com', 'smtp.office365.com') or p_settings ->> 'keeps_sent' = 'yes') then 'sent_folder'
        else 'none'
    end
    $$;
comment on function app.evidence_rule(text, jsonb, text, text) is 'domain.doubt.EvidenceRule of an account as a mailbox uses it.';

create or replace function app.canary_home(p_canary_id bigint) returns void
    language plpgsql security definer set search_path = pg_catalog, pg_temp
    as $$
declare
    v_account integer;
begin
    update app.account_canary set home_at = coalesce(home_at, clock_timestamp()) where canary_id = p_canary_id returning account_id into v_account;
    if found then
        perform app.prove_account(v_account);
    end if;
end
$$;
comment on function app.canary_home(bigint) is 'The event of a probe came back: its account is fresh. Whether doubt believes it, the queue decides.';
revoke all on function app.canary_home(bigint) from public;
grant execute on function app.canary_home(bigint) to outreach_app;

create or replace function app.last_unread() returns timestamptz
    language plpgsql security definer set search_path = pg_catalog, pg_temp
    as $$
declare
    v_tenant text := current_setting('app.tenant', true);
    v_last timestamptz;
begin
    -- Parked rows belong to nobody, and FORCE binds a definer too.
    perform set_config('app.tenant', '0', true);
    select max(received_at) into v_last from app.event_inbox where tenant_id = 0 and kind = 'unreadable';
    perform set_config('app.tenant', coalesce(v_tenant, ''), true);
    return v_last;
end
$$;
comment on function app.last_unread() is 'When the feed last gave something that could not be read, and so may have been evidence.';
revoke all on function app.last_unread() from public;
grant execute on function app.last_unread() to outreach_app;

create or replace function app.accepted_for_key(m app.message) returns boolean
    language sql stable
    as $$
    -- Two questions, each of one partition: joined by OR they would be asked of every one.
    select exists (select from app.send_attempt x
                    where x.tenant_id = m.tenant_id and x.plan_day = m.plan_day and x.message_id = m.message_id and x.outcome = 'accepted')
        or exists (select from app.send_key k
                     join app.send_attempt x on x.tenant_id = k.tenant_id and x.plan_day = k.plan_day and x.message_id = k.message_id
                    where k.tenant_id = m.tenant_id and k.send_key = m.send_key and k.message_id <> m.message_id and x.outcome = 'accepted')
    $$;
comment on function app.accepted_for_key(app.message) is 'Whether an attempt of this message, or of the one that its key points to, was accepted.';

create or replace function app.count_again(a app.send_attempt, m app.message) returns void
    language plpgsql
    as $$
declare
    v_zone text := (select zone from app.tenant where tenant_id = a.tenant_id);
    v_day timestamptz := date_trunc('day', a.begun_policy_at at time zone v_zone) at time zone v_zone;
begin
    update app.mailbox_day set sent = sent + 1 where tenant_id = a.tenant_id and mailbox_id = a.mailbox_id and day = a.mailbox_day;
    update app.rate_bucket set taken = taken + 1
     where tenant_id = a.tenant_id
       and ((bucket = 'domain:' || a.domain_id
             and window_start = (select a.mailbox_day::timestamp at time zone zone from app.mailbox where tenant_id = a.tenant_id and mailbox_id = a.mailbox_id))
            or (window_start = v_day
                and bucket in ('recipient:' || encode(m.domain_hmac, 'hex'), 'provider:' || m.recipient_provider, 'account:' || a.account_id, 'day')));
end
$$;
comment on function app.count_again(app.send_attempt, app.message) is
    'The reverse of give_back: what was taken for a non-send turns out to have been sent.';

create or replace function app.release_absent(p_plan_day date, p_message_id bigint, p_attempt smallint, p_reason text, p_most integer) returns text
    language plpgsql
    as $$
declare
    v_tenant integer := app.tenant();
    m app.message;
    a app.send_attempt;
begin
    select * into m from app.message where tenant_id = v_tenant and plan_day = p_plan_day and message_id = p_message_id for update;
    select * into a from app.send_attempt
     where tenant_id = v_tenant and plan_day = p_plan_day and message_id = p_message_id and attempt = p_attempt for update;
    -- Only a person, who sets no limit, goes back on what was given up.
    if not found or not (a.outcome = 'in_doubt' or (a.outcome = 'unknown' and p_most is null)) then
        return 'settled_before';
    end if;
    if exists (select from app.event_inbox where tenant_id = v_tenant and plan_day = p_plan_day and message_id = p_message_id) then
        return 'evidence_waits';
    end if;
    if m.attempt = p_attempt and m.state in ('in_doubt', 'unknown') then
        if not app.accepted_for_key(m) and exists (
               select from app.send_attempt x where x.tenant_id = v_tenant and x.plan_day = p_plan_day and x.message_id = p_message_id
                  and x.attempt <> p_attempt and x.outcome in ('open', 'in_doubt', 'unknown')) then
            return 'other_attempt_in_doubt';
        end if;
        if not app.accepted_for_key(m) and m.released_on_absence >= p_most then
            return 'released_too_often';
        end if;
    end if;

    update app.send_attempt set outcome = 'absent', ended_at = clock_timestamp(), answer = left(p_reason, 500)
     where tenant_id = v_tenant and plan_day = p_plan_day and message_id = p_message_id and attempt = p_attempt;
    perform app.give_back(a, m);
    if m.attempt <> p_attempt or m.state not in ('in_doubt', 'unknown') then
        return 'attempt_settled';
    end if;
    if app.accepted_for_key(m) then
        update app.message set state = 'cancelled', state_at = clock_timestamp(), reason = 'accepted_before'
         where tenant_id = v_tenant and plan_day = p_plan_day and message_id = p_message_id;
        return 'accepted_before';
    end if;
    update app.message
       set state = 'planned', state_at = clock_timestamp(), token = null, lease_until = null, retry_at = null,
           reason = left('absent: ' || p_reason, 500), released_on_absence = released_on_absence + 1
     where tenant_id = v_tenant and plan_day = p_plan_day and message_id = p_message_id;
    update app.enrollment set state = 'active', reason = null, state_at = clock_timestamp()
     where tenant_id = v_tenant and enrollment_id = m.enrollment_id and state = 'finished' and reason = 'send_unknown';
    return 'released';
end
$$;
comment on function app.release_absent(date, bigint, smallint, text, integer) is
    'The attempt was not taken. released | attempt_settled and accepted_before (nothing is sent again) | settled_before, evidence_waits, '
    'other_attempt_in_doubt, released_too_often (nothing was changed). A NULL limit is a person''s ruling.';

create or replace function app.may_repeat(m app.message, a app.send_attempt) returns boolean
    language sql stable
    as $$
    select m.state = 'in_doubt' and m.attempt = a.attempt and m.repeats is null and a.lost_from is null and m.window_end > app.now()
       and not app.accepted_for_key(m)
       and (select p.smtp_at_least_once from app.sending_policy p where p.tenant_id = m.tenant_id)
       and exists (select from app.provider_account c
                     join app.mailbox b on b.tenant_id = a.tenant_id and b.mailbox_id = a.mailbox_id
                     left join app.inbox i on i.tenant_id = b.tenant_id and i.inbox_id = b.inbox_id
                    where c.account_id = a.account_id and c.kind = 'smtp' and app.evidence_rule(c.kind, c.settings, null, i.username) = 'none')
       and not exists (select from app.send_attempt x
                        where x.tenant_id = m.tenant_id and x.plan_day = m.plan_day and x.message_id = m.message_id and x.attempt <> a.attempt
                          and x.outcome in ('open', 'in_doubt', 'unknown'))
       and not exists (select from app.event_inbox e
                        where e.tenant_id = m.tenant_id and e.plan_day = m.plan_day and e.message_id = m.message_id)
    $$;
comment on function app.may_repeat(app.message, app.send_attempt) is
    'Whether a message in doubt is to be sent once more: its tenant chose so, nothing will tell of this attempt, it was not repeated before.';

create or replace function app.give_up_doubt(p_plan_day date, p_message_id bigint, p_attempt smallint, p_reason text) returns boolean
    language plpgsql
    as $$
declare
    v_tenant integer := app.tenant();
    m app.message;
    a app.send_attempt;
begin
    select * into m from app.message where tenant_id = v_tenant and plan_day = p_plan_day and message_id = p_message_id for update;
    -- Its place in the day's caps stays taken: it may have left.
    update app.send_attempt set outcome = 'unknown'
     where tenant_id = v_tenant and plan_day = p_plan_day and message_id = p_message_id and attempt = p_attempt and outcome = 'in_doubt'
    returning * into a;
    if not found then
        return false;
    end if;
    if app.may_repeat(m, a) then
        update app.message
           set state = 'planned', state_at = clock_timestamp(), repeats = p_attempt, released_on_absence = released_on_absence + 1,
               reason = left('at least once: sent again under the same Message-ID, ' || p_reason, 500)
         where tenant_id = v_tenant and plan_day = p_plan_day and message_id = p_message_id;
        update app.send_attempt set answer = left(concat_ws('; ', answer, 'sent again by the tenant''s choice (smtp_at_least_once)'), 500)
         where tenant_id = v_tenant and plan_day = p_plan_day and message_id = p_message_id and attempt = p_attempt;
    elsif m.state = 'in_doubt' and m.attempt = p_attempt then
        update app.message set state = 'unknown', state_at = clock_timestamp(), reason = left(p_reason, 500)
         where tenant_id = v_tenant and plan_day = p_plan_day and message_id = p_message_id;
        perform app.end_enrollment(m.enrollment_id, 'send_unknown');
    end if;
    return true;
end
$$;
comment on function app.give_up_doubt(date, bigint, smallint, text) is
    'No evidence will come: unknown, shown, and the sequence ends with that reason; or sent once more under the same Message-ID, where '
    'the tenant chose that for plain SMTP. Evidence after all still wins.';

create or replace function app.end_repeats() returns integer
    language plpgsql
    as $$
declare
    v_ended integer := 0;
    m app.message;
begin
    for m in select * from app.message
              where tenant_id = app.tenant() and repeats is not null and state in ('planned', 'retry_wait', 'expired') and window_end <= app.now()
                and app.clock_guard_passes()
              order by message_id for update skip locked
    loop
        update app.message set state = 'unknown', state_at = clock_timestamp(), retry_at = null, reason = 'window_passed before it was sent again'
         where tenant_id = m.tenant_id and plan_day = m.plan_day and message_id = m.message_id;
        perform app.end_enrollment(m.enrollment_id, 'send_unknown');
        v_ended := v_ended + 1;
    end loop;
    return v_ended;
end
$$;
comment on function app.end_repeats() is 'What was to be sent once more and was not within its window: its first attempt may have been taken, so it is unknown.';
