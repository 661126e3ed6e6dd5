-- Which ids do records name together? One row in `held` per record and id; former ids replaced.
-- said (said, alias, strong): ids that one record holds together    merged (former, alias)

create temp macro person_name(alias) as
    case when starts_with(alias, 'customer:') then substr(alias, 10) else alias end;

-- a former id stands for the id at the end of its chain; a circle stands for nothing
create temp table successor as
    with recursive chain as (
        select former, alias from merged
        union
        select chain.former, merged.alias
        from chain
        join merged on merged.former = chain.alias
    )

    select former, min(alias) as alias
    from chain
    where alias not in (select former from merged)
    group by former
    having count(distinct alias) = 1
    order by former;

create temp table held as
    select distinct
        said.said,
        coalesce(successor.alias, said.alias) as alias,
        said.strong,
        split_part(said.alias, ':', 1) as kind,
        case
            when said.strong then (said.alias not like 'customer:%')::integer
            when said.alias like 'email:%' then 2
            when said.alias like 'phone:%' then 3
            when said.alias like 'visitor:%' then 9
            else 4
        end as place
    from said
    left join successor on successor.former = said.alias;

create temp table shared (kind varchar, aliases bigint)
