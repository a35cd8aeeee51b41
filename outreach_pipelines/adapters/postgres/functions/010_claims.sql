-- Ways out of a claim before any call was made. Each is a compare-and-set by its caller, who holds the message row.

create or replace function app.release_claim(p_message app.message, p_reason text, p_not_before timestamptz) returns app.begin_result
    language plpgsql
    as $$
begin
    update app.message
       set state = 'planned', state_at = clock_timestamp(), token = null, lease_until = null,
           reason = p_reason, not_before = greatest(not_before, p_not_before), attempt = attempt - 1
     where tenant_id = p_message.tenant_id and plan_day = p_message.plan_day and message_id = p_message.message_id;
    return row('released', p_reason, greatest(p_message.not_before, p_not_before), null)::app.begin_result;
end
$$;
comment on function app.release_claim(app.message, text, timestamptz) is
    'Back to planned, not before the moment at which it could pass: no spinning. The attempt was never begun, so its number is free again.';

create or replace function app.close_claim(p_message app.message, p_state text, p_reason text) returns app.begin_result
    language plpgsql
    as $$
begin
    update app.message
       set state = p_state, state_at = clock_timestamp(), token = null, lease_until = null, reason = p_reason, attempt = attempt - 1
     where tenant_id = p_message.tenant_id and plan_day = p_message.plan_day and message_id = p_message.message_id;
    return row('closed', p_reason, null, null)::app.begin_result;
end
$$;
