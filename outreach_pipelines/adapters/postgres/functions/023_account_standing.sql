-- What an account's provider told of its quota, and what of that is ours.

create or replace function app.record_account_standing(
    p_account_id integer, p_quota integer, p_rate numeric, p_sent integer, p_enabled boolean, p_enforcement text) returns integer
    language plpgsql security definer set search_path = pg_catalog, pg_temp
    as $$
declare
    v_ours integer;
    v_left_to_us integer;
begin
    if not exists (select from app.provider_account_share where tenant_id = app.tenant() and account_id = p_account_id) then
        raise exception 'this tenant does not send through account %', p_account_id using errcode = 'insufficient_privilege';
    end if;
    perform pg_advisory_xact_lock(app.lock_key('account_block', p_account_id::text));
    -- Our own count is ahead of the provider's: blocks that are leased and not used yet are in it. So others' is never counted too low
    -- by more than those, and the next reading mends it.
    select coalesce(sum(taken), 0) into v_ours from app.account_bucket
     where account_id = p_account_id and window_start > app.now() - interval '24 hours';
    v_left_to_us := case when p_quota is not null then greatest(0, p_quota - greatest(0, p_sent - v_ours)) end;
    update app.provider_account
       set provider_quota = p_quota, daily_quota = v_left_to_us, rate_per_second = p_rate, sent_24_hours = p_sent, sending_enabled = p_enabled,
           enforcement = p_enforcement, standing_read_at = clock_timestamp()
     where account_id = p_account_id;
    return v_left_to_us;
end
$$;
comment on function app.record_account_standing(integer, integer, numeric, integer, boolean, text) is
    'The provider''s quota (NULL: unlimited), less what others have sent of it by the provider''s own count; only for a tenant that sends through the account.';
revoke all on function app.record_account_standing(integer, integer, numeric, integer, boolean, text) from public;
grant execute on function app.record_account_standing(integer, integer, numeric, integer, boolean, text) to outreach_app;
