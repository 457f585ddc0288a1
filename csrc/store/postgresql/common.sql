-- What the verbs share: the clock, the lineage, the locks of a message, the counters, events. In SQL
-- only what goes up in the statement that asks; a plan of anything else is kept by plpgsql alone.

CREATE FUNCTION pomex.wall() RETURNS bigint LANGUAGE sql VOLATILE AS
$$ SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint $$;

-- A due time is at most 15 minutes ahead. One that is some hours further was said by a machine whose
-- clock is wrong: it is taken for a short one.
CREATE FUNCTION pomex.due(due bigint) RETURNS bigint LANGUAGE sql VOLATILE AS
$$ SELECT CASE WHEN due - pomex.wall() BETWEEN 930000 AND 604800000 THEN pomex.wall() + 5000
               ELSE least(due, pomex.wall() + 900000) END $$;

-- Which database this is: the cluster, how often a standby or a backup of it was promoted, and which
-- database and table of it: another one, with the same content, is a copy.
CREATE FUNCTION pomex.lineage() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT concat_ws('/', system_identifier, left(pg_walfile_name(pg_current_wal_lsn()), 8),
                             d.oid, 'pomex.job'::regclass::oid)
            FROM pg_control_system(), pg_database d WHERE d.datname = current_database());
END $$;

-- Whether nothing may begin until a person said continue.
CREATE FUNCTION pomex.is_foreign() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT m.value FROM pomex.meta m WHERE m.name = 'lineage')
        IS DISTINCT FROM pomex.lineage();
END $$;

-- The first statement of each message that writes. `epoch` grows each time a process has lost the
-- answer of a message. An older message that is still on its way is refused from then on, and one
-- that is being carried out is waited for: what was not seen by a later message never happens. The
-- row is written, so that whoever is told "known" waits for the log, too. Locks all that the
-- message asks for in the order that every message has.
CREATE FUNCTION pomex.enter(session text, epoch bigint, workers bigint[], jobs bigint[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pomex.session AS s VALUES (enter.session, enter.epoch, clock_timestamp())
        ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch, seen = excluded.seen
        WHERE s.epoch <= excluded.epoch;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'this message is older than what its sender asked afterwards'
            USING ERRCODE = 'PX001';
    END IF;
    IF cardinality(workers) > 0 THEN
        PERFORM FROM pomex.worker w WHERE w.id = ANY (workers) ORDER BY w.id FOR SHARE;
    END IF;
    IF cardinality(jobs) > 0 THEN
        PERFORM FROM pomex.job j WHERE j.id = ANY (jobs) ORDER BY j.id FOR NO KEY UPDATE;
        PERFORM FROM pomex.queue q WHERE q.id IN
            (SELECT j.queue FROM pomex.job j WHERE j.id = ANY (jobs)) ORDER BY q.id FOR NO KEY UPDATE;
        PERFORM FROM pomex.account a WHERE a.id IN
            (SELECT w.account FROM pomex.worker w WHERE w.id = ANY (workers)
             UNION SELECT j.account FROM pomex.job j WHERE j.id = ANY (jobs))
            ORDER BY a.id FOR NO KEY UPDATE;
    END IF;
END $$;

CREATE FUNCTION pomex.note_event(queue bigint, job bigint, name text, by text, text text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pomex.event (at, queue, job, name, by, text)
        VALUES (pomex.wall(), $1, $2, $3, $4, $5);
END $$;

-- From now on the attempt holds so much money, counts as a video of the queue or not, and is a task
-- in flight or not: its row and the sums of queue and account change together.
CREATE FUNCTION pomex.hold(job bigint, number bigint, held bigint, counted bigint, in_flight bigint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    was pomex.attempt;
BEGIN
    SELECT * INTO was FROM pomex.attempt a
        WHERE a.job = hold.job AND a.number = hold.number FOR NO KEY UPDATE;
    IF was.held <> hold.held OR was.counted <> hold.counted THEN
        UPDATE pomex.queue q SET money = money + hold.held - was.held,
            videos = videos + hold.counted - was.counted
            WHERE q.id = (SELECT j.queue FROM pomex.job j WHERE j.id = hold.job);
    END IF;
    IF was.in_flight <> hold.in_flight THEN
        UPDATE pomex.account a SET tasks = tasks + hold.in_flight - was.in_flight
            WHERE a.id = was.account;
    END IF;
    UPDATE pomex.attempt a
        SET held = hold.held, counted = hold.counted, in_flight = hold.in_flight
        WHERE a.job = hold.job AND a.number = hold.number;
END $$;

-- The service has taken a request of the account: where that was the probe, the gate is open.
CREATE FUNCTION pomex.open_gate(its_account bigint, its_job bigint, its_attempt bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pomex.account SET gate_until = 0, probe_job = NULL, probe_attempt = NULL
        WHERE id = its_account AND probe_job = its_job AND probe_attempt = its_attempt;
END $$;

-- Nothing is known of what the probe asked: the next one is the probe.
CREATE FUNCTION pomex.probe_over(its_account bigint, its_job bigint, its_attempt bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pomex.account SET gate_until = least(gate_until, pomex.wall()), probe_job = NULL,
        probe_attempt = NULL
        WHERE id = its_account AND probe_job = its_job AND probe_attempt = its_attempt;
END $$;

CREATE FUNCTION pomex.mark(state smallint, stuck boolean, blocked integer)
RETURNS smallint LANGUAGE sql IMMUTABLE AS
$$ SELECT (CASE WHEN stuck THEN 2 WHEN state = 1 AND blocked > 0 THEN 1 ELSE 0 END)::smallint $$;

-- By the statement and not by the row: the last part of a put moves 100,000 jobs.
CREATE FUNCTION pomex.count_put() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pomex.tally AS t
        SELECT queue, account, state, pomex.mark(state, stuck, blocked), count(*) FROM added
        GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
        ON CONFLICT (queue, account, state, mark) DO UPDATE SET n = t.n + excluded.n;
    RETURN NULL;
END $$;

CREATE FUNCTION pomex.count_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pomex.tally AS t
        SELECT queue, account, state, mark, sum(n) FROM (
            SELECT queue, account, state, pomex.mark(state, stuck, blocked) AS mark, -1 AS n
                FROM before
            UNION ALL
            SELECT queue, account, state, pomex.mark(state, stuck, blocked), 1 FROM added) both_sides
        GROUP BY 1, 2, 3, 4 HAVING sum(n) <> 0 ORDER BY 1, 2, 3, 4
        ON CONFLICT (queue, account, state, mark) DO UPDATE SET n = t.n + excluded.n;
    RETURN NULL;
END $$;

CREATE TRIGGER job_put AFTER INSERT ON pomex.job
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION pomex.count_put();
CREATE TRIGGER job_moved AFTER UPDATE ON pomex.job
    REFERENCING OLD TABLE AS before NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION pomex.count_moved();
