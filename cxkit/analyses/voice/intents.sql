-- What do customers want when they write? One row per comment with text.
-- $as_of: what was written later is left out
-- $by: the segment: touchpoint, metric or question, a field of customers, or 'all'
select
    feedback_id, coalesce(customer_id, 'row ' || feedback.source_file || ' ' || feedback.record_no) as customer_key,
    question, comment,
    coalesce(case $by
        when 'all' then 'all' when 'touchpoint' then touchpoint when 'metric' then metric
        when 'question' then question when 'region' then region when 'source' then source
        when 'preferred_channel' then preferred_channel
        else json_extract_string(attributes, '/' || $by)
    end, 'missing') as segment
from feedback left join customers using (customer_id)
where regexp_matches(comment, '[^\s\p{Z}]')
    and coalesce(coalesce(given_at, invited_at) <= $as_of::timestamp, true)
order by feedback_id, customer_key, comment, question, segment
