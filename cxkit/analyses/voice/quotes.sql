-- What do customers write, word for word? One row per answer, with the comment that it has or each
-- that stands beside it in the same record.
-- $as_of: what was written later is not `in_time`
with

answers as (
    select *, coalesce(given_at, invited_at) as said_at,
        coalesce(said_at <= $as_of::timestamp, true) as in_time,
        case when regexp_matches(comment, '[^\s\p{Z}]') then comment end as own,
        row_number() over (order by feedback_id, said_at, metric, comment) as place
    from feedback
),

-- all answers to one invitation stand in one record of a file, the comment beside any of them
told as (
    select source_file, record_no, place, feedback_id, said_at, own
    from answers where own is not null and in_time
)

select
    coalesce(told.place, answers.place) as comment_no, told.place is not null as beside,
    coalesce(told.feedback_id, answers.feedback_id) as feedback_id,
    coalesce(told.said_at, answers.said_at) as given_at,
    coalesce(customer_id, 'row ' || answers.source_file || ' ' || answers.record_no) as customer_key,
    metric, score, touchpoint, coalesce(answers.own, told.own) as comment, in_time
from answers left join told on answers.own is null
    and answers.source_file = told.source_file and answers.record_no = told.record_no
order by comment_no, beside, answers.place
