-- What do customers write about what? One row per comment with text.
-- $as_of: what was written later is left out
-- $by: the segment: touchpoint, metric or question, a field of customers, or 'all'
select
    comment,
    coalesce(customer_id, 'row ' || feedback.source_file || ' ' || feedback.record_no) as customer_key,
    coalesce(case $by
        when 'touchpoint' then touchpoint when 'metric' then metric when 'question' then question
        else customer_field($by, region, source, preferred_channel, attributes)
    end, 'missing') as segment
from feedback left join customers using (customer_id)
where regexp_matches(comment, '[^\s\p{Z}]')
    and coalesce(coalesce(given_at, invited_at) <= $as_of::timestamp, true)
order by comment, segment, customer_key
