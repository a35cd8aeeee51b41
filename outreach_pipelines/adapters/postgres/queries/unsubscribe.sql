-- name: limit_wait
-- A person waits in front of the page: an answer that does not come within seconds is a failure they are told of.
set local statement_timeout = '10s';

-- name: unsubscribe
-- Record that a person wants no more mail of this scope; waits for intents under way for the same person.
select app.unsubscribe(:tenant, :recipient_hmac, :scope, :scope_id, :reference);
