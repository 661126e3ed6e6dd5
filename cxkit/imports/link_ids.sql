-- Which ids stand for one person? One row in `link` per id that another id stands for.
-- held (said, alias, strong, kind, place), successor (former, alias): see held_ids.sql

-- two ids of one person: in one record, or under one e-mail that has one id of each kind
create temp table bond as
    with under_email as (
        select distinct email.alias as email, id.kind, id.alias
        from held as email
        join held as id using (said)
        where email.kind = 'email' and id.strong
    ),

    one_of_each as (
        select email
        from under_email
        group by email
        having count(*) = count(distinct kind)
    )

    select distinct one.alias as one, other.alias as other
    from held as one
    join held as other using (said)
    where one.strong and other.strong and one.alias <> other.alias
    union
    select one.alias, other.alias
    from under_email as one
    join under_email as other using (email)
    where one.alias <> other.alias and one.email in (select email from one_of_each);

create temp table link as
    with recursive reach as (
        select one as alias, one as person from bond
        union
        select bond.other, reach.person
        from reach
        join bond on bond.one = reach.alias
    ),

    circle as (
        select list_sort(list(alias)) as ids
        from reach
        group by person
    ),

    -- a circle that holds two ids of one kind would join two people: it joins nobody
    clean as (
        select distinct ids
        from circle
        where len(ids) = len(list_distinct([split_part(id, ':', 1) for id in ids]))
    ),

    named as (
        select
            unnest(ids) as alias,
            coalesce(
                list_min(list_filter(ids, lambda id: starts_with(id, 'customer:'))), list_min(ids)
            ) as person
        from clean
    )

    select alias, person from named where alias <> person order by alias;

insert into link
select successor.former, coalesce(link.person, successor.alias)
from successor
left join link using (alias)
order by successor.former
