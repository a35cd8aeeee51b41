-- What news of messages change, a batch in one call: each in its order, as if it had come alone.

create or replace function app.merge_news(p_news jsonb) returns void
    language plpgsql
    as $$
declare
    v record;
begin
    -- A lattice: stronger outcomes win, times by their minimum, so any order gives the same row.
    -- A refusal is the message's fate only if it was its last word: another attempt may have been taken since.
    for v in select n.value->>'kind' as kind, n.value->>'outcome' as outcome, (n.value->>'rank')::integer as rank,
                    (n.value->>'occurred_at')::timestamptz as occurred_at, (n.value->>'plan_day')::date as plan_day,
                    (n.value->>'message_id')::bigint as message_id, (n.value->>'attempt')::smallint as attempt
               from jsonb_array_elements(p_news) with ordinality as n order by n.ordinality
    loop
        update app.message
           set outcome = case when v.rank > outcome_rank then v.outcome else outcome end,
               outcome_rank = greatest(outcome_rank, v.rank),
               state = case when v.kind = 'rejected' and state = 'accepted' then 'failed' else state end,
               reason = case when v.kind = 'rejected' and state = 'accepted' then 'rejected by the provider after acceptance' else reason end,
               delivered_at = case when v.kind = 'delivered' then least(delivered_at, v.occurred_at) else delivered_at end,
               bounced_at = case when v.kind in ('bounced', 'refused') then least(bounced_at, v.occurred_at) else bounced_at end,
               complained_at = case when v.kind = 'complained' then least(complained_at, v.occurred_at) else complained_at end,
               replied_at = case when v.kind = 'replied' then least(replied_at, v.occurred_at) else replied_at end,
               unsubscribed_at = case when v.kind = 'unsubscribe_requested' then least(unsubscribed_at, v.occurred_at) else unsubscribed_at end
         where tenant_id = (select app.tenant()) and plan_day = v.plan_day and message_id = v.message_id
           and (v.kind <> 'refused' or (state = 'failed' and attempt = v.attempt));
    end loop;
end
$$;
comment on function app.merge_news(jsonb) is 'Each message knows the strongest of its outcomes, and when it first heard of each kind.';

create or replace function app.stop_sequence(p_enrollment bigint, p_state text, p_reason text) returns void
    language plpgsql
    as $$
begin
    update app.enrollment set state = p_state, reason = p_reason, state_at = clock_timestamp()
     where tenant_id = (select app.tenant()) and enrollment_id = p_enrollment and app.enrollment_rank(p_state) > app.enrollment_rank(state);
end
$$;
comment on function app.stop_sequence(bigint, text, text) is
    'A reply or a final failure ends the sequence at once, also for a message already claimed (its intent asks again).';

create or replace function app.stop_company(p_enrollment bigint, p_free_mail text[]) returns void
    language plpgsql
    as $$
begin
    update app.enrollment e set state = 'finished', reason = 'company_replied', state_at = clock_timestamp()
      from app.lead mine, app.lead theirs, app.enrollment answered, app.sending_policy p
     where p.tenant_id = (select app.tenant()) and p.stop_whole_company
       and answered.tenant_id = p.tenant_id and answered.enrollment_id = p_enrollment
       and mine.tenant_id = p.tenant_id and mine.lead_id = answered.lead_id
       and split_part(mine.address, '@', 2) <> all (p_free_mail)
       and theirs.tenant_id = p.tenant_id and theirs.domain_hmac = mine.domain_hmac and theirs.lead_id <> mine.lead_id
       and e.tenant_id = p.tenant_id and e.lead_id = theirs.lead_id and e.state = 'active';
end
$$;
comment on function app.stop_company(bigint, text[]) is
    'Where the tenant wants it, a reply of one person ends the sequences to the whole company, which is the mail domain unless anybody may have an address there.';

create or replace function app.follow_news(p_news jsonb, p_free_mail text[]) returns integer
    language plpgsql
    as $$
declare
    v record;
    v_suppressed integer := 0;
begin
    -- The caller orders them by person: of two who follow news at once, none waits for the other in a circle.
    for v in select n.value->>'suppress' as suppress, decode(n.value->>'hmac', 'hex') as hmac, n.value->>'source' as source,
                    (n.value->>'enrollment_id')::bigint as enrollment_id, n.value->>'kind' as kind, n.value->>'stop' as stop,
                    (n.value->>'due_day')::date as due_day, (n.value->>'away_until')::date as away_until, (n.value->>'soft')::integer as soft
               from jsonb_array_elements(p_news) with ordinality as n order by n.ordinality
    loop
        -- For the whole tenant: takes the recipient's lock exclusively.
        if v.suppress is not null and app.suppress((select app.tenant()), 'address', v.hmac, 'tenant', 0, v.suppress, v.source) then
            v_suppressed := v_suppressed + 1;
        end if;
        if v.stop is not null then
            perform app.stop_sequence(v.enrollment_id, v.stop, v.kind);
        end if;
        if v.kind = 'replied' then
            -- Somebody who answered is worth a good mailbox.
            update app.lead set engaged = true
             where tenant_id = (select app.tenant())
               and lead_id = (select e.lead_id from app.enrollment e where e.tenant_id = (select app.tenant()) and e.enrollment_id = v.enrollment_id);
            perform app.stop_company(v.enrollment_id, p_free_mail);
        end if;
        -- Later, never sooner.
        if v.due_day is not null then
            update app.enrollment
               set due_day = greatest(due_day, v.due_day), out_of_office_until = greatest(out_of_office_until, v.away_until),
                   soft_bounces = soft_bounces + v.soft
             where tenant_id = (select app.tenant()) and enrollment_id = v.enrollment_id and state = 'active';
        end if;
    end loop;
    return v_suppressed;
end
$$;
comment on function app.follow_news(jsonb, text[]) is 'What news do to persons and their sequences; how many are suppressed only now.';

grant execute on function app.merge_news(jsonb), app.stop_sequence(bigint, text, text), app.stop_company(bigint, text[]),
                          app.follow_news(jsonb, text[]) to outreach_app;
