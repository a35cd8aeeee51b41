-- What people and rules make of replies: assignments, intents, labels, notices.

create table app.reply_work (
    tenant_id integer not null,
    inbound_id bigint not null,
    assigned_to text,
    note text,
    done_at timestamptz,
    changed_by text not null,
    changed_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, inbound_id),
    foreign key (tenant_id, inbound_id) references app.inbound_message on delete cascade
);
create index reply_work_of on app.reply_work (tenant_id, assigned_to) where done_at is null;
comment on table app.reply_work is 'Who answers a reply, and whether that is done. No row: open, and nobody''s.';

create table app.reply_intent (
    tenant_id integer not null,
    inbound_id bigint not null,
    intent text check (intent in ('positive', 'negative', 'meeting', 'referral', 'question')),
    source text not null check (source in ('rule', 'model', 'endpoint', 'none')),
    decided_by text not null,
    score real,
    input_sha256 text not null,
    tries smallint not null default 1,
    ask_again_at timestamptz,
    decided_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, inbound_id),
    foreign key (tenant_id, inbound_id) references app.inbound_message on delete cascade,
    check ((source = 'none') = (intent is null)),
    check (ask_again_at is null or intent is null)
);
comment on column app.reply_intent.decided_by is 'The rule''s name, the model''s hash, or the endpoint and its model; without an intent, why there is none.';
comment on table app.reply_intent is 'What a person wants, as guessed. No send, stop or suppression reads it.';

create table app.reply_label (
    tenant_id integer not null,
    inbound_id bigint not null,
    intent text not null check (intent in ('positive', 'negative', 'meeting', 'referral', 'question')),
    actor text not null,
    labelled_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, inbound_id),
    foreign key (tenant_id, inbound_id) references app.inbound_message on delete cascade
);
comment on table app.reply_label is 'A person''s word on what a reply wants: it wins over every guess, and trains the tenant''s model.';

create table app.intent_model (
    tenant_id integer not null references app.tenant,
    model_id bigint generated always as identity,
    sha256 text not null,
    object_key text not null,
    labels integer not null,
    figures jsonb not null,
    trained_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, model_id)
);
comment on table app.intent_model is 'The newest one of a tenant is in use; its file is believed only under its hash.';

create table app.reply_notice (
    tenant_id integer not null,
    inbound_id bigint not null,
    target text not null,
    state text not null default 'waiting' check (state in ('waiting', 'sent', 'given_up')),
    tries smallint not null default 0,
    next_try_at timestamptz not null default clock_timestamp(),
    last_error text,
    sent_at timestamptz,
    primary key (tenant_id, inbound_id, target),
    foreign key (tenant_id, inbound_id) references app.inbound_message on delete cascade,
    check ((state = 'sent') = (sent_at is not null))
);
create index reply_notice_waiting on app.reply_notice (tenant_id, next_try_at) where state = 'waiting';
comment on column app.reply_notice.target is 'The reference to the secret address, never the address.';

create index inbound_newest on app.inbound_message (tenant_id, received_at, inbound_id);
create index inbound_recorded on app.inbound_message (tenant_id, recorded_at);
create index inbound_reviewed on app.inbound_message (tenant_id, reviewed_at) where reviewed_at is not null;
create index reply_intent_lately on app.reply_intent (tenant_id, decided_at);

select app.protect(t) from unnest(array[
    'app.reply_work', 'app.reply_intent', 'app.reply_label', 'app.intent_model', 'app.reply_notice']::regclass[]) as t;
grant select (tenant_id, inbound_id, done_at, changed_at) on app.reply_work to outreach_ops;
grant select (tenant_id, inbound_id, intent, source, decided_at) on app.reply_intent to outreach_ops;
grant select (tenant_id, inbound_id, state, tries, next_try_at) on app.reply_notice to outreach_ops;
