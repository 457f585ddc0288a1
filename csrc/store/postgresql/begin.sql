-- begin: the record that is written before a byte of a request leaves. All that is asked is asked
-- here, by statements that change a sum only if it stays within its limit. What refuses comes before
-- what writes; only the queue's sum is taken back where the account says no.

CREATE TYPE pomex.later AS (reason int, not_before bigint, why text);

-- What stands against it that no counter says. `disk`: 0, 7 (too little room) or 8 (there is a file).
CREATE FUNCTION pomex.bar_of(job pomex.job, disk bigint) RETURNS pomex.later LANGUAGE plpgsql AS $$
BEGIN
    IF pomex.is_foreign() THEN
        RETURN (9, 9223372036854775807, 'this database was put back from a copy, or is a standby '
            'that was promoted, and may be older than what the account made; look first, and then '
            'continue')::pomex.later;
    ELSIF job.blocked > 0 THEN
        RETURN (4, 9223372036854775807, 'a portrait that it needs is not active')::pomex.later;
    ELSIF disk = 8 THEN
        RETURN (8, 9223372036854775807, 'there is a file at its name')::pomex.later;
    ELSIF disk = 7 THEN
        RETURN (7, pomex.wall() + 30000, 'less than 256 MiB are left where it saves')::pomex.later;
    END IF;
    RETURN NULL;
END $$;

-- Counts it against the queue's caps.
CREATE FUNCTION pomex.take_money(queue bigint, video bigint, cost bigint)
RETURNS pomex.later LANGUAGE plpgsql AS $$
DECLARE
    has pomex.queue;
BEGIN
    UPDATE pomex.queue q SET videos = videos + video, money = money + greatest(cost, 0)
        WHERE q.id = take_money.queue AND NOT q.paused
        AND (videos_cap < 0 OR videos + video <= videos_cap)
        AND (money_cap < 0 OR (cost >= 0 AND money + cost <= money_cap));
    IF FOUND THEN
        RETURN NULL;
    END IF;
    SELECT * INTO has FROM pomex.queue q WHERE q.id = take_money.queue;
    IF has.paused THEN
        RETURN (3, 9223372036854775807, 'the queue is paused')::pomex.later;
    ELSIF has.money_cap >= 0 AND cost < 0 THEN
        RETURN (2, 9223372036854775807, 'the queue''s money is capped, and nobody knows what this '
            'can cost')::pomex.later;
    END IF;
    RETURN (1, 9223372036854775807, 'the queue''s cap is reached')::pomex.later;
END $$;

-- Counts it among the account's tasks in flight. A gate that was shut lets one through when its
-- time is over, the probe, and the others not before it has an answer or 30 s have passed.
CREATE FUNCTION pomex.take_task(account bigint, video bigint, job bigint, attempt bigint)
RETURNS pomex.later LANGUAGE plpgsql AS $$
DECLARE
    has pomex.account;
    moment bigint;
BEGIN
    SELECT * INTO has FROM pomex.account a WHERE a.id = account FOR NO KEY UPDATE;
    moment := pomex.wall(); -- the row was perhaps waited for
    IF has.gate_until > moment
        AND (has.gate_until <= moment + 900000 OR has.gate_until = 9223372036854775807) THEN
        RETURN (6, CASE WHEN has.probe_job IS NULL THEN has.gate_until
                        ELSE least(has.gate_until, moment + 1000) END,
                coalesce(has.gate_why, ''))::pomex.later; -- IS NOT NULL is true of no row with a null
    ELSIF video > 0 AND has.tasks >= has.max_tasks THEN
        RETURN (5, moment + 1000, 'as many tasks as the account may have are in flight')::pomex.later;
    END IF;
    UPDATE pomex.account a SET tasks = tasks + video,
        gate_until = CASE WHEN has.gate_until > 0 THEN moment + 30000 ELSE 0 END,
        probe_job = CASE WHEN has.gate_until > 0 THEN take_task.job END,
        probe_attempt = CASE WHEN has.gate_until > 0 THEN take_task.attempt END
        WHERE a.id = account;
    RETURN NULL;
END $$;

CREATE FUNCTION pomex.begin_attempt(worker bigint, job bigint, fence bigint, attempt bigint,
    cost bigint, body text, model text, version text, disk bigint)
RETURNS TABLE (answer int, why text, reason int, not_before bigint) LANGUAGE plpgsql AS $$
DECLARE
    lives record;
    it pomex.job;
    made pomex.attempt;
    later pomex.later;
    video bigint;
BEGIN
    SELECT * INTO lives FROM pomex.worker_lives(worker);
    IF lives.answer IS NOT NULL THEN
        RETURN QUERY SELECT lives.answer, lives.why, 0, 0::bigint;
        RETURN;
    END IF;
    SELECT * INTO it FROM pomex.job j WHERE j.id = begin_attempt.job FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN QUERY SELECT 7, 'there is no such job', 0, 0::bigint;
        RETURN;
    END IF;
    SELECT * INTO made FROM pomex.attempt a
        WHERE a.job = begin_attempt.job AND a.number = begin_attempt.attempt;
    IF FOUND THEN -- the answer that was given, if it is still true
        RETURN QUERY SELECT CASE WHEN made.worker = begin_attempt.worker
            AND made.fence = begin_attempt.fence AND made.stage < 0 AND it.state = 2
            AND it.attempt = made.number THEN 1 ELSE 3 END, NULL::text, 0, 0::bigint;
        RETURN;
    END IF;
    IF it.fence <> begin_attempt.fence OR it.worker IS DISTINCT FROM begin_attempt.worker
        OR it.state <> 1 OR begin_attempt.attempt <> it.attempt + 1 THEN
        RETURN QUERY SELECT 3, NULL::text, 0, 0::bigint;
        RETURN;
    ELSIF cost > 1000000000000000 THEN
        RETURN QUERY SELECT 6, 'no attempt costs so much', 0, 0::bigint;
        RETURN;
    ELSIF it.account <> 0 AND it.account <> lives.account THEN
        RETURN QUERY SELECT 6, format('"%s" was begun with another base URL or account', it.key),
            0, 0::bigint;
        RETURN;
    END IF;
    video := CASE it.kind WHEN 0 THEN 1 ELSE 0 END;
    later := pomex.bar_of(it, disk);
    IF later IS NULL THEN
        later := pomex.take_money(it.queue, video, cost);
        IF later IS NULL THEN
            later := pomex.take_task(lives.account, video, it.id, begin_attempt.attempt);
            IF later IS NOT NULL THEN
                UPDATE pomex.queue q SET videos = videos - video, money = money - greatest(cost, 0)
                    WHERE q.id = it.queue;
            END IF;
        END IF;
    END IF;
    IF later IS NOT NULL THEN
        RETURN QUERY SELECT 4, later.why, later.reason, later.not_before;
        RETURN;
    END IF;
    INSERT INTO pomex.attempt (job, number, worker, fence, account, begun, body, model, version,
        cost, held, counted, in_flight, video)
        VALUES (it.id, begin_attempt.attempt, worker, it.fence, lives.account, pomex.wall(),
                body, model, version, cost, greatest(cost, 0), video, video, video);
    UPDATE pomex.job j SET state = 2, attempt = begin_attempt.attempt, account = lives.account,
        error = NULL WHERE j.id = it.id;
    PERFORM pomex.note_event(it.queue, it.id, 'begun', NULL, NULL);
    RETURN QUERY SELECT 0, NULL::text, 0, 0::bigint;
END $$;
