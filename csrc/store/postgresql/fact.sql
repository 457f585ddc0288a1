-- fact: what became of an attempt. Facts are true whoever brings them and whenever: a worker that
-- was cut off for two minutes comes back with the id of a paid video. So no fence is asked for here,
-- and a job is moved by what is known of it alone.

-- Moves the job. The end of a job takes it from its worker.
CREATE FUNCTION pomex.set_state(its_job bigint, its_state int, its_due bigint, its_error text,
    its_note text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pomex.job SET state = its_state, due = pomex.due(its_due), deaths = 0, error = its_error,
        note = coalesce(its_note, note),
        ended = CASE WHEN its_state BETWEEN 5 AND 8 THEN pomex.wall() ELSE 0 END,
        worker = CASE WHEN its_state BETWEEN 5 AND 8 THEN NULL ELSE worker END
        WHERE id = its_job;
END $$;

-- The account was turned away: no probe that began before opens its gate.
CREATE FUNCTION pomex.shut_gate(its_account bigint, until bigint, its_error text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pomex.account SET probe_job = NULL, probe_attempt = NULL, gate_why = its_error,
        gate_until = greatest(gate_until,
            CASE until WHEN 9223372036854775807 THEN until ELSE pomex.due(until) END)
        WHERE id = its_account;
END $$;

-- It never left, or was turned away: the money is back, and the job is ready again.
CREATE FUNCTION pomex.not_made(it pomex.job, made pomex.attempt, its_kind int, its_due bigint,
    its_gate bigint, its_error text, its_note text, OUT answer int) LANGUAGE plpgsql AS $$
BEGIN
    IF made.stage >= 0 THEN
        answer := 1;
        RETURN;
    END IF;
    UPDATE pomex.attempt SET stage = its_kind, error = coalesce(its_error, error)
        WHERE job = made.job AND number = made.number;
    PERFORM pomex.hold(made.job, made.number, 0, 0, 0);
    PERFORM pomex.probe_over(made.account, made.job, made.number);
    IF its_kind = 2 AND its_gate > 0 THEN
        PERFORM pomex.shut_gate(made.account, its_gate, its_error);
    END IF;
    IF it.attempt = made.number AND it.task IS NULL AND it.state IN (2, 9) THEN
        PERFORM pomex.set_state(it.id, 1, its_due, its_error, its_note);
    END IF;
    PERFORM pomex.note_event(it.queue, it.id,
        CASE its_kind WHEN 0 THEN 'never left' WHEN 1 THEN 'late' ELSE 'turned away' END, NULL,
        its_error);
    answer := 0;
END $$;

-- The attempt has an id. Money that was given back, because the request was said never to have left,
-- is held again, and a task that nobody knew of is in flight: no limit is asked about what is true.
CREATE FUNCTION pomex.has_task(it pomex.job, made pomex.attempt, its_task text, its_due bigint,
    its_error text, its_note text, OUT answer int, OUT why text) LANGUAGE plpgsql AS $$
DECLARE
    holder bigint;
    was_known boolean;
BEGIN
    INSERT INTO pomex.task AS t VALUES (made.account, its_task, it.id, made.number)
        ON CONFLICT DO NOTHING;
    was_known := NOT FOUND;
    SELECT t.job INTO holder FROM pomex.task t WHERE t.account = made.account AND t.id = its_task;
    IF holder <> it.id THEN
        answer := 6;
        why := format('the id %s belongs to another job of this store', its_task);
        RETURN;
    END IF;
    IF made.task IS NULL THEN
        UPDATE pomex.attempt a SET task = its_task, stage = greatest(a.stage, 3)
            WHERE a.job = made.job AND a.number = made.number;
    END IF;
    IF made.stage < 4 AND (made.task IS NULL OR
        it.state IN (1, 2, 9) AND (it.task IS NULL OR it.task = its_task)) THEN
        PERFORM pomex.hold(made.job, made.number, greatest(made.cost, 0), made.video, made.video);
    END IF;
    PERFORM pomex.open_gate(made.account, made.job, made.number);
    IF it.state IN (1, 2, 9) AND (it.task IS NULL OR it.task = its_task) THEN
        UPDATE pomex.job j SET task = its_task WHERE j.id = it.id;
        PERFORM pomex.set_state(it.id, 3, its_due, its_error, its_note);
        PERFORM pomex.note_event(it.queue, it.id, 'id', NULL, its_task);
        answer := 0;
    ELSIF was_known THEN
        answer := 1;
    ELSE
        PERFORM pomex.note_event(it.queue, it.id, 'second id', NULL, its_task);
        answer := 2;
        why := format('%s has the id %s beside what it had: perhaps both are billed', it.key,
                      its_task);
    END IF;
END $$;

-- Ten failures of one kind in a row pause the queue: it is not the videos that are at fault.
CREATE FUNCTION pomex.count_failure(its_queue bigint, its_outcome int, its_failure text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    has pomex.queue;
BEGIN
    IF its_outcome <> 6 THEN
        UPDATE pomex.queue SET failure = NULL, failures = 0
            WHERE id = its_queue AND (failures <> 0 OR failure IS NOT NULL);
    ELSIF its_failure IS NOT NULL THEN
        UPDATE pomex.queue SET failure = its_failure,
            failures = CASE WHEN failure = its_failure THEN failures + 1 ELSE 1 END
            WHERE id = its_queue RETURNING * INTO has;
        IF has.failures >= 10 THEN
            UPDATE pomex.queue SET paused = true, failures = 0,
                why = 'ten failures in a row: ' || its_failure WHERE id = its_queue;
            PERFORM pomex.note_event(its_queue, 0, 'paused', NULL, its_failure);
        END IF;
    END IF;
END $$;

CREATE FUNCTION pomex.has_ended(its_job bigint, its_attempt bigint, its_outcome int,
    its_cost bigint, is_free boolean, its_failure text, its_due bigint, its_error text,
    its_note text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    it pomex.job;
    made pomex.attempt;
    costs bigint;
BEGIN
    SELECT * INTO it FROM pomex.job j WHERE j.id = its_job;
    SELECT * INTO made FROM pomex.attempt a WHERE a.job = its_job AND a.number = its_attempt;
    costs := CASE WHEN its_cost >= 0 THEN its_cost ELSE made.cost END;
    UPDATE pomex.attempt a SET stage = CASE its_outcome WHEN 4 THEN 5 ELSE 4 END,
        error = coalesce(its_error, a.error)
        WHERE a.job = its_job AND a.number = its_attempt;
    PERFORM pomex.hold(its_job, its_attempt, CASE WHEN is_free THEN 0 ELSE greatest(costs, 0) END,
                       CASE WHEN is_free THEN 0 ELSE made.video END, 0);
    PERFORM pomex.open_gate(made.account, its_job, its_attempt);
    IF it.state IN (2, 3, 9)
        AND (it.task = made.task OR it.task IS NULL AND it.attempt = its_attempt) THEN
        PERFORM pomex.set_state(its_job, its_outcome, its_due, its_error, its_note);
        PERFORM pomex.count_failure(it.queue, its_outcome, its_failure);
        IF its_outcome = 5 THEN
            UPDATE pomex.job j SET blocked = j.blocked - 1 WHERE j.blocked > 0 AND j.id IN
                (SELECT n.job FROM pomex.need n WHERE n.queue = it.queue AND n.key = it.key);
        END IF;
    END IF;
    PERFORM pomex.note_event(it.queue, its_job, CASE its_outcome WHEN 4 THEN 'made'
        WHEN 5 THEN 'done' WHEN 6 THEN 'failed' WHEN 7 THEN 'cancelled' ELSE 'expired' END, NULL,
        its_error);
END $$;

-- What is refused of it, and what is known already.
CREATE FUNCTION pomex.fact_answer(made pomex.attempt, its_kind int, its_task text,
    its_outcome int, its_cost bigint, OUT answer int, OUT why text) LANGUAGE plpgsql AS $$
BEGIN
    IF made.job IS NULL THEN
        answer := 7;
        why := 'there is no such attempt';
    ELSIF its_kind = 3 AND its_task IS NULL THEN
        answer := 6;
        why := 'a task needs an id';
    ELSIF its_kind = 4 AND (its_outcome NOT BETWEEN 4 AND 8 OR its_cost > 1000000000000000) THEN
        answer := 6;
        why := 'this is no outcome of an attempt, or no cost';
    ELSIF its_kind = 4 AND made.stage >= 4 THEN
        answer := 1;
    END IF;
END $$;

CREATE FUNCTION pomex.fact(its_job bigint, its_attempt bigint, its_kind int, its_task text,
    its_outcome int, its_cost bigint, is_free boolean, its_failure text, its_due bigint,
    its_gate bigint, its_error text, its_note text)
RETURNS TABLE (answer int, why text, state int) LANGUAGE plpgsql AS $$
DECLARE
    it pomex.job;
    made pomex.attempt;
BEGIN
    SELECT * INTO it FROM pomex.job j WHERE j.id = its_job FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN QUERY SELECT 7, 'there is no such job', 0;
        RETURN;
    END IF;
    PERFORM FROM pomex.queue q WHERE q.id = it.queue FOR NO KEY UPDATE;
    SELECT * INTO made FROM pomex.attempt a WHERE a.job = its_job AND a.number = its_attempt;
    SELECT f.answer, f.why INTO answer, why
        FROM pomex.fact_answer(made, its_kind, its_task, its_outcome, its_cost) f;
    IF answer IS NULL AND its_kind < 3 THEN
        answer := pomex.not_made(it, made, its_kind, its_due, its_gate, its_error, its_note);
    ELSIF answer IS NULL THEN
        IF its_kind = 3 OR its_task IS NOT NULL AND made.task IS NULL THEN
            SELECT h.answer, h.why INTO answer, why
                FROM pomex.has_task(it, made, its_task, its_due, its_error, its_note) h;
        END IF;
        IF its_kind = 4 AND answer IS DISTINCT FROM 6 THEN
            PERFORM pomex.has_ended(its_job, its_attempt, its_outcome, its_cost, is_free,
                                    its_failure, its_due, its_error, its_note);
            answer := CASE answer WHEN 2 THEN 2 ELSE 0 END;
        END IF;
    END IF;
    SELECT j.state INTO state FROM pomex.job j WHERE j.id = its_job;
    RETURN NEXT;
END $$;
