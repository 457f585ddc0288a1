--- The tables. `once` is the token of the form that asked for a row: sent twice, it makes one.
---
--- What is asked of the service is journaled by pomex.jobs, in a store of its own: see
--- `studio.queue`. Here is whose it is, and how it ended.

return [[
pragma journal_mode = wal;

create table if not exists users (
  id text primary key, name text not null, token_hash text not null unique,
  created integer not null);

create table if not exists people (
  id text primary key, user_id text not null references users, name text not null,
  group_id text unique, once text not null, created integer not null,
  unique (user_id, once));

create table if not exists verifications (
  id text primary key, person_id text not null references people,
  stage text not null default 'pending',       -- pending, verified, failed, refused
  h5_link text not null default '', note text not null default '',
  once text not null, created integer not null,
  unique (person_id, once));

create table if not exists portraits (
  id text primary key, user_id text not null references users,
  person_id text not null references people,
  name text not null, url text not null, asset_id text unique,
  stage text not null default 'new',           -- new, active, failed, unclear, stuck; of one that
                                               -- was uploaded elsewhere: processing, too
  note text not null default '',
  once text not null, created integer not null,
  unique (user_id, once));

-- A name stands for one picture in a prompt; one that failed gives its name up.
create unique index if not exists portraits_by_name on portraits (user_id, name)
  where stage <> 'failed';

create table if not exists videos (
  id text primary key, user_id text not null references users,
  prompt text not null, model text not null,
  content text not null,                       -- of the request; the model has its own
  task_id text unique,
  stage text not null default 'new',           -- new, ready, failed, unclear, stuck
  note text not null default '',
  once text not null, created integer not null,
  unique (user_id, once));

-- Portraits that were removed. The service lists them for ever: here they stay away.
create table if not exists removed (
  asset_id text primary key, person_id text not null references people);

-- How long videos took, so that a page can say how long one will take.
create table if not exists took (
  id integer primary key, model text not null, seconds integer not null);

create index if not exists portraits_open on portraits (user_id)
  where stage in ('new', 'unclear', 'stuck');
create index if not exists videos_open on videos (user_id)
  where stage in ('new', 'unclear', 'stuck');

-- What an earlier version had asked for when it ended: no job knows of it, and none may ask again.
update portraits set stage = 'unclear' where stage = 'sending';
update videos set stage = 'unclear', note = 'It was asked for by an earlier version of this '
  || 'studio, and may have been made, and billed.'
  where stage in ('sending', 'queued', 'running', 'saving');
]]
