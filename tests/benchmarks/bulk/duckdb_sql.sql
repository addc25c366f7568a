-- What the answers of one log mean. duckdb_sql.py puts in what stands in braces: {source}, {lookup}, {ignore_errors}, and
-- {observed}, which is either the log itself or its distinct answers.

-- The planner takes the log for the smaller side of the joins and would hold all of it in hash tables.
SET disabled_optimizers = 'build_side_probe_side,join_order';

CREATE TEMP TABLE lookup AS
SELECT * FROM read_csv('{lookup}', columns = {{kind: 'VARCHAR', provider: 'VARCHAR', key: 'VARCHAR', category: 'VARCHAR', retryable: 'BOOLEAN'}});

CREATE TEMP VIEW log AS
SELECT
    * EXCLUDE (headers),
    CASE WHEN contains(headers, 'rror') THEN nullif(regexp_extract(headers, '"(?i:x-amzn-errortype)": ?"([^":]+)', 1), '') END AS error_type
FROM read_json(
    '{source}',
    format = 'newline_delimited',
    ignore_errors = {ignore_errors},
    columns = {{
        ts: 'VARCHAR', service: 'VARCHAR', env: 'VARCHAR', attempt: 'BIGINT', trace_id: 'VARCHAR', provider: 'VARCHAR',
        status: 'INTEGER', method: 'VARCHAR', headers: 'VARCHAR', body: 'VARCHAR', exception: 'VARCHAR'
    }}
);

CREATE TEMP VIEW meant AS
WITH
members AS (
    SELECT
        *,
        json_transform(doc, '{{
            "code": "VARCHAR", "error_code": "VARCHAR", "message": "VARCHAR", "msg": "VARCHAR", "detail": "VARCHAR", "status": "VARCHAR",
            "event_type": "VARCHAR", "errorType": "VARCHAR", "errorMessage": "VARCHAR", "error_message": "VARCHAR",
            "error": {{"code": "VARCHAR", "message": "VARCHAR"}},
            "details": {{"code": "VARCHAR", "message": "VARCHAR"}},
            "data": {{
                "status": "VARCHAR", "failure_code": "VARCHAR", "failure_message": "VARCHAR", "error_code": "VARCHAR",
                "error_message": "VARCHAR", "error": {{"code": "VARCHAR", "message": "VARCHAR"}},
                "details": {{"code": "VARCHAR", "message": "VARCHAR"}}
            }},
            "event_data": {{
                "failure_code": "VARCHAR", "failure_message": "VARCHAR", "error_code": "VARCHAR", "error_message": "VARCHAR",
                "msg": "VARCHAR", "error": {{"code": "VARCHAR", "message": "VARCHAR"}}
            }}
        }}') AS x
    FROM (SELECT *, CASE WHEN json_valid(body) THEN body END AS doc FROM {observed})
),
states AS (
    SELECT
        *,
        coalesce(status >= 400, false) AS refused,
        lower(coalesce(x.data.status, x.status)) AS state,
        coalesce(x.event_type LIKE '%.fail', false) AS event_failed,
        CASE WHEN doc IS NULL AND starts_with(body, '<') THEN nullif(regexp_extract(body, '<Code>([^<]*)</Code>', 1), '') END AS xml_code
    FROM members
),
lists AS (
    SELECT
        *,
        CASE
            WHEN NOT refused AND x.event_type IS NULL AND coalesce(state NOT IN ('failed', 'error', 'not_found'), true)
                AND (contains(doc, '"failed"') OR contains(doc, '"FAILED"') OR contains(doc, '"not_found"') OR contains(doc, '.fail"'))
            THEN list_filter(
                flatten([
                    json_extract(doc, '$.data[*]'), json_extract(doc, '$.data.items[*]'),
                    json_extract(doc, '$.data.transcriptions[*]'), json_extract(doc, '$.transcriptions[*]')
                ]),
                lambda one: lower(one ->> '$.status') IN ('failed', 'error', 'not_found') OR one ->> '$.event_type' LIKE '%.fail'
            )[1]
        END AS item
    FROM states
),
judged AS (
    SELECT
        *,
        coalesce(
            refused OR exception IS NOT NULL OR state IN ('failed', 'error', 'not_found') OR event_failed OR item IS NOT NULL
                OR xml_code IS NOT NULL OR x.errorType IS NOT NULL,
            false
        ) AS failed,
        CASE WHEN item IS NOT NULL THEN json_extract_string(item, [
            '$.error.code', '$.failure_code', '$.details.code', '$.event_data.failure_code',
            '$.error.message', '$.failure_message', '$.details.message', '$.event_data.failure_message', '$.status'
        ]) END AS i,
        CASE WHEN refused AND x.error IS NULL AND x.message IS NULL AND doc IS NOT NULL THEN doc ->> '$.error' END AS error_text
    FROM lists
),
words AS (
    SELECT
        * EXCLUDE (x, i),
        lower(coalesce(i[9], state)) = 'not_found' AND NOT refused AS missing,
        CASE WHEN failed THEN coalesce(
            x.error.code,
            CASE WHEN x.code NOT IN ('0', '100', '200', '201', '1000') THEN x.code END,
            x.data.error.code, x.data.failure_code, x.data.details.code, x.details.code, x.event_data.failure_code,
            x.event_data.error.code, x.event_data.error_code, x.data.error_code, x.error_code, x.errorType,
            i[1], i[2], i[3], i[4], xml_code,
            CASE WHEN refused AND x.error IS NULL AND error_text IS NULL THEN error_type END
        ) END AS code,
        CASE WHEN failed THEN coalesce(
            x.error.message,
            CASE WHEN x.message <> 'Success' THEN x.message END,
            x.data.error.message, x.data.failure_message, x.data.details.message, x.details.message, x.event_data.failure_message,
            x.event_data.error.message, x.event_data.error_message, x.event_data.msg, x.data.error_message, x.error_message,
            x.errorMessage, x.msg, x.detail, i[5], i[6], i[7], i[8], error_text,
            CASE WHEN xml_code IS NOT NULL THEN nullif(regexp_extract(body, '<Message>([^<]*)</Message>', 1), '') END
        ) END AS message
    FROM judged
),
keys AS (
    SELECT
        * EXCLUDE (doc),
        CASE WHEN failed THEN lower(trim(coalesce(
            message,
            CASE WHEN starts_with(body, '<') THEN regexp_extract(body, '<title>([^<]*)</title>', 1) WHEN doc IS NULL THEN body END
        ), E' \r\n.')) END AS said,
        CASE WHEN NOT refused AND length(code) = 3 THEN code ELSE status::VARCHAR END AS said_status,
        CASE WHEN exception IS NOT NULL THEN regexp_extract(exception, '([^.:(]+)[:(]', 1) END AS class
    FROM words
),
patterns AS (
    SELECT
        *,
        CASE
            WHEN NOT failed THEN NULL
            WHEN missing THEN 'not_found'
            WHEN provider = 'heify' AND said LIKE 'maximum of % transcriptions%' THEN 'rate_limit'
            WHEN provider = 'heify' AND said LIKE 'maximum of %' THEN 'quota'
            WHEN provider = 'heify' AND said LIKE 'monthly % limit reached%' THEN 'quota'
            WHEN provider = 'heify' AND said LIKE 'audio % exceeds the maximum%' THEN 'invalid_media'
            WHEN said LIKE 'content type not %' OR said = 'request body larger than allowed' THEN 'invalid_media'
            WHEN said IN ('endpoint request timed out', 'gateway timed out') OR said LIKE '%task timed out after%' THEN 'timeout'
            WHEN said = 'session concurrency limit reached' THEN 'rate_limit'
        END AS pattern
    FROM keys
)
SELECT
    p.* EXCLUDE (failed, missing, code, message, said, said_status, class, pattern, refused, state, event_failed, xml_code, item, error_text),
    CASE WHEN p.failed THEN coalesce(e.category, p.pattern, c.category, m.category, s.category, 'unknown') END AS category,
    p.code,
    p.message,
    CASE WHEN p.failed THEN coalesce(
        e.retryable, p.pattern IN ('rate_limit', 'timeout'), c.retryable, m.retryable, s.retryable, false
    ) END AS retryable
FROM patterns p
LEFT JOIN lookup c ON c.kind = 'code' AND c.provider = p.provider AND c.key = p.code
LEFT JOIN lookup m ON m.kind = 'message' AND m.provider = p.provider AND m.key = p.said
LEFT JOIN lookup s ON s.kind = 'status' AND s.provider = p.provider AND s.key = p.said_status
LEFT JOIN lookup e ON e.kind = 'exception' AND e.provider = p.provider AND e.key = p.class;
