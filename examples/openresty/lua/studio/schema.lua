--- The tables. `once` is the token of the form that asked for a row: sent twice, it makes one.
---
--- A portrait and a video are journals of what was asked of the service: `stage` goes
--- new → sending → …, and "sending" is on disk before the request leaves. Whoever finds a row
--- left in "sending" by a worker that died knows that the answer is lost: it becomes "unclear",
--- and is never sent again.

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
  stage text not null default 'new',           -- new, sending, processing, active, failed, unclear
  stuck integer not null default 0, note text not null default '',
  once text not null, created integer not null,
  unique (user_id, once));

-- A name stands for one picture in a prompt; one that failed gives its name up.
create unique index if not exists portraits_by_name on portraits (user_id, name)
  where stage <> 'failed';

create table if not exists videos (
  id text primary key, user_id text not null references users,
  prompt text not null, model text not null, content text not null, task_id text unique,
  stage text not null default 'new',           -- new, sending, queued, running, saving, ready,
                                               -- failed, unclear
  stuck integer not null default 0, note text not null default '',
  once text not null, created integer not null,
  unique (user_id, once));

create index if not exists portraits_at_work on portraits (stage)
  where stage in ('new', 'sending', 'processing');
create index if not exists videos_at_work on videos (stage)
  where stage in ('new', 'sending', 'queued', 'running', 'saving');
]]
