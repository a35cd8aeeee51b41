-- Checks of logins: when each is due, and how many a mailbox failed.

create or replace function app.policy_day() returns date
    language sql stable
    as $$ select (app.now() at time zone 'UTC')::date $$;
comment on function app.policy_day() is 'The day of policy time, UTC.';

create or replace function app.quarter_now() returns integer
    language sql stable
    as $$ select (extract(epoch from app.now() at time zone 'UTC' - app.policy_day())::integer / 900) $$;
comment on function app.quarter_now() is 'The quarter of an hour of the UTC day, 0 to 95.';

create or replace function app.quarter_of(p_name text) returns integer
    language sql immutable
    as $$ select abs(hashtext(p_name)::bigint)::integer % 96 $$;
comment on function app.quarter_of(text) is 'The quarter of an hour of each day at which this login is checked.';

create or replace function app.login_failures(p_first date, p_last date) returns table (mailbox_id bigint, day date, count bigint)
    language sql stable
    as $$
    select b.mailbox_id, c.day, count(*)
      from app.login_check c
      left join app.provider_account a on a.account_id = c.account_id
      join app.mailbox b on b.tenant_id = c.tenant_id and (b.inbox_id = c.inbox_id or a.name = any (b.account_names))
     where c.tenant_id = (select app.tenant()) and c.outcome = 'refused' and c.day between p_first and p_last
     group by b.mailbox_id, c.day
    $$;
comment on function app.login_failures(date, date) is 'Refused logins of each mailbox, where its mail is read and where it is handed in.';
grant execute on function app.policy_day(), app.quarter_now(), app.quarter_of(text), app.login_failures(date, date) to outreach_app;
