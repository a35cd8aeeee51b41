-- What providers tell of our standing with them.

-- name: standings_due
-- SES accounts of this tenant whose standing, or whose tenant's, was not read for so many seconds of machine time.
select a.account_id, s.ses_tenant,
       coalesce(a.standing_read_at < clock_timestamp() - make_interval(secs => :older_than), true) as account_due,
       s.ses_tenant is not null
           and coalesce(s.ses_tenant_read_at < clock_timestamp() - make_interval(secs => :older_than), true) as tenant_due
  from app.provider_account_share s join app.provider_account a on a.account_id = s.account_id
 where s.tenant_id = (select app.tenant()) and s.withdrawn_at is null and a.kind = 'ses'
   and (coalesce(a.standing_read_at < clock_timestamp() - make_interval(secs => :older_than), true)
        or s.ses_tenant is not null and coalesce(s.ses_tenant_read_at < clock_timestamp() - make_interval(secs => :older_than), true))
 order by a.account_id;

-- name: record_account_standing
-- Quota and rate as the provider states them.
select app.record_account_standing(:account_id, :quota, cast(:rate as numeric), :sent, :enabled, :enforcement);

-- name: share_quota
-- This tenant's part of the account's quota.
update app.provider_account_share s set daily_share = floor(a.daily_quota * s.share)
  from app.provider_account a
 where s.tenant_id = (select app.tenant()) and s.account_id = :account_id and a.account_id = s.account_id and s.withdrawn_at is null;

-- name: record_tenant_standing
-- What SES says of this client alone.
update app.provider_account_share set ses_tenant_status = :status, ses_tenant_read_at = clock_timestamp()
 where tenant_id = (select app.tenant()) and account_id = :account_id and ses_tenant is not null;

-- name: hold_account
-- A reputation stop of the whole account is obeyed by all its tenants for as long as the provider says so: no end of its own, no fail-over.
select app.set_account_hold(:account_id, 'answer', 'stop', 0, :reason, :sentence, '{}', (select app.now()), null, 1, 0, null, (select app.now()));

-- name: release_account
-- The provider lets the account send again.
select app.release_account_hold(:account_id, 'answer', 'the provider says that sending is enabled', (select app.now()));

-- name: hold_tenant
-- The same for this client alone; its neighbours on the account go on.
insert into app.hold as h (tenant_id, scope_key, signal, level, factor, reason, sentence, since)
values ((select app.tenant()), 'account:' || cast(:account_id as integer), 'answer', 'stop', 0, :reason, :sentence, (select app.now()))
on conflict (tenant_id, scope_key, signal) where released_at is null and signal <> 'manual'
do update set until = null, sentence = excluded.sentence, factor = 0, level = 'stop', reason = excluded.reason;

-- name: release_tenant
-- SES lets this client send again. A hold of a refused send is not this reading's to end.
update app.hold set released_at = (select app.now()), released_reason = 'the provider says that sending is enabled'
 where tenant_id = (select app.tenant()) and scope_key = 'account:' || cast(:account_id as integer) and signal = 'answer' and reason = :reason
   and released_at is null;
