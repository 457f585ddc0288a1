-- put: jobs go in, at once or as the parts of a batch that becomes visible with its last one. A part
-- that waits is incoming; the table of that name says for which batches, since two workers may be
-- given one manifest, and whoever is done first has all of it in.
--
-- The jobs of a part are columns: the arrays keys, kinds, saves, lines, bodies and dues, all of one
-- length. What they need is two arrays more: needs, and for each the number of its job in the part.

-- The jobs of these keys. One at a time: "key = ANY (keys)" has a plan that looks at all of the queue.
CREATE FUNCTION pomex.those_named(of_queue bigint, keys text[]) RETURNS SETOF pomex.job
LANGUAGE sql STABLE AS $$
    SELECT found.* FROM unnest(keys) AS named CROSS JOIN LATERAL
        (SELECT * FROM pomex.job j WHERE j.queue = of_queue AND j.key = named LIMIT 1) found
$$;

-- Counts for some jobs what they need and is not there yet. A portrait may come in after its video.
CREATE FUNCTION pomex.count_needs(jobs bigint[]) RETURNS void LANGUAGE sql AS $$
    UPDATE pomex.job j SET blocked = (SELECT count(*) FROM pomex.need n
            LEFT JOIN pomex.job p ON p.queue = n.queue AND p.key = n.key
            WHERE n.job = j.id AND p.state IS DISTINCT FROM 5)
        WHERE j.id = ANY (jobs)
$$;

-- A part of new jobs goes in by one statement. Left out is whose key or file another job has.
CREATE FUNCTION pomex.put_new(of_queue bigint, in_batch bigint, keys text[], kinds int[],
    saves text[], lines text[], bodies text[], dues bigint[], needs text[], need_of int[],
    OUT verdicts int[]) LANGUAGE plpgsql AS $$
DECLARE
    made record;
BEGIN
    WITH part AS MATERIALIZED (
        SELECT * FROM unnest(keys, kinds, saves, lines, bodies, dues)
            WITH ORDINALITY AS p (key, kind, save, line, body, due, i)
    ), job AS (
        INSERT INTO pomex.job (queue, key, kind, state, save, due)
            SELECT of_queue, key, kind, CASE in_batch WHEN 0 THEN 1 ELSE 0 END, save, pomex.due(due)
            FROM part ORDER BY i ON CONFLICT DO NOTHING RETURNING id, key
    ), content AS (
        INSERT INTO pomex.content (job, line, body)
            SELECT job.id, part.line, part.body FROM job JOIN part USING (key)
    ), incoming AS (
        INSERT INTO pomex.incoming (batch, job) SELECT in_batch, id FROM job WHERE in_batch <> 0
    ), need AS (
        INSERT INTO pomex.need (queue, key, job) SELECT DISTINCT of_queue, n.key, job.id
            FROM unnest(needs, need_of) AS n (key, i) JOIN part ON part.i = n.i
            JOIN job ON job.key = part.key RETURNING job
    )
    SELECT array_agg(CASE WHEN job.id IS NOT NULL THEN 0 END ORDER BY part.i) AS verdicts,
            (SELECT array_agg(DISTINCT need.job) FROM need) AS needing
        INTO made FROM part LEFT JOIN job USING (key);
    IF made.needing IS NOT NULL THEN
        PERFORM pomex.count_needs(made.needing);
    END IF;
    verdicts := made.verdicts;
END $$;

CREATE FUNCTION pomex.set_needs(of_queue bigint, job bigint, needs text[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM pomex.need n WHERE n.job = set_needs.job;
    INSERT INTO pomex.need (queue, key, job)
        SELECT DISTINCT of_queue, key, set_needs.job FROM unnest(needs) AS key;
    PERFORM pomex.count_needs(ARRAY[job]);
END $$;

-- One job. Who holds one that is replaced knows the old body: a new fence takes it from there.
CREATE FUNCTION pomex.put_one(of_queue bigint, in_batch bigint, its_key text, its_kind int,
    its_save text, its_line text, its_body text, its_due bigint, its_needs text[])
RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    was record;
    made bigint;
    replaces boolean;
BEGIN
    SELECT j.id, j.state, j.attempt, c.line = its_line AS same,
            c.body = its_body AND j.save IS NOT DISTINCT FROM its_save AS equal
        INTO was FROM pomex.job j JOIN pomex.content c ON c.job = j.id
        WHERE j.queue = of_queue AND j.key = its_key FOR NO KEY UPDATE OF j;
    IF was.id IS NULL THEN
        INSERT INTO pomex.job (queue, key, kind, state, save, due) VALUES (of_queue, its_key,
                its_kind, CASE in_batch WHEN 0 THEN 1 ELSE 0 END, its_save, pomex.due(its_due))
            ON CONFLICT (queue, save) WHERE save IS NOT NULL DO NOTHING RETURNING id INTO made;
        IF made IS NULL THEN
            RETURN 4;
        END IF;
        INSERT INTO pomex.content (job, line, body) VALUES (made, its_line, its_body);
        INSERT INTO pomex.incoming (batch, job) SELECT in_batch, made WHERE in_batch <> 0;
        IF cardinality(its_needs) > 0 THEN
            PERFORM pomex.set_needs(of_queue, made, its_needs);
        END IF;
        RETURN 0;
    END IF;
    replaces := was.state IN (0, 1) AND
        CASE WHEN was.same THEN NOT was.equal ELSE was.attempt = 0 END;
    IF NOT was.same AND NOT replaces THEN
        RETURN 3;
    ELSIF replaces AND EXISTS (SELECT FROM pomex.job j
            WHERE j.queue = of_queue AND j.save = its_save AND j.id <> was.id) THEN
        RETURN 4;
    ELSIF replaces THEN
        UPDATE pomex.job j SET kind = its_kind, save = its_save, due = pomex.due(its_due),
            worker = NULL, fence = fence + 1, stuck = false, deaths = 0, error = NULL
            WHERE j.id = was.id;
        UPDATE pomex.content c SET line = its_line, body = its_body WHERE c.job = was.id;
        PERFORM pomex.set_needs(of_queue, was.id, its_needs);
    END IF;
    IF was.state = 0 AND in_batch <> 0 THEN
        INSERT INTO pomex.incoming (batch, job) VALUES (in_batch, was.id) ON CONFLICT DO NOTHING;
    ELSIF was.state = 0 THEN
        UPDATE pomex.job j SET state = 1 WHERE j.id = was.id;
    END IF;
    RETURN CASE WHEN was.same THEN 1 ELSE 2 END;
END $$;

-- Makes visible some jobs of a batch that is whole, or of any such batch of the queue. Of a long one
-- that is not done at once: nobody else could use the queue meanwhile, for minutes on a busy
-- machine. So the ends of puts do it, and claims, each a part.
CREATE FUNCTION pomex.show(of_queue bigint, of_batch bigint, most int) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    shown bigint;
    jobs bigint[];
BEGIN
    SELECT w.batch INTO shown FROM pomex.whole_batch w
        WHERE w.queue = of_queue AND w.batch = coalesce(of_batch, w.batch) ORDER BY w.batch LIMIT 1;
    IF shown IS NULL THEN
        RETURN;
    END IF;
    jobs := ARRAY(SELECT i.job FROM pomex.incoming i WHERE i.batch = shown
        ORDER BY i.job LIMIT most FOR UPDATE SKIP LOCKED);
    PERFORM FROM pomex.job j WHERE j.id = ANY (jobs) ORDER BY j.id FOR NO KEY UPDATE;
    PERFORM FROM pomex.queue q WHERE q.id = of_queue FOR NO KEY UPDATE;
    UPDATE pomex.job j SET state = 1 FROM unnest(jobs) AS one (id)
        WHERE j.id = one.id AND j.state = 0;
    DELETE FROM pomex.incoming i USING unnest(jobs) AS one (id)
        WHERE i.batch = shown AND i.job = one.id;
    DELETE FROM pomex.whole_batch w WHERE w.batch = shown
        AND NOT EXISTS (SELECT FROM pomex.incoming i WHERE i.batch = shown);
END $$;

-- Locks what a part, and the end of its batch, changes: jobs by id, then the queue. NULL: there is
-- no such queue.
CREATE FUNCTION pomex.put_lock(named text, keys text[], ending bigint, most int)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    of_queue bigint := (SELECT q.id FROM pomex.queue q WHERE q.name = named);
BEGIN
    PERFORM FROM pomex.job j WHERE j.id IN (
        SELECT p.id FROM pomex.those_named(of_queue, keys) p WHERE p.state IN (0, 1)
        UNION ALL (SELECT i.job FROM pomex.incoming i WHERE i.batch = ending
            ORDER BY i.job LIMIT most))
        ORDER BY j.id FOR NO KEY UPDATE;
    PERFORM FROM pomex.queue q WHERE q.id = of_queue FOR NO KEY UPDATE;
    RETURN of_queue;
END $$;

-- The verdict of each job, in their order, and how many of the batch are not visible yet.
-- `asked_batch` 0 and `has_more`: a new batch.
CREATE FUNCTION pomex.put(named text, asked_batch bigint, has_more boolean, keys text[],
    kinds int[], saves text[], lines text[], bodies text[], dues bigint[], needs text[],
    need_of int[], OUT answer int, OUT why text, OUT batch bigint, OUT verdicts text,
    OUT hidden bigint)
LANGUAGE plpgsql AS $$
DECLARE
    most CONSTANT int := 5000;
    of_queue bigint := pomex.put_lock(named, keys, CASE WHEN NOT has_more THEN asked_batch END, most);
    given int[];
BEGIN
    IF of_queue IS NULL THEN
        SELECT n.answer, n.why INTO answer, why FROM pomex.no_queue(named) AS n;
        RETURN;
    END IF;
    batch := CASE WHEN asked_batch = 0 AND has_more THEN nextval('pomex.batch') ELSE asked_batch END;
    IF NOT EXISTS (SELECT FROM pomex.those_named(of_queue, keys))
        AND cardinality(keys) = (SELECT count(DISTINCT key) FROM unnest(keys) AS key) THEN
        given := pomex.put_new(of_queue, batch, keys, kinds, saves, lines, bodies, dues, needs,
                               need_of);
    END IF;
    FOR i IN 1 .. cardinality(keys) LOOP
        CONTINUE WHEN given[i] IS NOT NULL;
        given[i] := pomex.put_one(of_queue, batch, keys[i], kinds[i], saves[i], lines[i],
            bodies[i], dues[i],
            ARRAY(SELECT need FROM unnest(needs, need_of) AS n (need, job) WHERE job = i));
    END LOOP;
    verdicts := array_to_string(given, '');
    hidden := 0;
    IF batch <> 0 AND NOT has_more THEN
        INSERT INTO pomex.whole_batch VALUES (batch, of_queue) ON CONFLICT DO NOTHING;
        PERFORM pomex.show(of_queue, batch, most);
        SELECT count(*) INTO hidden FROM pomex.incoming i WHERE i.batch = put.batch;
    END IF;
    answer := 0;
END $$;
