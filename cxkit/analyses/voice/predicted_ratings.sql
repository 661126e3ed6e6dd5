-- Who wrote without giving a score? One row per comment of a record; without its text if scored.
-- $as_of: what was given later is left out
with

answers as (
    -- all answers to one invitation stand in one record of a file, the comment beside any of them
    select
        feedback_id, source_file, record_no, question, customer_id,
        case when regexp_matches(comment, '[^\s\p{Z}]') then comment end as written,
        bool_or(score is not null) over (partition by source_file, record_no) as scored
    from feedback
    where coalesce(coalesce(given_at, invited_at) <= $as_of::timestamp, true)
)

select
    min(feedback_id) as feedback_id, if(scored, null, written) as comment,
    min(question) as question,
    coalesce(min(customer_id), 'row ' || source_file || ' ' || record_no) as customer_key
from answers where written is not null
group by source_file, record_no, scored, written
order by feedback_id, comment, customer_key
