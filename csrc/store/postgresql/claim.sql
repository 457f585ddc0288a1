-- What the holder of a job does with it: claim, move, release; and the account's gate.

-- A job that was claimed, or nulls, and when the next that nobody has is due.
CREATE VIEW pomex.claimed AS SELECT s.*, 0::bigint AS next_due FROM pomex.shown s;

-- Those that are due, or due so late that the wall clock was set back since. Jobs that claims of
-- this process took whose answer was lost, from after `answered` to `before`, are nobody's again.
CREATE FUNCTION pomex.claim(its_worker bigint, of_queue text, most bigint, its_number bigint,
    answered bigint, before bigint)
RETURNS SETOF pomex.claimed LANGUAGE plpgsql AS $$
DECLARE
    lives record;
    has pomex.queue;
    none pomex.claimed;
    next_due bigint;
    taken bigint[];
    more bigint[];
    moment bigint;
BEGIN
    SELECT * INTO lives FROM pomex.worker_lives(its_worker);
    IF lives.answer IS NOT NULL THEN
        none.answer := lives.answer;
        none.why := lives.why;
        RETURN NEXT none;
        RETURN;
    END IF;
    SELECT * INTO has FROM pomex.queue q WHERE q.name = of_queue;
    IF NOT FOUND THEN
        none.answer := 7;
        none.why := format('there is no queue "%s"', of_queue);
        RETURN NEXT none;
        RETURN;
    END IF;
    IF before > answered THEN
        UPDATE pomex.job j SET worker = NULL WHERE j.worker = its_worker AND j.state <> 2
            AND j.claim > answered AND j.claim <= before;
    END IF;
    PERFORM pomex.show(has.id, NULL, 5000);
    moment := pomex.wall();
    SELECT array_agg(found.id ORDER BY found.due) INTO taken FROM (
        SELECT j.id, j.due FROM pomex.job j WHERE j.queue = has.id AND j.state IN (3, 4)
            AND j.worker IS NULL AND NOT j.stuck AND (j.due <= moment OR j.due > moment + 900001)
            AND j.account IN (0, lives.account)
            ORDER BY j.due LIMIT most FOR NO KEY UPDATE SKIP LOCKED) found;
    IF NOT has.paused THEN
        SELECT array_agg(found.id ORDER BY found.due) INTO more FROM (
            SELECT j.id, j.due FROM pomex.job j WHERE j.queue = has.id AND j.state = 1
                AND j.worker IS NULL AND NOT j.stuck AND j.blocked = 0
                AND (j.due <= moment OR j.due > moment + 900001)
                AND j.account IN (0, lives.account)
                ORDER BY j.due LIMIT most - coalesce(cardinality(taken), 0)
                FOR NO KEY UPDATE SKIP LOCKED) found;
        taken := taken || more;
    END IF;
    UPDATE pomex.job j SET worker = its_worker, fence = j.fence + 1, claim = its_number
        WHERE j.id = ANY (taken);
    SELECT least(
        (SELECT min(j.due) FROM pomex.job j WHERE j.queue = has.id AND j.state = 1
            AND j.worker IS NULL AND NOT j.stuck AND j.blocked = 0),
        (SELECT min(j.due) FROM pomex.job j WHERE j.queue = has.id AND j.state IN (3, 4)
            AND j.worker IS NULL AND NOT j.stuck), 9223372036854775807) INTO next_due;
    RETURN QUERY SELECT s.*, next_due FROM (SELECT) one
        LEFT JOIN unnest(taken) WITH ORDINALITY t (id, place) ON true
        LEFT JOIN pomex.shown s ON s.id = t.id ORDER BY t.place;
END $$;

-- Its own worker says that the request is over, and that nobody knows what it did.
CREATE FUNCTION pomex.becomes_unclear(it pomex.job, its_error text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    made pomex.attempt;
BEGIN
    SELECT * INTO made FROM pomex.attempt a WHERE a.job = it.id AND a.number = it.attempt;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    PERFORM pomex.hold(it.id, made.number, made.held, made.counted, 0);
    PERFORM pomex.probe_over(made.account, it.id, made.number);
    UPDATE pomex.attempt a SET over = true, error = coalesce(its_error, a.error)
        WHERE a.job = it.id AND a.number = made.number;
    PERFORM pomex.note_event(it.queue, it.id, 'unclear', NULL, its_error);
END $$;

CREATE FUNCTION pomex.move(its_worker bigint, its_job bigint, its_fence bigint, from_state int,
    to_state int, its_due bigint, is_stuck boolean, its_saved text, its_sha256 text,
    its_length bigint, its_error text, its_note text)
RETURNS TABLE (answer int, why text) LANGUAGE plpgsql AS $$
DECLARE
    lives record;
    it pomex.job;
BEGIN
    SELECT * INTO lives FROM pomex.worker_lives(its_worker);
    SELECT * INTO it FROM pomex.job j WHERE j.id = its_job FOR NO KEY UPDATE;
    answer := CASE WHEN NOT FOUND THEN 7
        WHEN from_state <> to_state AND it.state = to_state AND it.fence = its_fence THEN 1
        WHEN lives.answer IS NOT NULL THEN lives.answer
        WHEN (from_state, to_state) NOT IN ((2, 9), (1, 1), (3, 3), (3, 9), (4, 4), (4, 5)) THEN 6
        WHEN it.worker IS DISTINCT FROM its_worker OR it.fence <> its_fence
            OR it.state <> from_state THEN 3
        WHEN to_state = 5 AND it.sha256 IS NULL THEN 6
        ELSE 0 END;
    why := CASE WHEN answer = 7 AND it.id IS NULL THEN 'there is no such job'
        WHEN answer = 7 THEN lives.why
        WHEN answer = 6 AND to_state = 5 AND from_state = 4
            THEN 'the sum of its file was not noted before'
        WHEN answer = 6 THEN 'no job moves so' END;
    IF answer = 0 THEN
        IF from_state <> to_state OR is_stuck THEN
            PERFORM FROM pomex.queue q WHERE q.id = it.queue FOR NO KEY UPDATE;
        END IF;
        IF to_state = 9 THEN
            PERFORM pomex.becomes_unclear(it, its_error);
        END IF;
        UPDATE pomex.job j SET state = to_state, due = pomex.due(its_due),
            stuck = j.stuck OR is_stuck, error = its_error, note = coalesce(its_note, j.note),
            worker = CASE WHEN to_state IN (5, 9) OR is_stuck THEN NULL ELSE j.worker END,
            ended = CASE to_state WHEN 5 THEN pomex.wall() ELSE 0 END,
            deaths = CASE to_state WHEN 3 THEN 0 ELSE j.deaths END,
            saved = CASE WHEN its_sha256 IS NULL THEN j.saved ELSE its_saved END,
            length = CASE WHEN its_sha256 IS NULL THEN j.length ELSE its_length END,
            sha256 = coalesce(its_sha256, j.sha256)
            WHERE j.id = its_job;
        IF to_state = 5 THEN
            PERFORM pomex.note_event(it.queue, it.id, 'done', NULL, NULL);
        END IF;
    END IF;
    RETURN NEXT;
END $$;

-- `jobs` null: all that it holds.
CREATE FUNCTION pomex.release(its_worker bigint, jobs bigint[])
RETURNS TABLE (answer int, why text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM pomex.job j WHERE j.worker = its_worker AND (jobs IS NULL OR j.id = ANY (jobs))
        ORDER BY j.id FOR NO KEY UPDATE;
    UPDATE pomex.job j SET worker = NULL WHERE j.worker = its_worker AND j.state <> 2
        AND (jobs IS NULL OR j.id = ANY (jobs));
    answer := 0;
    RETURN NEXT;
END $$;

CREATE FUNCTION pomex.gate(its_worker bigint, until bigint, its_text text)
RETURNS TABLE (answer int, why text) LANGUAGE plpgsql AS $$
DECLARE
    lives record;
BEGIN
    SELECT * INTO lives FROM pomex.worker_lives(its_worker);
    answer := lives.answer;
    why := lives.why;
    IF answer IS NULL THEN
        UPDATE pomex.account a SET gate_why = its_text, probe_job = NULL, probe_attempt = NULL,
            gate_until = CASE until WHEN 9223372036854775807 THEN until ELSE pomex.due(until) END
            WHERE a.id = lives.account;
        answer := 0;
    END IF;
    RETURN NEXT;
END $$;
