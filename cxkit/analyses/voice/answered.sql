-- Are we answering? One row per request (message, ticket or comment) of a customer; what the company
-- sends unasked is summed up in one row per purpose, with the number in `times`.
-- $as_of: what happened later is not known yet
with

sent as (
    select * from messages where sent_at <= $as_of::timestamp
),

-- a reply is written by a person, in the thread of the message or, where threads are not told, to
-- the same customer for another purpose than to ask
replies as (
    select customer_id, thread, sent_at from sent
    where direction = 'out' and not coalesce(automatic, false) and coalesce(purpose, '') <> 'ask'
),

messages_in as (
    select customer_id, thread, sent_at from sent
    where direction = 'in' and not coalesce(automatic, false)
),

in_thread as (
    select messages_in.customer_id, messages_in.sent_at, replies.sent_at as replied_at
    from messages_in asof left join replies
        on messages_in.customer_id = replies.customer_id and messages_in.thread = replies.thread
        and messages_in.sent_at <= replies.sent_at
    where messages_in.thread is not null
),

without_thread as (
    select messages_in.customer_id, messages_in.sent_at, replies.sent_at as replied_at
    from messages_in asof left join replies
        on messages_in.customer_id = replies.customer_id and messages_in.sent_at <= replies.sent_at
    where messages_in.thread is null
),

requests as (
    select 'message' as kind, customer_id, sent_at as asked_at, replied_at, null as comment,
        null as question, null as of from in_thread
    union all by name select 'message' as kind, customer_id, sent_at as asked_at, replied_at
    from without_thread
    union all by name select 'ticket' as kind, customer_id, opened_at as asked_at,
        case when first_reply_at <= $as_of::timestamp then first_reply_at end as replied_at
    from tickets
    union all by name select 'ticket resolved' as kind, customer_id, opened_at as asked_at,
        case when resolved_at <= $as_of::timestamp then resolved_at end as replied_at
    from tickets
    union all by name select 'comment' as kind, customer_id, given_at as asked_at,
        case when answered_at <= $as_of::timestamp then answered_at end as replied_at,
        comment, question
    from feedback where regexp_matches(comment, '[^\s\p{Z}]')
)

select kind, customer_id, asked_at, replied_at, comment, question, 1 as times from requests
where asked_at <= $as_of::timestamp
union all by name
select 'company ' || purpose as kind, count(*) as times from sent
where direction = 'out' and not coalesce(automatic, false) and purpose is not null group by all
order by kind, asked_at, customer_id, replied_at, comment, question
