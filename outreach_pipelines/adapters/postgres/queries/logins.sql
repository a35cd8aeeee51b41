-- name: due_inboxes
-- In use, and not checked on this day: each when its quarter of an hour has come, so that a thousand logins are spread over the day.
select i.inbox_id
  from app.inbox i
 where i.tenant_id = (select app.tenant()) and i.retired_at is null
   and app.quarter_of('inbox ' || i.inbox_id) <= app.quarter_now()
   and not exists (select from app.login_check c where c.tenant_id = i.tenant_id and c.inbox_id = i.inbox_id and c.day = (select app.policy_day()) and c.daily)
 order by app.quarter_of('inbox ' || i.inbox_id), i.inbox_id limit :most;

-- name: due_accounts
-- Accounts by SMTP that this tenant has a share of.
select a.account_id, a.name
  from app.provider_account_share s join app.provider_account a on a.account_id = s.account_id
 where s.tenant_id = (select app.tenant()) and s.withdrawn_at is null and a.kind = 'smtp'
   and app.quarter_of('account ' || a.account_id) <= app.quarter_now()
   and not exists (select from app.login_check c where c.tenant_id = s.tenant_id and c.account_id = a.account_id and c.day = (select app.policy_day()) and c.daily)
 order by app.quarter_of('account ' || a.account_id), a.account_id limit :most;

-- name: record_checks
-- What came of them.
insert into app.login_check (tenant_id, inbox_id, account_id, outcome, detail, day, daily)
select (select app.tenant()), r.inbox_id, r.account_id, r.outcome, r.detail, (select app.policy_day()), true
  from jsonb_to_recordset(cast(:rows as jsonb)) as r (inbox_id bigint, account_id integer, outcome text, detail text);
