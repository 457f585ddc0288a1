-- What a person says, each time an event with a name.

CREATE TYPE pomex.answered AS (answer int, why text);

-- A job by its key, locked, and its queue with it; all of its columns are null if there is none.
CREATE FUNCTION pomex.job_named(of_queue text, named text) RETURNS pomex.job LANGUAGE plpgsql AS $$
DECLARE
    job pomex.job;
BEGIN
    SELECT j.* INTO job FROM pomex.job j JOIN pomex.queue q ON q.id = j.queue
        WHERE q.name = of_queue AND j.key = named FOR NO KEY UPDATE OF j;
    PERFORM FROM pomex.queue q WHERE q.id = job.queue FOR NO KEY UPDATE;
    RETURN job;
END $$;

CREATE FUNCTION pomex.refused(job pomex.job, because text) RETURNS pomex.answered LANGUAGE sql AS $$
    SELECT CASE WHEN job.id IS NULL THEN 7 ELSE 6 END,
           CASE WHEN job.id IS NULL THEN 'there is no such job'
                ELSE format('"%s" %s', job.key, because) END
$$;

CREATE FUNCTION pomex.said(job pomex.job, what text, who text, words text)
RETURNS pomex.answered LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pomex.note_event(job.queue, job.id, what, who, words);
    RETURN (0, NULL)::pomex.answered;
END $$;

-- The job is nobody's, under a new fence, and due.
CREATE FUNCTION pomex.set_free(job bigint, becomes int) RETURNS void LANGUAGE sql AS $$
    UPDATE pomex.job j SET state = becomes, worker = NULL, fence = fence + 1, due = 0,
        stuck = false, deaths = 0, ended = CASE becomes WHEN 7 THEN pomex.wall() ELSE 0 END
        WHERE j.id = set_free.job
$$;

CREATE FUNCTION pomex.retry(of_queue text, named text, who text, new_line text, new_body text)
RETURNS pomex.answered LANGUAGE plpgsql AS $$
DECLARE
    job pomex.job := pomex.job_named(of_queue, named);
    is_over boolean := coalesce(job.state IN (6, 7, 8), false);
    -- Whether another video or portrait is asked for than the job's.
    is_reworded boolean := CASE WHEN new_line IS NULL THEN new_body IS NOT NULL ELSE NOT EXISTS
        (SELECT FROM pomex.content c WHERE c.job = job.id AND c.line = new_line) END;
    -- Whether its video was made, and it was cancelled while that was being saved.
    is_made boolean := coalesce(job.state = 7, false) AND NOT is_reworded AND EXISTS (SELECT
        FROM pomex.attempt a WHERE a.job = job.id AND a.task = job.task AND a.stage = 5);
    -- Whether nobody knows what became of its newest request: it was cancelled while it was unclear.
    perhaps_made boolean := is_over AND NOT is_made AND EXISTS (SELECT FROM pomex.attempt a
        WHERE a.job = job.id AND a.number = job.attempt AND a.stage IN (-1, 3));
BEGIN
    IF NOT is_over AND job.stuck IS DISTINCT FROM true THEN
        RETURN pomex.refused(job, 'is not failed, cancelled, expired or stuck');
    ELSIF is_reworded AND NOT is_over THEN
        RETURN pomex.refused(job, 'is stuck, and keeps its body');
    ELSIF is_reworded AND perhaps_made THEN
        RETURN pomex.refused(job, 'was perhaps made, and keeps its body');
    ELSIF EXISTS (SELECT FROM pomex.content c WHERE c.job = job.id AND c.line = '') THEN
        RETURN pomex.refused(job, 'was forgotten');
    END IF;
    -- What is stuck goes on where it was, and what is paid is saved. Only resend sends again what was
    -- perhaps made.
    IF is_over AND NOT perhaps_made AND NOT is_made THEN
        PERFORM pomex.set_free(job.id, 1);
        UPDATE pomex.job j SET task = NULL, error = NULL, saved = NULL, sha256 = NULL,
            length = NULL WHERE j.id = job.id;
        UPDATE pomex.content c SET line = coalesce(new_line, line),
            body = coalesce(new_body, body) WHERE c.job = job.id;
    ELSE
        PERFORM pomex.set_free(job.id, CASE WHEN is_made THEN 4 WHEN perhaps_made THEN 9
                                            ELSE job.state END);
    END IF;
    RETURN pomex.said(job, 'retry', who, CASE WHEN is_reworded THEN 'with another body' END);
END $$;

-- An attempt of an unclear job is over by the word of its worker, or that one is buried: then no byte
-- of it has left later than 45 s after the last beat that was acknowledged.
CREATE FUNCTION pomex.resend(of_queue text, named text, who text, at_once boolean)
RETURNS pomex.answered LANGUAGE plpgsql AS $$
DECLARE
    job pomex.job := pomex.job_named(of_queue, named);
    attempt pomex.attempt;
BEGIN
    IF job.state IS DISTINCT FROM 9 THEN
        RETURN pomex.refused(job, 'is not unclear');
    END IF;
    SELECT * INTO attempt FROM pomex.attempt a WHERE a.job = job.id AND a.number = job.attempt;
    IF NOT at_once AND pomex.wall() - attempt.begun < 900000 THEN
        RETURN pomex.refused(job, 'was begun less than 15 minutes ago; look first');
    END IF;
    PERFORM pomex.set_free(job.id, 1);
    UPDATE pomex.job j SET task = NULL WHERE j.id = job.id;
    RETURN pomex.said(job, 'resend', who, NULL);
END $$;

-- The account of an adopted attempt, made if there is none.
CREATE FUNCTION pomex.account_of(its_name text, its_base_url text, its_key text)
RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pomex.account (name, base_url, key_hash)
        VALUES (its_name, its_base_url, coalesce(its_key, '')) ON CONFLICT DO NOTHING;
    RETURN (SELECT a.id FROM pomex.account a
            WHERE a.name = its_name AND a.base_url = its_base_url);
END $$;

-- What is unclear is the attempt that it has. What is ready or cancelled was made in a past that the
-- store has forgotten: that is an attempt of no worker (0), whatever the caps say.
CREATE FUNCTION pomex.adopt(of_queue text, named text, who text, its_task text, its_base_url text,
    its_account text, its_key text, its_cost bigint, its_time bigint)
RETURNS pomex.answered LANGUAGE plpgsql AS $$
DECLARE
    job pomex.job := pomex.job_named(of_queue, named);
    attempt pomex.attempt;
    holder bigint;
    is_new boolean;
    was_there boolean;
    of_account bigint;
BEGIN
    SELECT * INTO attempt FROM pomex.attempt a WHERE a.job = job.id AND a.number = job.attempt;
    is_new := attempt.job IS NULL
        OR NOT (job.state = 9 OR (job.state = 7 AND attempt.stage < 0));
    IF its_task IS NULL OR job.id IS NULL THEN
        RETURN pomex.refused(job, 'is not unclear');
    ELSIF is_new THEN
        IF its_account IS NULL OR job.state NOT IN (1, 7) THEN
            RETURN pomex.refused(job, 'is not unclear, ready or cancelled');
        ELSIF job.state = 7 AND coalesce(attempt.stage IN (3, 5), false) THEN
            RETURN pomex.refused(job, 'has an id already: retry goes on with it');
        END IF;
        of_account := pomex.account_of(its_account, its_base_url, its_key);
        IF job.account <> 0 AND job.account <> of_account THEN
            RETURN pomex.refused(job, 'was begun with another base URL or account');
        END IF;
        attempt.account := of_account;
        attempt.number := job.attempt + 1;
        attempt.video := CASE job.kind WHEN 0 THEN 1 ELSE 0 END;
        attempt.cost := CASE WHEN its_cost < 1000000000000000 THEN its_cost ELSE -1 END;
    END IF;
    INSERT INTO pomex.task VALUES (attempt.account, its_task, job.id, attempt.number)
        ON CONFLICT DO NOTHING;
    was_there := NOT FOUND;
    SELECT t.job INTO holder FROM pomex.task t
        WHERE t.account = attempt.account AND t.id = its_task;
    IF holder <> job.id OR (was_there AND is_new) THEN
        RETURN (6, format('the id %s belongs to %s', its_task, CASE WHEN holder = job.id
            THEN 'an earlier attempt of this job' ELSE 'another job of this store' END))
            ::pomex.answered;
    END IF;
    IF is_new THEN
        INSERT INTO pomex.attempt (job, number, worker, fence, account, begun, cost, held, counted,
            in_flight, video, stage) VALUES (job.id, attempt.number, 0, job.fence, attempt.account,
            CASE WHEN its_time > 0 THEN least(its_time, pomex.wall()) ELSE pomex.wall() END,
            attempt.cost, 0, 0, 0, attempt.video, 3);
        UPDATE pomex.job j SET attempt = job.attempt + 1, account = of_account
            WHERE j.id = job.id;
    END IF;
    UPDATE pomex.attempt a SET task = its_task, stage = 3
        WHERE a.job = job.id AND a.number = attempt.number;
    PERFORM pomex.hold(job.id, attempt.number, greatest(attempt.cost, 0), attempt.video,
                       attempt.video);
    PERFORM pomex.set_free(job.id, 3);
    UPDATE pomex.job j SET task = its_task, error = NULL WHERE j.id = job.id;
    RETURN pomex.said(job, 'adopt', who, its_task);
END $$;

CREATE FUNCTION pomex.resolve(of_queue text, named text, who text, which bigint,
    not_billed boolean) RETURNS pomex.answered LANGUAGE plpgsql AS $$
DECLARE
    job pomex.job := pomex.job_named(of_queue, named);
    attempt pomex.attempt;
BEGIN
    SELECT * INTO attempt FROM pomex.attempt a
        WHERE a.job = job.id AND a.number = coalesce(nullif(which, 0), job.attempt);
    IF job.id IS NOT NULL AND attempt.job IS NULL THEN
        RETURN (7, 'there is no such attempt')::pomex.answered;
    ELSIF job.id IS NULL OR (job.state = 2 AND attempt.number = job.attempt) THEN
        RETURN pomex.refused(job, 'is being sent');
    END IF;
    IF not_billed THEN
        PERFORM pomex.hold(job.id, attempt.number, 0, 0, attempt.in_flight);
    END IF;
    RETURN pomex.said(job, 'resolve', who, CASE WHEN not_billed THEN 'not billed' ELSE 'billed' END);
END $$;

CREATE FUNCTION pomex.cancel(of_queue text, named text, who text)
RETURNS pomex.answered LANGUAGE plpgsql AS $$
DECLARE
    job pomex.job := pomex.job_named(of_queue, named);
BEGIN
    IF job.state = 7 THEN
        RETURN (1, NULL)::pomex.answered;
    ELSIF job.id IS NULL OR job.state NOT IN (1, 3, 4, 9) THEN
        RETURN pomex.refused(job, 'is not ready, unclear, being made or being saved');
    END IF;
    PERFORM pomex.set_free(job.id, 7);
    RETURN pomex.said(job, 'cancel', who, NULL);
END $$;

-- What is overwritten here is in old versions of the rows until the server has vacuumed them, and in
-- its log and its backups for as long as those are kept.
CREATE FUNCTION pomex.forget(of_queue text, named text, who text)
RETURNS pomex.answered LANGUAGE plpgsql AS $$
DECLARE
    job pomex.job := pomex.job_named(of_queue, named);
BEGIN
    IF job.id IS NULL OR job.state NOT BETWEEN 5 AND 8 THEN
        RETURN pomex.refused(job, 'is not done, failed, cancelled or expired');
    ELSIF EXISTS (SELECT FROM pomex.need n JOIN pomex.job d ON d.id = n.job
                  WHERE n.queue = job.queue AND n.key = job.key AND d.state NOT BETWEEN 5 AND 8) THEN
        RETURN pomex.refused(job, 'is needed by jobs that are not over');
    END IF;
    UPDATE pomex.content c SET line = '', body = '' WHERE c.job = job.id;
    UPDATE pomex.attempt a SET body = NULL, error = NULL WHERE a.job = job.id;
    UPDATE pomex.event e SET text = NULL WHERE e.job = job.id;
    DELETE FROM pomex.need n WHERE n.job = job.id;
    UPDATE pomex.job j SET key = '(forgotten ' || j.id || ')', save = NULL, saved = NULL,
        length = NULL, sha256 = NULL, error = NULL, note = NULL WHERE j.id = job.id;
    RETURN pomex.said(job, 'forget', who, NULL);
END $$;

-- ------------------------------------------------------------------------------ of a queue

CREATE FUNCTION pomex.no_queue(named text) RETURNS pomex.answered LANGUAGE sql AS $$
    SELECT 7, format('there is no queue "%s"', named)
$$;

CREATE FUNCTION pomex.make_queue(named text, most_videos bigint, most_money bigint)
RETURNS pomex.answered LANGUAGE plpgsql AS $$
DECLARE
    is_new boolean;
BEGIN
    INSERT INTO pomex.queue (name) VALUES (named) ON CONFLICT DO NOTHING;
    is_new := FOUND;
    UPDATE pomex.queue q SET capped = true, videos_cap = most_videos, money_cap = most_money
        WHERE q.name = named AND NOT q.capped AND (most_videos >= 0 OR most_money >= 0);
    RETURN (CASE WHEN is_new OR FOUND THEN 0 ELSE 1 END, NULL)::pomex.answered;
END $$;

CREATE FUNCTION pomex.cap(named text, most_videos bigint, most_money bigint, who text, words text)
RETURNS pomex.answered LANGUAGE plpgsql AS $$
DECLARE
    queue bigint;
BEGIN
    UPDATE pomex.queue q SET capped = true, videos_cap = most_videos, money_cap = most_money
        WHERE q.name = named RETURNING q.id INTO queue;
    IF queue IS NULL THEN
        RETURN pomex.no_queue(named);
    END IF;
    PERFORM pomex.note_event(queue, 0, 'cap', who, words);
    RETURN (0, NULL)::pomex.answered;
END $$;

CREATE FUNCTION pomex.pause(named text, is_paused boolean, who text, words text)
RETURNS pomex.answered LANGUAGE plpgsql AS $$
DECLARE
    queue bigint;
BEGIN
    UPDATE pomex.queue q SET paused = is_paused, why = CASE WHEN is_paused THEN words END,
        failure = NULL, failures = 0 WHERE q.name = named RETURNING q.id INTO queue;
    IF queue IS NULL THEN
        RETURN pomex.no_queue(named);
    END IF;
    PERFORM pomex.note_event(queue, 0, CASE WHEN is_paused THEN 'pause' ELSE 'go on' END, who, words);
    RETURN (0, NULL)::pomex.answered;
END $$;

CREATE FUNCTION pomex.go_on(who text) RETURNS pomex.answered LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pomex.meta m SET value = pomex.lineage()
        WHERE m.name = 'lineage' AND m.value <> pomex.lineage();
    IF NOT FOUND THEN
        RETURN (1, NULL)::pomex.answered;
    END IF;
    PERFORM pomex.note_event(0, 0, 'continue', who, NULL);
    RETURN (0, NULL)::pomex.answered;
END $$;
