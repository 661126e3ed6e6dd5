-- Whom does each alias of one kind stand for? One row per alias; one of two people links nobody.
-- $kind: email, phone, visitor …
create or replace temp table pointed as
    with stronger as (
        -- the strongest other id in the same record says who it is
        select
            weak.alias,
            coalesce(link.person, other.alias) as person,
            row_number() over (
                partition by weak.said, weak.alias order by other.place, other.kind, other.alias
            ) as rank
        from held as weak
        join held as other
            on other.said = weak.said
            and (other.place, other.kind) < (weak.place, weak.kind)
        left join link on link.alias = other.alias
        where weak.kind = $kind and not weak.strong
    )

    select alias, min(person) as person, count(distinct person) as people
    from stronger
    where rank = 1
    group by alias;

insert into link
select alias, person
from pointed
where people = 1 and alias <> person and alias not in (select alias from link)
order by alias;

insert into shared
select $kind, count(*) from pointed where people > 1 having count(*) > 0
