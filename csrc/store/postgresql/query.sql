-- What only reads. The first columns are the answer and why; no row at all is a yes, too.

-- A job as it is shown, in the order in which it is read.
CREATE VIEW pomex.shown AS
    SELECT 0 AS answer, NULL::text AS why, j.id, j.kind, j.state, j.fence, j.worker, j.attempt, j.due,
        j.blocked, j.stuck::int AS stuck, j.length, j.key, j.save, c.body, j.task, j.saved,
        j.sha256, j.error, j.note, a.base_url, a.name AS account, j.queue
    FROM pomex.job j JOIN pomex.content c ON c.job = j.id
    LEFT JOIN pomex.account a ON a.id = j.account;

-- The same with its attempts, in a row for each.
CREATE VIEW pomex.shown_with_attempts AS
    SELECT s.*, a.number, a.worker AS begun_by, a.begun, a.body AS sent, a.model, a.version, a.cost,
        a.held, a.task AS its_task, a.error AS its_error, a.stage + 1 AS its_stage,
        a.counted
    FROM pomex.shown s LEFT JOIN pomex.attempt a ON a.job = s.id;

-- By its key, or, where that is null, by an id that any attempt of it had: in the queue, or, where
-- that is null, in any. (The key of a task begins with its account, and a store has few accounts.)
CREATE FUNCTION pomex.get(of_queue text, named text, its_task text)
RETURNS SETOF pomex.shown_with_attempts LANGUAGE plpgsql STABLE AS $$
DECLARE
    found_job bigint;
    none pomex.shown_with_attempts;
BEGIN
    IF named IS NULL THEN
        SELECT j.id INTO found_job FROM pomex.account a
            JOIN pomex.task t ON t.account = a.id AND t.id = its_task
            JOIN pomex.job j ON j.id = t.job JOIN pomex.queue q ON q.id = j.queue
            WHERE of_queue IS NULL OR q.name = of_queue LIMIT 1;
    ELSE
        SELECT j.id INTO found_job FROM pomex.job j JOIN pomex.queue q ON q.id = j.queue
            WHERE q.name = of_queue AND j.key = named;
    END IF;
    RETURN QUERY SELECT s.* FROM pomex.shown_with_attempts s WHERE s.id = found_job
        ORDER BY s.number;
    IF NOT FOUND THEN
        none.answer := 7;
        none.why := 'there is no such job';
        RETURN NEXT none;
    END IF;
END $$;

-- Jobs after one, in the order of their ids; states: a bit for each that is wanted. Both kinds go by
-- an index: a part of a long list costs as much as one of a short list.
CREATE FUNCTION pomex.list(named text, states bigint, only_stuck boolean, after bigint, most bigint)
RETURNS SETOF pomex.shown LANGUAGE plpgsql STABLE AS $$
DECLARE
    of_queue bigint := (SELECT q.id FROM pomex.queue q WHERE q.name = named);
    one int := log(2, states);
    none pomex.shown;
BEGIN
    IF of_queue IS NULL THEN
        SELECT n.answer, n.why INTO none.answer, none.why FROM pomex.no_queue(named) n;
        RETURN NEXT none;
    ELSIF states = 1::bigint << one THEN
        RETURN QUERY SELECT * FROM pomex.shown s WHERE s.queue = of_queue AND s.id > after
            AND s.state = one AND (s.stuck = 1 OR NOT only_stuck) ORDER BY s.id LIMIT most;
    ELSE
        RETURN QUERY SELECT * FROM pomex.shown s WHERE s.queue = of_queue AND s.id > after
            AND (states >> s.state) & 1 = 1 AND (s.stuck = 1 OR NOT only_stuck)
            ORDER BY s.id LIMIT most;
    END IF;
END $$;

-- The counters of the queue and of an account (any is ours if it is null), and a row for each of
-- how many jobs there are of one state and mark.
CREATE FUNCTION pomex.counts(named text, its_base_url text, its_account text)
RETURNS TABLE (answer int, why text, videos bigint, videos_cap bigint, money bigint,
    money_cap bigint, paused int, pause_why text, tasks bigint, gate_until bigint,
    must_continue int, newest_event bigint, is_foreign int, state smallint, mark smallint, n bigint)
LANGUAGE sql AS $$
    SELECT CASE WHEN q.id IS NULL THEN 7 ELSE 0 END,
        CASE WHEN q.id IS NULL THEN (pomex.no_queue(named)).why END,
        q.videos, q.videos_cap, q.money, q.money_cap, q.paused::int, q.why,
        a.tasks, a.gate_until, pomex.is_foreign()::int,
        -- As in SQLite's: what a person decides before continue is an event, too.
        coalesce(CASE WHEN pomex.is_foreign() THEN (SELECT max(begun) FROM pomex.attempt
            WHERE worker > 0) END,
            (SELECT at FROM pomex.event ORDER BY id DESC LIMIT 1)),
        (its_account IS NOT NULL AND t.account <> 0 AND t.account <> coalesce(a.id, -1))::int,
        t.state, t.mark, t.n
    FROM (SELECT) AS one
    LEFT JOIN pomex.queue q ON q.name = named
    LEFT JOIN pomex.account a ON a.name = its_account AND a.base_url = its_base_url
    LEFT JOIN pomex.tally t ON t.queue = q.id
$$;

CREATE FUNCTION pomex.events(named text, its_key text, after bigint, most bigint)
RETURNS TABLE (answer int, why text, id bigint, at bigint, job bigint, key text, name text,
    by text, text text, age bigint)
LANGUAGE sql STABLE AS $$
    SELECT 0, NULL::text, e.id, e.at, e.job, j.key, e.name, e.by, e.text, pomex.wall() - e.at
    FROM pomex.event e
    LEFT JOIN pomex.job j ON j.id = e.job LEFT JOIN pomex.queue q ON q.id = e.queue
    WHERE e.id > after AND (named IS NULL OR q.name = named OR e.queue = 0)
        AND (its_key IS NULL OR j.key = its_key)
    ORDER BY e.id LIMIT most
$$;

CREATE FUNCTION pomex.workers() RETURNS TABLE (answer int, why text, id bigint, beat bigint)
LANGUAGE sql STABLE AS $$
    SELECT 0, NULL::text, w.id, w.beat FROM pomex.worker w WHERE NOT w.buried
$$;
