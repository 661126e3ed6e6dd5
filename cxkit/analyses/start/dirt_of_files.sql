-- What was odd about whole files, and what was decided? One row per kind, place and sentence.
with

placed as (
    select source_file, record_no, ordered_at as happened_at from orders
    union all
    select source_file, record_no, opened_at from tickets
    union all
    select source_file, record_no, sent_at from messages
),

-- in an export that is sorted by time, rows far below later ones were added afterwards
belated as (
    select source_file, count(*) filter (behind) as rows
    from (
        select source_file, max(happened_at) over (partition by source_file order by record_no)
            - happened_at > interval 1 day as behind
        from placed
    )
    group by source_file
    having count(*) filter (behind) between 1 and 0.05 * count(*)
),

told as (
    select unnest(regexp_split_to_array(rtrim(note, '.'), '\. ')) as sentence, source_file
    from files
),

oddities as (
    select 1 as place, 'out of order' as kind, source_file as where_, null as what, rows
    from belated
    union all
    select 2, 'former', 'aliases', null, count(*) from aliases where alias like 'customer:%'
    having count(*) > 0
    union all
    select 3, 'told', string_agg(source_file, ', ' order by source_file), sentence, count(*)
    from told
    where regexp_matches(
        sentence,
        -- what the import says of what it decided; the rest is counted elsewhere
        'zone are taken|not UTF-8|ways of writing|proven|decimal comma|: footer|another system'
    )
    group by sentence
)

select kind, where_, what, rows from oddities order by place, rows desc, where_, what
