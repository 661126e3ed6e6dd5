-- Are we answering? One row per request (message, ticket or comment) of a customer; what the company
-- sends unasked is summed up in one row per purpose, with the number in `times`. Comments of which
-- nothing tells when they were written are 'undated'.
-- $as_of: what happened later is not known yet
with

sent as (
    select * from messages where sent_at <= $as_of::timestamp
),

-- a reply is written by a person, in the thread of the message or, where threads are not told, to
-- the same customer for another purpose than to ask
replies as (
    select coalesce(customer_id, '') as customer_id, thread, sent_at as replied_at from sent
    where direction = 'out' and not coalesce(automatic, false) and coalesce(purpose, '') <> 'ask'
),

messages_in as (
    select coalesce(customer_id, '') as customer_id, thread, sent_at as asked_at from sent
    where direction = 'in' and not coalesce(automatic, false)
),

answered as (
    select m.customer_id, asked_at, replied_at from messages_in as m asof left join replies as r
        on m.customer_id = r.customer_id and m.thread = r.thread and asked_at <= replied_at
    where m.thread is not null
    union all select m.customer_id, asked_at, replied_at
    from messages_in as m asof left join replies as r
        on m.customer_id = r.customer_id and asked_at <= replied_at
    where m.thread is null and m.customer_id <> ''
),

requests as (
    select 'message' as kind, nullif(customer_id, '') as customer_id, asked_at, replied_at,
        null as comment, null as question from answered
    union all by name select 'ticket' as kind, customer_id, opened_at as asked_at,
        case when first_reply_at <= $as_of::timestamp then first_reply_at end as replied_at
    from tickets
    union all by name select 'ticket resolved' as kind, customer_id, opened_at as asked_at,
        case when resolved_at <= $as_of::timestamp then resolved_at end as replied_at
    from tickets
    union all by name select 'comment' as kind, customer_id,
        coalesce(given_at, invited_at) as asked_at,
        case when answered_at <= $as_of::timestamp then answered_at end as replied_at,
        comment, question, feedback_id
    from feedback where regexp_matches(comment, '[^\s\p{Z}]')
)

select *, 1 as times from requests
where asked_at <= $as_of::timestamp
union all by name
select 'company ' || coalesce(purpose, 'other') as kind, count(*) as times from sent
where direction = 'out' and not coalesce(automatic, false) group by all
union all by name
select 'nobody' as kind, count(*) as times from messages_in
where thread is null and customer_id = '' having times > 0
union all by name
select 'undated' as kind, customer_id, replied_at, comment, question, 1 as times from requests
where requests.kind = 'comment' and asked_at is null
order by kind, asked_at, customer_id, replied_at, comment, question, feedback_id
