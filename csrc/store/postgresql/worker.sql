-- Workers: joining, beating, leaving, and being declared dead.

-- NULL: it lives, and `account` is its own. Else what is to be answered.
CREATE FUNCTION pomex.worker_lives(worker bigint, OUT answer int, OUT why text, OUT account bigint)
LANGUAGE plpgsql AS $$
DECLARE
    was_buried boolean;
BEGIN
    SELECT w.buried, w.account INTO was_buried, account FROM pomex.worker w
        WHERE w.id = worker FOR SHARE;
    IF NOT FOUND THEN
        answer := 7;
        why := 'there is no such worker';
    ELSIF was_buried THEN
        answer := 5;
    END IF;
END $$;

CREATE FUNCTION pomex.join_worker(name text, base_url text, key_hash text, max_tasks bigint,
    who text)
RETURNS TABLE (answer int, why text, worker bigint, key_changed boolean) LANGUAGE plpgsql AS $$
DECLARE
    found_account pomex.account;
BEGIN
    INSERT INTO pomex.account (name, base_url, key_hash, max_tasks)
        VALUES (join_worker.name, join_worker.base_url, join_worker.key_hash,
                CASE WHEN join_worker.max_tasks > 0 THEN join_worker.max_tasks ELSE 100 END)
        ON CONFLICT DO NOTHING;
    SELECT * INTO found_account FROM pomex.account a
        WHERE a.name = join_worker.name AND a.base_url = join_worker.base_url FOR NO KEY UPDATE;
    key_changed := found_account.key_hash <> join_worker.key_hash;
    UPDATE pomex.account a SET key_hash = join_worker.key_hash, max_tasks =
            CASE WHEN join_worker.max_tasks > 0 THEN join_worker.max_tasks ELSE a.max_tasks END
        WHERE a.id = found_account.id;
    INSERT INTO pomex.worker (id, account, who)
        VALUES (('x' || left(replace(gen_random_uuid()::text, '-', ''), 12))::bit(48)::bigint + 1,
                found_account.id, join_worker.who) RETURNING id INTO worker;
    answer := 0;
    RETURN NEXT;
END $$;

-- Once an hour: what is said of jobs that ended 30 days ago goes, some at a time, and so do processes
-- that wrote nothing for a day.
CREATE FUNCTION pomex.tidy() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    moment bigint := pomex.wall();
BEGIN
    UPDATE pomex.meta m SET value = moment::text
        WHERE m.name = 'tidied' AND m.value::bigint NOT BETWEEN moment - 3600000 AND moment;
    IF FOUND THEN
        DELETE FROM pomex.event WHERE id IN (SELECT e.id FROM pomex.job j
            JOIN pomex.event e ON e.job = j.id
            WHERE j.ended > 0 AND j.ended < moment - 2592000000 LIMIT 5000);
        DELETE FROM pomex.session WHERE seen < clock_timestamp() - interval '1 day';
    END IF;
END $$;

CREATE FUNCTION pomex.beat(worker bigint)
RETURNS TABLE (answer int, why text) LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pomex.worker w SET beat = w.beat + 1 WHERE w.id = worker AND NOT w.buried;
    IF FOUND THEN
        PERFORM pomex.tidy();
        answer := 0;
    ELSE
        SELECT l.answer, l.why INTO answer, why FROM pomex.worker_lives(worker) l;
    END IF;
    RETURN NEXT;
END $$;

-- The worker's jobs are nobody's from here on. What was being sent is never sent again by itself;
-- what has an id is looked at for ever, however many workers die over it.
CREATE FUNCTION pomex.take_jobs_away(worker bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    taken record;
BEGIN
    PERFORM FROM pomex.job j WHERE j.worker = take_jobs_away.worker ORDER BY j.id
        FOR NO KEY UPDATE;
    PERFORM FROM pomex.queue q WHERE q.id IN
        (SELECT j.queue FROM pomex.job j WHERE j.worker = take_jobs_away.worker)
        ORDER BY q.id FOR NO KEY UPDATE;
    FOR taken IN SELECT j.id, j.queue, j.attempt, a.account, a.held, a.counted FROM pomex.job j
        JOIN pomex.attempt a ON a.job = j.id AND a.number = j.attempt
        WHERE j.worker = take_jobs_away.worker AND j.state = 2 ORDER BY a.account, j.id
    LOOP
        PERFORM pomex.hold(taken.id, taken.attempt, taken.held, taken.counted, 0);
        PERFORM pomex.probe_over(taken.account, taken.id, taken.attempt);
        PERFORM pomex.note_event(taken.queue, taken.id, 'unclear', NULL,
                                 'its worker died while it was sent: ' || (SELECT w.who
                                 FROM pomex.worker w WHERE w.id = take_jobs_away.worker));
    END LOOP;
    UPDATE pomex.job j SET worker = NULL, fence = fence + 1,
        state = CASE j.state WHEN 2 THEN 9 ELSE j.state END,
        deaths = deaths + (CASE WHEN j.state IN (1, 4) THEN 1 ELSE 0 END),
        stuck = stuck OR (j.state IN (1, 4) AND deaths + 1 >= 3)
        WHERE j.worker = take_jobs_away.worker;
END $$;

-- Who it was, and what it had in hand: the first five of its jobs by name.
CREATE FUNCTION pomex.say_who_died(worker bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    said text := (SELECT w.who FROM pomex.worker w WHERE w.id = say_who_died.worker);
    many bigint := (SELECT count(*) FROM pomex.job j WHERE j.worker = say_who_died.worker);
    keys text := (SELECT string_agg(h.key, ', ' ORDER BY h.id) FROM (SELECT j.id, j.key
        FROM pomex.job j WHERE j.worker = say_who_died.worker ORDER BY j.id LIMIT 5) h);
BEGIN
    said := said || CASE WHEN many = 0 THEN ', which had no job' ELSE ', which had ' || keys END
        || CASE WHEN many > 5 THEN ' and ' || (many - 5) || ' more' ELSE '' END;
    PERFORM pomex.note_event(0, 0, 'worker buried', NULL, said);
END $$;

CREATE FUNCTION pomex.bury(worker bigint, beat bigint)
RETURNS TABLE (answer int, why text) LANGUAGE plpgsql AS $$
DECLARE
    was_buried boolean;
BEGIN
    UPDATE pomex.worker w SET buried = true
        WHERE w.id = bury.worker AND NOT w.buried AND w.beat = bury.beat;
    IF FOUND THEN
        PERFORM pomex.say_who_died(worker);
        PERFORM pomex.take_jobs_away(worker);
        answer := 0;
    ELSE
        SELECT w.buried INTO was_buried FROM pomex.worker w WHERE w.id = bury.worker;
        answer := CASE was_buried WHEN true THEN 1 WHEN false THEN 3 ELSE 7 END;
    END IF;
    RETURN NEXT;
END $$;

-- A worker that leaves died in order: what it had in hand is no death of a job.
-- One whose process ends with requests out is buried by another, which says what was being sent.
CREATE FUNCTION pomex.leave(worker bigint, ending bigint)
RETURNS TABLE (answer int, why text) LANGUAGE plpgsql AS $$
DECLARE
    is_out boolean := ending <> 0 AND EXISTS (SELECT FROM pomex.job j
        WHERE j.worker = leave.worker AND j.state = 2);
BEGIN
    UPDATE pomex.worker w SET buried = NOT is_out, beat = CASE WHEN is_out THEN -1 ELSE w.beat END
        WHERE w.id = worker AND NOT w.buried;
    IF FOUND THEN
        UPDATE pomex.job j SET worker = NULL WHERE j.worker = leave.worker AND j.state <> 2;
        IF NOT is_out THEN
            PERFORM pomex.take_jobs_away(worker);
        END IF;
        answer := 0;
    ELSE
        SELECT CASE l.answer WHEN 5 THEN 1 ELSE l.answer END, l.why INTO answer, why
            FROM pomex.worker_lives(worker) l;
    END IF;
    RETURN NEXT;
END $$;

-- Whether no worker lives: there is none, or those that there are stand where they stood a minute
-- ago. The server's clock decides, but over nothing that a worker owns: one that was only stopped
-- finds out that it is buried, and begins nothing.
CREATE FUNCTION pomex.may_migrate() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    alive text := (SELECT string_agg(w.id || ':' || w.beat, ',' ORDER BY w.id)
                   FROM pomex.worker w WHERE NOT w.buried AND w.beat >= 0);
    since bigint := (SELECT split_part(m.value, ' ', 1)::bigint FROM pomex.meta m
                     WHERE m.name = 'watched' AND split_part(m.value, ' ', 2) = alive);
BEGIN
    IF alive IS NULL THEN
        RETURN true;
    ELSIF since IS NULL THEN
        INSERT INTO pomex.meta AS m VALUES ('watched', pomex.wall() || ' ' || alive)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value;
    END IF;
    RETURN coalesce(pomex.wall() - since >= 60000, false);
END $$;

-- Nobody joins or beats meanwhile: the table is locked.
CREATE FUNCTION pomex.start_migration(from_version bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT m.value::bigint FROM pomex.meta m WHERE m.name = 'version') <> from_version THEN
        RAISE EXCEPTION 'another process has brought it up to date' USING ERRCODE = 'PX002';
    ELSIF NOT pomex.may_migrate() THEN
        RAISE EXCEPTION 'a worker has come to life' USING ERRCODE = 'PX003';
    END IF;
    PERFORM pomex.bury(w.id, w.beat) FROM pomex.worker w WHERE NOT w.buried;
END $$;
