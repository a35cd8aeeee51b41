-- What a hold leaves of the pace, and the holds of accounts, which no tenant owns.

create or replace function app.hold_factor(h app.hold, p_at timestamptz) returns numeric
    language sql immutable
    as $$ select case when h.until is null or h.until > p_at then h.factor else h.probation_factor end $$;
comment on function app.hold_factor(app.hold, timestamptz) is
    'The share of the cap that a hold leaves at a moment of policy time: its factor, and after its end that of its probation.';

create or replace function app.hold_factor(h app.account_hold, p_at timestamptz) returns numeric
    language sql immutable
    as $$ select case when h.until is null or h.until > p_at then h.factor else h.probation_factor end $$;

create or replace function app.hold_scopes(
    p_mailbox_id bigint, p_domain_id bigint, p_campaign_id bigint, p_account_id integer, p_provider text) returns setof text
    language sql immutable
    as $$
    values ('tenant'), ('mailbox:' || p_mailbox_id), ('domain:' || p_domain_id), ('campaign:' || p_campaign_id),
           ('account:' || p_account_id), ('path:' || p_mailbox_id || ':' || p_account_id), ('provider:' || p_mailbox_id || ':' || p_provider)
    $$;
comment on function app.hold_scopes(bigint, bigint, bigint, integer, text) is 'The scopes that one send speaks of, as app.hold spells them, but for its lead files.';

create or replace function app.send_news(p_since timestamptz, p_until timestamptz, p_classes text[], p_causes text[], p_news text[])
    returns table (plan_day date, message_id bigint, attempt smallint, mailbox_id bigint, domain_id bigint, account_id integer, campaign_id bigint,
                   lead_id bigint, recipient_provider text, begun_policy_at timestamptz, mailbox_day date, news text, learnt_at timestamptz)
    language sql stable
    as $$
    select a.plan_day, a.message_id, a.attempt, a.mailbox_id, a.domain_id, a.account_id, m.campaign_id, m.lead_id, m.recipient_provider,
           a.begun_policy_at, a.mailbox_day, n.news, min(n.learnt_at)
      from (select e.plan_day, e.message_id, e.attempt, e.policy_at as learnt_at,
                   case e.kind when 'complained' then 'complaint' when 'replied' then 'reply' else k.news end as news
              from app.message_event e
              left join unnest(p_classes, p_causes, p_news) as k (class, cause, news)
                on e.kind in ('bounced', 'refused') and k.class = e.class and k.cause is not distinct from e.cause
             where e.tenant_id = (select app.tenant()) and e.policy_at >= p_since and e.policy_at <= p_until) n
      join app.message m on m.tenant_id = (select app.tenant()) and m.plan_day = n.plan_day and m.message_id = n.message_id
      join app.send_attempt a on a.tenant_id = (select app.tenant()) and a.plan_day = n.plan_day and a.message_id = n.message_id
                             and a.attempt = coalesce(n.attempt, m.attempt)
     where n.news is not null and a.begun_policy_at >= p_since
     group by a.plan_day, a.message_id, a.attempt, a.mailbox_id, a.domain_id, a.account_id, m.campaign_id, m.lead_id, m.recipient_provider,
              a.begun_policy_at, a.mailbox_day, n.news
    $$;
comment on function app.send_news(timestamptz, timestamptz, text[], text[], text[]) is
    'A row for each send and each kind of news about it, however often it was reported, with the policy time at which it was first heard of. '
    'The three arrays say what each class and cause of a bounce counts as; a pair that is not among them counts as nothing.';

create or replace function app.account_days(p_account_id integer, p_since date)
    returns table (day date, learnt_on date, accepted bigint, reporting bigint, hard bigint, complaints bigint)
    language sql stable security definer set search_path = pg_catalog, pg_temp
    as $$
    select d.day, d.learnt_on, sum(d.accepted), sum(d.reporting), sum(d.hard), sum(d.complaints)
      from app.account_day d where d.account_id = p_account_id and d.day >= p_since group by d.day, d.learnt_on
    $$;
comment on function app.account_days(integer, date) is 'An account''s record over all its tenants, as sums.';
revoke all on function app.account_days(integer, date) from public;
grant execute on function app.account_days(integer, date) to outreach_app;

create or replace function app.lock_account_holds(p_account_id integer) returns void
    language plpgsql
    as $$
begin
    if not exists (select from app.provider_account_share where tenant_id = app.tenant() and account_id = p_account_id) then
        raise exception 'this tenant does not send through account %', p_account_id using errcode = 'insufficient_privilege';
    end if;
    -- Tenants judge an account side by side; the second one finds what the first has set.
    perform pg_advisory_xact_lock(app.lock_key('account_hold', p_account_id::text));
end
$$;

create or replace function app.release_account_hold(p_account_id integer, p_signal text, p_reason text, p_at timestamptz) returns void
    language plpgsql security definer set search_path = pg_catalog, pg_temp
    as $$
begin
    perform app.lock_account_holds(p_account_id);
    update app.account_hold set released_at = p_at, released_reason = p_reason
     where account_id = p_account_id and signal = p_signal and signal <> 'manual' and released_at is null;
end
$$;
revoke all on function app.release_account_hold(integer, text, text, timestamptz) from public;
grant execute on function app.release_account_hold(integer, text, text, timestamptz) to outreach_app;

create or replace function app.set_account_hold(
    p_account_id integer, p_signal text, p_level text, p_factor numeric, p_reason text, p_sentence text, p_evidence jsonb, p_since timestamptz,
    p_until timestamptz, p_probation_factor numeric, p_probation_days integer, p_counts_from timestamptz, p_at timestamptz) returns void
    language plpgsql security definer set search_path = pg_catalog, pg_temp
    as $$
begin
    perform app.lock_account_holds(p_account_id);
    insert into app.account_hold as h (account_id, signal, level, factor, reason, sentence, evidence, since, until, probation_factor, probation_days,
                                       counts_from, set_at)
    values (p_account_id, p_signal, p_level, p_factor, p_reason, p_sentence, p_evidence, p_since, p_until, p_probation_factor, p_probation_days,
            p_counts_from, p_at)
    on conflict (account_id, signal) where released_at is null and signal <> 'manual'
    do update set sentence = excluded.sentence, evidence = excluded.evidence,
        since = excluded.since, until = excluded.until, probation_factor = excluded.probation_factor, probation_days = excluded.probation_days,
        counts_from = excluded.counts_from;
end
$$;
comment on function app.set_account_hold(integer, text, text, numeric, text, text, jsonb, timestamptz, timestamptz, numeric, integer, timestamptz, timestamptz) is
    'The one automatic hold of an account and a signal, as a judgement wants it; only for a tenant that sends through the account.';
revoke all on function app.set_account_hold(integer, text, text, numeric, text, text, jsonb, timestamptz, timestamptz, numeric, integer, timestamptz, timestamptz) from public;
grant execute on function app.set_account_hold(integer, text, text, numeric, text, text, jsonb, timestamptz, timestamptz, numeric, integer, timestamptz, timestamptz)
    to outreach_app;
