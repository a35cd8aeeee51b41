-- T2: the intent. After this commits, the message may have been sent; before it, it cannot have been.
-- One statement after another, each with its own snapshot (READ COMMITTED, VOLATILE): what was committed before the
-- shared locks were taken is seen by all that follows them. The hottest rows come last.

drop function if exists app.begin_send(date, bigint, uuid, timestamptz, bigint, text, text);

create or replace function app.begin_send(
    p_plan_day date, p_message_id bigint, p_token uuid, p_run_hour timestamptz, p_epoch bigint, p_tag text, p_subject text, p_worker text)
    returns app.begin_result
    language plpgsql volatile
    as $$
declare
    v_tenant integer := app.tenant();
    m app.message;
    e app.enrollment;
    b app.mailbox;
    d app.sending_domain;
    p app.sending_policy;
    v_now timestamptz;
    v_stop text;
    v_until timestamptz;
    v_factor numeric;
    v_gap interval;
    v_local_day date;
    v_next_day timestamptz;
    v_tenant_zone text;
    v_tenant_day timestamptz;
    v_tenant_next_day timestamptz;
    pick app.account_choice;
    v_attempts integer;
    v_cap integer;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'begin_send needs READ COMMITTED' using errcode = 'invalid_transaction_state';
    end if;

    -- 1. The claim, the plan, the hour, the recipient's window.
    select * into m from app.message
     where tenant_id = v_tenant and plan_day = p_plan_day and message_id = p_message_id for update;
    if not found or m.state <> 'claimed' or m.token is distinct from p_token then
        return row('lost', 'claim_lost', null, null)::app.begin_result;
    end if;
    v_now := app.now();
    if not exists (select from app.plan where tenant_id = v_tenant and plan_id = m.plan_id and status = 'released') then
        return app.close_claim(m, 'cancelled', 'plan_revoked');
    end if;
    if v_now >= m.window_end then
        return app.close_claim(m, 'expired', 'window_passed');
    end if;
    if v_now < p_run_hour or v_now >= p_run_hour + interval '1 hour' then
        return app.release_claim(m, 'outside_run_hour', m.not_before);
    end if;
    if v_now < m.due_at then
        return app.release_claim(m, 'not_due_yet', m.due_at);
    end if;
    perform pg_advisory_xact_lock_shared(app.lock_key('recipient', v_tenant::text, encode(m.recipient_hmac, 'hex')));
    perform pg_advisory_xact_lock_shared(app.lock_key('recipient_domain', v_tenant::text, encode(m.domain_hmac, 'hex')));
    perform pg_advisory_xact_lock_shared(app.lock_key('tenant', v_tenant::text));
    perform pg_advisory_xact_lock_shared(app.lock_key('global'));

    if (select number from app.epoch) <> p_epoch then
        return app.release_claim(m, 'epoch_raised', m.not_before);
    end if;
    if not exists (select from app.environment
                    where clock_timestamp() between heartbeat_at - interval '5 seconds' and heartbeat_at + interval '72 hours') then
        return app.release_claim(m, 'clock_guard', m.not_before);
    end if;

    select case when subject = 'domain' then 'domain_' else '' end || kind into v_stop from app.suppression
     where tenant_id = v_tenant and subject_hmac in (m.recipient_hmac, m.domain_hmac) and lifted_at is null
       and (expires_at is null or expires_at > v_now)
       and (scope = 'tenant' or (scope = 'campaign' and scope_id = m.campaign_id) or (scope = 'mailbox' and scope_id = m.mailbox_id))
     order by suppression_id limit 1;
    if found then
        return app.close_claim(m, 'suppressed', v_stop);
    end if;
    if (select app.globally_suppressed(l.global_hmac) or l.address is null from app.lead l
         where l.tenant_id = v_tenant and l.lead_id = m.lead_id) then
        return app.close_claim(m, 'suppressed', 'global_or_erased');
    end if;

    select * into strict e from app.enrollment where tenant_id = v_tenant and enrollment_id = m.enrollment_id;
    if e.state <> 'active' then
        return app.close_claim(m, 'cancelled', 'enrollment_' || e.state);
    end if;
    if e.step <> m.step then
        return app.close_claim(m, 'cancelled', 'step_passed');
    end if;
    select zone into strict v_tenant_zone from app.tenant where tenant_id = v_tenant;
    if e.out_of_office_until >= (v_now at time zone v_tenant_zone)::date then
        return app.close_claim(m, 'cancelled', 'out_of_office');
    end if;
    if exists (select from app.lead where tenant_id = v_tenant and lead_id = m.lead_id and undeliverable is not null) then
        return app.close_claim(m, 'cancelled', 'undeliverable');
    end if;

    select * into strict b from app.mailbox where tenant_id = v_tenant and mailbox_id = m.mailbox_id;
    select * into strict d from app.sending_domain where tenant_id = v_tenant and domain_id = b.domain_id;
    if b.state in ('resting', 'retired') or d.state <> 'active' then
        return app.close_claim(m, 'cancelled', 'mailbox_' || b.state);
    end if;
    select min(app.hold_factor(h, v_now)), max(until) filter (where app.hold_factor(h, v_now) = 0), min(reason) filter (where app.hold_factor(h, v_now) = 0)
      into v_factor, v_until, v_stop from app.hold h
     where tenant_id = v_tenant and released_at is null
       and scope_key = any (array['tenant', 'mailbox:' || m.mailbox_id, 'domain:' || b.domain_id, 'campaign:' || m.campaign_id,
                                  'provider:' || m.mailbox_id || ':' || m.recipient_provider]
                            || (select array_agg('lead_file:' || lead_file_id) from app.lead_source
                                 where tenant_id = v_tenant and lead_id = m.lead_id));
    v_factor := coalesce(v_factor, 1);
    if v_factor = 0 then
        return app.release_claim(m, 'held: ' || v_stop, coalesce(v_until, v_now + interval '15 minutes'));
    end if;
    if exists (select from app.tenant where tenant_id = v_tenant and state = 'paused') then
        return app.release_claim(m, 'tenant_paused', v_now + interval '5 minutes');
    end if;
    if not exists (select from app.campaign where tenant_id = v_tenant and campaign_id = m.campaign_id and state = 'active') then
        return app.release_claim(m, 'campaign_not_active', v_now + interval '5 minutes');
    end if;

    -- 2. Freshness: we do not send blind. These are machine times, since feeds run on the machine's clock.
    if b.inbox_id is null and m.step = 1 then
        return app.close_claim(m, 'cancelled', 'mailbox_has_no_inbox');
    end if;
    if m.step > 1 then
        if not exists (select from app.inbox where tenant_id = v_tenant and inbox_id = b.inbox_id
                          and last_complete_read > clock_timestamp() - interval '30 minutes') then
            return app.release_claim(m, 'inbox_not_read', v_now + interval '2 minutes');
        end if;
        if not exists (select from app.thread_root where tenant_id = v_tenant and enrollment_id = m.enrollment_id and step = 1) then
            return app.close_claim(m, 'cancelled', 'thread_has_no_first_message');
        end if;
    end if;

    -- 3. The first account of the message's list that the domain is ready for and the lead's basis allows.
    pick := app.choose_account(m, b.domain_id, v_factor, p_worker, v_now);
    if pick.verdict = 'block' then
        -- Nothing has changed: the claim stays, and this is asked again once the worker has leased its block.
        return row('block', null, null, pick.account_id)::app.begin_result;
    elsif pick.verdict = 'wait' then
        return app.release_claim(m, pick.reason, pick.not_before);
    end if;
    v_factor := pick.factor;

    -- 4. Pace, caps and rates, counted under locks; whatever is full undoes what this block has taken.
    begin
        select * into strict b from app.mailbox where tenant_id = v_tenant and mailbox_id = m.mailbox_id for update;
        if b.next_at > v_now then
            raise exception 'pace' using errcode = 'OU001', detail = b.next_at::text;
        end if;
        v_local_day := (v_now at time zone b.zone)::date;
        v_next_day := (v_local_day + 1)::timestamp at time zone b.zone;
        select * into strict p from app.sending_policy where tenant_id = v_tenant;
        if b.errors_in_row >= p.errors_in_row_stop then
            -- The judgement of back-off holds the mailbox for this hour too, when it comes; a person's release ends both.
            select max(begun_policy_at) + interval '1 hour' into v_until from app.send_attempt
             where tenant_id = v_tenant and mailbox_id = b.mailbox_id and outcome in ('refused', 'not_sent') and plan_day >= v_local_day - 7;
            if v_until > v_now and not exists (select from app.hold where tenant_id = v_tenant and scope_key = 'mailbox:' || b.mailbox_id
                                                  and signal = 'errors' and released_at > v_until - interval '1 hour') then
                raise exception 'errors_in_row' using errcode = 'OU001', detail = v_until::text;
            end if;
        end if;
        -- The ramp is enforced here too, as the last score of the mailbox has it, not only planned.
        v_cap := least(b.daily_cap, (select s.cap_today from app.health_score s
                                      where s.tenant_id = v_tenant and s.mailbox_id = b.mailbox_id and s.day <= v_local_day
                                      order by s.day desc, s.scored_at desc limit 1));
        insert into app.mailbox_day as c (tenant_id, mailbox_id, day, sent)
        select v_tenant, b.mailbox_id, v_local_day, 1 where v_cap > 0
        on conflict (tenant_id, mailbox_id, day) do update set sent = c.sent + 1 where c.sent < ceil(v_cap * v_factor);
        if not found then
            raise exception 'mailbox_daily_cap' using errcode = 'OU001', detail = v_next_day::text;
        end if;
        select count(*) into v_attempts from app.send_attempt
         where tenant_id = v_tenant and mailbox_id = b.mailbox_id and begun_policy_at > v_now - interval '24 hours'
           and plan_day between v_local_day - 7 and v_local_day + 2  -- a window ends soon after its day: other partitions hold none
           and outcome not in ('refused', 'not_sent', 'absent');
        if (v_attempts < ceil(v_cap * p.rolling_factor * v_factor)) is not true then
            raise exception 'mailbox_rolling_day' using errcode = 'OU001', detail = (v_now + interval '15 minutes')::text;
        end if;
        v_tenant_day := date_trunc('day', v_now at time zone v_tenant_zone) at time zone v_tenant_zone;
        v_tenant_next_day := ((v_now at time zone v_tenant_zone)::date + 1)::timestamp at time zone v_tenant_zone;
        perform app.take('domain:' || d.domain_id, v_local_day::timestamp at time zone b.zone, d.daily_cap, 'domain_daily_cap', v_next_day);
        perform app.take('recipient:' || encode(m.domain_hmac, 'hex'), v_tenant_day,
                         least(p.recipient_domain_daily_cap, p.company_daily_cap), 'recipient_domain_daily_cap', v_tenant_next_day);
        perform app.take('provider:' || m.recipient_provider, v_tenant_day,
                         (p.recipient_provider_caps ->> m.recipient_provider)::integer, 'recipient_provider_cap', v_tenant_next_day);
        perform app.take('account:' || pick.account_id, v_tenant_day,
                         app.share_of_day(v_tenant, pick.account_id, (v_now at time zone v_tenant_zone)::date), 'account_share', v_tenant_next_day);
        if pick.leased then
            update app.account_block set taken = taken + 1
             where account_id = pick.account_id and worker = p_worker and taken < granted and expires_at > clock_timestamp();
            if not found then
                raise exception 'account_block' using errcode = 'OU002';
            end if;
        end if;
        if pick.probe then
            update app.provider_account
               set breaker = 'half_open', breaker_since = clock_timestamp(), breaker_until = null, breaker_probe_at = clock_timestamp()
             where account_id = pick.account_id
               and ((breaker = 'open' and breaker_until <= clock_timestamp())
                    or (breaker = 'half_open' and breaker_probe_at <= clock_timestamp() - interval '90 seconds'));
            if not found then
                raise exception 'probe_under_way' using errcode = 'OU001', detail = (v_now + interval '5 seconds')::text;
            end if;
        end if;
        -- All of a busy tenant's workers meet on these two rows.
        perform app.take('day', v_tenant_day, p.daily_cap, 'tenant_daily_cap', v_tenant_next_day);
        perform app.take('minute', date_trunc('minute', v_now), p.minute_cap, 'tenant_minute_cap', date_trunc('minute', v_now) + interval '1 minute');
    exception
        when sqlstate 'OU001' then
            get stacked diagnostics v_stop = message_text, v_next_day = pg_exception_detail;
            return app.release_claim(m, v_stop, v_next_day);
        when sqlstate 'OU002' then
            return row('block', null, null, pick.account_id)::app.begin_result;
        -- A limit that cannot be read is no leave to send.
        when no_data_found or data_exception then
            get stacked diagnostics v_stop = message_text;
            return app.release_claim(m, 'limit_unreadable: ' || v_stop, v_now + interval '5 minutes');
    end;

    -- 5. The intent itself.
    v_gap := make_interval(secs => b.min_gap_seconds / v_factor);
    update app.mailbox set next_at = v_now + v_gap where tenant_id = v_tenant and mailbox_id = b.mailbox_id;
    insert into app.send_attempt (tenant_id, plan_day, message_id, attempt, account_id, mailbox_id, domain_id, tag, subject, begun_policy_at, mailbox_day)
    values (v_tenant, m.plan_day, m.message_id, m.attempt, pick.account_id, m.mailbox_id, b.domain_id, p_tag, p_subject, v_now, v_local_day);
    update app.message set state = 'sending', state_at = clock_timestamp(), reason = null
     where tenant_id = v_tenant and plan_day = m.plan_day and message_id = m.message_id;
    return row('begin', null, null, pick.account_id)::app.begin_result;
end
$$;
comment on function app.begin_send(date, bigint, uuid, timestamptz, bigint, text, text, text) is
    'T2: begin | lost | released(reason, not_before) | closed(reason), the account to use comes with begin; or block: lease one of that account and ask again.';
