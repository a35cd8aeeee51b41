-- T0, second half: a draft becomes the plan of its day, and its placements become messages.

create or replace function app.may_be_replaced(m app.message) returns boolean
    language sql stable
    as $$
    -- A superseded one that its key still points to was left out of the plan between: it has no successor yet.
    select m.state in ('planned', 'retry_wait', 'expired', 'cancelled', 'superseded')
       and not exists (select from app.send_attempt a
                        where a.tenant_id = m.tenant_id and a.plan_day = m.plan_day and a.message_id = m.message_id
                          and a.outcome in ('open', 'accepted', 'accepted_twice', 'in_doubt', 'unknown'))
    $$;
comment on function app.may_be_replaced(app.message) is 'Nothing of it is with a provider, for certain.';

create or replace function app.release_plan(p_plan_id bigint, p_reason text) returns jsonb
    language plpgsql
    as $$
declare
    v_tenant integer := app.tenant();
    p app.plan;
    v_revoked bigint;
    v_moved integer := 0;
    v_kept integer := 0;
    v_held integer := 0;
    v_made integer := 0;
    v_superseded integer := 0;
begin
    select * into p from app.plan where tenant_id = v_tenant and plan_id = p_plan_id for update;
    if not found then
        raise exception 'no plan % of this tenant', p_plan_id using errcode = 'no_data_found';
    end if;
    -- Two versions of one day must not be released side by side.
    perform pg_advisory_xact_lock(app.lock_key('plan', v_tenant::text, p.day::text));
    if p.status = 'released' then
        return jsonb_build_object('already', true);
    end if;
    if p.status <> 'draft' then
        raise exception 'plan % is %, and only a draft can be released', p_plan_id, p.status
            using errcode = 'check_violation', constraint = 'plan_release_needs_draft';
    end if;
    if p.day < (app.now() at time zone (select zone from app.tenant where tenant_id = v_tenant))::date then
        raise exception 'the day % is over', p.day using errcode = 'check_violation', constraint = 'plan_release_needs_day_to_come';
    end if;
    if exists (select from app.plan where tenant_id = v_tenant and day = p.day and version > p.version) then
        raise exception 'a newer version of this day exists' using errcode = 'check_violation', constraint = 'plan_release_needs_newest';
    end if;
    perform app.ensure_partitions(p.day, 1);

    update app.plan set status = 'revoked', status_reason = 'replaced by version ' || p.version
     where tenant_id = v_tenant and day = p.day and status = 'released' returning plan_id into v_revoked;
    update app.plan set status = 'released', released_at = clock_timestamp(), status_reason = p_reason
     where tenant_id = v_tenant and plan_id = p_plan_id;

    -- All message rows that this may touch, in the order of their ids, before anything is changed.
    perform from app.message m
      where m.tenant_id = v_tenant
        and (m.plan_id = v_revoked
             or (m.plan_day, m.message_id) in (select k.plan_day, k.message_id from app.decision d
                  join app.send_key k on k.tenant_id = v_tenant and k.send_key = d.send_key
                 where d.tenant_id = v_tenant and d.plan_id = p_plan_id and d.placed))
      order by m.message_id for update;

    -- The same message at the same slot stays the row it is; a claimed one stays too, and why is written down.
    with kept as (
        update app.message m set plan_id = p_plan_id
          from app.decision d join app.send_key k on k.tenant_id = v_tenant and k.send_key = d.send_key
         where d.tenant_id = v_tenant and d.plan_id = p_plan_id and d.placed
           and m.tenant_id = v_tenant and m.plan_day = k.plan_day and m.message_id = k.message_id
           and (m.state = 'claimed' or (m.repeats is not null and m.state in ('planned', 'retry_wait'))
                or (m.state in ('planned', 'retry_wait') and m.plan_day = p.day and m.mailbox_id = d.mailbox_id and m.due_at = d.due_at
                    and m.variant = d.variant and m.content_hash = d.content_hash and m.account_ids = d.account_ids))
        returning d.enrollment_id, m.message_id, m.state, m.repeats
    )
    update app.decision d set message_id = kept.message_id, kept_reason = case when kept.state = 'claimed' then 'claimed by a run' when kept.repeats is not null then 'to be sent once more'
                                                                           else 'same slot as before' end
      from kept where d.tenant_id = v_tenant and d.plan_id = p_plan_id and d.enrollment_id = kept.enrollment_id;
    get diagnostics v_moved = row_count;

    -- What a run held while this plan was made is no candidate of it: the planner counted it as sent. So it did with what may have left.
    update app.message m set plan_id = p_plan_id
     where m.tenant_id = v_tenant and m.plan_id = v_revoked
       and (m.state = 'claimed' or (m.repeats is not null and m.state in ('planned', 'retry_wait')))
       and not exists (select from app.decision d where d.tenant_id = v_tenant and d.plan_id = p_plan_id and d.enrollment_id = m.enrollment_id);
    get diagnostics v_kept = row_count;

    -- What may be with a provider is never made a second time.
    update app.decision d set message_id = m.message_id, kept_reason = 'not replaced: ' || m.state
      from app.send_key k join app.message m on m.tenant_id = v_tenant and m.plan_day = k.plan_day and m.message_id = k.message_id
     where d.tenant_id = v_tenant and d.plan_id = p_plan_id and d.placed and d.message_id is null
       and k.tenant_id = v_tenant and k.send_key = d.send_key and not app.may_be_replaced(m);
    get diagnostics v_held = row_count;

    -- Rows of the old version, and older rows of the same keys, give way.
    update app.message m set state = 'superseded', state_at = clock_timestamp(), retry_at = null, reason = 'plan ' || p_plan_id || ' took its place'
     where m.tenant_id = v_tenant and app.may_be_replaced(m) and m.state <> 'superseded'
       and ((m.plan_id = v_revoked and m.state in ('planned', 'retry_wait'))
            or (m.plan_day, m.message_id) in (select k.plan_day, k.message_id from app.decision d
                 join app.send_key k on k.tenant_id = v_tenant and k.send_key = d.send_key
                where d.tenant_id = v_tenant and d.plan_id = p_plan_id and d.placed and d.message_id is null));
    get diagnostics v_superseded = row_count;

    with made as (
        insert into app.message (tenant_id, plan_day, message_id, plan_id, send_key, enrollment_id, lead_id, campaign_id, step, variant,
            content_hash, mailbox_id, account_ids, recipient_hmac, domain_hmac, recipient_provider, basis, due_at, window_start, window_end, not_before)
        select v_tenant, p.day, nextval('app.message_id'), p_plan_id, d.send_key, d.enrollment_id, e.lead_id, e.campaign_id, d.step, d.variant,
               d.content_hash, d.mailbox_id, d.account_ids, l.address_hmac, l.domain_hmac, l.recipient_provider, l.basis, d.due_at,
               d.window_start, d.window_end, d.window_start
          from app.decision d
          join app.enrollment e on e.tenant_id = v_tenant and e.enrollment_id = d.enrollment_id
          join app.lead l on l.tenant_id = v_tenant and l.lead_id = e.lead_id
         where d.tenant_id = v_tenant and d.plan_id = p_plan_id and d.placed and d.message_id is null
        returning plan_day, message_id, send_key, enrollment_id
    ), keyed as (
        insert into app.send_key (tenant_id, send_key, plan_day, message_id)
        select v_tenant, send_key, plan_day, message_id from made
        on conflict (tenant_id, send_key) do update set plan_day = excluded.plan_day, message_id = excluded.message_id
    )
    update app.decision d set message_id = made.message_id from made
     where d.tenant_id = v_tenant and d.plan_id = p_plan_id and d.enrollment_id = made.enrollment_id;
    get diagnostics v_made = row_count;
    return jsonb_build_object('already', false, 'made', v_made, 'moved', v_moved, 'kept', v_kept + v_held, 'superseded', v_superseded);
end
$$;
comment on function app.release_plan(bigint, text) is
    'Draft to released, once: revokes the version before, in the same transaction, and makes the messages that may be made.';
