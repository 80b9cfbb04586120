//! Oddities: smallest worlds in which a sound store is easily taken for a broken one. Each is a
//! world that shows and counts everything at once, but for one or two habits.

use super::case::Declared;
use super::world::{Borders, Counts, Order, Others, SECOND, Storing, TopicFilter, View, World};

/// One oddity.
pub(super) struct Oddity {
    /// What it is, and which finding it explains.
    pub(super) what: &'static str,
    pub(super) declared: Declared,
    /// Gives a plain world the oddity.
    pub(super) add: fn(&mut World),
}

/// A listing in pages whose size cannot be asked for, and not by topic.
fn in_fixed_pages(world: &mut World, borders: Borders) {
    let listing = &mut world.listing;
    (listing.borders, listing.limit, listing.can_ask_for_limit) = (borders, 20, false);
    listing.topics = TopicFilter::Unoffered;
}

/// A listing of one page.
fn in_one_page(world: &mut World, limit: u32) {
    let listing = &mut world.listing;
    (listing.is_paged, listing.limit, listing.topics) = (false, limit, TopicFilter::Unoffered);
}

/// Unanswered attempts, of which half took effect.
fn with_unknown(world: &mut World) {
    (world.load.unknown, world.load.zombie) = (12, 0);
}

pub(super) const ODDITIES: &[Oddity] = &[
    Oddity {
        what: "a cursor leaves a row out at each border: lost",
        declared: Declared::Nothing,
        add: |world| in_fixed_pages(world, Borders::Drops),
    },
    Oddity {
        what: "a cursor leaves rows out, and no counter tells of more: lost",
        declared: Declared::Nothing,
        add: |world| {
            in_fixed_pages(world, Borders::Drops);
            world.counting.kind = Counts::Ring(20);
        },
    },
    Oddity {
        what: "one request is stored later, as its status 202 says: lost",
        declared: Declared::Nothing,
        add: |world| world.storing = Storing::OneLate { status: 202, by: 40 * SECOND },
    },
    Oddity {
        what: "copies of keys that were sent again merge after a minute: stored-twice",
        declared: Declared::Nothing,
        add: |world| {
            (world.view, world.load.lasts) = (View::Merging(90 * SECOND), SECOND / 2);
            world.load.batch = 4;
        },
    },
    Oddity {
        what: "a monitor's copies of keys that were sent once merge later: stored-twice",
        declared: Declared::Nothing,
        add: |world| {
            (world.view, world.load.lasts) = (View::Merging(90 * SECOND), SECOND / 2);
            world.others = Others::Monitor { later: false };
        },
    },
    Oddity {
        what: "a cursor repeats rows and leaves as many out: lost",
        declared: Declared::Nothing,
        add: |world| {
            in_fixed_pages(world, Borders::Shuffles);
            (world.listing.limit, world.load.lasts) = (60, 12 * SECOND);
        },
    },
    Oddity {
        what: "a cursor repeats rows and leaves as many out: stored-twice",
        declared: Declared::All,
        add: |world| {
            in_fixed_pages(world, Borders::Shuffles);
            (world.listing.limit, world.load.lasts) = (7, 4 * SECOND);
        },
    },
    Oddity {
        what: "an inclusive cursor repeats a row at each border: routes-disagree",
        declared: Declared::All,
        add: |world| in_fixed_pages(world, Borders::Repeats),
    },
    Oddity {
        what: "an inclusive cursor repeats rows of others: stranger",
        declared: Declared::All,
        add: |world| {
            in_fixed_pages(world, Borders::Repeats);
            world.listing.order = Order::Oldest;
            (world.listing.limit, world.earlier) = (7, 10);
        },
    },
    Oddity {
        what: "a listing by key ends before its last rows: lost",
        declared: Declared::Nothing,
        add: |world| {
            in_one_page(world, 190);
            (world.listing.order, world.load.topics) = (Order::Key, 1);
        },
    },
    Oddity {
        what: "rows are late in a listing that looks cut off: lost",
        declared: Declared::All,
        add: |world| {
            in_one_page(world, 1_000);
            (world.view, world.earlier) = (View::Late(12 * SECOND), 3);
            world.others = Others::Rows { later: false };
        },
    },
    Oddity {
        what: "a cache shows what was listed before the run: lost",
        declared: Declared::All,
        add: |world| {
            in_one_page(world, 1_000);
            (world.view, world.load.lasts) = (View::Cached(20 * SECOND, false), 4 * SECOND);
        },
    },
    Oddity {
        what: "each second look is behind, within the promised time: listing-unsound",
        declared: Declared::All,
        add: |world| world.view = View::Replica(12 * SECOND),
    },
    Oddity {
        what: "each look leaves other rows out, in order: listing-unsound",
        declared: Declared::All,
        add: |world| world.view = View::Flicker(20),
    },
    Oddity {
        what: "the last look is behind, and others were not: routes-disagree",
        declared: Declared::All,
        add: |world| {
            (world.view, world.load.topics) = (View::Replica(3 * SECOND), 2);
            (world.listing.limit, world.listing.topics) = (7, TopicFilter::After);
        },
    },
    Oddity {
        what: "rows of others come and go: stranger",
        declared: Declared::All,
        add: |world| (world.view, world.earlier) = (View::Flicker(6), 10),
    },
    Oddity {
        what: "a topic is hidden, and unanswered attempts took effect: counters",
        declared: Declared::All,
        add: |world| {
            with_unknown(world);
            world.view = View::Hidden(0);
        },
    },
    Oddity {
        what: "a copy on the way is stored of a request that is refused: rejected-but-stored",
        declared: Declared::All,
        add: |world| {
            world.load.refused = 12;
            world.others = Others::Tee;
        },
    },
    Oddity {
        what: "refused requests are stored, and forgotten after the window: stored-twice",
        declared: Declared::All,
        add: |world| {
            (world.load.refused, world.stores_refused) = (12, true);
            world.window = Some(world.load.lasts / 20);
        },
    },
];
