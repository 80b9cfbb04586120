//! One look at a target, without the program around it, and the verdict on what it saw.

use judge::evidence::Evidence;
use judge::facts::book;
use judge::judge;
use judge::verdict::Judgement;
use reader::client::{ReadError, TargetClient};
use reader::console::Notes;
use reader::database::DatabaseReader;
use reader::looking::Looking;
use reader::tunnel::ProxyLogin;
use truth::observed::Observed;
use truth::scenario::promises::PayloadEquality;
use truth::target::Target;
use verify::observe::{Wanted, observe};

use crate::forge::{Forge, Forged};
use crate::stub::Script;

/// A run whose rows are soon read: 300 attempts of 210 keys in three topics, all acknowledged.
pub(crate) fn brief() -> Forge {
    let mut forge = Forge::default();
    (forge.scenario.load.count, forge.scenario.load.batch) = (Some(300), 16);
    forge.scenario.promises.payload = PayloadEquality::Json;
    forge.scenario.promises.zombie = std::time::Duration::from_millis(1);
    forge
}

/// A target that shows and counts what it has to.
pub(crate) fn script(forged: &Forged) -> Script {
    Script::of(forged.rows.clone(), forged.now.clone())
}

/// Looks at a target, and at its database if there is one.
pub(crate) async fn look_at(
    target: &Target,
    forged: &Forged,
    database: Option<&DatabaseReader>,
    looking: Looking,
) -> Result<Observed, ReadError> {
    let client = TargetClient::new(target, &[], &ProxyLogin::default()).expect("no headers");
    let evidence = forged.evidence();
    let (tally, _) = book(&evidence).expect("a good ledger");
    let wanted = Wanted {
        plan: &evidence.plan,
        promises: &evidence.promises,
        tally: &tally,
        baseline: evidence.baseline.as_ref(),
        database,
        looking,
        notes: Notes::default(),
    };
    observe(&client, &wanted).await
}

/// The verdict on what a look saw.
pub(crate) fn judged(forged: &Forged, observed: Observed) -> Judgement {
    judge(&Evidence { observed, ..forged.evidence() })
}
