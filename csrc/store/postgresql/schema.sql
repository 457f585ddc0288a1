-- The tables. What stands for what, everywhere below:
--   state   0 incoming, 1 ready, 2 sending, 3 polling, 4 saving, 5 done, 6 failed, 7 cancelled,
--           8 expired, 9 unclear
--   answer  0 yes, 1 known, 2 second, 3 stale, 4 later, 5 buried, 6 refused, 7 missing
--   stage   -1 out, 0 never left, 1 late, 2 turned away, 3 has an id, 4 ended, 5 made, to be saved
--   kind    0 video, 1 portrait
-- Times are milliseconds since 1970, money is whole millionths.
--
-- Their invariants:
-- - queue.videos and queue.money are the sums over the queue's attempts of counted and held;
--   account.tasks is that of in_flight. The statement that changes one asks for its limit too.
-- - tally counts the jobs, by triggers. mark: 0; 1 ready and blocked; 2 stuck.
-- - a job without a worker is nobody's. A job that is sending always has one; one that is incoming,
--   unclear or at its end has none.
-- - what is named body, save, saved or base_url is compared or shown, and never used as an address,
--   a path or a command.
--
-- The order of locks: session, workers by id, jobs by id, queues by id, accounts by id, the rest.
-- Whoever changes the state of a job, or what it waits for, holds its queue's row: that keeps the
-- rows of tally in order, and of a portrait that is done and a video that comes in to wait for it,
-- one sees the other. pomex.enter takes these locks for all that a message asks for.

CREATE SCHEMA pomex;

CREATE TABLE pomex.meta (name text PRIMARY KEY, value text NOT NULL);

-- A process that writes. Its row orders its messages: see pomex.enter.
CREATE TABLE pomex.session (
    id text PRIMARY KEY,
    epoch bigint NOT NULL,
    seen timestamptz NOT NULL) WITH (fillfactor = 50);

CREATE TABLE pomex.account (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    base_url text NOT NULL,
    key_hash text NOT NULL,
    max_tasks bigint NOT NULL DEFAULT 100,
    tasks bigint NOT NULL DEFAULT 0,
    gate_until bigint NOT NULL DEFAULT 0,
    gate_why text,
    probe_job bigint,       -- the attempt that was let through to see whether the gate may open
    probe_attempt bigint,
    UNIQUE (name, base_url)) WITH (fillfactor = 50);

CREATE TABLE pomex.queue (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    capped boolean NOT NULL DEFAULT false,
    videos_cap bigint NOT NULL DEFAULT -1,
    money_cap bigint NOT NULL DEFAULT -1,
    videos bigint NOT NULL DEFAULT 0,
    money bigint NOT NULL DEFAULT 0,
    paused boolean NOT NULL DEFAULT false,
    why text,
    failure text,
    failures bigint NOT NULL DEFAULT 0) WITH (fillfactor = 50);

-- The id is random: a sequence goes back with a backup, and gave one that still works a namesake.
CREATE TABLE pomex.worker (
    id bigint PRIMARY KEY,
    account bigint NOT NULL,
    beat bigint NOT NULL DEFAULT 0,
    buried boolean NOT NULL DEFAULT false) WITH (fillfactor = 50);
CREATE INDEX worker_alive ON pomex.worker (id) WHERE NOT buried;

CREATE TABLE pomex.job (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue bigint NOT NULL,
    key text NOT NULL,
    kind smallint NOT NULL,
    state smallint NOT NULL,
    save text,
    account bigint NOT NULL DEFAULT 0,
    fence bigint NOT NULL DEFAULT 0,
    worker bigint,
    claim bigint NOT NULL DEFAULT 0, -- which of its worker's claims took it
    attempt bigint NOT NULL DEFAULT 0,
    task text,
    due bigint NOT NULL DEFAULT 0,
    blocked integer NOT NULL DEFAULT 0,
    stuck boolean NOT NULL DEFAULT false,
    deaths integer NOT NULL DEFAULT 0,
    saved text,
    length bigint,
    sha256 text,
    error text,
    note text,
    ended bigint NOT NULL DEFAULT 0,
    UNIQUE (queue, key)) WITH (fillfactor = 80);
CREATE UNIQUE INDEX job_save ON pomex.job (queue, save) WHERE save IS NOT NULL;
CREATE INDEX job_state ON pomex.job (queue, state, id);
CREATE INDEX job_ready ON pomex.job (queue, due)
    WHERE state = 1 AND worker IS NULL AND NOT stuck AND blocked = 0;
CREATE INDEX job_look ON pomex.job (queue, due)
    WHERE state IN (3, 4) AND worker IS NULL AND NOT stuck;
CREATE INDEX job_worker ON pomex.job (worker) WHERE worker IS NOT NULL;
CREATE INDEX job_ended ON pomex.job (ended) WHERE ended > 0;

-- What is long and seldom changes: a job's row is rewritten at each step.
CREATE TABLE pomex.content (
    job bigint PRIMARY KEY,
    line text NOT NULL,
    body text NOT NULL);

CREATE TABLE pomex.attempt (
    job bigint NOT NULL,
    number bigint NOT NULL,
    worker bigint NOT NULL,
    fence bigint NOT NULL,
    account bigint NOT NULL,
    begun bigint NOT NULL,
    body text,
    model text,
    version text,
    cost bigint NOT NULL,
    held bigint NOT NULL,
    counted bigint NOT NULL,
    in_flight bigint NOT NULL,
    video bigint NOT NULL,
    stage smallint NOT NULL DEFAULT -1,
    over boolean NOT NULL DEFAULT false,
    task text,
    error text,
    PRIMARY KEY (job, number)) WITH (fillfactor = 80);

CREATE TABLE pomex.task (
    account bigint NOT NULL,
    id text NOT NULL,
    job bigint NOT NULL,
    attempt bigint NOT NULL,
    PRIMARY KEY (account, id));

CREATE TABLE pomex.need (
    queue bigint NOT NULL,
    key text NOT NULL,
    job bigint NOT NULL,
    PRIMARY KEY (queue, key, job));
CREATE INDEX need_job ON pomex.need (job);

CREATE TABLE pomex.incoming (
    batch bigint NOT NULL,
    job bigint NOT NULL,
    PRIMARY KEY (batch, job));

CREATE SEQUENCE pomex.batch;

-- Batches that are in as a whole, and whose jobs are made visible some at a time: see pomex.show.
CREATE TABLE pomex.whole_batch (batch bigint PRIMARY KEY, queue bigint NOT NULL);

CREATE TABLE pomex.event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at bigint NOT NULL,
    queue bigint NOT NULL,
    job bigint NOT NULL,
    name text NOT NULL,
    by text,
    text text);
CREATE INDEX event_job ON pomex.event (job);

CREATE TABLE pomex.tally (
    queue bigint NOT NULL,
    account bigint NOT NULL,
    state smallint NOT NULL,
    mark smallint NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (queue, account, state, mark)) WITH (fillfactor = 50);
