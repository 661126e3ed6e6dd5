-- Which ids did somebody say are one person? Points `link` to the least id of each circle.
-- same (one, other): ids as people have them    $kinds: the kinds of id that carry their name
create temp table accepted as
    with recursive called as (
        select row_number() over () as pair,
            unnest([one, other]) as id
        from same
    ),

    aliases as (
        select pair, case
            when list_contains($kinds, split_part(id, ':', 1)) then id else 'customer:' || id
        end as alias
        from called
    ),

    persons as (
        select pair, coalesce(link.person, successor.alias, aliases.alias) as person
        from aliases
        left join successor on successor.former = aliases.alias
        left join link on link.alias = coalesce(successor.alias, aliases.alias)
    ),

    reach as (
        select person as id, person from persons
        union
        select far.person, reach.person
        from reach
        join persons as near on near.person = reach.id
        join persons as far using (pair)
    )

    select
        id as alias,
        coalesce(min(person) filter (starts_with(person, 'customer:')), min(person)) as person
    from reach
    group by id;

update link set person = accepted.person from accepted where link.person = accepted.alias;

insert into link
select alias, person from accepted where alias <> person order by alias
