-- How content do customers say they are? One row per metric, scale, segment and customer.
-- $metrics, $least, $most, $top: parallel lists: a metric, its scale, and where its top box begins
-- $as_of: what was asked or answered later is not counted
-- $by: the segment: touchpoint or question, a field of customers, or 'all'
with

rules as (
    select unnest($metrics) as metric, unnest($least) as least, unnest($most) as most, unnest($top) as top
),

said as (
    select *, full_scale(metric, scale, score, most) as full_scale
    from feedback left join rules using (metric)
),

records as (
    -- all answers to one invitation stand in one record of a file
    select
        {'file': said.source_file, 'no': said.record_no} as record, touchpoint, invited_at,
        coalesce(customer_id, 'row ' || said.source_file || ' ' || said.record_no) as customer_key,
        {'metric': coalesce(metric, ''), 'scale': full_scale} as measure,
        date_diff('day', known_since, invited_at) as tenure,
        case when coalesce(given_at <= $as_of::timestamp, true) then score end as score,
        score between least and full_scale as sound,
        score >= if(metric = 'ces' and full_scale = 5, 4, top) as top,
        coalesce(case $by
            when 'touchpoint' then touchpoint when 'question' then question
            else customer_field($by, region, source, preferred_channel, attributes)
        end, 'missing') as segment
    from said left join customers using (customer_id)
    where (metric is not null or score is not null)
        and coalesce(least(invited_at, given_at) <= $as_of::timestamp, true)
),

answers as (
    select measure, segment, customer_key, count(score) as given,
        count(score) filter (sound) as answers,
        list(distinct touchpoint) filter (sound and score is not null) as touchpoints,
        count(score) filter (sound and top) as top,
        count(score) filter (sound and score <= 6) as bottom,
        sum(score) filter (sound) as total, sum(score * score) filter (sound) as squares
    from records group by all
),

-- whoever was asked for one measure of a survey was asked for its other measures as well
surveys as (
    select distinct coalesce(one.touchpoint, '') as survey, one.measure as asked, other.measure
    from records as one join records as other using (record)
),

invitations as (
    select surveys.measure, segment, record, any_value(customer_key) as customer_key,
        any_value(tenure) as tenure,
        coalesce(bool_or(score is not null) filter (asked = surveys.measure), false) as responded
    from records join surveys on asked = records.measure and survey = coalesce(touchpoint, '')
    where invited_at is not null group by all
),

invited as (
    select measure, segment, customer_key, count(*) as invited,
        count(*) filter (responded) as responded,
        count(tenure) filter (responded) as voices, sum(tenure) filter (responded) as voices_tenure,
        sum(tenure * tenure) filter (responded) as voices_squares,
        count(tenure) filter (not responded) as silent,
        sum(tenure) filter (not responded) as silent_tenure,
        sum(tenure * tenure) filter (not responded) as silent_squares
    from invitations group by all
)

select unnest(measure), * exclude (measure)
from answers full join invited using (measure, segment, customer_key)
order by measure, segment, customer_key
