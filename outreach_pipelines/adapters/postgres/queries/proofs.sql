-- name: accounts_to_ask
-- Accounts with records of their own that this tenant's due messages want, unproven for a while; each with a mailbox to ask about.
select a.account_id, s.address as sender
  from app.provider_account a
 cross join lateral (select min(b.address) as address from app.mailbox b
                       join app.domain_account r on r.tenant_id = b.tenant_id and r.domain_id = b.domain_id
                      where b.tenant_id = (select app.tenant()) and r.account_id = a.account_id and coalesce(r.definite_state, r.state) = 'ready'
                        and b.state in ('active', 'ramping')) s
 where a.kind in ('mailgun', 'postmark') and s.address is not null
   and (a.proven_at is null or a.proven_at < clock_timestamp() - make_interval(mins => :minutes))
   and exists (select from app.message m where m.tenant_id = (select app.tenant()) and m.state in ('planned', 'retry_wait') and a.account_id = any (m.account_ids)
                  and m.due_at < (select app.now()) + interval '1 hour' and m.window_end > (select app.now()))
 order by a.account_id;

-- name: prove_account
-- See app.prove_account.
select app.prove_account(:account_id);
